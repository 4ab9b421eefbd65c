"use strict";
// What the page's data hold: volumes, packed, and maps on patches. Index (x, y, z) runs x fastest.

function bytes(text) {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

async function unpack(volume) {
  const stream = new Blob([bytes(volume.data)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const num = planes.length / 2, out = new Uint16Array(num), width = volume.shape[0];
  for (let i = 0; i < num; i++) { // low bytes, then high bytes, of differences along x
    const step = planes[i] | (planes[num + i] << 8);
    out[i] = i % width ? (out[i - 1] + step) & 65535 : step;
  }
  return out;
}

function sample(one, x, y, z) { // trilinear between patches; 0 outside of them, the outermost value within their rim
  const m = one.matrix, n = one.shape, low = [0, 0, 0], part = [0, 0, 0], high = [0, 0, 0];
  for (let i = 0; i < 3; i++) {
    let p = m[4 * i] * x + m[4 * i + 1] * y + m[4 * i + 2] * z + m[4 * i + 3];
    if (p < -0.5001 || p > n[i] - 0.4999) return 0;
    p = Math.min(Math.max(p, 0), n[i] - 1);
    low[i] = Math.floor(p); high[i] = Math.min(low[i] + 1, n[i] - 1); part[i] = p - low[i];
  }
  let sum = 0;
  for (let c = 0; c < 8; c++) {
    let weight = 1, index = 0;
    for (let i = 0; i < 3; i++) {
      const upper = (c >> i) & 1;
      weight *= upper ? part[i] : 1 - part[i];
      index = index * n[i] + (upper ? high[i] : low[i]);
    }
    if (weight) sum += weight * one.values[index];
  }
  return sum;
}
