// SPDX-License-Identifier: BSD-3-Clause
// One file through several schemes: listen, look, compare at the same instant.
"use strict";

const SOURCES = ["regular", "lbrr", "red", "dred", "plc"];
const frameSeconds = data.settings.frame_ms / 1000;
const lookahead = data.lookahead_ms / 1000;
const duration = data.seconds;
const SPAN_PACKETS = Math.max(1, Math.round(0.5 / frameSeconds));

// The input itself is track 0.
const tracks = [
  { scheme: "original", about: "what was recorded", scores: {}, sources: "", lost_packets: "" },
  ...data.schemes,
];
tracks.forEach((track, index) => { track.index = index; });
// Where packets were lost, for the overview: the first scheme that lost any.
const lossy = data.schemes.find((scheme) => scheme.lost > 0) ?? data.schemes[0];

const view = { start: 0, end: duration };
let current = tracks.length - 1;

// ---- sound: all tracks run at once, all but one muted, so that switching misses no sample ------

const player = { context: null, nodes: [], gains: [], offset: 0, startedAt: 0, playing: false };

function position() {
  if (!player.playing) return player.offset;
  const passed = player.context.currentTime - player.startedAt;
  return Math.min(duration, player.offset + Math.max(0, passed));
}

async function play() {
  if (player.playing || tracks.some((track) => !track.buffer)) return;
  player.context ??= new AudioContext();
  await player.context.resume();
  if (player.offset >= duration - 0.02) player.offset = 0;
  player.gains = tracks.map((track, index) => {
    const gain = player.context.createGain();
    gain.gain.value = index === current ? 1 : 0;
    gain.connect(player.context.destination);
    return gain;
  });
  player.startedAt = player.context.currentTime + 0.03;
  player.nodes = tracks.map((track, index) => {
    const node = player.context.createBufferSource();
    node.buffer = track.buffer;
    node.connect(player.gains[index]);
    node.start(player.startedAt, player.offset);
    return node;
  });
  player.playing = true;
  showState();
  requestAnimationFrame(tick);
}

function pause() {
  if (!player.playing) return;
  player.offset = position();
  player.playing = false;
  player.nodes.forEach((node) => { node.stop(); node.disconnect(); });
  player.gains.forEach((gain) => gain.disconnect());
  showState();
}

function seek(seconds) {
  const wasPlaying = player.playing;
  pause();
  player.offset = Math.max(0, Math.min(duration, seconds));
  bringIntoView(player.offset);
  showState();
  if (wasPlaying) play();
}

function select(index) {
  if (index < 0 || index >= tracks.length) return;
  current = index;
  if (player.playing) {
    // A few milliseconds of cross-fade: a cut would click.
    player.gains.forEach((gain, i) => {
      gain.gain.setTargetAtTime(i === index ? 1 : 0, player.context.currentTime, 0.004);
    });
  }
  showState();
}

function tick() {
  if (!player.playing) return;
  const now = position();
  if (looping && now >= view.end) seek(view.start);
  else if (now >= duration) { pause(); player.offset = 0; bringIntoView(0); }
  else bringIntoView(now);
  showCursor();
  requestAnimationFrame(tick);
}

// ---- the visible span ---------------------------------------------------------------------------

let looping = false;

function zoom(factor) {
  const width = Math.max(0.25, Math.min(duration, (view.end - view.start) * factor));
  const middle = Math.min(Math.max(position(), view.start), view.end);
  const share = (middle - view.start) / (view.end - view.start);
  setView(middle - share * width, width);
}

function setView(start, width) {
  view.start = Math.max(0, Math.min(duration - width, start));
  view.end = view.start + width;
  drawAll();
}

function bringIntoView(time) {
  if (looping || (time >= view.start && time <= view.end)) return;
  const width = view.end - view.start;
  setView(time - 0.05 * width, width);
}

function frameAt(time) {
  return Math.floor((time + lookahead) / frameSeconds);
}

// To shortly before the next burst, so that ears hear it come.
function nextLoss() {
  const lost = lossy.lost_packets;
  let i = frameAt(position() + 0.45);
  while (i < lost.length && lost[i] === "1") i += 1;
  while (i < lost.length && lost[i] !== "1") i += 1;
  if (i < lost.length) seek(i * frameSeconds - lookahead - 0.4);
}

// ---- page ---------------------------------------------------------------------------------------

function describeLoss() {
  const lost = lossy.lost_packets;
  const bursts = lost.match(/1+/g) ?? [];
  if (!bursts.length) return "no packet lost";
  const longest = Math.max(...bursts.map((burst) => burst.length));
  return `${lossy.lost} of ${lossy.packets} packets lost (${percent(lossy.lost / lossy.packets)}), ` +
    `longest burst ${Math.round(1000 * longest * frameSeconds)} ms`;
}

const playButton = make("button", { class: "play", onclick: toggle }, "▶ Play");
const clock = make("span", { class: "time number" });
const loopButton = make("button", { onclick: toggleLoop, "aria-pressed": "false",
  title: "Repeat what is visible (L)" }, "Loop");
const rateCanvas = make("canvas", { class: "rates", role: "img",
  "aria-label": "Bitrate of every scheme over time" });
const overview = make("canvas", { class: "overview", role: "img",
  "aria-label": "Lost packets over time" });

function toggle() {
  if (player.playing) pause(); else play();
}

function toggleLoop() {
  looping = !looping;
  loopButton.setAttribute("aria-pressed", looping);
}

page.replaceChildren(
  make("p", { class: "kicker" }, "Speech through lost packets"),
  make("h1", {}, data.input),
  make("p", { class: "soft" }, `${duration.toFixed(1)} s · ` +
    `${(data.settings.bitrate / 1000).toFixed(0)} kb/s, redundancy included · ${describeLoss()}`),
  make("div", { class: "transport" },
    make("div", { class: "controls" },
      playButton, clock,
      make("button", { onclick: nextLoss, title: "Next burst of losses (N)" }, "Next loss"),
      loopButton,
      make("span", { class: "space" }),
      make("button", { onclick: () => zoom(2), "aria-label": "Zoom out" }, "−"),
      make("button", { onclick: () => zoom(0.5), "aria-label": "Zoom in" }, "+")),
    overview),
  makeLegend(),
  make("section", { "aria-label": "Schemes" }, ...tracks.map(makeTrack)),
  ...makeBitrates(),
  make("h2", {}, "In numbers"),
  make("div", { class: "card scroll" }, makeTable()),
  makeKeys(),
);
scrubbing(overview, (x, width) => seek((x / width) * duration));

function makeTrack(track) {
  const values = data.metrics.map((metric) => track.scores[metric.name] == null ? null :
    make("span", {}, `${metric.title} `, make("b", { class: "number" },
      number(track.scores[metric.name], metric.digits))));
  if (track.kbps) values.push(make("span", { class: "number soft" }, `${track.kbps.toFixed(1)} kb/s`));
  track.button = make("button", { onclick: () => select(track.index) },
    make("span", { class: "name" }, track.scheme),
    track.index < 10 ? make("kbd", {}, track.index) : null, " ",
    make("span", { class: "about" }, track.about),
    make("span", { class: "values" }, ...values));
  track.canvas = make("canvas", { role: "img",
    "aria-label": `Waveform, spectrogram and sources of ${track.scheme}` });
  track.cursor = make("div", { class: "cursor" });
  track.hover = make("div", { class: "cursor hover" });
  track.lane = make("div", { class: "lane" }, track.canvas, track.cursor, track.hover);
  scrubbing(track.lane, (x, width) => {
    if (current !== track.index) select(track.index);
    seek(view.start + (x / width) * (view.end - view.start));
  });
  track.lane.addEventListener("pointermove", (event) => hover(event, track));
  track.lane.addEventListener("pointerleave", unhover);
  track.card = make("article", { class: "track card" }, track.button, track.lane);
  return track.card;
}

// Press and drag; `action` gets the place in pixels.
function scrubbing(element, action) {
  const act = (event) => {
    const box = element.getBoundingClientRect();
    action(Math.max(0, Math.min(box.width, event.clientX - box.left)), box.width);
  };
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    act(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) act(event);
  });
}

function hover(event, track) {
  const box = track.lane.getBoundingClientRect();
  const x = event.clientX - box.left;
  const time = view.start + (x / box.width) * (view.end - view.start);
  const frame = frameAt(time);
  tracks.forEach((other) => {
    other.hover.style.transform = `translateX(${x}px)`;
    other.hover.style.visibility = "visible";
  });
  const source = data.letters[track.sources[frame]];
  const lost = track.lost_packets[frame] === "1" ? " lost" : "";
  showTip(event, `${time.toFixed(3)} s` +
    (source ? ` · packet ${frame}${lost} · made from ${source}` : ""));
}

function unhover() {
  hideTip();
  tracks.forEach((other) => { other.hover.style.visibility = "hidden"; });
}

function makeLegend() {
  const present = SOURCES.filter((name) => data.schemes.some((scheme) => scheme.frames[name]));
  const meaning = { regular: "its own packet", lbrr: "LBRR of the next packet",
    red: "a full copy (RED)", dred: "deep redundancy (DRED)", plc: "concealment (a guess)" };
  return make("div", { class: "legend" },
    make("span", { class: "soft" }, "Every frame was made from"),
    ...present.map((name) => make("span", {}, swatch(name), meaning[name])),
    make("span", {}, swatch("lost"), "packet lost"));
}

function makeTable() {
  const best = Object.fromEntries(data.metrics.map(({ name }) =>
    [name, Math.max(...data.schemes.map((scheme) => scheme.scores[name] ?? 0))]));
  const present = SOURCES.filter((name) => data.schemes.some((scheme) => scheme.frames[name]));
  const head = make("tr", {}, make("th", {}, "scheme"),
    ...data.metrics.map((metric) => make("th", {}, metric.title)),
    ...["kb/s", "lost"].map((title) => make("th", {}, title)),
    make("th", { class: "left" }, "frames made from"),
    ...present.map((name) => make("th", {}, name)));
  const rows = data.schemes.map((scheme) => {
    const total = scheme.sources.length || 1;
    return make("tr", {}, make("td", {}, make("b", {}, scheme.scheme)),
      ...data.metrics.map(({ name, digits }) => make("td", {},
        number(scheme.scores[name], digits),
        make("span", { class: "gauge" }, make("i", {
          style: `width: ${100 * (scheme.scores[name] ?? 0) / (best[name] || 1)}%` })))),
      make("td", {}, scheme.kbps.toFixed(1)), make("td", {}, scheme.lost),
      make("td", { class: "left" }, make("span", { class: "stack" }, ...present.map((name) =>
        make("i", { style: `--c: var(--${name}); width: ` +
          `${100 * (scheme.frames[name] ?? 0) / total}%` })))),
      ...present.map((name) => make("td", {}, scheme.frames[name] ?? 0)));
  });
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}

function makeKeys() {
  const key = (name, does) => make("span", {}, make("kbd", {}, name), ` ${does}`);
  return make("p", { class: "keys" }, key("space", "play, pause"),
    key(`0–${Math.min(9, tracks.length - 1)}`, "switch scheme, same instant"),
    key("← →", "0.5 s"), key("N", "next loss"), key("L", "loop what is visible"),
    key("+ −", "zoom"));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const actions = {
    " ": toggle, ArrowLeft: () => seek(position() - 0.5), ArrowRight: () => seek(position() + 0.5),
    n: nextLoss, l: toggleLoop, "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2),
    Home: () => seek(0),
  };
  const action = actions[event.key] ?? actions[event.key.toLowerCase()] ??
    (/^[0-9]$/.test(event.key) ? () => select(Number(event.key)) : null);
  if (!action) return;
  event.preventDefault();
  action();
});

function showState() {
  playButton.textContent = player.playing ? "❚❚ Pause" : "▶ Play";
  tracks.forEach((track) => {
    track.card.classList.toggle("current", track.index === current);
    track.button.setAttribute("aria-pressed", track.index === current);
  });
  drawBitrates();
  showCursor();
}

function showCursor() {
  const now = position();
  clock.textContent = `${now.toFixed(2)} / ${duration.toFixed(2)} s`;
  const share = (now - view.start) / (view.end - view.start);
  tracks.forEach((track) => {
    track.cursor.style.visibility = share >= 0 && share <= 1 ? "visible" : "hidden";
    track.cursor.style.transform = `translateX(${share * track.lane.clientWidth - 1}px)`;
  });
  drawOverview();
}

// ---- pictures -----------------------------------------------------------------------------------

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
  for (let kbps = step; kbps < top; kbps += step) {
    pen.fillStyle = colour("line");
    pen.fillRect(0, y(kbps), width, 1);
    pen.fillStyle = colour("soft");
    pen.fillText(`${kbps} kb/s`, 6, y(kbps) - 3);
  }
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

// ---- start --------------------------------------------------------------------------------------

let loudest = 0.01;
let ready = false;

async function load() {
  const decoder = new OfflineAudioContext(1, 1, data.audio.rate);
  for (const track of tracks) {
    const bytes = Uint8Array.from(atob(data.audio.files[track.index]), (c) => c.charCodeAt(0));
    track.buffer = await decoder.decodeAudioData(bytes.buffer);
    track.rate = track.buffer.sampleRate;
    track.samples = track.buffer.getChannelData(0);
    for (const value of track.samples) loudest = Math.max(loudest, Math.abs(value));
  }
  drawAll();
  for (const track of tracks) {
    paintSpectrogram(track);
    drawTrack(track);
    // Let the page answer between two of them.
    await new Promise((done) => { setTimeout(done, 0); });
  }
  ready = true;
}

showState();
load().catch((reason) => {
  page.prepend(make("p", {}, `This browser cannot decode the sound of this page: ${reason}`));
});
addEventListener("resize", drawAll);
onThemeChange(drawAll);

// For tests and for the curious.
window.report = {
  play, pause, seek, select,
  state: () => ({ ready, current, position: position(), playing: player.playing,
    scheme: tracks[current].scheme, view: { ...view },
    gains: player.playing ? player.gains.map((gain) => gain.gain.value) : [] }),
};
