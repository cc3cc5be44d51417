/* SPDX-License-Identifier: Apache-2.0
 *
 * cores.js - what programs had in the L1 of each core, as a picture of the grid: at the chosen moment where the page can
 * ask, else when the fullest core was at its fullest.
 */
async function draw_cores(host) {
  const then = about.live && state.at !== null && state.at <= run_ns;
  const found = ["L1", "CB"].includes(state.view) ? await panel(`cores-${state.device}`, then ? `start=${state.at}&end=${state.at}` : "") : null;
  const cores = found && found.table ? found.table.rows().map(core_of).filter(Boolean) : [];
  if (!cores.length) return replaceChildren(host);
  const bank = geometry_of(state.device, "CB"), fullest = cores.reduce((most, core) => (core.bytes > most.bytes ? core : most));
  return replaceChildren(host, el("h3", {}, "Program memory of each core"),
    el("p", { class: "note" }, `${then ? "then" : "when the fullest core was at its fullest"}: ${exact(cores.length)} cores, the fullest is ${fullest.name} with ${both_text(fullest.bytes)}${bank ? `, ${((fullest.bytes / bank.bank_bytes) * 100).toFixed(1)} % of its L1` : ""}`),
    core_grid(cores, fullest, bank ? bank.bank_bytes : fullest.bytes), command_line(found));
}

/** A core by its column and row; null: cores that are not known. */
function core_of(row) {
  const place = /^([0-9]+)-([0-9]+)$/.exec(row.group || "");
  return place ? { name: row.group, x: Number(place[1]), y: Number(place[2]), bytes: row.bytes } : null;
}

const most_core_columns = 64;

function core_grid(cores, fullest, full_bytes) {
  const columns = Math.max(...cores.map((core) => core.x)) + 1;
  const grid = el("div", { class: "cores", role: "img", "aria-label": `${cores.length} cores, each as dark as its programs filled it; the fullest is ${fullest.name}` });
  if (columns > most_core_columns) return null;
  styled(grid, { gridTemplateColumns: `repeat(${columns}, minmax(0, 1.4rem))` });
  for (const core of cores) {
    const cell = el("span", { class: core === fullest ? "fullest" : null, title: `core ${core.name}: ${both_text(core.bytes)}` });
    const share = clamp(core.bytes / full_bytes, 0, 1);
    grid.append(styled(cell, { gridColumn: core.x + 1, gridRow: core.y + 1, background: `color-mix(in srgb, ${palette[0]} ${(15 + 85 * share).toFixed(0)}%, var(--plot))` }));
  }
  return grid;
}
