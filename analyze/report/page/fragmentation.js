/* SPDX-License-Identifier: Apache-2.0
 *
 * fragmentation.js - a bank over time: what was used, what was free in its largest piece, and what was free in all the
 * others, which no larger block can have.
 */
class FragmentationLine extends Chart {
  constructor(host, rows) {
    super(host, 150, "each bank over time: used, free in pieces, free in one piece; arrows move the moment");
    this.rows = rows;
  }

  /** Of the device and region that is shown. */
  samples() {
    const region = state.view === "CB" ? "L1" : state.view;
    return this.rows.filter((row) => row.device === state.device && row.region === region);
  }

  draw() {
    this.begin();
    const { plot, context } = this, samples = this.samples();
    const most = samples.reduce((most, row) => Math.max(most, row.used_bytes + row.free_bytes), 0) * 1.04;
    this.draw_time_axis();
    if (!most) {
      context.fillStyle = css("--faint");
      context.textAlign = "center";
      context.fillText("the size of this bank is not known", plot.x + plot.w / 2, plot.y + plot.h / 2);
      return;
    }
    const y_of = (bytes) => plot.y + plot.h - (bytes / most) * plot.h;
    this.draw_value_axis(0, most, nice_step(most, 3, true), y_of, bytes_text);
    this.clip(() => samples.forEach((row, index) => this.draw_sample(row, samples[index + 1], y_of)));
    this.draw_cursor(moments.at(), facts.failures.filter(is_here));
  }

  draw_sample(row, next, y_of) {
    const { context } = this, left = this.x_of(row.at_ns), right = this.x_of(next ? next.at_ns : run_ns);
    let below = 0;
    for (const [bytes, colour] of fragmentation_parts(row)) {
      context.fillStyle = colour;
      context.fillRect(left, y_of(below + bytes), Math.max(right - left, 1), y_of(below) - y_of(below + bytes));
      below += bytes;
    }
  }

  hover(point) {
    const ns = this.ns_of(point.x), row = this.samples().filter((row) => row.at_ns <= ns).pop();
    this.show_tip(point.x, point.y, row ? [el("b", {}, ns_text(row.at_ns)), el("div", {}, `used ${both_text(row.used_bytes)}`), el("div", {}, `free ${both_text(row.free_bytes)}`),
      el("div", {}, `largest piece ${both_text(row.largest_free_bytes)}`), el("div", {}, `${exact(row.free_blocks)} pieces`)] : null);
  }

  clicked(point) {
    change({ at: moments.snap(this.ns_of(point.x)), block: null });
  }
}

/** From below: how much, in which colour. */
const fragmentation_parts = (row) => [[row.used_bytes, palette[0]], [row.free_bytes - row.largest_free_bytes, palette[5]], [row.largest_free_bytes, css("--grid")]];

let fragmentation_line = null;

function draw_fragmentation() {
  if (fragmentation_line && fragmentation_line.host.isConnected) fragmentation_line.draw();
}

async function fragmentation_card() {
  const found = await panel("fragmentation"), rows = found && found.table ? found.table.rows() : [];
  const table = await table_panel("fragmentation", "Fragmentation over time", { click: (row) => show_moment(row.device, row.region, row.at_ns) });
  if (!rows.length) return table;
  const host = el("div", { class: "chart" }), key = (colour, text) => el("span", {}, styled(el("span", { class: "swatch" }), { background: colour }), text, " ");
  fragmentation_line = new FragmentationLine(host, rows);
  const [title, ...rest] = table.children;
  const one = el("section", { class: "card" }, title, host, el("p", { class: "note" }, key(palette[0], "used"), key(palette[5], "free in smaller pieces"), key("var(--grid)", "free in one piece")),
    el("details", {}, el("summary", {}, "figures"), ...rest.filter((part) => !part.classList.contains("command"))), ...rest.filter((part) => part.classList.contains("command")));
  requestAnimationFrame(draw_fragmentation);
  return one;
}
