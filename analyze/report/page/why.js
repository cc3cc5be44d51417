/* SPDX-License-Identifier: Apache-2.0
 *
 * why.js - a failed request: the bank as it was, the window where it would have cost least, and who sits in it.
 */

/** The picture that 'why' gives of a bank: free, partly used, used, and the window in brackets. */
function why_picture(picture) {
  const kinds = { ".": "free", ":": "partly", "#": "used", "-": "free", "=": "partly", X: "used" };
  let inside = false;
  const cells = [];
  for (const letter of picture) {
    if (letter === "[" || letter === "]") {
      inside = letter === "[";
      continue;
    }
    const window = inside || "-=X".includes(letter);
    cells.push(el("span", { class: `cell ${kinds[letter] || "free"} ${window ? "window" : ""}` }));
  }
  return el("div", { class: "why-bank", role: "img", "aria-label": "the bank, lowest address to the left; framed: the window of the request" }, cells);
}

/** The window, block by block, at their places. */
function why_window(why, blocks) {
  if (!why.window_bytes || !blocks.length) return null;
  const host = el("div", { class: "why-window" });
  const low = Math.min(why.window_address, ...blocks.map((block) => block.address));
  const high = Math.max(why.window_address + why.window_bytes, ...blocks.map((block) => block.address + block.block_bank_bytes));
  const share = (bytes) => `${((bytes / (high - low)) * 100).toFixed(3)}%`;
  host.append(styled(el("span", { class: "frame" }), { left: share(why.window_address - low), width: share(why.window_bytes) }));
  for (const block of blocks)
    host.append(styled(el("span", { class: "occupant", title: `${block.label || "no label"}: ${both_text(block.block_bank_bytes)} at ${address_text(block.address)}` }, block.label || ""),
      { left: share(block.address - low), width: share(block.block_bank_bytes) }));
  return el("figure", {}, host, el("figcaption", { class: "note" }, `${address_text(low)} – ${address_text(high)}: the request needs the frame (${both_text(why.needed_bytes)} in each bank); to be freed: ${both_text(why.eviction_bytes)} in ${exact(why.eviction_blocks)} blocks`));
}

async function why_card(failure) {
  const [found, inside] = await Promise.all([panel(`why-${failure}`), panel(`why-blocks-${failure}`)]);
  if (!found) return null;
  if (found.error) return card(`Failure ${failure}`, el("p", { class: "note" }, found.error), command_line(found));
  const why = found.table.row(0), blocks = inside && inside.table ? inside.table.rows() : [];
  const names = ["address", "block_bank_bytes", "size_bytes", "label", "stack", "step", "age_ns", "pid"].filter((name) => blocks.some((block) => block[name] !== null));
  const units = inside && inside.table ? Object.fromEntries(inside.table.names.map((name) => [name, inside.table.unit(name)])) : {};
  return Object.assign(card(`Failure ${failure}: ${why.verdict}`,
    el("p", { class: "sentence" }, why.sentence),
    why.picture ? why_picture(why.picture) : null,
    why_window(why, blocks),
    el("dl", {}, [["asked for", "request_bank_bytes"], ["free", "free_bytes"], ["largest free piece", "largest_free_bytes"], ["missing", "missing_bytes"]].filter(([, name]) => why[name] !== null)
      .map(([title, name]) => [el("dt", {}, title), el("dd", {}, `${both_text(why[name])} in each bank`)]),
    why.label ? [el("dt", {}, "by label"), el("dd", {}, why.label)] : null,
    why.asked_by ? [el("dt", {}, "by"), el("dd", {}, why.asked_by)] : null),
    blocks.length ? [el("h4", {}, "In the window"), data_table(names, units, blocks)] : null,
    why.said ? el("p", { class: "note" }, `said: ${why.said}`) : null,
    el("button", { type: "button", onclick: () => show_moment(why.device, why.region, why.at_ns) }, "show the moment"),
    command_line(found), inside ? command_line(inside) : null), { id: `failure-${failure}` });
}

async function why_cards() {
  const ids = panel_ids.filter((id) => /^why-[0-9]+$/.test(id)).map((id) => Number(id.slice(4))).sort((a, b) => b - a);
  return Promise.all(ids.map(why_card));
}
