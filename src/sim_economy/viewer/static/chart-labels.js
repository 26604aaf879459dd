/** The names of lines at their ends, none upon another. */
import { html } from "./library.js";
import { labelRoom } from "./chart-options.js";
import { drawn } from "./numbers.js";

const lineHeight = 17;
/** Of more lines those alone have names whose future is drawn. */
const linesMost = 14;
/** Between the plot and the names: room for leaders. */
const gap = 18;
/** A name this near to its line's end needs no leader. */
const near = 1.5;

/**
 * @param {{ plot: any, turns: number[], lines: import("./chart.js").Line[],
 *   forecasts: import("./chart-forecast.js").Forecast[] }} props
 */
export function EndLabels({ plot, turns, lines, forecasts }) {
  if (!plot || labelRoom(plot.width) < 40) return null;
  const ahead = ({ name }) => forecasts.some((own) => own.name === name);
  const labels = placed(plot, turns, lines.length > linesMost ? lines.filter(ahead) : lines);
  const left = plot.over.offsetLeft + plot.over.offsetWidth + gap;
  return html`<svg class="drawn-over" width=${plot.width} height=${plot.height} aria-hidden="true">
      ${labels.filter((label) => needsLeader(label, left)).map(({ line, end, centre }) => html`<path key=${line.name}
        class=${`leader is-line-${line.colour}`} d=${`M${end.x + 2} ${end.y}H${left - gap}L${left - 4} ${centre}`} />`)}
    </svg>
    <ul class="end-labels" aria-hidden="true">
      ${labels.map(({ line, centre }) => html`<li key=${line.name} style=${{ left: `${left}px`, top: `${centre - lineHeight / 2}px` }}
        class=${`ink-${line.colour}`} title=${line.name}>
        ${line.link ? html`<a href=${line.link} tabindex="-1">${line.name}</a>` : line.name}
      </li>`)}
    </ul>`;
}

const needsLeader = ({ end, centre }, left) => Math.abs(end.y - centre) > near || end.x < left - gap - near;

/** Each line's end, and the middle of its name beside it. */
function placed(plot, turns, lines) {
  const ends = lines
    .map((line) => ({ line, end: endOf(plot, turns, line) }))
    .filter(({ end }) => end !== null)
    .sort((first, second) => first.end.y - second.end.y);
  const { offsetTop: top, offsetHeight: height } = plot.over;
  const centres = apart(ends.map(({ end }) => end.y), lineHeight, top, top + height);
  return ends.map((own, index) => ({ ...own, centre: centres[index] }));
}

/** Where a line ends, in pixels of the chart; null where nothing was drawn yet. */
function endOf(plot, turns, { values }) {
  const index = values.findLastIndex((value) => value !== null && value !== undefined);
  if (index < 0) return null;
  const { offsetLeft: left, offsetTop: top } = plot.over;
  const end = { x: left + plot.valToPos(turns[index], "x"), y: top + plot.valToPos(drawn(values[index]), "y") };
  return Number.isFinite(end.x) && Number.isFinite(end.y) ? end : null;
}

/**
 * Places at least so far apart and as near as can be to those that are wanted: what collides moves both ways
 * as one group.
 *
 * @param {number[]} wanted Ascending. @param {number} distance @param {number} least @param {number} most
 * @returns {number[]}
 */
export function apart(wanted, distance, least, most) {
  /** @type {{ sum: number, count: number }[]} */
  const groups = [];
  wanted.forEach((value, index) => {
    let own = { sum: value - index * distance, count: 1 };
    while (groups.length > 0 && mean(groups.at(-1)) > mean(own)) {
      const before = groups.pop();
      own = { sum: before.sum + own.sum, count: before.count + own.count };
    }
    groups.push(own);
  });
  const last = most - (wanted.length - 1) * distance;
  return groups
    .flatMap((group) => Array(group.count).fill(Math.max(least, Math.min(last, mean(group)))))
    .map((value, index) => value + index * distance);
}

const mean = (/** @type {{ sum: number, count: number }} */ { sum, count }) => sum / count;
