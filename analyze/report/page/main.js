/* SPDX-License-Identifier: Apache-2.0
 *
 * main.js - the page put together.
 */
const facts = { steps: [], failures: [], whys: [], geometry: [], complete: true, peaks: [] };
let time_line, old_line, address_map, operation_lines;
const drawn = { key: "", serial: 0, news: 0 };

/** Whether a failure, or another row, is of the device and region shown. */
const is_here = (row) => row.device === state.device && (row.region === state.view || (state.view === "CB" && row.region === "L1") || (state.view === "L1" && row.region === "CB"));

/** What is drawn: devices, and the regions of each. */
function pictures() {
  const found = new Map();
  for (const id of panel_ids) {
    const parts = id.match(/^timeline-([0-9]+)-([A-Z0-9_]+)-([a-z]+)$/);
    if (!parts) continue;
    const device = Number(parts[1]);
    if (!found.has(device)) found.set(device, { regions: new Set(), words: new Set() });
    found.get(device).regions.add(parts[2]);
    found.get(device).words.add(parts[3]);
  }
  return found;
}

async function load_facts() {
  const [peak, info] = await Promise.all([panel("peak"), panel("info")]);
  facts.steps = (await rows_of("steps")).sort((a, b) => a.at_ns - b.at_ns);
  facts.failures = await rows_of("failures");
  facts.geometry = await rows_of("geometry");
  facts.whys = (await Promise.all(panel_ids.filter((id) => /^why-[0-9]+$/.test(id)).map(rows_of))).flat();
  facts.peaks = peak && peak.table ? peak.table.rows() : [];
  facts.info = info && info.table && info.table.count ? info.table.row(0) : {};
  facts.complete = Boolean(info && info.table && info.table.answer.complete);
  facts.notes = info && info.table ? info.table.answer.notes : [];
  facts.old_steps = (await rows_of("old-steps")).sort((a, b) => a.at_ns - b.at_ns);
  facts.old_run_ns = ((await rows_of("old-info"))[0] || {}).duration_ns || 1;
  run_ns = Math.max(facts.info.duration_ns || 1, 1);
  Object.assign(drawn_window, { start: about.start ?? 0, end: about.end ?? run_ns });
}

function draw_header() {
  const { info } = facts;
  document.title = `${files_text(about.file)} – ttalloc`;
  replaceChildren($("title"), about.old_file ? `${about.old_file} → ${about.file}` : files_text(about.file));
  const facts_of = [info.command, ns_text(run_ns), counted(info.events || 0, "event"), counted(info.devices || 0, "device"),
    info.processes === 1 ? "1 process" : `${exact(info.processes || 0)} processes`, info.started].filter(Boolean);
  replaceChildren($("facts"), facts_of.map((fact) => el("span", {}, fact)));
  replaceChildren($("trusted"), el("a", { href: "#trust", class: facts.complete ? "good" : "bad", onclick: (event) => { event.preventDefault(); scroll_to("trust"); } },
    about.recording ? "● recording" : facts.complete ? "✓ complete" : "✕ INCOMPLETE"));
}

/** Devices whose peaks are those of DEVICE, within two digits: alike, and drawn once. */
function draw_tiles() {
  const rows = facts.peaks.filter((row) => row.device === state.device);
  replaceChildren($("tiles"), rows.map((row) => {
    const same = facts.peaks.filter((other) => other.region === row.region).map((other) => other.peak_bytes);
    const low = Math.min(...same), high = Math.max(...same);
    const bank = geometry_of(row.device, row.region);
    const share = bank && bank.bank_bytes ? row.peak_bank_bytes / bank.bank_bytes : null;
    return el("button", { type: "button", class: "tile", "aria-pressed": row.region === state.view, onclick: () => change({ view: row.region, low: null, high: null, at: null, block: null }) },
      el("span", { class: "name" }, row.region), el("b", {}, bytes_text(row.peak_bytes)), el("small", {}, `${exact(row.peak_bytes)} B at ${ns_text(row.peak_ns)}`),
      share === null ? null : el("span", { class: "meter", title: `at most ${both_text(row.peak_bank_bytes)} of ${both_text(bank.bank_bytes)} in each bank` }, styled(el("span", { class: share > 0.9 ? "full" : "" }), { width: `${clamp(share * 100, 0, 100)}%` })),
      share === null ? null : el("small", {}, `${(share * 100).toFixed(1)} % of each bank`),
      same.length > 1 && low !== high ? el("small", {}, `${exact(same.length)} devices: ${bytes_text(low)} – ${bytes_text(high)}`) : same.length > 1 ? el("small", {}, `${exact(same.length)} devices, all the same`) : null);
  }));
}

function geometry_of(device, region) {
  const wanted = region === "CB" ? "L1" : region;
  return facts.geometry.filter((row) => row.device === device && row.region === wanted && row.bank_bytes > 0).pop() || null;
}

function choices(host, label, entries, current, chosen) {
  replaceChildren(host, el("label", {}, label, " ", el("select", { onchange: (event) => chosen(event.target.value) },
    entries.map(([value, text]) => el("option", { value, selected: String(value) === String(current) }, text)))));
}

function alike_text(device) {
  const peak = (number) => facts.peaks.filter((row) => row.device === number).map((row) => `${row.region}:${row.peak_bytes.toExponential(1)}`).join();
  const all = [...new Set(facts.peaks.map((row) => row.device))];
  const alike = all.filter((other) => peak(other) === peak(device));
  return alike.length > 1 ? `device ${device} (${alike.length} alike)` : `device ${device}`;
}

function draw_controls() {
  const found = pictures(), devices = [...found.keys()].sort((a, b) => a - b);
  choices($("device"), "show", devices.map((device) => [device, alike_text(device)]), state.device, (value) => change({ device: Number(value), at: null, block: null, low: null, high: null }));
  const words = found.has(state.device) ? [...found.get(state.device).words] : [];
  choices($("by"), "coloured by", words.map((word) => [word, { pattern: "label, numbers as one", range: "outermost label" }[word] || word]), state.by, (value) => change({ by: value }));
  const zoomed = is_zoomed();
  const { blocks } = address_map, fits = blocks && (blocks.fit_low > blocks.low || blocks.fit_high < blocks.high);
  replaceChildren($("bank"), fits ? el("button", { type: "button", "aria-pressed": state.whole, onclick: () => change({ whole: !state.whole, low: null, high: null }) }, `whole bank (${bytes_text(blocks.high - blocks.low)})`) : null);
  replaceChildren($("zoom"), el("span", {}, `${ns_text(Math.round(state.start))} – ${ns_text(Math.round(state.end))}`),
    el("button", { type: "button", title: "zoom in (+)", onclick: () => zoom_by(1 / 1.6, (state.start + state.end) / 2) }, "+"),
    el("button", { type: "button", title: "zoom out (-)", onclick: () => zoom_by(1.6, (state.start + state.end) / 2) }, "−"),
    el("button", { type: "button", title: "show all (0)", disabled: !zoomed, onclick: show_all }, "all"));
}

/** Loads what the state shows, when that has changed. */
async function load_pictures() {
  const part = of_part(is_zoomed() ? state : null);
  const key = `${state.device} ${state.view} ${state.by} ${part} ${drawn.news}`;
  if (drawn.key === key) return;
  drawn.key = key;
  if (part) await new Promise((resolve) => setTimeout(resolve, 150)); // until the zoom rests
  if (drawn.key !== key) return;
  const serial = ++drawn.serial;
  const in_l1 = state.view === "L1" || state.view === "CB";
  const regions = in_l1 ? ["L1", "CB"] : [state.view];
  const of_regions = (kind) => Promise.all(regions.map((region) => panel(`${kind}-${state.device}-${region}`, part)));
  const [line, maps, densities] = await Promise.all([panel(`timeline-${state.device}-${state.view}-${state.by}`, part), of_regions("map"), of_regions("density")]);
  if (serial !== drawn.serial) return;
  drawn.line = line;
  drawn.operations = await panel("operations", part);
  if (serial !== drawn.serial) return;
  operation_lines.take(drawn.operations && drawn.operations.table);
  drawn.maps = maps.filter(Boolean);
  moments.buckets = line && line.table ? new Buckets(line.table) : null;
  const beside = in_l1 ? await panel(`timeline-${state.device}-${state.view === "L1" ? "CB" : "L1"}-${state.by}`, part) : null;
  if (serial !== drawn.serial) return;
  if (moments.buckets && beside && beside.table) moments.buckets.colour_beside(new Buckets(beside.table));
  if (old_line) {
    const old = await panel(`old-timeline-${state.device}-${state.view}-${state.by}`);
    if (serial !== drawn.serial) return;
    old_line.old = old && old.table ? new Buckets(old.table) : null;
    if (moments.buckets && old_line.old) moments.buckets.colour_beside(old_line.old);
  }
  address_map.blocks = new Blocks(maps, geometry_of(state.device, state.view), densities);
  const dense = address_map.blocks.density.length > 0;
  $("density-key").hidden = !dense;
  $("no-map").hidden = maps.some(Boolean);
  replaceChildren($("picture-commands"), [line, drawn.operations, ...drawn.maps, ...(dense ? densities : [])].filter(Boolean).map((found) => [found.error ? el("p", { class: "note" }, found.error) : null, command_line(found)]),
    address_map.blocks.notes.map((note) => el("p", { class: "note" }, note)));
  change({});
}

function draw() {
  load_pictures();
  draw_controls();
  draw_tiles();
  if (!address_map.blocks) return;
  if (old_line) old_line.draw(time_line);
  time_line.draw(old_line);
  operation_lines.draw();
  address_map.draw();
  draw_fragmentation();
  draw_legend($("legend"), time_line);
  draw_moment($("moment"), address_map.blocks, drawn.line);
}

function show_moment(device, region, at) {
  const found = pictures();
  const values = { view: region, low: null, high: null, block: null };
  change({ ...values, device: found.has(device) ? device : state.device, at: Math.max(at, 0) });
  scroll_to("pictures");
}

async function draw_cards() {
  const cards = [
    await table_panel("diff-peak", "What changed at the peaks", { quiet: true, click: (row) => show_moment(row.device, row.region, 0) }),
    await table_panel("diff-leaks", "What changed of what was never freed", { quiet: true }),
    await table_panel("diff-allocated", "What changed of all that was allocated", { quiet: true }),
    ...(await why_cards()),
    facts.failures.length ? await table_panel("failures", "Failed requests", { click: (row) => show_moment(row.device, row.region, row.at_ns) }) : null,
    await table_panel("leaks-by", "Never freed, by what it was for", { keep: (row) => leaked_bytes(row) > 0, empty: "The program freed all that it allocated.", hide: ["runtime_blocks", "runtime_bytes", "live_blocks", "live_bytes"] }),
    await table_panel("leaks", "Never freed, block by block", { keep: (row) => row.owner === "program", quiet: true, hide: ["owner", "aliased"], click: (row) => show_moment(row.device, row.region, row.alloc_ns) }),
    await table_panel("leaks-by-step", "Never freed, by step", { keep: (row) => leaked_bytes(row) > 0, quiet: true, hide: ["runtime_blocks", "runtime_bytes", "live_blocks", "live_bytes"] }),
    await table_panel("grows", "What grows from step to step", { quiet: true }),
    await table_panel("ops", "Operations, in their order", { quiet: true, click: (row) => show_moment(state.device, state.view, row.begin_ns) }),
    await flame_card(),
    await table_panel("peak", "Peaks", { click: (row) => show_moment(row.device, row.region, row.peak_ns) }),
    await table_panel("peak-by", "What was live at the peaks"),
    await table_panel("l1", "L1: blocks and program memory", { quiet: true, click: (row) => show_moment(row.device, "L1", row.headroom_ns) }),
    await table_panel("temporary", "Temporary blocks", { quiet: true }),
    await fragmentation_card(),
    await table_panel("processes", "Processes"),
  ];
  const ids = { "Never freed, by what it was for": "leaks", "Failed requests": "failures", "What grows from step to step": "grows" };
  for (const one of cards.filter(Boolean)) if (ids[one.firstChild.textContent]) one.id = ids[one.firstChild.textContent];
  replaceChildren($("cards"), cards);
}

async function draw_trust() {
  const found = await panel("info");
  const rows = Object.entries(facts.info).filter(([, value]) => value !== null && value !== "");
  replaceChildren($("trust"), el("h3", {}, "Can this be trusted?"),
    el("p", { class: facts.complete ? "good" : "bad" }, facts.complete ? "✓ complete: nothing that was reported is missing" : "✕ INCOMPLETE: figures may be off by what is missing"),
    facts.notes.map((note) => el("p", { class: "note" }, note)),
    about.left_out ? el("p", { class: "note" }, about.left_out) : null,
    el("dl", {}, rows.map(([name, value]) => [el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, cell_text(value, found.table.unit(name)).split("\n").map((line) => el("div", {}, line)))])),
    found ? command_line(found) : null);
}

function choose_first() {
  const found = pictures(), link = read_link();
  const devices = [...found.keys()].sort((a, b) => a - b);
  const failed = facts.failures.length ? facts.failures[facts.failures.length - 1] : null;
  state.device = found.has(link.device) ? link.device : failed && found.has(failed.device) ? failed.device : devices[0] ?? 0;
  const regions = found.has(state.device) ? [...found.get(state.device).regions] : ["DRAM"];
  const words = found.has(state.device) ? [...found.get(state.device).words] : ["class"];
  state.view = regions.includes(link.view) ? link.view : failed && regions.includes(failed.region) ? failed.region : regions[0];
  state.by = words.includes(link.by) ? link.by : words[0];
  state.start = clamp(link.start, 0, run_ns);
  state.end = link.end > state.start ? Math.min(link.end, run_ns) : drawn_window.end;
  Object.assign(state, { low: link.low, high: link.high, at: link.at ?? (failed && is_here(failed) ? failed.at_ns : null), block: link.block });
}

/** Follows a recording in progress. */
async function follow() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    if (document.hidden) continue;
    answers.clear();
    const at_end = state.end >= drawn_window.end;
    const news = await panel("info");
    if (!news.table) { // what is drawn stays
      replaceChildren($("trusted"), el("span", { class: "bad", title: news.error }, "○ not followed any more"));
      continue;
    }
    await load_facts();
    drawn_window.end = run_ns;
    drawn.news++;
    draw_header();
    if (at_end) change({ end: run_ns });
    else change({});
    if (facts.info.ended === "in progress, or killed") continue;
    location.reload(); // what the page asks may be more, now that all is known
    return;
  }
}

function choose_theme() {
  const button = $("theme");
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = is_dark() ? "light" : "dark";
    hatches.clear();
    change({});
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => change({}));
}

async function start() {
  await load_facts();
  choose_first();
  time_line = new TimeLine($("time-line"));
  operation_lines = new OperationLines($("operation-lines"));
  if (about.old_file) {
    $("old-line").hidden = false;
    $("old-line").append(el("p", { class: "note" }, `before: ${about.old_file}`));
    old_line = new OldTimeLine($("old-line"));
  }
  address_map = new AddressMap($("address-map"));
  on_change(draw);
  choose_theme();
  draw_header();
  new ResizeObserver(() => change({})).observe($("pictures"));
  addEventListener("beforeprint", draw);
  await draw_findings($("findings"));
  await load_pictures();
  draw();
  await draw_cards();
  await draw_trust();
  document.documentElement.dataset.ready = "yes";
  if (about.recording) follow();
}

start();
