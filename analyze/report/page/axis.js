/* SPDX-License-Identifier: Apache-2.0
 *
 * axis.js - what the time line and the address map share: a canvas that is as sharp as the screen, the axis of time with
 * its steps, the cursor, and what pointer and keys do.
 */
const margin = { left: 76, right: 12, top: 18, bottom: 22 };

class Chart {
  /** Draws into HOST, HEIGHT high. What it is, NAME says to whoever cannot see it. */
  constructor(host, height, name) {
    this.host = host;
    this.height = height;
    this.canvas = el("canvas", { tabindex: 0, role: "img", "aria-label": name });
    this.tip = el("div", { class: "tip", role: "status", hidden: true });
    this.select = el("div", { class: "brush", hidden: true });
    host.append(this.canvas, this.select, this.tip);
    this.context = this.canvas.getContext("2d");
    this.pointer = null;
    this.listen();
  }

  fit() {
    const width = this.host.clientWidth, scale = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(this.height * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(this.height * scale);
      styled(this.canvas, { width: `${width}px`, height: `${this.height}px` });
    }
    this.width = width;
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.plot = { x: margin.left, y: margin.top, w: Math.max(width - margin.left - margin.right, 10), h: this.height - margin.top - margin.bottom };
  }

  /** The part of a run that is drawn. */
  span() {
    return state;
  }

  x_of(ns) {
    const { start, end } = this.span();
    return this.plot.x + ((ns - start) / (end - start)) * this.plot.w;
  }

  ns_of(x) {
    const { start, end } = this.span();
    return start + ((x - this.plot.x) / this.plot.w) * (end - start);
  }

  begin() {
    this.fit();
    const { context, plot } = this;
    context.clearRect(0, 0, this.width, this.height);
    context.fillStyle = css("--plot");
    context.fillRect(plot.x, plot.y, plot.w, plot.h);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
  }

  clip(draw) {
    const { context, plot } = this;
    context.save();
    context.beginPath();
    context.rect(plot.x, plot.y, plot.w, plot.h);
    context.clip();
    draw();
    context.restore();
  }

  draw_time_axis() {
    const { context, plot } = this, { start, end } = this.span();
    const step = nice_step(end - start, plot.w / 110, false);
    context.textAlign = "center";
    for (let ns = Math.ceil(start / step) * step; ns <= end; ns += step) {
      const x = this.x_of(ns);
      context.fillStyle = css("--grid");
      context.fillRect(Math.round(x), plot.y, 1, plot.h);
      context.fillStyle = css("--faint");
      context.fillText(ns_text(Math.round(ns)), clamp(x, plot.x + 24, plot.x + plot.w - 28), plot.y + plot.h + 12);
    }
  }

  /** Lines across at multiples of STEP from LOW to HIGH, with what TEXT says. */
  draw_value_axis(low, high, step, y_of, text) {
    const { context, plot } = this;
    context.textAlign = "right";
    for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
      const y = y_of(value);
      context.fillStyle = css("--grid");
      context.fillRect(plot.x, Math.round(y), plot.w, 1);
      context.fillStyle = css("--faint");
      context.fillText(text(value), plot.x - 6, clamp(y, plot.y + 5, plot.y + plot.h - 5));
    }
  }

  /** Steps of the program, as bands that alternate; where they would be too narrow for their numbers, several are one. */
  draw_steps(steps) {
    const { context, plot } = this, { start, end } = this.span();
    const first = steps.findIndex((step, index) => index + 1 === steps.length || steps[index + 1].at_ns > start);
    const shown = steps.slice(Math.max(first, 0)).filter((step) => step.at_ns <= end);
    if (!shown.length) return;
    const together = nice_step(shown.length, Math.max(plot.w / 90, 1), false);
    const bands = together > 1 ? shown.filter((step, index) => index === 0 || step.number % together === 0) : shown;
    bands.forEach((step, index) => {
      const from = this.x_of(step.at_ns), to = index + 1 < bands.length ? this.x_of(bands[index + 1].at_ns) : plot.x + plot.w;
      const left = Math.max(from, plot.x);
      context.fillStyle = css(Math.floor(step.number / Math.max(together, 1)) % 2 ? "--step-b" : "--step-a");
      context.fillRect(left, 2, Math.min(to, plot.x + plot.w) - left, margin.top - 4);
      context.fillStyle = css("--faint");
      context.textAlign = "left";
      for (const label of [`step ${step.number}`, String(step.number)])
        if (to - left > context.measureText(label).width + 8) {
          context.fillText(label, left + 4, margin.top / 2);
          break;
        }
    });
  }

  draw_cursor(at, failures) {
    const { context, plot } = this;
    for (const failure of failures) {
      const x = this.x_of(failure.at_ns);
      if (x < plot.x || x > plot.x + plot.w) continue;
      context.fillStyle = css("--bad");
      context.fillRect(x - 1, plot.y, 2, plot.h);
      context.font = "bold 13px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText("✕", x, plot.y + 8);
      context.font = "11px system-ui, sans-serif";
    }
    if (at === null || at < state.start || at > state.end) return;
    context.fillStyle = css("--ink");
    context.fillRect(Math.round(this.x_of(at)), plot.y - 4, 1, plot.h + 8);
  }

  show_tip(x, y, children) {
    this.tip.hidden = !children;
    if (!children) return;
    replaceChildren(this.tip, children);
    const width = this.tip.offsetWidth, height = this.tip.offsetHeight;
    const left = x + 14 + width > this.width ? x - width - 14 : x + 14;
    styled(this.tip, { left: `${Math.max(left, 0)}px`, top: `${clamp(y + 14, 0, Math.max(this.height - height, 0))}px` });
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.drag = this.point(event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      this.pointer = this.point(event);
      if (this.drag) this.draw_brush();
      else this.hover(this.pointer);
    });
    canvas.addEventListener("pointerup", (event) => this.end_drag(this.point(event)));
    canvas.addEventListener("pointerleave", () => this.show_tip(0, 0, null));
    canvas.addEventListener("dblclick", show_all);
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey) return; // the page scrolls
      event.preventDefault();
      if (event.shiftKey) pan_by(Math.sign(event.deltaY || event.deltaX) * 0.15);
      else zoom_by(event.deltaY > 0 ? 1.3 : 1 / 1.3, this.ns_of(this.point(event).x));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  brush_box() {
    const { plot, drag, pointer } = this;
    const x0 = clamp(Math.min(drag.x, pointer.x), plot.x, plot.x + plot.w), x1 = clamp(Math.max(drag.x, pointer.x), plot.x, plot.x + plot.w);
    const y0 = clamp(Math.min(drag.y, pointer.y), plot.y, plot.y + plot.h), y1 = clamp(Math.max(drag.y, pointer.y), plot.y, plot.y + plot.h);
    return this.brushes_height && y1 - y0 > 24 ? { x0, x1, y0, y1 } : { x0, x1, y0: plot.y, y1: plot.y + plot.h, flat: true };
  }

  draw_brush() {
    const box = this.brush_box();
    this.select.hidden = box.x1 - box.x0 < 4;
    styled(this.select, { left: `${box.x0}px`, width: `${box.x1 - box.x0}px`, top: `${box.y0}px`, height: `${box.y1 - box.y0}px` });
  }

  end_drag(point) {
    if (!this.drag) return;
    this.pointer = point;
    const box = this.brush_box();
    this.drag = null;
    this.select.hidden = true;
    if (box.x1 - box.x0 >= 4) this.brushed(box);
    else this.clicked(point);
  }

  brushed(box) {
    zoom_to(this.ns_of(box.x0), this.ns_of(box.x1));
  }

  key(event) {
    const middle = state.at !== null && state.at >= state.start && state.at <= state.end ? state.at : (state.start + state.end) / 2;
    const actions = {
      "+": () => zoom_by(1 / 1.5, middle), "=": () => zoom_by(1 / 1.5, middle), "-": () => zoom_by(1.5, middle),
      0: show_all,
      ArrowLeft: () => (event.shiftKey ? pan_by(-0.2) : this.move(-1)),
      ArrowRight: () => (event.shiftKey ? pan_by(0.2) : this.move(1)),
      PageUp: () => pan_by(-0.8), PageDown: () => pan_by(0.8), Home: () => this.move(-Infinity), End: () => this.move(Infinity),
    };
    if (!actions[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  /** Moves the moment by so many buckets. */
  move(by) {
    change({ at: moments.move(by), block: null });
  }
}
