/** What a folder or an engine has: its worlds, its tables, its files. */
import { html } from "../library.js";
import { counted, decimal, tokens, words } from "../numbers.js";
import { Empty } from "../parts/notices.js";
import { Table } from "../parts/table.js";
import { Title } from "../parts/title.js";
import { addressesOf } from "../world.js";

export function Worlds({ catalogue }) {
  const { worlds, tables, documents } = catalogue;
  return html`<${Title} text=${`${catalogue.title}, ${kinds[catalogue.kind]}`} />
    <p class="answer">${catalogue.answer || `${counted(worlds.length, "world")} can be opened here.`}</p>
    ${tables.map((table) => html`<h2 key=${table.title}>${table.title}</h2><${Cells} table=${table} />`)}
    <h2>${catalogue.kind === "engine" ? "Worlds" : "Runs"}</h2>
    ${worlds.length === 0 ? html`<${Empty}>None can be opened.</${Empty}>` : html`<${Table} caption="Worlds" columns=${columnsOf(worlds)}
      rows=${worlds} id=${(row) => row.world_id} />`}
    ${documents.length > 0 && html`<h2>Files</h2><ul>${documents.map(({ name, title, size }) => html`<li key=${name}>
      <a href=${`view/document?${new URLSearchParams({ name })}`}>${title}</a>, ${tokens(size)} bytes</li>`)}</ul>`}`;
}

const kinds = {
  engine: "an engine", ledger: "a ledger", experiment: "an experiment", sweep: "a sweep",
  orchestrated_run: "a run of models", what_if: "a what-if",
};

function columnsOf(worlds) {
  const figures = [...new Set(worlds.flatMap((world) => Object.keys(world.figures)))];
  return [
    { name: "world", cell: (world) => html`<a href=${addressesOf(world.world_id).to([])}>${world.title}</a>` },
    ...figures.map((name) => ({ name: words(name), number: true, cell: (world) => figure(world.figures[name]) })),
    { name: "note", wrap: true, cell: ({ note, replayed }) => note + (replayed ? " It is played again when it is opened." : "") },
  ];
}

const whole = /^-?\d{1,30}$/;
const fraction = /^-?\d{1,15}\.\d{1,30}$/;

/** A number as people read it, another text as it is. @param {string | undefined} text */
function figure(text) {
  if (text === undefined) return "";
  if (whole.test(text)) return tokens(text);
  return fraction.test(text) ? html`<span title=${text}>${decimal(Number(text))}</span>` : text;
}

const isFigure = (/** @type {string} */ text) => text === "" || whole.test(text) || fraction.test(text);

const Cells = ({ table }) => html`<${Table} caption=${table.title} rows=${table.rows}
  columns=${table.columns.map((name, index) => ({ name, number: table.rows.every((row) => isFigure(row[index])),
    cell: (/** @type {string[]} */ row) => figure(row[index]) }))} />`;
