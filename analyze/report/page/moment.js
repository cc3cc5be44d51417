/* SPDX-License-Identifier: Apache-2.0
 *
 * moment.js - what was live at the chosen moment: by group, in the bank, block by block, and what changed.
 */
function change_text(bytes) {
  if (bytes === 0) return "";
  return `${bytes > 0 ? "+" : "−"}${bytes_text(Math.abs(bytes))}`;
}

function moment_groups(bucket, before, buckets) {
  const earlier = new Map((before ? before.parts : []).map((part) => [part.key, part.bytes]));
  const keys = new Set(bucket.parts.map((part) => part.key));
  const gone = (before ? before.parts : []).filter((part) => !keys.has(part.key)).map((part) => ({ ...part, bytes: 0 }));
  return [...bucket.parts, ...gone].sort((a, b) => (a.groups > 1) - (b.groups > 1) || b.bytes - a.bytes).map((part) => {
    const difference = before ? part.bytes - (earlier.get(part.key) || 0) : 0;
    return el("tr", {},
      el("td", { class: "text" }, swatch(part, buckets), group_name(part)),
      el("td", { class: "number" }, bytes_text(part.bytes), el("small", {}, exact(part.bytes))),
      el("td", { class: `number ${difference > 0 ? "up" : "down"}` }, change_text(difference)));
  });
}

/** The bank at that moment, from its lowest address to its highest. */
function bank_picture(blocks, at) {
  const canvas = el("canvas", { class: "bank", role: "img", "aria-label": "the bank at that moment, lowest address to the left" });
  const draw = () => {
    const width = canvas.clientWidth || 320, scale = window.devicePixelRatio || 1, context = canvas.getContext("2d");
    canvas.width = width * scale;
    canvas.height = 26 * scale;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = css("--plot");
    context.fillRect(0, 0, width, 26);
    const low = state.whole ? blocks.low : blocks.fit_low, high = state.whole ? blocks.high : blocks.fit_high;
    const x_of = (address) => ((address - low) / (high - low)) * width;
    for (const block of blocks.live_at(at)) {
      const x = x_of(block.address), w = Math.max(x_of(block.address + block.bank_bytes) - x, 0.7);
      context.fillStyle = moments.buckets.colour(group_of(block, state.by));
      context.fillRect(x, block.region === "CB" ? 13 : 0, w, block.region === "CB" ? 13 : 26);
      if (block.leaked) {
        context.fillStyle = hatch(context, css("--bad"));
        context.fillRect(x, 0, w, 26);
      }
    }
  };
  requestAnimationFrame(draw);
  return canvas;
}

function moment_blocks(blocks, at) {
  const live = blocks.live_at(at).sort((a, b) => b.bank_bytes - a.bank_bytes);
  const rows = live.map((block) => ({ ...block, name: block_name(block), age_ns: at - block.alloc_ns }));
  const units = { name: "text", address: "address", bank_bytes: "bytes", size_bytes: "bytes", age_ns: "ns" };
  return data_table(["name", "address", "bank_bytes", "size_bytes", "age_ns"], units, rows, (row) => change({ block: row.allocation_id }));
}

function chosen_block(blocks) {
  const block = blocks.list.find((block) => block.allocation_id === state.block);
  return block ? el("div", { class: "chosen" }, block_lines(block)) : null;
}

/** A moment as a bucket has it: of a page that can ask, as 'top --at' says. */
async function exact_moment(at) {
  const found = await panel(`moment-${state.device}-${state.view}-${state.by}`, `at=${at}`);
  if (!found || !found.table) return null;
  const rows = found.table.rows().filter((row) => row.bytes > 0).sort((a, b) => b.bytes - a.bytes);
  return { at, command: found.command, total: rows.reduce((sum, row) => sum + row.bytes, 0), parts: rows.map((row) => ({ key: `=${row.group}`, group: row.group, groups: 1, bytes: row.bytes })) };
}

async function exact_blocks(at) {
  const regions = state.view === "L1" || state.view === "CB" ? ["L1", "CB"] : [state.view];
  const found = await Promise.all(regions.map((region) => panel(`map-${state.device}-${region}`, `start=${at}&end=${at}`)));
  return new Blocks(found, geometry_of(state.device, state.view));
}

let moment_serial = 0;

async function draw_moment(host, blocks, found) {
  const serial = ++moment_serial, bucket = moments.current();
  const asks = about.live && state.at !== null && state.at <= run_ns;
  if (!asks) return show_bucket(host, bucket, moments.before(), blocks, found);
  const [moment, at_moment] = await Promise.all([exact_moment(state.at), exact_blocks(state.at)]);
  if (serial !== moment_serial || !moment) return undefined;
  const chosen = blocks.list.find((block) => block.allocation_id === state.block);
  if (chosen && !at_moment.list.some((block) => block.allocation_id === state.block)) at_moment.list.push(chosen);
  return show_bucket(host, moment.parts.length ? moment : null, bucket, at_moment, found);
}

/** Of very many steps, several are told as one. */
function steps_text(step) {
  return !step ? "" : step.through > step.number ? ` in one of steps ${step.number} to ${step.through}` : ` in step ${step.number}`;
}

function show_bucket(host, bucket, before, blocks, found) {
  const { buckets } = moments;
  if (!bucket) {
    replaceChildren(host, el("h2", {}, "Moment"), el("p", { class: "note" }, state.at === null ? "Nothing was live." : `Nothing was live at ${ns_text(state.at)}.`));
    return;
  }
  const step = facts.steps.filter((step) => step.at_ns <= bucket.at).pop(), cores = el("div", {});
  draw_cores(cores);
  replaceChildren(host,
    el("h2", {}, `${state.view} at ${ns_text(bucket.at)}`),
    el("p", { class: "total" }, el("b", {}, bytes_text(bucket.total)), ` ${exact(bucket.total)} B live`, steps_text(step)),
    el("p", { class: "note" }, bucket.command ? "exactly then" : `the fullest moment from ${ns_text(bucket.from)} to ${ns_text(bucket.to)}${before ? "; changes are since the moment before" : ""}`),
    chosen_block(blocks),
    bank_picture(blocks, bucket.at),
    cores,
    el("div", { class: "scroll" }, el("table", {}, el("tbody", {}, moment_groups(bucket, bucket.command ? null : before, buckets)))),
    el("h3", {}, "Blocks, by footprint in each bank"), moment_blocks(blocks, bucket.at),
    blocks.notes.map((note) => el("p", { class: "note" }, note)),
    command_line({ command: bucket.command || moment_command(found, bucket.at) }));
}

/** What asks for that very moment. */
function moment_command(found, at) {
  return `ttalloc-analyze top --at ${at} --by ${state.by} --device ${state.device} --region ${state.view}${found.command.match(/ --region [A-Z0-9_]+( .*)$/)?.[1] || ""}`;
}
