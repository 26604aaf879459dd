/**
 * Where lines reach zero if a trend lasts: dashed, from their last point on.
 *
 * @typedef {{ name: string, turn: number, turns: number }} Forecast The line's name, the turn in which it is
 *   below zero, and the turns that the trend is taken over.
 */
import { html } from "./library.js";
import { drawn } from "./numbers.js";

/** Of the shown turns: what a chart goes on at most, and where every forecast is later. */
const most = 1 / 5;
const glimpse = 1 / 10;

/** The last turn that a chart shows. @param {number[]} turns @param {Forecast[]} forecasts @returns {number} */
export function lastShown(turns, forecasts) {
  const last = turns.at(-1) ?? 0;
  const shown = last - (turns[0] ?? 0);
  if (forecasts.length === 0 || shown === 0) return last;
  const within = forecasts.map(({ turn }) => turn).filter((turn) => turn > last && turn - last <= most * shown);
  return within.length > 0 ? Math.max(...within) : last + glimpse * shown;
}

/** @param {{ plot: any, turns: number[], lines: import("./chart.js").Line[], forecasts: Forecast[] }} props */
export function Forecasts({ plot, turns, lines, forecasts }) {
  if (!plot || forecasts.length === 0) return null;
  return html`<svg class="drawn-over" width=${plot.width} height=${plot.height} aria-hidden="true">
    ${forecasts.map((forecast) => html`<${Drawn} key=${forecast.name} plot=${plot} last=${turns.at(-1)}
      line=${lines.find(({ name }) => name === forecast.name)} turn=${forecast.turn} />`)}
  </svg>`;
}

/** To zero, or to the edge where that is later. */
function Drawn({ plot, last, line, turn }) {
  const value = line?.values.at(-1);
  if (value === undefined || value === null || turn <= last) return null;
  const share = Math.min(1, (plot.scales.x.max - last) / (turn - last));
  const at = (part) => [
    plot.over.offsetLeft + plot.valToPos(last + part * (turn - last), "x"),
    plot.over.offsetTop + plot.valToPos((1 - part) * drawn(value), "y"),
  ];
  const [[x1, y1], [x2, y2]] = [at(0), at(share)];
  if (![x1, y1, x2, y2].every(Number.isFinite)) return null;
  return html`<g class=${`forecast is-line-${line.colour}`}>
    <line x1=${x1} y1=${y1} x2=${x2} y2=${y2} />
    ${share === 1 && html`<circle cx=${x2} cy=${y2} r="3.5" />`}
  </g>`;
}
