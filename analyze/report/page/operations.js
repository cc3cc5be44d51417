/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.js - what each thread ran when, on the axis of the time line. Operations that are too short to be seen are
 * one piece, as the verb sums them up, in the colour of the name that took most of its time.
 */
const lane_height = 16, most_lanes = 8;

/** Names, those that took longest in all first. */
function names_by_time(pieces) {
  const took = new Map();
  for (const piece of pieces) took.set(piece.name, (took.get(piece.name) || 0) + piece.total_ns);
  return [...took.entries()].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

/** A colour for each of NAMES, as long as there are some: that of the time line where it is coloured by them, too. */
function colours_of_names(names) {
  const buckets = state.by === "opname" ? moments.buckets : null;
  const shared = (name) => (buckets && buckets.of_key.has(`=${name}`) ? buckets.of_key.get(`=${name}`).colour : null);
  const free = palette.filter((colour) => !buckets || !buckets.groups.some((known) => known.colour === colour));
  return new Map(names.map((name) => [name, shared(name) || free.shift() || others_colour()]));
}

/** BinaryNgDeviceOperation, as there is room for it: without what all have. */
const short_name = (name) => String(name).replace(/^.*::/, "").replace(/DeviceOperation$/, "");

class OperationLines extends Chart {
  constructor(host) {
    super(host, 0, "operations of each thread over time; arrows move the moment, + and - zoom, 0 shows all");
    this.lanes = [];
    this.left_out = 0;
  }

  take(table) {
    const pieces = table ? table.rows() : [], lanes = new Map();
    for (const piece of pieces) {
      const key = `${piece.pid} ${piece.thread}`;
      if (!lanes.has(key)) lanes.set(key, { name: piece.thread || `pid ${piece.pid}`, pieces: [], total_ns: 0 });
      lanes.get(key).pieces.push(piece);
      lanes.get(key).total_ns += piece.total_ns;
    }
    this.names = names_by_time(pieces);
    this.lanes = [...lanes.values()].sort((a, b) => b.total_ns - a.total_ns);
    this.left_out = Math.max(this.lanes.length - most_lanes, 0);
    this.lanes.length = Math.min(this.lanes.length, most_lanes);
    this.height = margin.top + margin.bottom + this.lanes.length * lane_height;
    this.host.hidden = !this.lanes.length;
  }

  colour(name) {
    return this.colours.get(name) || others_colour();
  }

  draw() {
    if (!this.lanes.length) return;
    this.begin();
    this.colours = colours_of_names(this.names);
    const { plot, context } = this;
    this.draw_time_axis();
    this.draw_steps(facts.steps);
    this.lanes.forEach((lane, index) => {
      context.fillStyle = css("--faint");
      context.textAlign = "right";
      context.fillText(lane.name, plot.x - 6, plot.y + (index + 0.5) * lane_height, margin.left - 10);
    });
    this.clip(() => this.lanes.forEach((lane, index) => this.draw_lane(lane, plot.y + index * lane_height)));
    if (this.left_out) {
      context.fillStyle = css("--faint");
      context.textAlign = "right";
      context.fillText(`${exact(this.left_out)} more threads`, plot.x + plot.w, plot.y + plot.h + 12);
    }
    this.draw_cursor(moments.at(), []);
  }

  end_of(piece) {
    return piece.end_ns === null ? run_ns : piece.end_ns;
  }

  draw_lane(lane, top) {
    const { context, plot } = this;
    for (const piece of lane.pieces) {
      const left = this.x_of(piece.begin_ns), right = Math.max(this.x_of(this.end_of(piece)), left + 1);
      if (right < plot.x || left > plot.x + plot.w) continue;
      const colour = this.colour(piece.name);
      // a piece of several is as high as the part of its time that they took
      const share = piece.operations > 1 ? clamp(piece.total_ns / Math.max(this.end_of(piece) - piece.begin_ns, 1), 0.3, 1) : 1;
      const height = (lane_height - 3) * share;
      context.fillStyle = colour;
      context.fillRect(left, top + lane_height - 1 - height, Math.max(right - left - (right - left > 3 ? 1 : 0), 0.7), height);
      const text = piece.operations > 1 ? `${short_name(piece.name)}, ${exact(piece.operations)}` : short_name(piece.name);
      const from = Math.max(left, plot.x) + 4, room = Math.min(right, plot.x + plot.w) - from - 3;
      if (room < 30 || share < 1 || context.measureText(text).width > room) continue;
      context.fillStyle = wants_black(colour) ? "#000" : "#fff";
      context.textAlign = "left";
      context.fillText(text, from, top + lane_height / 2);
    }
  }

  /** The piece at a point, or one within two pixels of it. */
  at(point) {
    const lane = this.lanes[Math.floor((point.y - this.plot.y) / lane_height)];
    if (!lane || point.x < this.plot.x - 2 || point.x > this.plot.x + this.plot.w + 2) return null;
    const reach = 2 * (this.ns_of(1) - this.ns_of(0)), ns = this.ns_of(point.x);
    return lane.pieces.find((piece) => piece.begin_ns <= ns && this.end_of(piece) >= ns) ||
      lane.pieces.find((piece) => piece.begin_ns <= ns + reach && this.end_of(piece) >= ns - reach) || null;
  }

  hover(point) {
    const piece = this.plot && this.at(point);
    if (!piece) return this.show_tip(0, 0, null);
    const several = piece.operations > 1;
    this.show_tip(point.x, point.y, [
      el("b", {}, styled(el("span", { class: "swatch" }), { background: this.colour(piece.name) }), several ? `${exact(piece.operations)} operations` : `${piece.name} #${piece.number}`),
      el("div", {}, several ? `most of the time: ${piece.name}` : `ops ${piece.number} tells more`),
      el("div", {}, `${ns_text(piece.begin_ns)} – ${piece.end_ns === null ? "not ended" : ns_text(piece.end_ns)}${several ? `, ${ns_text(piece.total_ns)} of it` : `, ${ns_text(piece.total_ns)}`}`),
      several ? el("div", {}, about.live ? "zoom in to tell them apart" : "'ttalloc-analyze serve' tells them apart") : null,
    ]);
  }

  clicked(point) {
    change({ at: moments.snap(this.ns_of(point.x)), block: null });
  }
}
