/**
 * One chart for all screens: lines and bands over turns, with a table of the same numbers.
 *
 * @typedef {import("./numbers.js").Tokens} Tokens
 * @typedef {{ name: string, values: (Tokens | null)[], colour: string, link?: string, dashed?: boolean }} Line
 * @typedef {{ name: string, low: (Tokens | null)[], high: (Tokens | null)[], colour: string, shown?: boolean }} Band
 * @typedef {{ label: string, turns: number[], lines: Line[], bands?: Band[], height?: number,
 *   forecasts?: import("./chart-forecast.js").Forecast[], onTurn?: (turn: number) => void, onRange?: (first: number, last: number) => void }} ChartProps
 */
import { html, uPlot, useEffect, useLayoutEffect, useRef, useState } from "./library.js";
import { Forecasts } from "./chart-forecast.js";
import { EndLabels } from "./chart-labels.js";
import { chartOptions, columns } from "./chart-options.js";
import { ChartTable } from "./chart-table.js";
import { counted, number, tokens } from "./numbers.js";
import { useThemeVersion } from "./theme.js";

/** @type {import("./chart-forecast.js").Forecast[]} */
const none = [];

/** @param {ChartProps} props */
export function Chart(props) {
  const { label, turns, lines, forecasts = none, height = 340, onTurn } = props;
  const frame = useRef(null);
  const plot = useRef(null);
  const latest = useRef(props);
  latest.current = props;
  const theme = useThemeVersion();
  const [width, setWidth] = useState(0);
  const [index, setIndex] = useState(null);
  const [drawnAt, setDrawn] = useState(0);
  const shape = JSON.stringify([lines.map((line) => [line.name, line.colour]), (props.bands ?? []).length]);

  useLayoutEffect(() => {
    const seen = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    seen.observe(frame.current);
    return () => seen.disconnect();
  }, []);

  useEffect(() => {
    if (width === 0) return undefined;
    const options = chartOptions(latest, width, height, {
      onCursor: setIndex, onDraw: () => setDrawn((old) => old + 1),
    });
    plot.current = new uPlot(options, columns(latest.current), frame.current);
    return () => {
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, theme, width > 0]);

  useEffect(() => { plot.current?.setSize({ width, height }); }, [width, height]);
  useEffect(() => { plot.current?.setData(columns(latest.current)); }, [turns, lines, props.bands, forecasts]);

  const at = index !== null && index < turns.length ? index : null;
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -turns.length, End: turns.length }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const next = Math.max(0, Math.min(turns.length - 1, (at ?? turns.length - 1) + step));
      const left = plot.current.valToPos(turns[next], "x");
      plot.current.setCursor({ left, top: plot.current.over.clientHeight / 2 });
      setIndex(next);
    } else if (event.key === "Enter" && at !== null) {
      onTurn?.(turns[at]);
    }
  };
  const shown = at ?? turns.length - 1;
  return html`<figure class="chart">
    <div class="plot" style=${{ minHeight: `${height}px` }}>
      <div ref=${frame} tabindex="0" role="slider" onKeyDown=${move} aria-label=${`${label}: turn`} aria-valuemin=${turns[0]}
        aria-valuemax=${turns.at(-1)} aria-valuenow=${turns[shown]} aria-valuetext=${spoken(props, shown)}></div>
      <${Forecasts} plot=${plot.current} turns=${turns} lines=${lines} forecasts=${forecasts} drawn=${drawnAt} />
      <${EndLabels} plot=${plot.current} turns=${turns} lines=${lines} forecasts=${forecasts} drawn=${drawnAt} at=${at} />
    </div>
    <${Readout} ...${props} at=${at} />
    <${ChartTable} ...${props} />
  </figure>`;
}

/** A line's own band needs no second name. */
const named = (/** @type {Band} */ band) => band.shown !== false;

/** The lines at a turn, in words. @param {ChartProps} props @param {number} index */
const spoken = ({ turns, lines, onTurn }, index) =>
  `turn ${tokens(turns[index])}: ${lines.map((line) => `${line.name} ${valueOf(line, index)}`).join(", ")}${onTurn ? ". Enter opens the turn." : ""}`;

const valueOf = (/** @type {Line} */ line, /** @type {number} */ index) =>
  (line.values[index] == null ? "none" : number(line.values[index]));

/** What the lines are at the cursor; where there is none, in the last turn. */
function Readout({ turns, lines, bands = [], forecasts = none, at }) {
  const index = at ?? turns.length - 1;
  if (index < 0) return null;
  return html`<figcaption class="readout">
    <span class="readout-turn">turn ${tokens(turns[index])}</span>
    ${lines.map((line) => html`<span class="key" key=${line.name}>
      <span class=${`swatch is-${line.colour}${line.dashed ? " is-dashed" : ""}`}></span>
      ${line.link ? html`<a href=${line.link}>${line.name}</a>` : line.name}${" "}
      <span class="readout-value">${valueOf(line, index)}</span>
    </span>`)}
    ${bands.filter(named).map(({ name, low, high, colour }) => html`<span class="key" key=${`${name} band`}>
      <span class=${`swatch is-band is-${colour}`}></span>${name}${" "}
      <span class="readout-value">${number(low[index])} to ${number(high[index])}</span>
    </span>`)}
    ${forecasts.length > 0 && html`<span class="key"><span class="dashes"></span>at the trend of the last ${counted(forecasts[0].turns, "turn")}</span>`}
  </figcaption>`;
}
