"use strict";
// Pictures as pipeline/images.py has them, with whole numbers: the same bytes as in Python.
// A picture is { width, height, channels, data }: data Uint8Array, row by row, channels side by side.

// To the nearest whole number, halves to the even one, as Python and NumPy round.
function roundEven(value) {
  const floor = Math.floor(value), rest = value - floor;
  return rest < 0.5 ? floor : rest > 0.5 ? floor + 1 : floor % 2 ? floor + 1 : floor;
}

const picture = (width, height, channels, data) => ({ width, height, channels, data: data || new Uint8Array(width * height * channels) });

// What is transparent is laid on white, as Pillow's paste does. data: RGBA, as a canvas gives it.
function fromRgba(width, height, data) {
  const out = picture(width, height, 3);
  for (let i = 0, k = 0; i < data.length; i += 4) {
    const alpha = data[i + 3];
    for (let c = 0; c < 3; c++) {
      const mixed = data[i + c] * alpha + 255 * (255 - alpha) + 128;
      out.data[k++] = alpha === 255 ? data[i + c] : (mixed + (mixed >> 8)) >> 8;
    }
  }
  return out;
}

// OpenCV's INTER_LINEAR_EXACT along one side: for each new place the two old ones, and the second one's share in 1/256.
function linearSteps(before, after) {
  const scale = 1 / (after / before), first = new Int32Array(after), second = new Int32Array(after), share = new Int32Array(after);
  for (let i = 0; i < after; i++) {
    const place = scale * (i + 0.5) - 0.5, floor = Math.floor(place);
    if (floor >= 0 && floor < before - 1) {
      first[i] = floor; second[i] = floor + 1; share[i] = roundEven((place - floor) * 256);
    } else {
      first[i] = second[i] = floor < 0 ? 0 : before - 1;
    }
  }
  return { first, second, share };
}

function resized(image, width, height) {
  const { channels, data } = image, out = picture(width, height, channels);
  const across = linearSteps(image.width, width), down = linearSteps(image.height, height);
  const rows = [new Int32Array(width * channels), new Int32Array(width * channels)], holds = [-1, -1];
  const row = y => {  // row y, resized across, in 1/256
    const slot = holds[0] === y ? 0 : holds[1] === y ? 1 : holds[0] < holds[1] ? 0 : 1;
    if (holds[slot] === y) return rows[slot];
    const target = rows[slot], start = y * image.width * channels;
    for (let x = 0, k = 0; x < width; x++) {
      const a = start + across.first[x] * channels, b = start + across.second[x] * channels, share = across.share[x];
      for (let c = 0; c < channels; c++) target[k++] = data[a + c] * (256 - share) + data[b + c] * share;
    }
    holds[slot] = y;
    return target;
  };
  for (let y = 0, k = 0; y < height; y++) {
    const a = row(down.first[y]), b = row(down.second[y]), share = down.share[y];
    for (let i = 0; i < width * channels; i++) out.data[k++] = (a[i] * (256 - share) + b[i] * share + 32768) >>> 16;
  }
  return out;
}

function cropped(image, left, top, width, height) {
  const { channels } = image, out = picture(width, height, channels);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * image.width + left) * channels;
    out.data.set(image.data.subarray(start, start + width * channels), y * width * channels);
  }
  return out;
}

// Halved as long as it is at least twice too large, then resized: never aliased.
function shrunk(image, width, height) {
  while (image.height >= 2 * height && image.width >= 2 * width && Math.min(image.width, image.height) >= 2) {
    const half = [image.width >> 1, image.height >> 1];
    image = resized(cropped(image, 0, 0, 2 * half[0], 2 * half[1]), ...half);
  }
  return image.width === width && image.height === height ? image : resized(image, width, height);
}

// A part of a picture that may reach over its edges, which are then repeated.
function repeated(image, left, top, width, height) {
  const { channels } = image, out = picture(width, height, channels);
  for (let y = 0, k = 0; y < height; y++) {
    const row = Math.min(image.height - 1, Math.max(0, top + y)) * image.width;
    for (let x = 0; x < width; x++) {
      const from = (row + Math.min(image.width - 1, Math.max(0, left + x))) * channels;
      for (let c = 0; c < channels; c++) out.data[k++] = image.data[from + c];
    }
  }
  return out;
}

// Gray, and Cb and Cr, as OpenCV and cascades/planes.py compute them: three pictures of one channel.
function planesOf(image) {
  const { width, height, data } = image, gray = picture(width, height, 1), cb = picture(width, height, 1), cr = picture(width, height, 1);
  for (let i = 0, k = 0; i < width * height; i++, k += 3) {
    const red = data[k], green = data[k + 1], blue = data[k + 2];
    gray.data[i] = (9798 * red + 19235 * green + 3735 * blue + 16384) >> 15;
    cb.data[i] = Math.min(255, (32896 - 43 * red - 85 * green + 128 * blue) >> 8);
    cr.data[i] = Math.min(255, (32896 + 128 * red - 107 * green - 21 * blue) >> 8);
  }
  return [gray, cb, cr];
}

// The face in a box [x, y, w, h], cut out as every crop of a face is. null: nothing of it is in the picture.
function cutFace(image, [x, y, w, h], margin, size) {
  const side = Math.max(2, roundEven(Math.max(w, h) * (1 + 2 * margin)));
  const left = x + Math.floor(w / 2) - (side >> 1), top = y + Math.floor(h / 2) - (side >> 1);
  if (left >= image.width || top >= image.height || left + side <= 0 || top + side <= 0) return null;
  const small = Math.min(side, size);
  return shrunk(repeated(image, left, top, side, side), small, small);
}

// A crop of a face with `margin` around it as the network reads it.
function faceInput(image, margin, about) {
  const longest = 1024, most = Math.max(image.width, image.height);
  if (most > longest && (image.width !== image.height || margin !== about.margin)) {
    const scale = longest / most;
    image = shrunk(image, Math.max(1, roundEven(image.width * scale)), Math.max(1, roundEven(image.height * scale)));
  }
  const longer = Math.max(image.width, image.height), edge = roundEven(longer * (about.margin - margin) / (1 + 2 * margin));
  const side = longer + 2 * Math.max(edge, -Math.floor((longer - 1) / 2));
  const left = Math.floor((image.width - side) / 2), top = Math.floor((image.height - side) / 2);
  return shrunk(repeated(image, left, top, side, side), about.size, about.size);
}
