/**
 * A table that scrolls in its own frame.
 *
 * @typedef {{ name: string, cell: (row: any) => unknown, number?: boolean, wrap?: boolean }} Column
 */
import { html } from "../library.js";

/** The first column heads its row. @param {{ caption: string, columns: Column[], rows: any[], id?: (row: any, index: number) => unknown }} props */
export function Table({ caption, columns, rows, id = (_, index) => index }) {
  return html`<div class="wide" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption>${caption}</caption>
      <thead><tr>${columns.map(({ name, number }) =>
        html`<th scope="col" key=${name} class=${number ? "number" : ""}>${name}</th>`)}</tr></thead>
      <tbody>${rows.map((row, index) => html`<tr key=${id(row, index)}>
        ${columns.map((column, at) => cell(column, row, at === 0))}</tr>`)}</tbody>
    </table>
  </div>`;
}

/** @param {Column} column @param {any} row @param {boolean} heads Whether it is the row's heading. */
function cell({ name, cell: shown, number, wrap }, row, heads) {
  const kind = [number && "number", wrap && "prose"].filter(Boolean).join(" ");
  return heads
    ? html`<th scope="row" key=${name} class=${kind}>${shown(row)}</th>`
    : html`<td key=${name} class=${kind}>${shown(row)}</td>`;
}
