/** How a chart is drawn: its scales, axes, lines, bands, and the line below which agents are insolvent. */
import { uPlot } from "./library.js";
import { lastShown } from "./chart-forecast.js";
import { drawn, rounded } from "./numbers.js";
import { colour } from "./theme.js";

const font = "12px system-ui, sans-serif";
/** Room for the names at the ends of lines; a narrow chart names them below instead. */
const labelsAt = 560;
export const labelRoom = (/** @type {number} */ width) => (width < labelsAt ? 12 : 142);

/** The columns of a chart as the library takes them: turns, bands' edges, lines. @param {any} props */
export const columns = ({ turns, bands = [], lines }) => [
  turns,
  ...bands.flatMap((/** @type {any} */ band) => [band.high.map(drawn), band.low.map(drawn)]),
  ...lines.map((/** @type {any} */ line) => line.values.map(drawn)),
];

/** @param {{ current: any }} latest The chart's props, whatever they are by then. */
export function chartOptions(latest, width, height, { onCursor, onDraw }) {
  const { bands = [], lines } = latest.current;
  const drawing = {
    drawClear: [(/** @type {any} */ plot) => shadeBelowZero(plot)],
    setCursor: [(/** @type {any} */ plot) => onCursor(plot.cursor.idx ?? null)],
    draw: [onDraw],
    ready: [(/** @type {any} */ plot) => plot.over.addEventListener("click", () => opened(plot, latest.current))],
  };
  return {
    width, height,
    padding: [12, labelRoom(width), 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: (_, first, last) => [first, Math.max(last, lastShown(latest.current.turns, latest.current.forecasts ?? []))] },
      y: { range: paddedRange },
    },
    axes: [axis({ incrs: wholeTurns, size: 28, label: "turn", labelSize: 14, labelGap: 0, labelFont: font }), axis({ size: 64, values: (_, ticks) => ticks.map(rounded) })],
    series: [{}, ...bands.flatMap(edges), ...lines.map(stroke)],
    bands: bands.map((/** @type {any} */ band, /** @type {number} */ index) => ({
      series: [2 * index + 1, 2 * index + 2], fill: faded(colour(band.colour), index),
    })),
    hooks: drawing,
  };
}

const wholeTurns = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];

const axis = (more) => ({
  font, stroke: colour("muted"), grid: { stroke: colour("grid"), width: 1 },
  ticks: { show: false }, ...more,
});

const stroke = (line) => ({
  label: line.name, stroke: colour(line.colour), width: 2, dash: line.dashed ? [7, 4] : undefined,
  points: { show: false }, spanGaps: true,
});

const edges = () => [0, 1].map(() => ({ stroke: "transparent", width: 0, points: { show: false } }));

/** Bands lie one upon another; each inner one is a little stronger. */
const faded = (value, index) => value + (index === 0 ? "22" : "38");

/** Some air above and below; zero is always within. */
function paddedRange(_, low, high) {
  const [first, last] = [Math.min(low ?? 0, 0), Math.max(high ?? 1, 0)];
  const air = 0.06 * (last - first || 1);
  return [first < 0 ? first - air : 0, last + air];
}

/** Below zero an agent is insolvent: the field is tinted, its border drawn. */
function shadeBelowZero(plot) {
  const { ctx, bbox } = plot;
  const zero = plot.valToPos(0, "y", true);
  if (plot.scales.y.min >= 0 || zero >= bbox.top + bbox.height) return;
  ctx.save();
  ctx.fillStyle = colour("red") + "14";
  ctx.fillRect(bbox.left, zero, bbox.width, bbox.top + bbox.height - zero);
  ctx.strokeStyle = colour("muted");
  ctx.lineWidth = uPlot.pxRatio;
  ctx.beginPath();
  ctx.moveTo(bbox.left, zero);
  ctx.lineTo(bbox.left + bbox.width, zero);
  ctx.stroke();
  ctx.restore();
}

function opened(plot, { turns, onTurn }) {
  if (plot.cursor.idx != null) onTurn?.(turns[plot.cursor.idx]);
}
