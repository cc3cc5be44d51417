/* SPDX-License-Identifier: Apache-2.0
 *
 * timeline.js - what was live over time, stacked by what blocks have in common. Every bucket is drawn as it was at its
 * fullest moment.
 */

/** The buckets of one device and region by one word, and the groups they tell apart, the largest first. */
class Buckets {
  constructor(table) {
    const column = (name) => table.column(name);
    const [from, to, at, group, groups, bytes] = ["from_ns", "to_ns", "at_ns", "group", "groups", "bytes"].map(column);
    const most = new Map();
    this.list = [];
    for (let i = 0; i < table.count; i++) {
      let bucket = this.list[this.list.length - 1];
      if (!bucket || bucket.from !== from[i]) this.list.push((bucket = { from: from[i], to: to[i], at: at[i], total: 0, parts: [] }));
      const key = groups[i] > 1 ? "others" : `=${group[i]}`;
      bucket.parts.push({ key, group: group[i], groups: groups[i], bytes: bytes[i] });
      bucket.total += bytes[i];
      const known = most.get(key) || { key, group: group[i], groups: groups[i], bytes: 0 };
      known.bytes = Math.max(known.bytes, bytes[i]);
      most.set(key, known);
    }
    this.groups = [...most.values()].filter((known) => known.key !== "others").sort((a, b) => b.bytes - a.bytes);
    this.others = most.get("others") || null;
    this.groups.forEach((known, index) => (known.colour = index < palette.length ? palette[index] : null));
    this.of_key = new Map(this.groups.map((known) => [known.key, known]));
    this.order = new Map(this.groups.map((known, index) => [known.key, index]));
    for (const bucket of this.list) bucket.parts.sort((a, b) => (this.order.get(a.key) ?? 1e9) - (this.order.get(b.key) ?? 1e9));
    this.most = this.list.reduce((most, bucket) => Math.max(most, bucket.total), 0);
  }

  colour(group) {
    const known = this.of_key.get(`=${group}`) || (this.beside && this.beside.get(`=${group}`));
    return (known && known.colour) || others_colour();
  }

  /** Gives what is drawn beside these, blocks of another region, the colours that are left. */
  colour_beside(other) {
    const free = palette.slice(this.groups.length);
    this.beside = new Map(other.groups.filter((known) => !this.of_key.has(known.key)).map((known, index) => [known.key, { ...known, colour: free[index] || null }]));
  }

  peak() {
    return this.list.find((bucket) => bucket.total === this.most) || null;
  }

  /** The index of the bucket of a time, or of the one before it. */
  index_of(ns) {
    let low = 0, high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].from <= ns) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The bucket of a time; null: nothing was live in it. */
  of(ns) {
    const bucket = this.list[this.index_of(ns)];
    return bucket && (ns < bucket.to || (ns === bucket.to && bucket.to >= run_ns)) ? bucket : null;
  }
}

const group_name = (part) => (part.groups > 1 ? `${exact(part.groups)} others` : part.group === null ? "(none)" : part.group);

/** The moments that can be chosen: the fullest one of each bucket. */
const moments = {
  buckets: null,

  current() {
    if (!this.buckets || !this.buckets.list.length) return null;
    return state.at === null ? this.buckets.peak() : this.buckets.of(state.at);
  },

  at() {
    const bucket = this.current();
    return bucket && !(about.live && state.at !== null) ? bucket.at : state.at;
  },

  /** What a click chooses: of a page that can ask, that very moment. */
  snap(ns) {
    if (about.live) return Math.round(ns);
    const bucket = this.buckets && this.buckets.of(ns);
    return bucket ? bucket.at : Math.round(ns);
  },

  move(by) {
    if (!this.buckets || !this.buckets.list.length) return null;
    const bucket = this.current(), at = bucket ? this.buckets.list.indexOf(bucket) : this.buckets.index_of(state.at);
    return this.buckets.list[clamp(at + by, 0, this.buckets.list.length - 1)].at;
  },

  before() {
    const bucket = this.current();
    return bucket ? this.buckets.list[this.buckets.list.indexOf(bucket) - 1] || null : null;
  },
};

class TimeLine extends Chart {
  constructor(host, height = 210) {
    super(host, height, "time line of what was live; arrows move the moment, + and - zoom, 0 shows all");
    this.highlight = null;
  }

  buckets() {
    return moments.buckets;
  }

  shown() {
    const { start, end } = this.span(), buckets = this.buckets();
    return buckets ? buckets.list.filter((bucket) => bucket.to >= start && bucket.from <= end) : [];
  }

  /** The most that is shown; OTHER: of a time line beside it, which has the same scale. */
  most(other) {
    const own = this.shown().reduce((most, bucket) => Math.max(most, bucket.total), 1);
    return other ? Math.max(own, other.most()) : own;
  }

  draw(other) {
    this.begin();
    const buckets = this.buckets(), { plot, context } = this, shown = this.shown();
    if (!buckets || !buckets.list.length) {
      context.fillStyle = css("--faint");
      context.textAlign = "center";
      context.fillText("nothing was live here", plot.x + plot.w / 2, plot.y + plot.h / 2);
      this.draw_time_axis();
      return;
    }
    const most = this.most(other) * 1.06;
    this.y_of = (bytes) => plot.y + plot.h - (bytes / most) * plot.h;
    this.draw_value_axis(0, most, nice_step(most, 4, true), this.y_of, bytes_text);
    this.draw_time_axis();
    this.draw_steps(this.steps());
    this.clip(() => shown.forEach((bucket) => this.draw_bucket(bucket, buckets)));
    this.draw_peak(buckets);
    this.draw_marks();
  }

  steps() {
    return facts.steps;
  }

  draw_marks() {
    this.draw_cursor(moments.at(), facts.failures.filter(is_here));
  }

  /** To whole pixels of the screen: between edges that share one, the background would shine through. */
  snap(x) {
    const scale = window.devicePixelRatio || 1;
    return Math.round(x * scale) / scale;
  }

  draw_bucket(bucket, buckets) {
    const { context } = this;
    const left = this.snap(this.x_of(bucket.from)), right = Math.max(this.snap(this.x_of(bucket.to)), left + 1);
    let sum = 0;
    for (const part of bucket.parts) {
      const top = this.y_of(sum + part.bytes), bottom = this.y_of(sum);
      context.globalAlpha = this.highlight && this.highlight !== part.key ? 0.25 : 1;
      context.fillStyle = part.groups > 1 ? others_colour() : this.colour(part.group);
      context.fillRect(left, top, right - left, Math.max(bottom - top, 0.5));
      sum += part.bytes;
    }
    context.globalAlpha = 1;
  }

  draw_peak(buckets) {
    const peak = buckets.peak(), { context, plot } = this;
    const x = this.x_of(peak.at);
    if (x < plot.x || x > plot.x + plot.w) return;
    const y = this.y_of(peak.total);
    context.fillStyle = css("--ink");
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x - 4, y - 7);
    context.lineTo(x + 4, y - 7);
    context.fill();
    const label = `peak ${bytes_text(peak.total)}`, width = context.measureText(label).width;
    context.textAlign = x + width + 12 > plot.x + plot.w ? "right" : "left";
    context.fillText(label, x + (context.textAlign === "right" ? -8 : 8), Math.max(y - 5, plot.y + 6));
  }

  colour(group) {
    return moments.buckets ? moments.buckets.colour(group) : others_colour();
  }

  hover(point) {
    const buckets = this.buckets(), bucket = buckets && buckets.of(this.ns_of(point.x));
    if (!bucket || !this.y_of) return this.show_tip(0, 0, null);
    let sum = 0;
    const part = bucket.parts.find((part) => point.y <= this.y_of(sum) && point.y >= this.y_of((sum += part.bytes)));
    this.show_tip(point.x, point.y, [
      el("b", {}, both_text(bucket.total)), el("div", {}, `at ${ns_text(bucket.at)}`),
      part ? el("div", {}, swatch(part, moments.buckets || buckets), `${group_name(part)}: ${both_text(part.bytes)}`) : null,
    ]);
  }

  clicked(point) {
    change({ at: moments.snap(this.ns_of(point.x)), block: null });
  }
}

/** The older run of a comparison, all of it, in the colours and at the scale of the newer one. */
class OldTimeLine extends TimeLine {
  constructor(host) {
    super(host, 130);
    this.old = null;
  }

  buckets() {
    return this.old;
  }

  span() {
    return { start: about.old_start ?? 0, end: about.old_end ?? facts.old_run_ns };
  }

  steps() {
    return facts.old_steps;
  }

  draw_marks() {}

  clicked() {}

  brushed() {}

  key() {}
}

function swatch(part, buckets) {
  return styled(el("span", { class: "swatch" }), { background: part.groups > 1 ? others_colour() : buckets.colour(part.group) });
}

/** The groups with their colours; pointing at one, or focusing it, dims the others. */
function draw_legend(host, chart) {
  const { buckets } = moments;
  const point = (key) => () => {
    chart.highlight = key;
    change({});
  };
  const beside = buckets && buckets.beside ? [...buckets.beside.values()].filter((known) => known.colour) : [];
  const entries = buckets ? [...buckets.groups, ...(buckets.others ? [buckets.others] : []), ...beside] : [];
  replaceChildren(host, entries.map((part) => el("button", {
    class: "entry", type: "button", title: `at most ${both_text(part.bytes)}`,
    onpointerenter: point(part.key), onpointerleave: point(null), onfocus: point(part.key), onblur: point(null),
  }, swatch(part, buckets), group_name(part))));
}
