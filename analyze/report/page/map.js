/* SPDX-License-Identifier: Apache-2.0
 *
 * map.js - the address map: address upwards, time to the right, a rectangle for each block. In L1, circular buffers grow
 * from below towards the lowest block.
 */
const never_freed = (block) => block.owner === "program" && block.ended !== "freed" && block.ended !== "replaced" && block.ended !== "gone";

/** The blocks of a device's view, with the extent of its bank. */
class Blocks {
  constructor(panels, geometry, densities = []) {
    this.list = panels.flatMap((found) => (found && found.table ? found.table.rows() : []));
    this.notes = panels.flatMap((found) => (found && found.table ? found.table.answer.notes.filter((note) => note.includes("left out")) : []));
    /* how full all blocks made each band of the bank: shown behind those that are drawn, where others are not */
    this.density = this.notes.length ? densities.flatMap((found) => (found && found.table ? found.table.rows() : [])) : [];
    for (const block of this.list) {
      block.end = block.end_ns === null ? run_ns : block.end_ns;
      block.leaked = never_freed(block);
    }
    this.list.sort((a, b) => a.leaked - b.leaked || (b.end - b.alloc_ns) * b.bank_bytes - (a.end - a.alloc_ns) * a.bank_bytes);
    const lowest = this.list.reduce((low, block) => Math.min(low, block.address), Infinity);
    const highest = this.list.reduce((high, block) => Math.max(high, block.address + block.bank_bytes), 0);
    this.base = geometry ? geometry.base_address : Number.isFinite(lowest) ? lowest : 0;
    this.low = Math.min(this.base, Number.isFinite(lowest) ? lowest : this.base);
    this.high = Math.max(geometry ? geometry.base_address + geometry.bank_bytes : 0, highest, this.low + 1);
    const used = highest - lowest, small = used > 0 && used < (this.high - this.low) * 0.4;
    /* what is drawn at first: of a bank that is hardly used the part that is */
    this.fit_low = small ? Math.max(lowest - used * 0.04, this.low) : this.low;
    this.fit_high = small ? Math.min(highest + used * 0.04, this.high) : this.high;
    this.top = geometry ? geometry.base_address + geometry.bank_bytes : null;
  }

  live_at(ns) {
    return this.list.filter((block) => block.alloc_ns <= ns && ns < block.end);
  }
}

class AddressMap extends Chart {
  constructor(host) {
    super(host, 430, "address map: each block as a rectangle over address and time; arrows move the moment, + and - zoom, brackets choose a block");
    this.brushes_height = true;
    this.blocks = null;
  }

  range() {
    const { low, high, fit_low, fit_high } = this.blocks;
    return { low: state.low ?? (state.whole ? low : fit_low), high: state.high ?? (state.whole ? high : fit_high) };
  }

  draw() {
    this.begin();
    if (!this.blocks) return;
    const { plot } = this, { low, high } = this.range();
    this.y_of = (address) => plot.y + plot.h - ((address - low) / (high - low)) * plot.h;
    this.address_of = (y) => low + ((plot.y + plot.h - y) / plot.h) * (high - low);
    this.draw_value_axis(low, high, nice_step(high - low, 7, true), this.y_of, address_text);
    this.draw_time_axis();
    this.draw_steps(facts.steps);
    this.clip(() => {
      this.draw_density();
      this.draw_blocks();
      this.draw_requests();
    });
    this.draw_edges();
    this.draw_cursor(moments.at(), facts.failures.filter(is_here));
  }

  /** The lowest and the highest address that can be allocated. */
  draw_edges() {
    const { context, plot, blocks } = this;
    for (const address of [blocks.base, blocks.top]) {
      if (address === null) continue;
      const y = this.y_of(address);
      if (y < plot.y - 1 || y > plot.y + plot.h + 1) continue;
      context.fillStyle = css("--edge");
      context.fillRect(plot.x, Math.round(y) - 1, plot.w, 2);
    }
  }

  /** Where failed requests would have cost least: dashed, at the moment they failed. */
  draw_requests() {
    const { context } = this;
    context.setLineDash([5, 3]);
    context.lineWidth = 2;
    for (const why of facts.whys.filter((why) => is_here(why) && why.window_bytes)) {
      const x = this.x_of(why.at_ns), y = this.y_of(why.window_address + why.window_bytes);
      context.strokeStyle = css("--bad");
      context.strokeRect(x, y, Math.max(this.plot.w * 0.025, 18), Math.max(this.y_of(why.window_address) - y, 3));
    }
    context.setLineDash([]);
  }

  /** Where a block is drawn; what was never freed is never too thin to be seen. */
  box_of(block) {
    const x = this.x_of(block.alloc_ns), y = this.y_of(block.address + block.bank_bytes);
    const least = block.leaked ? 3 : 0.8, h = Math.max(this.y_of(block.address) - y, least);
    return { x, y: h === least ? y - least / 2 : y, w: Math.max(this.x_of(block.end) - x, least), h };
  }

  /** As dark as blocks filled a part of the bank. */
  draw_density() {
    const { context } = this, scale = window.devicePixelRatio || 1;
    const snap = (value) => Math.round(value * scale) / scale; // between cells that share an edge, the background would shine through
    context.fillStyle = css("--density");
    for (const part of this.blocks.density) {
      const left = snap(this.x_of(part.from_ns)), top = snap(this.y_of(part.address + part.bank_bytes));
      context.globalAlpha = 0.12 + 0.73 * part.share;
      context.fillRect(left, top, snap(this.x_of(part.to_ns)) - left, snap(this.y_of(part.address)) - top);
    }
    context.globalAlpha = 1;
  }

  density_at(address, ns) {
    const part = this.blocks.density.find((part) => part.address <= address && address < part.address + part.bank_bytes && part.from_ns <= ns && ns < part.to_ns);
    return part ? part.share : null;
  }

  draw_blocks() {
    const { plot } = this;
    this.visible = [];
    for (const block of this.blocks.list) {
      const box = this.box_of(block);
      if (box.x > plot.x + plot.w || box.x + box.w < plot.x || box.y > plot.y + plot.h || box.y + box.h < plot.y) continue;
      this.visible.push({ block, box });
      this.draw_block(block, box);
    }
    const chosen = this.visible.find(({ block }) => block.allocation_id === state.block);
    if (!chosen) return;
    this.context.strokeStyle = css("--ink");
    this.context.lineWidth = 2;
    this.context.strokeRect(chosen.box.x - 1, chosen.box.y - 1, chosen.box.w + 2, chosen.box.h + 2);
  }

  draw_block(block, box) {
    const { context } = this;
    const group = group_of(block, state.by);
    const colour = moments.buckets ? moments.buckets.colour(group) : others_colour();
    context.globalAlpha = time_line.highlight && time_line.highlight !== `=${group}` ? 0.2 : 1;
    context.fillStyle = colour;
    context.fillRect(box.x, box.y, box.w, box.h);
    if (block.leaked) {
      context.fillStyle = box.h > 4 ? hatch(context, css("--bad")) : css("--bad");
      context.fillRect(box.x, box.y, box.w, box.h);
    }
    if (box.w > 3 && box.h > 3) {
      context.strokeStyle = block.leaked ? css("--bad") : css("--plot");
      context.lineWidth = block.region === "CB" ? 1.5 : 0.6;
      context.strokeRect(box.x + 0.5, box.y + 0.5, box.w - 1, box.h - 1);
    }
    if (box.w > 50 && box.h > 12) this.draw_name(block, box, colour);
    context.globalAlpha = 1;
  }

  draw_name(block, box, colour) {
    const { context, plot } = this;
    const left = Math.max(box.x, plot.x) + 4, right = Math.min(box.x + box.w, plot.x + plot.w) - 4;
    const name = block.label || !block.opname ? block_name(block) : short_name(block.opname);
    const room = Math.floor((right - left) / 6);
    if (room < 4) return;
    context.fillStyle = wants_black(colour) ? "#000" : "#fff";
    context.textAlign = "left";
    const y = (Math.max(box.y, plot.y) + Math.min(box.y + box.h, plot.y + plot.h)) / 2;
    context.fillText(name.length > room ? `…${name.slice(1 - room)}` : name, left, y);
  }

  /** The smallest block at a point. */
  find(point) {
    const near = (this.visible || []).filter(({ box }) => point.x >= box.x - 1 && point.x <= box.x + box.w + 1 && point.y >= box.y - 1 && point.y <= box.y + box.h + 1);
    near.sort((a, b) => a.box.w * a.box.h - b.box.w * b.box.h);
    return near.length ? near[0].block : null;
  }

  hover(point) {
    const block = this.address_of && this.find(point);
    if (block) return this.show_tip(point.x, point.y, block_lines(block));
    return this.show_tip(point.x, point.y, this.address_of ? this.place_lines(Math.round(this.address_of(point.y)), Math.round(this.ns_of(point.x))) : null);
  }

  place_lines(address, ns) {
    const share = this.density_at(address, ns);
    return [el("div", {}, `${address_text(address)}, ${ns_text(ns)}`),
      share === null ? null : el("div", {}, `about here blocks took ${(share * 100).toFixed(0)} % of the bank, over addresses and time`)];
  }

  clicked(point) {
    const block = this.find(point);
    change({ at: moments.snap(this.ns_of(point.x)), block: block ? block.allocation_id : null });
  }

  brushed(box) {
    if (!box.flat) change({ low: Math.round(this.address_of(box.y1)), high: Math.round(this.address_of(box.y0)) });
    super.brushed(box);
  }

  key(event) {
    const step = { "[": -1, "]": 1 }[event.key];
    if (!step) return super.key(event);
    const live = this.blocks.live_at(moments.at()).sort((a, b) => a.address - b.address);
    const next = clamp(live.findIndex((block) => block.allocation_id === state.block) + step, 0, live.length - 1);
    if (live[next]) change({ block: live[next].allocation_id });
    return undefined;
  }
}

const block_name = (block) => block.label || block.opname || block.site || block.class;

/** What is known of a block, in lines. */
function block_lines(block) {
  return [
    el("b", {}, block_name(block)),
    el("div", {}, `${both_text(block.bank_bytes)} in each bank, payload ${both_text(block.size_bytes)}`),
    el("div", {}, `${block.region} ${address_text(block.address)} – ${address_text(block.address + block.bank_bytes)}`),
    el("div", {}, `from ${ns_text(block.alloc_ns)} ${block.end_ns === null ? "on: live" : `to ${ns_text(block.end_ns)} (${ns_text(block.end_ns - block.alloc_ns)}): ${block.ended}`}`),
    el("div", {}, [block.class, block.allocator, `pid ${block.pid}`, block.step === null ? null : `step ${block.step}`, block.site, block.owner === "program" ? null : block.owner].filter(Boolean).join(" · ")),
    block.opname || block.tensor ? el("div", {}, [block.opname, block.tensor].filter(Boolean).join(" · ")) : null,
    block.leaked ? el("div", { class: "bad" }, "never freed by its program") : null,
  ];
}
