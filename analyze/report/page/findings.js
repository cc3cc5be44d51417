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
  const failures = facts.failures, found = [];
  for (let number = failures.length; number >= 1 && found.length < 2; number--) {
    const why = (await rows_of(`why-${number}`))[0];
    if (why) found.push(finding("bad", `${why.verdict === "clash" ? "Clash" : "Out of memory"}, ${why.verdict}:`, why.sentence, () => scroll_to(`failure-${number}`)));
  }
  if (failures.length > found.length) found.push(finding("bad", `${exact(failures.length)} requests failed`, "in all", () => scroll_to("failures")));
  return found;
}

/** What the program itself never freed. */
const leaked_bytes = (row) => row.bytes - row.runtime_bytes - row.live_bytes;

async function leak_findings() {
  const rows = (await rows_of("leaks-by")).filter((row) => leaked_bytes(row) > 0).sort((a, b) => leaked_bytes(b) - leaked_bytes(a));
  const steps = (await rows_of("leaks-by-step")).filter((row) => leaked_bytes(row) > 0 && row.group !== null);
  const found = rows.slice(0, 2).map((row) => finding("warn", "Never freed:",
    `${both_text(leaked_bytes(row))} in ${exact(row.blocks - row.runtime_blocks - row.live_blocks)} blocks of ${row.group === null ? "no label" : row.group}, ${row.region} of device ${row.device}`, () => {
      change({ device: row.device, view: row.region, low: null, high: null });
      scroll_to("leaks");
    }));
  if (rows.length > 2) found.push(finding("warn", `${exact(rows.length - 2)} more groups`, "of blocks that were never freed", () => scroll_to("leaks")));
  const of_region = Map.groupBy ? [...Map.groupBy(steps, (row) => `${row.device} ${row.region}`).values()] : [];
  const growing = of_region.filter((list) => list.length >= 3).sort((a, b) => leaked_bytes(b[0]) - leaked_bytes(a[0]))[0];
  if (growing) found.push(finding("warn", "Grows with every step:", `of ${exact(growing.length)} steps, each left blocks behind in ${growing[0].region} of device ${growing[0].device}, ${both_text(leaked_bytes(growing[0]))} in step ${growing[0].group}`, () => scroll_to("leaks")));
  return found;
}

async function l1_findings() {
  return (await rows_of("l1")).filter((row) => row.headroom_bytes !== null && row.bank_bytes && row.headroom_bytes < row.bank_bytes * 0.05).slice(0, 1).map((row) =>
    finding(row.headroom_bytes < 0 ? "bad" : "warn", row.headroom_bytes < 0 ? "Clash in L1:" : "L1 is tight:", `${row.headroom_bytes < 0 ? `circular buffers reach ${both_text(-row.headroom_bytes)} into` : `${both_text(row.headroom_bytes)} between circular buffers and`} the lowest block of device ${row.device}${row.floor_label ? `, ${row.floor_label}` : ""}, at ${ns_text(row.headroom_ns)}`, () => show_moment(row.device, "L1", row.headroom_ns)));
}

function trust_finding() {
  return facts.complete ? null : finding("bad", "Incomplete:", "figures may be off by what is missing", () => scroll_to("trust"));
}

async function draw_findings(host) {
  const found = [trust_finding(), ...(await failure_findings()), ...(await leak_findings()), ...(await l1_findings())].filter(Boolean);
  replaceChildren(host, found.length ? found : [finding("good", "Nothing wrong was found:", "no request failed, and the program freed all that it allocated")]);
}
