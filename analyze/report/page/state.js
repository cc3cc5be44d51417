/* SPDX-License-Identifier: Apache-2.0
 *
 * state.js - what the page shows: device, region, colours, the part of the run, the moment. It stands in the address, so
 * that a link leads to the same picture.
 */
const state = {
  device: 0,
  view: "DRAM",
  by: "class",
  start: 0, end: 1, // of the run, in ns
  low: null, high: null, // addresses; null: the part of the bank that is used
  whole: false, // or all of it
  at: null, // the moment; null: the peak
  block: null, // allocation_id
};
let run_ns = 1;
const drawn_window = { start: 0, end: 1 }; // what is drawn: the part of the run that has events
const listeners = [];
let scheduled = false;

/** Calls LISTENER in the next frame after a change. */
function on_change(listener) {
  listeners.push(listener);
}

function write_link() {
  const link = new URLSearchParams();
  for (const name of ["device", "view", "by", "low", "high", "at", "block"])
    if (state[name] !== null) link.set(name, state[name]);
  if (is_zoomed()) {
    link.set("start", state.start);
    link.set("end", state.end);
  }
  history.replaceState(null, "", `#${link}`);
}

function change(values) {
  Object.assign(state, values);
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    for (const listener of listeners) listener();
    write_link();
  });
}

function is_zoomed() {
  return state.start > drawn_window.start || state.end < drawn_window.end || state.low !== null;
}

const show_all = () => change({ ...drawn_window, low: null, high: null });

function read_link() {
  const link = new URLSearchParams(location.hash.slice(1));
  const number = (name, fallback) => (link.has(name) && Number.isFinite(Number(link.get(name))) ? Number(link.get(name)) : fallback);
  return {
    device: number("device", null), view: link.get("view"), by: link.get("by"),
    start: number("start", drawn_window.start), end: number("end", drawn_window.end), low: number("low", null), high: number("high", null),
    at: number("at", null), block: number("block", null),
  };
}

function zoom_to(start, end) {
  const least = Math.max(run_ns / 1e7, 10);
  const length = clamp(end - start, least, run_ns);
  const first = clamp((start + end - length) / 2, 0, run_ns - length);
  change({ start: first, end: first + length });
}

function zoom_by(factor, around) {
  zoom_to(around - (around - state.start) * factor, around + (state.end - around) * factor);
}

function pan_by(share) {
  const shift = (state.end - state.start) * share;
  const first = clamp(state.start + shift, 0, run_ns - (state.end - state.start));
  change({ start: first, end: first + state.end - state.start });
}
