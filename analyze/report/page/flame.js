/* SPDX-License-Identifier: Apache-2.0
 *
 * flame.js - folded stacks as an icicle: a click zooms, what is searched for stands out.
 */
const flame_row = 18;

/** The tree of 'outermost;...;innermost' rows. */
function flame_tree(rows) {
  const root = { name: "all", bytes: 0, children: new Map(), depth: 0 };
  for (const row of rows) {
    root.bytes += row.bytes;
    let at = root;
    for (const name of row.stack.split(";")) {
      if (!at.children.has(name)) at.children.set(name, { name, bytes: 0, children: new Map(), depth: at.depth + 1, parent: at });
      at = at.children.get(name);
      at.bytes += row.bytes;
    }
  }
  return root;
}

function deepest(node) {
  let most = node.depth;
  for (const child of node.children.values()) most = Math.max(most, deepest(child));
  return most;
}

class Flame {
  constructor(rows) {
    this.root = this.zoomed = this.focus = flame_tree(rows);
    this.needle = "";
    this.canvas = el("canvas", { tabindex: 0, role: "img", "aria-label": "flame graph; arrows move, enter zooms, escape shows all" });
    this.says = el("div", { class: "note", role: "status" });
    this.search = el("input", { type: "search", placeholder: "search functions or labels", "aria-label": "search", oninput: () => {
      this.needle = this.search.value.toLowerCase();
      this.draw();
    } });
    this.canvas.addEventListener("pointermove", (event) => this.say(this.find(event)));
    this.canvas.addEventListener("click", (event) => this.zoom(this.find(event)));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.element = el("div", { class: "flame" }, this.search, this.canvas, this.says);
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  draw() {
    const width = this.element.clientWidth, scale = window.devicePixelRatio || 1;
    if (!width) return;
    const height = Math.min(deepest(this.zoomed) + 1, 40) * flame_row;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    styled(this.canvas, { width: `${width}px`, height: `${height}px` });
    this.context = this.canvas.getContext("2d");
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.context.font = "11px system-ui, sans-serif";
    this.context.textBaseline = "middle";
    this.boxes = [];
    const path = [];
    for (let node = this.zoomed.parent; node; node = node.parent) path.unshift(node);
    for (const node of path) this.draw_node(node, 0, width);
    this.draw_tree(this.zoomed, 0, width);
  }

  draw_tree(node, x, width) {
    this.draw_node(node, x, width);
    const children = [...node.children.values()].sort((a, b) => b.bytes - a.bytes);
    for (const child of children) {
      const share = (child.bytes / node.bytes) * width;
      if (share >= 0.7) this.draw_tree(child, x, share);
      x += share;
    }
  }

  colour(node) {
    if (node === this.root) return others_colour();
    let hash = 0;
    for (const letter of node.name.replace(/[0-9]+/g, "*")) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
    return palette[hash % palette.length];
  }

  draw_node(node, x, width) {
    const { context } = this, y = node.depth * flame_row;
    const found = this.needle && node.name.toLowerCase().includes(this.needle);
    const colour = this.colour(node);
    context.globalAlpha = this.needle && !found ? 0.25 : 1;
    context.fillStyle = colour;
    context.fillRect(x, y, Math.max(width - 1, 0.7), flame_row - 1);
    context.fillStyle = wants_black(colour) ? "#000" : "#fff";
    const room = Math.floor((width - 8) / 6);
    if (room > 2) context.fillText(node.name.length > room ? `${node.name.slice(0, room - 1)}…` : node.name, x + 4, y + flame_row / 2);
    context.globalAlpha = 1;
    if (node === this.focus) {
      context.strokeStyle = css("--ink");
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, Math.max(width - 3, 1), flame_row - 3);
    }
    this.boxes.push({ node, x, width, y });
  }

  find(event) {
    const box = this.canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const found = (this.boxes || []).find((one) => x >= one.x && x <= one.x + one.width && y >= one.y && y < one.y + flame_row);
    return found ? found.node : null;
  }

  say(node) {
    this.says.textContent = node ? `${node.name}: ${both_text(node.bytes)}, ${((node.bytes / this.root.bytes) * 100).toFixed(1)} % of all` : "";
  }

  zoom(node) {
    if (!node) return;
    this.zoomed = this.focus = node;
    this.draw();
    this.say(node);
  }

  key(event) {
    const siblings = this.focus.parent ? [...this.focus.parent.children.values()].sort((a, b) => b.bytes - a.bytes) : [this.focus];
    const at = siblings.indexOf(this.focus);
    const first = [...this.focus.children.values()].sort((a, b) => b.bytes - a.bytes)[0];
    const next = { ArrowDown: first, ArrowUp: this.focus.parent, ArrowLeft: siblings[at - 1], ArrowRight: siblings[at + 1] }[event.key];
    if (event.key === "Enter") this.zoom(this.focus);
    else if (event.key === "Escape") this.zoom(this.root);
    else if (next) this.focus = next;
    else return;
    event.preventDefault();
    this.draw();
    this.say(this.focus);
  }
}

/** The flame graphs that the page has, one of which is shown. */
async function flame_card() {
  const kinds = [["flame-peak", "live at the peak"], ["flame-leaks", "never freed"], ["flame-allocated", "allocated in all"]];
  const found = (await Promise.all(kinds.map(async ([id, title]) => ({ title, panel: await panel(id) })))).filter((one) => one.panel && one.panel.table && one.panel.table.count);
  if (!found.length) return null;
  const host = el("div");
  const show = (one) => {
    const flame = new Flame(one.panel.table.rows());
    replaceChildren(host, flame.element, notes_of(one.panel), command_line(one.panel));
    for (const button of buttons) button.setAttribute("aria-pressed", button.one === one);
  };
  const buttons = found.map((one) => Object.assign(el("button", { type: "button", onclick: () => show(one) }, one.title), { one }));
  show(found[0]);
  return card("Flame graph", el("div", { class: "choices" }, buttons), host);
}
