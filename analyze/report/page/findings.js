/* SPDX-License-Identifier: Apache-2.0
 *
 * findings.js - what is wrong, first: each finding is a row of an answer, in a sentence, with the way to its picture.
 */
function finding(kind, title, text, show) {
  const marks = { bad: "✕", warn: "▲", good: "✓" };
  return el("li", { class: `finding ${kind}` }, el("span", { class: "mark", "aria-hidden": "true" }, marks[kind]),
    el("div", {}, el("b", {}, title), " ", el("span", {}, text)), show ? el("button", { type: "button", onclick: show }, "show") : null);
}

const scroll_to = (id) => $(id) && $(id).scrollIntoView({ behavior: "smooth", block: "start" });

async function failure_findings() {
  const failures = facts.failures, found = [], said = new Set();
  for (let number = failures.length; number >= 1 && found.length < 2; number--) {
    const why = (await rows_of(`why-${number}`))[0];
    if (why && !said.has(why.sentence)) found.push(finding("bad", why.verdict === "clash" ? "Clash:" : `Out of memory, ${why.verdict}:`, why.sentence, () => scroll_to(`failure-${number}`)));
    if (why) said.add(why.sentence);
  }
  if (failures.length > found.length) found.push(finding("bad", `${exact(failures.length)} requests failed`, "in all", () => scroll_to("failures")));
  return found;
}

/** What the program itself never freed. What grows comes first: weights that stay are larger, and no fault. */
const leaked_bytes = (row) => row.bytes - row.runtime_bytes - row.live_bytes;

async function leak_findings() {
  const rows = (await rows_of("leaks-by")).filter((row) => leaked_bytes(row) > 0).sort((a, b) => leaked_bytes(b) - leaked_bytes(a));
  const found = rows.slice(0, 2).map((row) => finding("warn", "Never freed:",
    `${both_text(leaked_bytes(row))} in ${counted(row.blocks - row.runtime_blocks - row.live_blocks, "block")} of ${row.group === null ? "no label" : row.group}, ${row.region} of device ${row.device}`, () => {
      change({ device: row.device, view: row.region, low: null, high: null });
      scroll_to("leaks");
    }));
  if (rows.length > 2) found.push(finding("warn", counted(rows.length - 2, "more group"), "of blocks that were never freed", () => scroll_to("leaks")));
  return [...(await growth_findings()), ...found];
}

/** What 'steps --by' says grows; where that is not part of the page, leaks that every step left. */
async function growth_findings() {
  const met = new Set(), grows = await rows_of("grows");
  const rows = grows.filter((row) => !met.has(`${row.region} ${row.group}`) && met.add(`${row.region} ${row.group}`)); // chips that are alike: once
  const where = (row) => `${row.group === null ? "no label" : row.group}, ${row.region} of device ${row.device}`;
  if (panel_ids.includes("grows"))
    return rows.slice(0, 2).map((row) => finding("warn", "Grows from step to step:", `${both_text(row.step_bytes)} in each of ${where(row)}${row.steps_until_full === null ? "" : `; the bank is full after ${exact(row.steps_until_full)} more steps`}`, () => {
      change({ device: row.device, view: row.region, low: null, high: null });
      scroll_to("grows");
    }));
  const steps = (await rows_of("leaks-by-step")).filter((row) => leaked_bytes(row) > 0 && row.group !== null);
  const first = steps[0], same = steps.filter((row) => first && row.device === first.device && row.region === first.region);
  return same.length < 3 ? [] : [finding("warn", "Every step leaves blocks behind:", `${exact(same.length)} steps did, in ${first.region} of device ${first.device}, ${both_text(leaked_bytes(first))} in step ${first.group}`, () => scroll_to("leaks"))];
}

async function l1_findings() {
  return (await rows_of("l1")).filter((row) => row.headroom_bytes !== null && row.bank_bytes && row.headroom_bytes < row.bank_bytes * 0.05).slice(0, 1).map((row) =>
    finding(row.headroom_bytes < 0 ? "bad" : "warn", row.headroom_bytes < 0 ? "Clash in L1:" : "L1 is tight:", `${row.headroom_bytes < 0 ? `program memory reaches ${both_text(-row.headroom_bytes)} into` : `${both_text(row.headroom_bytes)} between program memory and`} the lowest block of device ${row.device}${row.floor_label ? `, ${row.floor_label}` : ""}, at ${ns_text(row.headroom_ns)}`, () => show_moment(row.device, "L1", row.headroom_ns)));
}

/** What a comparison found: what the newer run needs more. */
async function change_findings() {
  const more = (row) => row.delta_bytes > 0 && row.device === state.device;
  const rows = (await rows_of("diff-peak")).filter(more), leaks = (await rows_of("diff-leaks")).filter(more);
  const sentence = (row) => `${both_text(row.delta_bytes)} more of ${row.group === null ? "no label" : row.group} in ${row.region} of device ${row.device}: ${bytes_text(row.old_bytes)} → ${bytes_text(row.new_bytes)}`;
  const show = (row) => () => {
    change({ device: row.device, view: row.region, at: null, low: null, high: null });
    scroll_to("pictures");
  };
  const peaks = (await rows_of("old-peak")).map((old) => ({ old, row: facts.peaks.find((row) => row.device === old.device && row.region === old.region) })).filter(({ row }) => row && row.device === state.device);
  const totals = peaks.filter(({ old, row }) => row.peak_bytes !== old.peak_bytes).map(({ old, row }) => finding(row.peak_bytes > old.peak_bytes ? "warn" : "good", `Peak of ${row.region}:`,
    `${bytes_text(old.peak_bytes)} → ${bytes_text(row.peak_bytes)} (${row.peak_bytes > old.peak_bytes ? "+" : "−"}${both_text(Math.abs(row.peak_bytes - old.peak_bytes))})`, () => show_moment(row.device, row.region, row.peak_ns)));
  return [...totals, ...rows.slice(0, 3).map((row) => finding("warn", "At the peak:", sentence(row), show(row))), ...leaks.slice(0, 1).map((row) => finding("warn", "Newly never freed:", sentence(row), () => scroll_to("leaks")))];
}

function trust_finding() {
  return facts.complete ? null : finding("bad", "Incomplete:", "figures may be off by what is missing", () => scroll_to("trust"));
}

async function draw_findings(host) {
  const found = [trust_finding(), ...(about.old_file ? await change_findings() : []), ...(await failure_findings()), ...(await leak_findings()), ...(await l1_findings())].filter(Boolean);
  replaceChildren(host, found.length ? found : [finding("good", "Nothing wrong was found:", "no request failed, and the program freed all that it allocated")]);
}
