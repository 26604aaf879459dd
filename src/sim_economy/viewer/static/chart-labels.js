/** The names of lines at their ends, none upon another. */
import { html } from "./library.js";
import { labelRoom } from "./chart-options.js";
import { drawn } from "./numbers.js";

const lineHeight = 17;
const linesMost = 14;

/** @param {{ plot: any, lines: import("./chart.js").Line[] }} props */
export function EndLabels({ plot, lines }) {
  if (!plot || labelRoom(plot.width) < 40 || lines.length > linesMost) return null;
  const right = plot.over.offsetLeft + plot.over.offsetWidth + 8;
  const labels = apart(plot, lines);
  return html`<ul class="end-labels" aria-hidden="true">
    ${labels.map(({ line, top }) => html`<li key=${line.name} style=${{ left: `${right}px`, top: `${top}px` }}
      class=${`ink-${line.colour}`} title=${line.name}>
      ${line.link ? html`<a href=${line.link} tabindex="-1">${line.name}</a>` : line.name}
    </li>`)}
  </ul>`;
}

/** Each label at the height of its line's end, pushed down or up until all have room. */
function apart(plot, lines) {
  const bottom = plot.over.offsetTop + plot.over.offsetHeight;
  const labels = lines
    .map((line) => ({ line, top: heightOfEnd(plot, line) }))
    .filter(({ top }) => Number.isFinite(top))
    .sort((first, second) => first.top - second.top);
  let free = -Infinity;
  for (const label of labels) {
    label.top = Math.max(label.top, free);
    free = label.top + lineHeight;
  }
  let most = bottom - lineHeight / 2;
  for (const label of labels.toReversed()) {
    label.top = Math.min(label.top, most);
    most = label.top - lineHeight;
  }
  return labels;
}

function heightOfEnd(plot, line) {
  const last = line.values.findLast((value) => value !== null && value !== undefined);
  return last === undefined ? NaN : plot.over.offsetTop + plot.valToPos(drawn(last), "y") - lineHeight / 2;
}
