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
  // Congestion takes more from those who send more.
  const alike = data.schemes.every((scheme) => !scheme.lost || scheme.lost_packets === lost);
  return `${alike ? "" : `with ${lossy.scheme}, `}${lossy.lost} of ${lossy.packets} packets lost (${percent(lossy.lost / lossy.packets)}), ` +
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
    `${(data.settings.bitrate / 1000).toFixed(0)} kb/s, ${data.settings.equal === "regular" ?
      "redundancy on top" : "redundancy included"} · ${describeLoss()}`),
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
  make("h2", {}, "What the bits went to, and what a receiver had to wait for"),
  make("div", { class: "card scroll" }, makeBits()),
  make("p", { class: "soft" }, "kb/s of what is sent; headers of RTP, UDP and IP come on top. " +
    "Delay: by how much the play-out has to lag behind the fastest packet for 95 % of the frames " +
    "that are not made up, and for all of them."),
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
    return make("tr", {}, make("td", {}, make("b", {}, scheme.scheme)),
      ...data.metrics.map(({ name, digits, lower }) => make("td", {},
        number(scheme.scores[name], digits),
        lower ? null : make("span", { class: "gauge" }, make("i", {
          style: `width: ${100 * (scheme.scores[name] ?? 0) / (best[name] || 1)}%` })))),
      make("td", {}, scheme.kbps.toFixed(1)), make("td", {}, scheme.lost),
      make("td", { class: "left" }, stack(scheme.frames, (count) => count)),
      ...present.map((name) => make("td", {}, scheme.frames[name] ?? 0)));
  });
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}

function makeBits() {
  const rows = data.schemes.map((scheme) => make("tr", {}, make("td", {}, make("b", {}, scheme.scheme)),
    make("td", {}, scheme.kbps.toFixed(1)),
    make("td", { class: "left" }, bits(scheme.split)),
    ...[...PURPOSES, "headers"].map((name) => make("td", {},
      scheme.split[name] ? scheme.split[name].toFixed(1) : "–")),
    ...[scheme.delay.p95_ms, scheme.delay.longest_ms].map((ms) =>
      make("td", {}, `${Math.round(ms)} ms`))));
  return make("table", {}, make("thead", {}, make("tr", {},
    make("th", {}, "scheme"), make("th", {}, "kb/s"), make("th", { class: "left" }, "of which"),
    ...["regular", "LBRR", "RED", "DRED", "headers", "delay, 95 %", "all"].map((title) =>
      make("th", {}, title)))), make("tbody", {}, ...rows));
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
