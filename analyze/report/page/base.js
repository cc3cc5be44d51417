/* SPDX-License-Identifier: Apache-2.0
 *
 * base.js - elements, units, and nothing else. Texts reach the page through el() alone, as text nodes.
 */
"use strict";

/** An element with PROPERTIES (on*: listeners; others: attributes) and CHILDREN (elements or texts; null is left out). */
function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity))
    if (child !== null && child !== undefined) element.append(child instanceof Node ? child : String(child));
  return element;
}

/** Sets style properties, which the page's policy allows to scripts but not in texts. */
function styled(element, style) {
  Object.assign(element.style, style);
  return element;
}

function replaceChildren(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
}

const $ = (id) => document.getElementById(id);

const number_format = new Intl.NumberFormat("en-US");
const exact = (number) => number_format.format(number);

/** The names of several files of one recording, which stand together. */
function files_text(files) {
  const names = files.split("\u001e");
  return names.length > 1 ? `${names[0]} … ${names[names.length - 1]} (${names.length} files)` : names[0];
}

/** 1 block, 2 blocks. */
const counted = (number, word) => `${exact(number)} ${word}${number === 1 ? "" : "s"}`;

/** 1.50 GiB: three digits, powers of 1024, as the tables of ttalloc-analyze have it. */
function bytes_text(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let value = Math.abs(bytes), unit = 0;
  while (value >= 1023.5 && unit + 1 < units.length) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return `${bytes} B`;
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${bytes < 0 ? "-" : ""}${value.toFixed(digits)} ${units[unit]}`;
}

/** Both units: 5.00 MiB (5,242,880 B). */
function both_text(bytes) {
  return Math.abs(bytes) < 1024 ? `${bytes} B` : `${bytes_text(bytes)} (${exact(bytes)} B)`;
}

function ns_text(ns) {
  const size = Math.abs(ns);
  if (size >= 60e9) return `${Math.floor(ns / 60e9)}m ${((ns % 60e9) / 1e9).toFixed(3)}s`;
  if (size >= 1e9) return `${(ns / 1e9).toFixed(3)} s`;
  if (size >= 1e6) return `${(ns / 1e6).toFixed(3)} ms`;
  if (size >= 1e3) return `${(ns / 1e3).toFixed(2)} µs`;
  return `${ns} ns`;
}

const address_text = (address) => `0x${address.toString(16)}`;

function cell_text(value, unit) {
  if (value === null || value === undefined) return "–";
  switch (unit) {
    case "bytes": return bytes_text(value);
    case "ns": return ns_text(value);
    case "count": return exact(value);
    case "ratio": return `${(value * 100).toFixed(1)} %`;
    case "address": return address_text(value);
    default: return String(value);
  }
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Steps of an axis: 1, 2 or 5 times a power of BASE, about COUNT of them in LENGTH. */
function nice_step(length, count, powers_of_two) {
  const raw = length / Math.max(count, 1);
  if (!(raw > 0)) return 1;
  if (powers_of_two) return 2 ** Math.ceil(Math.log2(raw));
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw);
}
