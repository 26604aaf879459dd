/** The runs of a cell: a pixel and a row for each seed, any of which can be played again. */
import { html } from "../library.js";
import { number } from "../numbers.js";
import { More, usePages } from "../parts/more.js";
import { Failure, Waiting } from "../parts/notices.js";
import { Table } from "../parts/table.js";
import { planeQuery } from "./choice.js";

/** @param {{ map: any, choice: import("./choice.js").Choice, plane: any, onPlay: (row: number) => void }} props */
export function CellRuns({ map, choice, plane, onPlay }) {
  const pages = usePages((after) => {
    const query = planeQuery(choice);
    query.set("cell", String(choice.cell));
    if (after !== undefined) query.set("after", String(after));
    return `view/source/map/cell?${query}`;
  });
  if (pages.error) return html`<${Failure} error=${pages.error} />`;
  if (pages.first === null) return html`<${Waiting} what="the runs of the cell" />`;
  const columns = [
    { name: "row", cell: ({ row }) => html`<button class="small" onClick=${() => onPlay(row)}
      aria-label=${`Play row ${row} again and open it`}>play ${number(row)}</button>` },
    { name: "seed", number: true, cell: ({ seed }) => String(seed) },
    { name: "who is insolvent", cell: (row) => html`<${Who} map=${map} row=${row} />` },
    ...plane.columns.map(({ meaning }, index) => ({ name: meaning, number: true, cell: ({ values }) => valueOf(values[index]) })),
    { name: "digest of its last state", cell: ({ digest }) => html`<span class="hash">${digest}</span>` },
    { name: "played by", cell: ({ played_by: by }) => by || "nobody yet" },
  ];
  return html`<section aria-labelledby="cell-runs"><h2 id="cell-runs">Runs of the cell</h2>
    <p>${pages.first.answer}${pages.first.representative !== null
      && ` Row ${number(pages.first.representative)} is the first that agrees with the cell.`}</p>
    <${Table} caption="Runs of the cell" columns=${columns} rows=${pages.rows} id=${({ row }) => row} />
    <${More} pages=${pages} what="runs" /></section>`;
}

const Who = ({ map, row }) => (row.solvency === null ? ""
  : html`<span class=${`swatch is-${map.classes[row.solvency].colour}`}></span>${map.classes[row.solvency].name}`);

const valueOf = (/** @type {string | undefined} */ text) => (text === undefined || text === "" ? ""
  : /^-?\d+$/.test(text) ? number(text) : number(Number(text)));
