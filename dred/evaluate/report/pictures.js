// SPDX-License-Identifier: BSD-3-Clause
// The canvases of the report of one file: waveform, spectrogram, sources, losses, bitrates.
"use strict";

// Sizes a canvas to the pixels of the screen; null while it is not laid out.
function surface(canvas) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width || !height) return null;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

function drawOverview() {
  const place = surface(overview);
  if (!place) return;
  const { pen, width } = place;
  const x = (time) => (time / duration) * width;
  pen.fillStyle = colour("wash");
  pen.fillRect(0, 0, width, 16);
  pen.fillStyle = colour("plc");
  for (let i = 0; i < lossy.lost_packets.length; i += 1) {
    if (lossy.lost_packets[i] !== "1") continue;
    const start = i * frameSeconds - lookahead;
    pen.fillRect(x(start), 0, Math.max(1, x(frameSeconds)), 16);
  }
  pen.strokeStyle = colour("accent");
  pen.lineWidth = 2;
  pen.strokeRect(x(view.start) + 1, 1, x(view.end - view.start) - 2, 14);
  pen.fillStyle = colour("ink");
  pen.fillRect(x(position()) - 1, 0, 2, 18);
  pen.fillStyle = colour("soft");
  pen.font = "11px system-ui, sans-serif";
  const steps = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
  const step = steps.find((seconds) => x(seconds) >= 44) ?? 600;
  for (let time = 0; time <= duration - 0.3 * step; time += step) {
    pen.fillText(`${time} s`, x(time) + 2, 31);
    pen.fillRect(x(time), 18, 1, 6);
  }
}

function drawTrack(track) {
  const place = surface(track.canvas);
  if (!place || !track.samples) return;
  const { pen, width, height } = place;
  // The original has no frames, a scheme without losses no lost packets.
  const rows = { band: track.sources ? 12 : 0, gap: track.sources ? 2 : 0,
    loss: track.lost_packets.includes("1") ? 7 : 0 };
  const free = height - rows.band - rows.loss - 2 * rows.gap;
  const wave = Math.round(free * 0.42);
  const colours = sourceColours(track, width);
  drawWave(track, pen, width, wave, colours);
  drawSpectrogram(track, pen, wave, width, free - wave);
  let top = free + rows.gap;
  runs(width, (x) => colours[x], (start, end, fillStyle) => {
    pen.fillStyle = fillStyle;
    pen.fillRect(start, top, end - start, rows.band);
  });
  top += rows.band + rows.gap;
  const lost = (x) => track.lost_packets[frameAt(timeAt(x, width))] === "1";
  runs(width, lost, (start, end, isLost) => {
    pen.fillStyle = colour(isLost ? "lost" : "wash");
    pen.fillRect(start, top, end - start, rows.loss);
  });
}

function timeAt(x, width) {
  return view.start + ((x + 0.5) / width) * (view.end - view.start);
}

function sourceColours(track, width) {
  const table = Object.fromEntries(SOURCES.map((name) => [name, colour(name)]));
  const plain = colour(track.index === 0 ? "regular" : "wash");
  return Array.from({ length: width }, (_, x) =>
    table[data.letters[track.sources[frameAt(timeAt(x, width))]]] ?? plain);
}

// Columns with the same value, as one rectangle.
function runs(width, valueAt, action) {
  let start = 0;
  for (let x = 1; x <= width; x += 1) {
    if (x < width && valueAt(x) === valueAt(start)) continue;
    action(start, x, valueAt(start));
    start = x;
  }
}

function drawWave(track, pen, width, height, colours) {
  const perPixel = ((view.end - view.start) * track.rate) / width;
  const first = view.start * track.rate;
  const scale = (0.48 * height) / loudest;
  for (let x = 0; x < width; x += 1) {
    const from = Math.floor(first + x * perPixel);
    const to = Math.min(track.samples.length, Math.max(from + 2, Math.floor(from + perPixel) + 1));
    let [low, high] = [0, 0];
    if (from < to) low = high = track.samples[from];
    for (let i = from; i < to; i += 1) {
      const value = track.samples[i];
      if (value < low) low = value;
      if (value > high) high = value;
    }
    pen.fillStyle = colours[x];
    pen.fillRect(x, height / 2 - high * scale, 1, Math.max(1, (high - low) * scale));
  }
}

function drawSpectrogram(track, pen, top, width, height) {
  const picture = track.picture;
  if (!picture) return;
  const perSecond = picture.width / duration;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, view.start * perSecond, 0, (view.end - view.start) * perSecond,
    picture.height, 0, top, width, height);
  pen.font = "10px system-ui, sans-serif";
  pen.fillStyle = "rgb(255 255 255 / 75%)";
  pen.fillText(`${track.topHertz / 1000} kHz`, 4, top + 11);
}

// Bitrate over half a second around each packet.
function bitrates(bytes) {
  const sums = [0];
  for (const size of bytes) sums.push(sums[sums.length - 1] + size);
  return bytes.map((_, i) => {
    const from = Math.max(0, i - Math.floor(SPAN_PACKETS / 2));
    const to = Math.min(bytes.length, from + SPAN_PACKETS);
    return (8 * (sums[to] - sums[from])) / ((to - from) * frameSeconds) / 1000;
  });
}

function makeBitrates() {
  const measured = tracks.filter((track) => track.packet_bytes?.length);
  if (!measured.length) return [];
  measured.forEach((track) => { track.bitrates = bitrates(track.packet_bytes); });
  return [make("h2", {}, "Bitrate over time"),
    make("div", { class: "legend" }, ...measured.map((track) =>
      make("span", {}, swatch(schemeColour(track.scheme)), track.scheme)),
    make("span", { class: "soft" }, "mean of half a second; the chosen scheme stands out")),
    make("div", { class: "card" }, rateCanvas)];
}

function drawBitrates() {
  const place = surface(rateCanvas);
  if (!place) return;
  const { pen, width, height } = place;
  const measured = tracks.filter((track) => track.bitrates);
  const top = 1.1 * Math.max(...measured.flatMap((track) => track.bitrates));
  const y = (kbps) => height - 4 - (kbps / top) * (height - 8);
  pen.font = "11px system-ui, sans-serif";
  const step = [2, 5, 10, 20, 50, 100, 200].find((kbps) => top / kbps <= 5) ?? 500;
  const marks = [];
  for (let kbps = step; kbps < top && y(kbps) > 16; kbps += step) marks.push(kbps);
  pen.fillStyle = colour("line");
  for (const kbps of marks) pen.fillRect(0, y(kbps), width, 1);
  for (const track of [...measured].sort((a, b) => (a.index === current) - (b.index === current))) {
    pen.beginPath();
    track.bitrates.forEach((kbps, i) => {
      const time = (i + 0.5) * frameSeconds - lookahead;
      pen.lineTo(((time - view.start) / (view.end - view.start)) * width, y(kbps));
    });
    pen.strokeStyle = colour(schemeColour(track.scheme));
    pen.globalAlpha = track.index === current ? 1 : 0.4;
    pen.lineWidth = track.index === current ? 2.5 : 1.2;
    pen.stroke();
  }
  pen.globalAlpha = 1;
  // On top, each in a clearing of its own.
  pen.lineWidth = 4;
  pen.strokeStyle = colour("card");
  pen.fillStyle = colour("soft");
  for (const kbps of marks) {
    pen.strokeText(`${kbps} kb/s`, 6, y(kbps) - 3);
    pen.fillText(`${kbps} kb/s`, 6, y(kbps) - 3);
  }
}

// In-place radix-2 transform of a power of two.
function fourier(re, im) {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i += 1) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [re[i], re[j], im[i], im[j]] = [re[j], re[i], im[j], im[i]];
  }
  for (let size = 2; size <= n; size *= 2) {
    const angle = (-2 * Math.PI) / size;
    for (let k = 0; k < size / 2; k += 1) {
      const [c, s] = [Math.cos(angle * k), Math.sin(angle * k)];
      for (let i = k; i < n; i += size) {
        const j = i + size / 2;
        const [a, b] = [re[j] * c - im[j] * s, re[j] * s + im[j] * c];
        re[j] = re[i] - a;
        im[j] = im[i] - b;
        re[i] += a;
        im[i] += b;
      }
    }
  }
}

// Dark to bright, even to the eye, in steps between these.
const STOPS = [[8, 8, 20], [44, 22, 92], [122, 32, 120], [200, 62, 88], [246, 130, 60],
  [252, 206, 96], [255, 250, 210]];
const PALETTE = Array.from({ length: 256 }, (_, i) => {
  const place = (i / 255) * (STOPS.length - 1);
  const low = Math.min(STOPS.length - 2, Math.floor(place));
  return STOPS[low].map((value, c) => value + (STOPS[low + 1][c] - value) * (place - low));
});
const [FLOOR_DB, RANGE_DB] = [-96, 66];

function paintSpectrogram(track) {
  const size = 2 ** Math.round(Math.log2(0.03 * track.rate));
  track.topHertz = track.rate <= 16000 ? track.rate / 2 : 12000;
  const bins = Math.min(size / 2, Math.round((track.topHertz / track.rate) * size));
  const columns = Math.max(1, Math.min(3000, Math.round(duration / 0.005)));
  const picture = make("canvas", { width: columns, height: bins });
  const pen = picture.getContext("2d");
  const image = pen.createImageData(columns, bins);
  const [re, im] = [new Float32Array(size), new Float32Array(size)];
  const window = Float32Array.from(re, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  for (let x = 0; x < columns; x += 1) {
    const start = Math.round(((x + 0.5) / columns) * duration * track.rate) - size / 2;
    for (let i = 0; i < size; i += 1) re[i] = (track.samples[start + i] ?? 0) * window[i];
    im.fill(0);
    fourier(re, im);
    for (let bin = 0; bin < bins; bin += 1) {
      // 0 dB: a sine of full scale.
      const level = 10 * Math.log10((re[bin] ** 2 + im[bin] ** 2) / (size / 4) ** 2 + 1e-12);
      const shade = Math.max(0, Math.min(255, Math.round((255 * (level - FLOOR_DB)) / RANGE_DB)));
      const at = 4 * ((bins - 1 - bin) * columns + x);
      [image.data[at], image.data[at + 1], image.data[at + 2]] = PALETTE[shade];
      image.data[at + 3] = 255;
    }
  }
  pen.putImageData(image, 0, 0);
  track.picture = picture;
}

function drawAll() {
  tracks.forEach(drawTrack);
  drawBitrates();
  showCursor();
}
