// SPDX-License-Identifier: BSD-3-Clause
// A sweep: quality against bitrate and loss, with intervals, and the cheapest setting that will do.
"use strict";

const schemes = [...new Set(data.cells.map((cell) => cell.scheme))];
const bitrates = [...new Set(data.cells.map((cell) => cell.bitrate))].sort((a, b) => a - b);
const groups = data.groups;
const hidden = new Set();
const nearest = (values, wanted) => values.reduce((best, value) =>
  (Math.abs(value - wanted) < Math.abs(best - wanted) ? value : best), values[0]);
const chosen = { metric: data.metrics[0], group: groups.length >> 1,
  bitrate: nearest(bitrates, 32000), goal: null, sure: false };

// What loses nothing is the same at every loss rate.
function cellOf(scheme, bitrate, group) {
  return data.cells.find((cell) => cell.scheme === scheme && cell.bitrate === bitrate &&
    (cell.group === group || cell.group === null));
}

function quality(cell) {
  return cell?.quality[chosen.metric.name];
}

function kilo(bitrate) {
  return `${bitrate / 1000} kb/s`;
}

function withInterval({ mean, low, high }) {
  const { digits } = chosen.metric;
  return [number(mean, digits), low == null ? null : make("span", { class: "interval" },
    ` ${number(low, digits)}–${number(high, digits)}`)];
}

function choice(title, options, selected, action) {
  return make("label", {}, title, make("select", { onchange: (event) => {
    action(event.target.selectedIndex);
    redraw();
  } }, ...options.map((option, i) =>
    make("option", { selected: i === selected ? "" : false }, option))));
}

// ---- charts -------------------------------------------------------------------------------------

const SIZE = { width: 560, height: 340, left: 46, right: 12, top: 10, bottom: 40 };

function ticks(low, high, count) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((value) => value >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) {
    found.push(Number((i * step).toPrecision(10)));
  }
  return found;
}

// All that is drawn of the metric, so that both charts and all choices share one scale.
function qualityRange() {
  const found = data.cells.map((cell) => quality(cell)).filter((value) => value?.mean != null);
  const low = Math.min(...found.map((value) => value.low ?? value.mean));
  const high = Math.max(...found.map((value) => value.high ?? value.mean));
  const margin = 0.06 * (high - low || 1);
  return [low - margin, high + margin];
}

function chart(title, axis, format, series) {
  const points = series.flatMap((one) => one.points);
  const xs = points.map((point) => point.x);
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const margin = 0.05 * (last - first || 2);
  const [x0, x1] = [first - margin, last + margin];
  const [y0, y1] = qualityRange();
  const x = (v) => SIZE.left + ((v - x0) / (x1 - x0)) * (SIZE.width - SIZE.left - SIZE.right);
  const y = (v) => SIZE.height - SIZE.bottom -
    ((v - y0) / (y1 - y0)) * (SIZE.height - SIZE.top - SIZE.bottom);
  const picture = draw("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img",
    "aria-label": title });
  for (const value of ticks(y0, y1, 6)) {
    picture.append(draw("line", { class: "grid", x1: SIZE.left, x2: SIZE.width - SIZE.right,
      y1: y(value), y2: y(value) }),
    draw("text", { x: SIZE.left - 6, y: y(value) + 4, "text-anchor": "end" }, value));
  }
  for (const value of ticks(Math.max(0, x0), x1, 6)) {
    picture.append(draw("text", { x: x(value), y: SIZE.height - SIZE.bottom + 18,
      "text-anchor": "middle" }, format(value)));
  }
  picture.append(draw("text", { x: (SIZE.left + SIZE.width) / 2, y: SIZE.height - 4,
    "text-anchor": "middle" }, axis));
  if (chosen.goal >= y0 && chosen.goal <= y1) {
    picture.append(draw("line", { class: "goal", x1: SIZE.left, x2: SIZE.width - SIZE.right,
      y1: y(chosen.goal), y2: y(chosen.goal) }));
  }
  for (const one of series) if (one.points.length) picture.append(curve(one, x, y));
  return make("div", { class: "chart card" }, make("h3", {}, title), picture);
}

function curve({ scheme, points }, x, y) {
  const sure = points.filter((point) => point.value.low != null);
  const path = (list) => list.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
  const group = draw("g", { class: "series", style: `--c: var(--${schemeColour(scheme)})` });
  if (sure.length > 1) {
    group.append(draw("polygon", { class: "band", points: path([
      ...sure.map((p) => [x(p.x), y(p.value.high)]),
      ...[...sure].reverse().map((p) => [x(p.x), y(p.value.low)])]) }));
  }
  for (const p of sure) {
    group.append(draw("line", { class: "bar", x1: x(p.x), x2: x(p.x), y1: y(p.value.low),
      y2: y(p.value.high) }));
  }
  group.append(draw("polyline", { class: "line",
    "stroke-dasharray": scheme === "clean" ? "6 4" : "none",
    points: path(points.map((p) => [x(p.x), y(p.value.mean)])) }));
  for (const p of points) {
    const words = () => `${scheme}, ${kilo(p.cell.bitrate)} asked, ${p.cell.kbps.toFixed(1)} sent, ` +
      `${percent(p.cell.loss)} lost: ${chosen.metric.title} ` +
      `${number(p.value.mean, chosen.metric.digits)}` + (p.value.low == null ? "" :
      ` (${number(p.value.low, chosen.metric.digits)}–${number(p.value.high,
        chosen.metric.digits)})`) + `, ${p.cell.files} files`;
    group.append(draw("circle", { class: "dot", cx: x(p.x), cy: y(p.value.mean), r: 4.5,
      onpointermove: (event) => showTip(event, words()), onpointerleave: hideTip }));
  }
  return group;
}

function seriesOver(list, cellAt, xOf) {
  return schemes.filter((scheme) => !hidden.has(scheme)).map((scheme) => ({
    scheme,
    points: list.map((item) => ({ cell: cellAt(scheme, item), item }))
      .filter(({ cell }) => quality(cell)?.mean != null)
      .map(({ cell, item }) => ({ cell, value: quality(cell), x: xOf(cell, item) }))
      .sort((a, b) => a.x - b.x),
  }));
}

// What was lost in a group, for what loses nothing itself: the same place as the rest.
function lossIn(group) {
  const lossy = data.cells.filter((cell) => cell.group === group);
  return lossy.reduce((sum, cell) => sum + cell.loss, 0) / (lossy.length || 1);
}

function makeCharts() {
  const group = groups[chosen.group];
  // A single bitrate makes no curve.
  const charts = bitrates.length < 2 && groups.length ? [] : [chart(
    `${chosen.metric.title} against bitrate${group ? `, ${group.title} lost` : ""}`,
    "kb/s sent, redundancy included", (value) => value,
    seriesOver(bitrates, (scheme, bitrate) => cellOf(scheme, bitrate, chosen.group),
      (cell) => cell.kbps))];
  if (groups.length) {
    charts.push(chart(`${chosen.metric.title} against loss, ${kilo(chosen.bitrate)} asked`,
      "packets lost, %", (value) => value,
      seriesOver(groups.map((_, i) => i), (scheme, i) => cellOf(scheme, chosen.bitrate, i),
        (cell, i) => 100 * (cell.group === null ? lossIn(i) : cell.loss))));
  }
  return charts;
}

// ---- tables -------------------------------------------------------------------------------------

// Whether a setting is as good as wanted; surely: even where its interval is worst.
function reaches({ mean, low, high }) {
  const value = chosen.sure ? (chosen.metric.lower ? high : low) : mean;
  if (value == null) return false;
  return chosen.metric.lower ? value <= chosen.goal : value >= chosen.goal;
}

// Of the settings that reach the goal, the one that sent least.
function cheapest(group) {
  const reached = data.cells.filter((cell) => cell.group === group &&
    quality(cell)?.mean != null && reaches(quality(cell)));
  return reached.sort((a, b) => a.kbps - b.kbps)[0];
}

function makeCheapest() {
  const rows = groups.map((group, i) => {
    const cell = cheapest(i);
    if (!cell) {
      return make("tr", {}, make("td", {}, group.title),
        make("td", { class: "left soft", colspan: 4 }, "no setting of this sweep"));
    }
    return make("tr", {}, make("td", {}, group.title),
      make("td", { class: "left" }, swatchInline(cell.scheme), make("b", {}, ` ${cell.scheme}`)),
      make("td", {}, kilo(cell.bitrate)), make("td", {}, `${cell.kbps.toFixed(1)}`),
      make("td", {}, ...withInterval(quality(cell))));
  });
  return make("table", {}, make("thead", {}, make("tr", {}, make("th", {}, "lost"),
    make("th", { class: "left" }, "cheapest scheme"), make("th", {}, "asked"),
    make("th", {}, "kb/s sent"), make("th", {}, chosen.metric.title))),
  make("tbody", {}, ...rows));
}

function swatchInline(scheme) {
  return make("i", { class: "swatch", style: "display: inline-block; vertical-align: -2px; " +
    `--c: var(--${schemeColour(scheme)})` });
}

function makeAll() {
  const shown = data.cells.filter((cell) => !hidden.has(cell.scheme));
  const rows = shown.map((cell) => make("tr", {}, make("td", {}, cell.scheme),
    make("td", {}, kilo(cell.bitrate)), make("td", {}, cell.kbps.toFixed(1)),
    make("td", {}, percent(cell.loss)),
    make("td", {}, ...(quality(cell) ? withInterval(quality(cell)) : ["–"])),
    make("td", { class: "left" }, stack(cell.frames, percent)),
    make("td", { class: "left" }, bits(cell.split)), make("td", {}, `${Math.round(cell.delay)} ms`),
    make("td", {}, cell.files), make("td", {}, cell.count)));
  return make("table", {}, make("thead", {}, make("tr", {},
    ...["scheme", "asked", "kb/s sent", "lost", chosen.metric.title].map((title) =>
      make("th", {}, title)),
    make("th", { class: "left" }, "frames made from"),
    make("th", { class: "left" }, "bits for"),
    ...["delay", "files", "runs"].map((title) => make("th", {}, title)))),
  make("tbody", {}, ...rows));
}

// ---- page ---------------------------------------------------------------------------------------

const charts = make("div", { class: "charts" });
const cheapestTable = make("div", { class: "card scroll" });
const allTable = make("div", { class: "card scroll" });
const goalText = make("b", { class: "number" });
const goalSlider = make("input", { type: "range", "aria-label": "Wanted quality",
  oninput: () => { chosen.goal = Number(goalSlider.value); redraw(); } });

// The slider spans what the sweep has reached of the metric, and starts where the question is
// worth asking: a little below the best under loss.
function resetGoal() {
  const [low, high] = qualityRange();
  const underLoss = data.cells.filter((cell) => cell.group === chosen.group)
    .map((cell) => quality(cell)?.mean).filter((mean) => mean != null);
  const best = chosen.metric.lower ? Math.min(high, ...underLoss) : Math.max(low, ...underLoss);
  const worst = chosen.metric.lower ? high : low;
  Object.assign(goalSlider, { min: low, max: high, step: 10 ** -chosen.metric.digits });
  goalSlider.value = best + 0.15 * (worst - best);
  chosen.goal = Number(goalSlider.value);
}

function legendButton(scheme) {
  const button = make("button", { "aria-pressed": "true", onclick: () => {
    if (!hidden.delete(scheme)) hidden.add(scheme);
    button.setAttribute("aria-pressed", !hidden.has(scheme));
    redraw();
  } }, swatch(schemeColour(scheme)), scheme);
  return button;
}

function redraw() {
  hideTip();
  charts.replaceChildren(...makeCharts());
  goalText.textContent = number(chosen.goal, chosen.metric.digits);
  cheapestTable.replaceChildren(makeCheapest());
  allTable.replaceChildren(makeAll());
}

const few = data.files < 2 ? " One file gives no intervals." :
  data.files < 6 ? " With so few files, the intervals are too narrow." : "";
const SOURCE_NAMES = ["regular", "lbrr", "red", "dred", "plc"];

if (!data.cells.length || !data.metrics.length) {
  page.replaceChildren(make("h1", {}, "Sweep"), make("p", {}, "No result holds a metric."));
} else {
  resetGoal();
  page.replaceChildren(
    make("p", { class: "kicker" }, "Sweep"),
    make("h1", {}, "Quality under loss, by scheme and bitrate"),
    make("p", { class: "soft" }, `${data.files} files, ${data.count} simulations, ` +
      `${(data.seconds / 3600).toFixed(2)} hours sent in all. Points are means, bars and bands ` +
      `95 % bootstrap intervals over files.${few}`),
    make("div", { class: "choices" },
      choice("Metric", data.metrics.map((metric) => metric.title), 0, (i) => {
        chosen.metric = data.metrics[i];
        resetGoal();
      }),
      groups.length ? choice("Loss", groups.map((group) => `${group.title}, bursts of ` +
        `${group.burst.toFixed(1)}`), chosen.group, (i) => { chosen.group = i; }) : null,
      choice("Bitrate", bitrates.map(kilo), bitrates.indexOf(chosen.bitrate),
        (i) => { chosen.bitrate = bitrates[i]; })),
    make("div", { class: "legend" }, ...schemes.map(legendButton)),
    charts,
    make("h2", {}, "The cheapest setting that will do"),
    make("div", { class: "choices" },
      make("label", {}, "Wanted", goalSlider, goalText),
      make("label", {}, make("input", { type: "checkbox", onchange: (event) => {
        chosen.sure = event.target.checked;
        redraw();
      } }), "even at the worse end of the interval")),
    cheapestTable,
    make("h2", {}, "All settings"),
    make("div", { class: "legend" }, make("span", { class: "soft" }, "Frames made from, and bits for"),
      ...SOURCE_NAMES.map((name) => make("span", {}, swatch(name), name))),
    allTable,
  );
  redraw();
}
