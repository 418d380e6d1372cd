"use strict";
// The network `toon` (pipeline/nets/toon.py), batch normalisation folded into the weights: one face at a time.

// x: Float32Array [before, side, side]; layer: { weight, bias, before, after, kernel, stride }, padded so that it keeps
// the side, or halves it with stride 2.
function convolved(x, side, layer, relu, added) {
  const { weight, bias, before, after, kernel, stride } = layer, pad = kernel >> 1, to = Math.ceil(side / stride);
  const out = new Float32Array(after * to * to);
  for (let k = 0; k < after; k++) {
    const target = out.subarray(k * to * to, (k + 1) * to * to).fill(bias[k]);
    for (let c = 0; c < before; c++) {
      for (let j = 0; j < kernel; j++) {
        for (let i = 0; i < kernel; i++) {
          const w = weight[((k * before + c) * kernel + j) * kernel + i];
          const first = i < pad ? Math.ceil((pad - i) / stride) : 0, last = Math.min(to - 1, Math.floor((side - 1 + pad - i) / stride));
          for (let y = 0; y < to; y++) {
            const row = y * stride + j - pad;
            if (row < 0 || row >= side) continue;
            const from = (c * side + row) * side + i - pad, into = y * to;
            for (let q = first; q <= last; q++) target[into + q] += w * x[from + q * stride];
          }
        }
      }
    }
  }
  if (added) for (let i = 0; i < out.length; i++) out[i] += added[i];
  if (relu) for (let i = 0; i < out.length; i++) if (out[i] < 0) out[i] = 0;
  return out;
}

// Means of squares of `stride` px: Float32Array [channels, side, side] → [channels, side / stride, side / stride].
function pooled(x, channels, side, stride) {
  if (stride === 1) return x;
  const to = Math.floor(side / stride), out = new Float32Array(channels * to * to);
  for (let c = 0; c < channels; c++) for (let y = 0; y < to; y++) for (let q = 0; q < to; q++) {
    let sum = 0;
    for (let j = 0; j < stride; j++) for (let i = 0; i < stride; i++) sum += x[(c * side + y * stride + j) * side + q * stride + i];
    out[(c * to + y) * to + q] = sum / (stride * stride);
  }
  return out;
}

// What the network sees of a face of its size: each channel of the middle with mean 0 and deviation 1.
function seenPart(image, about) {
  const [start, stop] = about.seen, side = stop - start, out = new Float32Array(3 * side * side);
  for (let c = 0; c < 3; c++) {
    const part = out.subarray(c * side * side, (c + 1) * side * side);
    let sum = 0, squares = 0;
    for (let y = 0, k = 0; y < side; y++) for (let x = 0; x < side; x++, k++) {
      part[k] = (image.data[((start + y) * image.width + start + x) * 3 + c] - about.mean[c]) / about.std[c];
      sum += part[k];
    }
    const mean = sum / part.length;
    for (const value of part) squares += (value - mean) ** 2;
    const factor = 1 / Math.sqrt(squares / part.length + 0.01);
    for (let k = 0; k < part.length; k++) part[k] = (part[k] - mean) * factor;
  }
  return [out, side];
}

// Probabilities of the emotions of a face that has the network's size.
function probabilitiesOf(network, image) {
  let [x, side] = seenPart(image, network);
  x = convolved(x, side, network.stem, true);
  side = Math.ceil(side / network.stem.stride);
  for (const { conv1, conv2, shortcut } of network.blocks) {
    const short = shortcut ? convolved(pooled(x, conv1.before, side, conv1.stride), Math.floor(side / conv1.stride), shortcut, false) : x;
    const inner = convolved(x, side, conv1, true);
    side = Math.ceil(side / conv1.stride);
    x = convolved(inner, side, conv2, true, short);
  }
  const { weight, bias, before, after } = network.head, logits = [];
  for (let k = 0; k < after; k++) {
    let sum = bias[k];
    for (let c = 0; c < before; c++) {
      let mean = 0;
      for (let i = 0; i < side * side; i++) mean += x[c * side * side + i];
      sum += weight[k * before + c] * (mean / (side * side));
    }
    logits.push(sum / network.temperature);
  }
  const most = Math.max(...logits), raised = logits.map(value => Math.exp(value - most)), all = raised.reduce((a, b) => a + b);
  return raised.map(value => value / all);
}
