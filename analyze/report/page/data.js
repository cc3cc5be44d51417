/* SPDX-License-Identifier: Apache-2.0
 *
 * data.js - answers of verbs. Each stands in the page as one block of JSON, or is asked of the server.
 */

/** An answer by columns. */
class Table {
  constructor(answer) {
    this.answer = answer;
    this.count = answer.rows;
    this.names = answer.columns.map((column) => column.name);
    this.decoded = new Map();
  }

  unit(name) {
    return this.answer.columns[this.names.indexOf(name)].unit;
  }

  has(name) {
    return this.names.includes(name);
  }

  /** All cells of a column. */
  column(name) {
    if (!this.decoded.has(name)) this.decoded.set(name, this.decode(this.names.indexOf(name)));
    return this.decoded.get(name);
  }

  decode(index) {
    if (index < 0) return new Array(this.count).fill(null);
    const { texts, values, columns } = this.answer;
    const of_texts = ["text", "list", "picture"].includes(columns[index].unit);
    const cell = (value) => {
      if (value === null) return null;
      if (Array.isArray(value)) return of_texts ? value[0] : texts[value[0]]; // what the column's unit does not say
      return of_texts ? texts[value] : value;
    };
    const given = values[index];
    if (Array.isArray(given)) return given.map(cell);
    const cells = [];
    for (let i = 0; i < given.runs.length; i += 2) {
      const value = cell(given.runs[i]);
      for (let n = 0; n < given.runs[i + 1]; n++) cells.push(value);
    }
    return cells;
  }

  row(index) {
    return Object.fromEntries(this.names.map((name) => [name, this.column(name)[index]]));
  }

  rows() {
    return Array.from({ length: this.count }, (_, index) => this.row(index));
  }
}

const about = JSON.parse($("about").textContent);
const answers = new Map();

/** The ids of all panels there are. */
const panel_ids = about.live ? about.panels : [...document.querySelectorAll("script.panel")].map((block) => block.id).filter((id) => id !== "about");

function read_panel(id) {
  const block = $(id);
  if (!block) return null;
  const panel = JSON.parse(block.textContent);
  panel.table = panel.answer ? new Table(panel.answer) : null;
  return panel;
}

async function fetch_panel(id, query) {
  try {
    const response = await fetch(`data/${encodeURIComponent(id)}${query ? `?${query}` : ""}`, { cache: "no-store" });
    if (!response.ok) return { id, command: "", error: `the server says: ${await response.text()}` };
    const panel = await response.json();
    panel.table = panel.answer ? new Table(panel.answer) : null;
    return panel;
  } catch {
    return { id, command: "", error: "the server is gone: 'ttalloc-analyze serve' was interrupted, or the recorder ended" };
  }
}

/** The panel of that id: {command, table} or {command, error}; null where the page has none. QUERY: live pages alone. */
function panel(id, query = "") {
  const key = `${id}?${query}`;
  if (!panel_ids.includes(id)) return Promise.resolve(null);
  if (!answers.has(key)) answers.set(key, about.live ? fetch_panel(id, query) : Promise.resolve(read_panel(id)));
  return answers.get(key);
}

/** What belongs to a part of the run, where the page can ask for it; else what the page has of all of it. */
const of_part = (window) => (about.live && window ? `start=${Math.round(window.start)}&end=${Math.round(window.end)}` : "");

/** The rows of a panel; none where there is no answer. */
async function rows_of(id) {
  const found = await panel(id);
  return found && found.table ? found.table.rows() : [];
}

/** What blocks have in common, by a word of --by, as far as a row of the map tells it. */
function group_of(row, by) {
  switch (by) {
    case "pattern": return row.label === null ? null : row.label.replace(/[0-9]+/g, "*");
    case "range": return row.label === null ? null : row.label.split("/", 1)[0];
    case "function": return row.site;
    case "process": return row.pid;
    default: return row[by] === undefined ? null : row[by];
  }
}
