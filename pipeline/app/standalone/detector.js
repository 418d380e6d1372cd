"use strict";
// Haar cascades over a picture, as cascades/detector.py runs them: the same windows, the same groups, the same scores.

const f32 = Math.fround;
const LINK = 0.15, OVERLAP = 0.4, MOST_WINDOWS = 20000;

function scalesOf(width, height, window, factor) {
  const found = [];
  for (let scale = 1; found.length < 1000; scale *= factor) {
    if (roundEven(window[0] * scale) > width || roundEven(window[1] * scale) > height) break;
    found.push(f32(scale));
  }
  return found;
}

function levelOf(width, height, scale) {
  return { scale, width: roundEven(f32(width / scale)), height: roundEven(f32(height / scale)), step: scale >= 2 ? 1 : 2 };
}

const sideOf = (window, scale) => window.map(side => roundEven(f32(side * scale)));

// Sums over the pixels above and left of each corner; squares: of the squared pixels. Int32Array [(H + 1)(W + 1)].
function integral(image, squares) {
  const { width, height, data } = image, stride = width + 1, out = new Int32Array(stride * (height + 1));
  for (let y = 0; y < height; y++) {
    let sum = 0;
    for (let x = 0; x < width; x++) {
      const value = data[y * width + x];
      sum = (sum + (squares ? value * value : value)) | 0;
      out[(y + 1) * stride + x + 1] = (out[y * stride + x + 1] + sum) | 0;
    }
  }
  return out;
}

// Rows and columns of windows on a level. OpenCV hands rows out in stripes, counted on the first level.
function gridOf(level, window, stripes) {
  const width = level.width - window[0] + 1, height = level.height - window[1] + 1;
  if (width <= 0 || height <= 0) return [0, 0];
  const inStripes = Math.max(Math.floor((Math.floor(height / level.step) + stripes - 1) / stripes), 1) * stripes;
  return [Math.ceil(width / level.step), Math.min(Math.ceil(height / level.step), inStripes)];
}

// The windows of a level that pass the cascade, added to `out`: [x, y, last stage's sum], level px, in reading order.
function scanLevel(cascade, level, sums, squares, stripes, out) {
  const [w, h] = cascade.window, stride = level.width + 1, [columns, rows] = gridOf(level, cascade.window, stripes);
  const { corners, shape, plane, weights, stump, limit, stages } = cascade, count = shape.length;
  const offsets = new Int32Array(12 * count);
  for (let i = 0; i < offsets.length; i++) offsets[i] = corners[2 * i + 1] * stride + corners[2 * i];
  const area = (w - 2) * (h - 2), a = stride + 1, b = stride + w - 1, c = (h - 1) * stride + 1, d = (h - 1) * stride + w - 1;
  const gray = sums[0];
  for (let row = 0; row < rows; row++) {
    let skip = false;
    for (let column = 0; column < columns; column++) {
      const cell = row * level.step * stride + column * level.step;
      const sum = (gray[cell + a] - gray[cell + b] - gray[cell + c] + gray[cell + d]) | 0;
      const squared = (squares[cell + a] - squares[cell + b] - squares[cell + c] + squares[cell + d]) >>> 0;
      const variance = area * squared - sum * sum, inverse = f32(1 / Math.sqrt(variance > 1 ? variance : 1));
      if (!(variance > 0 && area * inverse < 0.1) || skip) { skip = false; continue; }
      let total = 0, stage = 0;
      for (; stage < stages.length - 1; stage++) {
        total = 0;
        let k = stages[stage];
        for (const last = stages[stage + 1]; k < last; k++) {
          const o = 12 * k, image = sums[plane[k]], common = image[cell + offsets[o]] - image[cell + offsets[o + 1]];
          let value = f32(weights[3 * k] * ((common + image[cell + offsets[o + 2]] - image[cell + offsets[o + 3]]) | 0));
          if (shape[k] === 0) {
            value = f32(value + f32(weights[3 * k + 1] * ((common + image[cell + offsets[o + 4]] - image[cell + offsets[o + 5]]) | 0)));
          } else {
            value = f32(value + f32(weights[3 * k + 1] * ((image[cell + offsets[o + 4]] - image[cell + offsets[o + 5]]
              + image[cell + offsets[o + 6]] - image[cell + offsets[o + 7]]) | 0)));
            if (shape[k] === 2) {
              value = f32(value + f32(weights[3 * k + 2] * ((image[cell + offsets[o + 8]] - image[cell + offsets[o + 9]]
                + image[cell + offsets[o + 10]] - image[cell + offsets[o + 11]]) | 0)));
            }
          }
          if (plane[k] === 0) value = f32(value * inverse);
          total += value < stump[3 * k] ? stump[3 * k + 1] : stump[3 * k + 2];
          if (total < limit[k]) break;  // what follows cannot reach the stage's threshold
        }
        if (k < stages[stage + 1]) break;
      }
      if (stage === stages.length - 1) out.push([column * level.step, row * level.step, total]);
      skip = stage === 0;  // OpenCV does not look at the neighbour of a window that the first stage rejected
    }
  }
}

// Every window of each cascade that passes: [x, y, w, h, margin], px of the picture. planes: gray, Cb, Cr.
function windowsOf(cascades, planes, settings) {
  const { width, height } = planes[0], found = cascades.map(() => []);
  const wanted = cascades.map(cascade => scalesOf(width, height, cascade.window, settings.scale_factor)
    .filter(scale => Math.max(...sideOf(cascade.window, scale)) >= settings.min_size));
  const stripes = cascades.map((cascade, i) => wanted[i].length
    ? Math.max(Math.ceil((levelOf(width, height, wanted[i][0]).width - cascade.window[0] + 1) / 32), 1) : 1);
  for (const scale of [...new Set(wanted.flat())].sort((a, b) => a - b)) {
    const level = levelOf(width, height, scale), small = [], sums = [];
    const needed = cascades.some((cascade, i) => wanted[i].includes(scale) && cascade.color) ? 3 : 1;
    for (let p = 0; p < needed; p++) {
      small[p] = planes[p].width === level.width && planes[p].height === level.height ? planes[p] : resized(planes[p], level.width, level.height);
      sums[p] = integral(small[p], false);
    }
    const squares = integral(small[0], true);
    cascades.forEach((cascade, i) => {
      if (!wanted[i].includes(scale)) return;
      const passed = [], sides = sideOf(cascade.window, scale), last = cascade.stage_threshold[cascade.stage_threshold.length - 1];
      scanLevel(cascade, level, sums, squares, stripes[i], passed);
      for (const [x, y, sum] of passed) {
        const left = roundEven(f32(x * scale)), top = roundEven(f32(y * scale));
        found[i].push([left, top, Math.min(sides[0], width - left), Math.min(sides[1], height - top), sum - last]);
      }
    });
  }
  return found;
}

function near(a, b) {
  const far = LINK * (Math.min(a[2], b[2]) + Math.min(a[3], b[3])) * 0.5;
  return Math.abs(a[0] - b[0]) <= far && Math.abs(a[1] - b[1]) <= far
    && Math.abs(a[0] + a[2] - b[0] - b[2]) <= far && Math.abs(a[1] + a[3] - b[1] - b[3]) <= far;
}

// From windows to faces, strongest first: { box: [x, y, w, h], score }. See cascades/grouping.py.
function grouped(cascade, windows) {
  if (windows.length > MOST_WINDOWS) windows = [...windows].sort((a, b) => b[4] - a[4]).slice(0, MOST_WINDOWS);
  const boxes = [...windows].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]), count = boxes.length;
  const scores = boxes.map(box => box[4] + 1), total = [...scores];
  for (let i = 0; i < count; i++) {
    const reach = LINK * (boxes[i][2] + boxes[i][3]) * 0.5;
    for (let j = i + 1; j < count && boxes[j][0] - boxes[i][0] <= reach; j++) {
      if (near(boxes[i], boxes[j])) { total[i] += scores[j]; total[j] += scores[i]; }
    }
  }
  const order = boxes.map((_, i) => i).sort((a, b) => total[b] - total[a]), free = new Array(count).fill(true), groups = [];
  for (const i of order) {
    if (!free[i]) continue;
    const reach = LINK * (boxes[i][2] + boxes[i][3]) * 0.5, group = [0, 0, 0, 0, 0];
    let first = i;
    while (first > 0 && boxes[i][0] - boxes[first - 1][0] <= reach) first--;
    for (let j = first; j < count && boxes[j][0] - boxes[i][0] <= reach; j++) {
      if (!free[j] || !near(boxes[i], boxes[j])) continue;
      free[j] = false;
      for (let k = 0; k < 4; k++) group[k] += boxes[j][k] * scores[j];
      group[4] += scores[j];
    }
    for (let k = 0; k < 4; k++) group[k] /= group[4];
    groups.push(group);
  }
  groups.sort((a, b) => b[4] - a[4]);
  const kept = groups.filter((one, i) => {
    one.clear = !groups.slice(0, i).some(other => other.clear && covers(one, other));
    return one.clear;
  });
  const [x, y, w, h] = cascade.face;
  return kept.map(one => ({
    box: [one[0] + x * one[2], one[1] + y * one[3], w * one[2], h * one[3]].map(roundEven), score: f32(one[4]),
  }));
}

// Whether two groups share more than a part of the smaller one.
function covers(one, other) {
  const across = Math.min(one[0] + one[2], other[0] + other[2]) - Math.max(one[0], other[0]);
  const down = Math.min(one[1] + one[3], other[1] + other[3]) - Math.max(one[1], other[1]);
  return across > 0 && down > 0 && across * down > OVERLAP * Math.min(one[2] * one[3], other[2] * other[3]);
}
