/* SPDX-License-Identifier: Apache-2.0
 *
 * tables.js - an answer as a table that can be sorted, and the command that gives it.
 */
const rows_shown = 12;

/** The command of a panel; a click copies it. */
function command_line(found) {
  const button = el("button", { type: "button", class: "copy", title: "copy the command" }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(found.command);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(button.previousSibling);
      button.textContent = "selected";
    }
  });
  return el("div", { class: "command" }, el("code", {}, found.command), button);
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return typeof a === "number" && typeof b === "number" ? b - a : String(a).localeCompare(String(b));
}

function table_cell(value, unit) {
  const numeric = ["bytes", "ns", "count", "ratio", "address", "id"].includes(unit);
  const text = cell_text(value, unit);
  if (unit === "bytes" && typeof value === "number" && Math.abs(value) >= 1024)
    return el("td", { class: "number" }, text, el("small", {}, exact(value)));
  if (unit === "list" && value) return el("td", {}, String(value).split("\n").map((line) => el("div", {}, line)));
  return el("td", { class: numeric ? "number" : text.length > 60 ? "text long" : "text" }, text);
}

/** A column's name, without the unit that its cells have. */
const heading = (name, unit) => (["bytes", "ns"].includes(unit) ? name.replace(new RegExp(`_${unit}$`), "") : name).replaceAll("_", " ");

/** Which of NAMES say the same in all of several ROWS, as far as they only tell rows apart: that is said once, above the table. */
function said_once(names, units, rows) {
  const tell_apart = (name) => ["id", "text"].includes(units[name]) && rows.every((row) => row[name] === rows[0][name]) && String(rows[0][name]).length < 40;
  return rows.length > 1 ? names.filter(tell_apart) : [];
}

/** A table of ROWS, of which NAMES are shown. */
function data_table(names, units, rows, click) {
  let sorted = null, all = rows.length <= rows_shown + 3, shown = rows;
  const host = el("div", { class: "scroll" });
  const draw = () => {
    const head = names.map((name) => el("th", { scope: "col", "aria-sort": sorted === name ? "ascending" : null },
      el("button", { type: "button", onclick: () => sort(name) }, heading(name, units[name]))));
    const body = (all ? shown : shown.slice(0, rows_shown)).map((row) => {
      const line = el("tr", click ? { tabindex: 0, onclick: () => click(row), onkeydown: (event) => event.key === "Enter" && click(row) } : {},
        names.map((name) => table_cell(row[name], units[name])));
      return line;
    });
    const more = all ? null : el("button", { type: "button", class: "more", onclick: () => { all = true; draw(); } }, `show all ${exact(rows.length)} rows`);
    replaceChildren(host, el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body)), more);
  };
  const sort = (name) => {
    sorted = name;
    shown = [...rows].sort((a, b) => compare(a[name], b[name]));
    draw();
  };
  draw();
  return host;
}

function notes_of(found) {
  return found.table ? found.table.answer.notes.map((note) => el("p", { class: "note" }, note)) : [];
}

/** A whole panel as a table: TITLE, what LEAD says, the rows that KEEP keeps, the command. Null where the page has none. */
async function table_panel(id, title, options = {}) {
  const found = await panel(id);
  if (!found) return null;
  if (found.error) return options.quiet ? null : card(title, el("p", { class: "note" }, found.error), command_line(found));
  const table = found.table;
  const rows = table.rows().filter(options.keep || (() => true));
  if (!rows.length && options.quiet) return null;
  const names = table.names.filter((name) => !(options.hide || []).includes(name) && rows.some((row) => row[name] !== null));
  const units = Object.fromEntries(table.names.map((name) => [name, table.unit(name)]));
  const once = said_once(names, units, rows), others = names.filter((name) => !once.includes(name));
  const all = once.length ? el("p", { class: "of-all" }, once.map((name) => `${heading(name, units[name])} ${cell_text(rows[0][name], units[name])}`).join(" · ")) : null;
  const content = rows.length ? [all, data_table(others, units, rows, options.click)] : el("p", { class: "good" }, options.empty || "nothing");
  return card(title, options.lead ? options.lead(rows) : null, content, notes_of(found), command_line(found));
}

function card(title, ...children) {
  return el("section", { class: "card" }, el("h3", {}, title), children);
}
