// SPDX-License-Identifier: BSD-3-Clause
// What both reports need: the data, elements, colours, numbers.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const page = document.getElementById("page");

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

// The value of a colour of the style sheet, as canvases need it.
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function number(value, digits) {
  return value == null ? "–" : value.toFixed(digits);
}

function percent(share) {
  return share > 0 && share < 0.01 ? "< 1 %" : `${Math.round(100 * share)} %`;
}

const PURPOSES = ["regular", "lbrr", "red", "dred"];

// A bar whose parts are as wide as their shares; what they are, on being pointed at.
function stack(parts, format) {
  const shown = Object.entries(parts).filter(([, value]) => value > 0);
  const total = shown.reduce((sum, [, value]) => sum + value, 0) || 1;
  const words = shown.map(([name, value]) => `${name} ${format(value)}`).join(", ");
  return make("span", { class: "stack", role: "img", "aria-label": words, title: words },
    ...shown.map(([name, value]) =>
      make("i", { style: `--c: var(--${name}); width: ${(100 * value) / total}%` })));
}

function bits(split) {
  return stack(Object.fromEntries(PURPOSES.map((name) => [name, split[name]])),
    (value) => `${value.toFixed(1)} kb/s`);
}

function swatch(name) {
  return make("i", { class: "swatch", style: `--c: var(--${name})` });
}

// Names of colours of the style sheet.
const SCHEME_COLOURS = { clean: "clean", none: "lost", plc: "plc", "neural-plc": "neural-plc",
  lbrr: "lbrr", dred: "dred", "dred+lbrr": "both", "red:1": "red", "red:2": "red-2",
  "dred+red:1": "other" };
const FURTHER_COLOURS = ["other-2", "other-3", "accent"];

function schemeColour(scheme) {
  if (!(scheme in SCHEME_COLOURS)) {
    SCHEME_COLOURS[scheme] = FURTHER_COLOURS.shift() ?? "soft";
  }
  return SCHEME_COLOURS[scheme];
}

const tip = make("div", { class: "tip", role: "status" });
document.body.append(tip);

function showTip(event, text) {
  tip.textContent = text;
  tip.style.visibility = "visible";
  const width = tip.offsetWidth;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 4))}px`;
  tip.style.top = `${event.clientY > 60 ? event.clientY - 36 : event.clientY + 20}px`;
}

function hideTip() {
  tip.style.visibility = "hidden";
}

function onThemeChange(action) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", action);
}
