"use strict";
// What is on the page, and the whole way from a picture to its faces and what they feel.

const TYPES = { float32: Float32Array, float64: Float64Array, int32: Int32Array, int16: Int16Array, uint8: Uint8Array };

// Arrays are kept as { type, base64 }, little endian.
function unpacked(value) {
  if (Array.isArray(value)) return value.map(unpacked);
  if (value === null || typeof value !== "object") return value;
  if (!("base64" in value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, unpacked(one)]));
  return new TYPES[value.type](Uint8Array.from(atob(value.base64), letter => letter.charCodeAt(0)).buffer);
}

const data = unpacked(JSON.parse(document.getElementById("data").textContent));
const $ = id => document.getElementById(id);

// The faces in a picture: { character, box, score, each }, each: probabilities. Sorted by character, the surest first.
function facesIn(image) {
  const { crops } = data, scale = image.height > crops.max_height ? crops.max_height / image.height : 1;
  const small = scale < 1 ? shrunk(image, Math.max(1, roundEven(image.width * scale)), crops.max_height) : image;
  const settings = { scale_factor: crops.scale_factor, min_size: Math.max(1, roundEven(crops.min_size * scale)) };
  const windows = windowsOf(data.cascades, planesOf(small), settings), found = [];
  data.cascades.forEach((cascade, i) => {
    for (const { box, score } of grouped(cascade, windows[i])) {
      if (score < cascade.min_score) continue;
      const whole = box.map(value => roundEven(value / scale)), crop = cutFace(image, whole, crops.margin, crops.size);
      if (crop) found.push({ character: cascade.character, box: whole, score, ...answerOf(crop, crops.margin) });
    }
  });
  return found;
}

// What a crop of a face with `margin` around it shows.
function answerOf(crop, margin) {
  const each = probabilitiesOf(data.network, faceInput(crop, margin, data.network)), best = each.indexOf(Math.max(...each));
  return { emotion: data.emotions[best].id, probability: each[best], each, unsure: each[best] < data.unsure_below };
}

// The pixels of what a canvas can draw, no larger than `most` px in height; null: as it is.
function pixelsOf(source, width, height, most) {
  const scale = most && height > most ? most / height : 1, canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale)); canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return fromRgba(canvas.width, canvas.height, context.getImageData(0, 0, canvas.width, canvas.height).data);
}

const element = (tag, props, ...children) => { const e = Object.assign(document.createElement(tag), props); e.append(...children); return e; };

function show(image, source, faces, took) {
  const canvas = $("shown"), context = canvas.getContext("2d");
  canvas.width = image.width; canvas.height = image.height;
  context.drawImage(source, 0, 0, image.width, image.height);
  context.lineWidth = Math.max(2, image.height / 180);
  context.font = `${Math.max(13, Math.round(image.height / 26))}px system-ui, sans-serif`;
  $("faces").replaceChildren();
  for (const face of faces) {
    const emotion = data.emotions.find(one => one.id === face.emotion), known = data.cascades.find(one => one.character === face.character);
    const color = known ? known.tint : "#667080", name = known ? known.name : "this face";
    if (face.box) {
      context.strokeStyle = color; context.strokeRect(...face.box);
      const text = `${emotion.text} ${name}`, [x, y] = face.box, high = parseInt(context.font, 10) * 1.3;
      context.fillStyle = color; context.fillRect(x, Math.max(0, y - high), context.measureText(text).width + 10, high);
      context.fillStyle = "#fff"; context.fillText(text, x + 5, Math.max(high, y) - high * 0.27);
    }
    const picture = element("img", { src: `data:image/svg+xml,${encodeURIComponent(emotion.drawing)}`, alt: emotion.name });
    const rows = data.emotions.map((one, i) => {
      const bar = element("i"); bar.style.width = `${100 * face.each[i]}%`; bar.style.background = one.color;
      return element("tr", {}, element("td", { textContent: one.name }), element("td", { className: "much" }, bar));
    });
    const card = element("div", { className: "face" + (face.unsure ? " unsure" : "") }, picture, ` ${name}: ${emotion.name}, ${Math.round(100 * face.probability)} %`, element("table", {}, ...rows));
    card.style.borderLeftColor = color;
    $("faces").append(card);
  }
  const count = faces.filter(face => face.box).length;
  $("said").textContent = `${count} ${count === 1 ? "face" : "faces"} found in ${Math.round(took)} ms.`
    + (faces.length && !faces[0].box ? " No face was found, so the whole picture was taken for one face." : "")
    + (faces.some(face => face.unsure) ? " Pale: do not believe it." : "");
}

async function answer(file) {
  halt();
  let source;
  try {
    source = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    $("said").textContent = `${file.name}: this browser cannot read it as a picture.`;
    return;
  }
  const image = pixelsOf(source, source.width, source.height), start = performance.now();
  const found = facesIn(image);
  const faces = found.length ? found : [{ character: null, box: null, ...answerOf(image, data.crops.margin) }];
  show(image, source, faces, performance.now() - start);
}

let stream = null;
function halt() {
  if (stream) for (const track of stream.getTracks()) track.stop();
  stream = null; $("stop").hidden = true;
}

async function watchCamera() {
  const video = element("video", { muted: true, playsInline: true });
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { height: { ideal: data.crops.max_height } } });
  } catch (error) {
    const refused = error.name === "NotAllowedError";
    $("said").textContent = refused ? "The camera was refused: allow it for this page in the browser." : `No camera can be used (${error.message || error}).`;
    return;
  }
  $("stop").hidden = false; video.srcObject = stream;
  await video.play();
  (function look() {
    if (!stream) return;
    const image = pixelsOf(video, video.videoWidth, video.videoHeight, data.crops.max_height), start = performance.now();
    const faces = facesIn(image);
    show(image, video, faces, performance.now() - start);
    setTimeout(look, 0);
  })();
}

$("file").addEventListener("change", event => { if (event.target.files[0]) answer(event.target.files[0]); event.target.value = ""; });
$("camera").addEventListener("click", watchCamera);
$("stop").addEventListener("click", halt);
addEventListener("dragover", event => { event.preventDefault(); document.body.classList.add("dropping"); });
addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
addEventListener("drop", event => { event.preventDefault(); document.body.classList.remove("dropping"); if (event.dataTransfer.files[0]) answer(event.dataTransfer.files[0]); });
