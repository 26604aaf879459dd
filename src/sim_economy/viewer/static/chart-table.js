/** The numbers of a chart as a table, for those who cannot see it or want to copy it. */
import { html, useState } from "./library.js";
import { number, tokens } from "./numbers.js";

const rowsMost = 100;

/** @param {import("./chart.js").ChartProps} props */
export function ChartTable({ label, turns, lines, bands = [] }) {
  const [open, setOpen] = useState(false);
  return html`<details class="chart-table" onToggle=${(event) => setOpen(event.target.open)}>
    <summary>The numbers as a table</summary>
    ${open && html`<${Rows} label=${label} turns=${turns} lines=${lines} bands=${bands} />`}
  </details>`;
}

function Rows({ label, turns, lines, bands }) {
  const step = Math.ceil(turns.length / rowsMost);
  const shown = turns.map((_, index) => index).filter((index) => (turns.length - 1 - index) % step === 0);
  const columns = [
    ...bands.flatMap((band) => [
      { name: `${band.name}, low`, values: band.low }, { name: `${band.name}, high`, values: band.high },
    ]),
    ...lines,
  ];
  return html`<div class="wide" tabindex="0" role="region" aria-label=${`${label}, as a table`}>
    <table>
      <caption>${label}${step > 1 ? `, every ${step} points` : ""}</caption>
      <thead><tr><th scope="col" class="number">turn</th>
        ${columns.map(({ name }) => html`<th scope="col" class="number" key=${name}>${name}</th>`)}</tr></thead>
      <tbody>${shown.map((index) => html`<tr key=${turns[index]}>
        <th scope="row" class="number">${tokens(turns[index])}</th>
        ${columns.map(({ name, values }) => html`<td class="number" key=${name}>
          ${values[index] == null ? "" : number(values[index])}</td>`)}
      </tr>`)}</tbody>
    </table>
  </div>`;
}
