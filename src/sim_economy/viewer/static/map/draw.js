/** A map drawn: cells, the outline of the window, axes, the scenario's own world, the cursor. */
import { colour } from "../theme.js";
import { cornerOf } from "./layout.js";
import { ticksOf } from "./ticks.js";

const letters = "12px system-ui, sans-serif";
const noteLeast = 7;
const outlineLeast = 3;

/**
 * @param {CanvasRenderingContext2D} context @param {import("./layout.js").Layout} layout
 * @param {{ plane: import("./plane.js").Plane, cells: HTMLCanvasElement, byClass: boolean, axes: any[],
 *   mark: { across: number, up: number } | null, markName: string,
 *   cursor: { column: number, row: number } | null }} shown
 */
export function draw(context, layout, shown) {
  const { plane, cells, byClass, axes, mark, markName, cursor } = shown;
  context.clearRect(0, 0, layout.width, layout.height);
  context.imageSmoothingEnabled = false;
  context.fillStyle = colour("soft");
  context.fillRect(layout.left, layout.top, layout.wide, layout.high);
  context.drawImage(cells, layout.left, layout.top, layout.wide, layout.high);
  if (byClass && Math.min(layout.cellWide, layout.cellHigh) >= outlineLeast) outline(context, layout, plane);
  if (byClass && Math.min(layout.cellWide, layout.cellHigh) >= noteLeast) notes(context, layout, plane);
  drawAxes(context, layout, axes);
  if (mark !== null) drawMark(context, layout, mark, markName);
  if (cursor !== null) drawCursor(context, layout, cursor);
}

/** The border of the cells in which both are solvent. */
function outline(context, layout, { classes, width, height }) {
  context.beginPath();
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const inside = classes[row * width + column] === 0;
      const [x, y] = cornerOf(layout, column, row);
      if (column > 0 && inside !== (classes[row * width + column - 1] === 0)) {
        context.moveTo(x, y);
        context.lineTo(x, y + layout.cellHigh);
      }
      if (row > 0 && inside !== (classes[(row - 1) * width + column] === 0)) {
        context.moveTo(x, y + layout.cellHigh);
        context.lineTo(x + layout.cellWide, y + layout.cellHigh);
      }
    }
  }
  context.lineWidth = 1.6;
  context.strokeStyle = "#1f2933";
  context.stroke();
}

/** A dot on each cell that is within noise. */
function notes(context, layout, { noisy, width }) {
  const size = Math.max(2, Math.min(4, layout.cellWide / 4));
  for (let cell = 0; cell < noisy.length; cell += 1) {
    if (!noisy[cell]) continue;
    const [x, y] = cornerOf(layout, cell % width, Math.floor(cell / width));
    context.fillStyle = "#ffffff";
    context.fillRect(x + (layout.cellWide - size) / 2 - 0.5, y + (layout.cellHigh - size) / 2 - 0.5, size + 1, size + 1);
    context.fillStyle = "#1f2933";
    context.fillRect(x + (layout.cellWide - size) / 2, y + (layout.cellHigh - size) / 2, size, size);
  }
}

function drawAxes(context, layout, [across, up]) {
  const bottom = layout.top + layout.high;
  context.font = letters;
  context.fillStyle = colour("muted");
  context.strokeStyle = colour("line");
  context.lineWidth = 1;
  context.textBaseline = "top";
  context.textAlign = "center";
  const ends = { low: layout.left, high: layout.left + layout.wide };
  for (const { at, text } of across ? ticksOf(across, Math.max(2, Math.floor(layout.wide / 80))) : []) {
    const x = layout.left + (at + 0.5) * layout.cellWide;
    line(context, x, bottom, x, bottom + 4);
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(Math.max(x, ends.low + half - 20), ends.high - half + 12), bottom + 7);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { at, text } of up ? ticksOf(up, Math.max(2, Math.floor(layout.high / 42))) : []) {
    const y = bottom - (at + 0.5) * layout.cellHigh;
    line(context, layout.left - 4, y, layout.left, y);
    context.fillText(fitted(context, text, layout.left - 26), layout.left - 7, y);
  }
  context.fillStyle = colour("ink");
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  if (across) context.fillText(fitted(context, across.label, layout.wide), layout.left + layout.wide / 2, layout.height - 10);
  if (!up) return;
  context.save();
  context.translate(12, layout.top + layout.high / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(fitted(context, up.label, layout.high), 0, 0);
  context.restore();
}

function line(context, ...[x, y, toX, toY]) {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(toX, toY);
  context.stroke();
}

/** A text, cut where it is too wide. */
function fitted(context, text, most) {
  if (context.measureText(text).width <= most) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > most) length -= 1;
  return `${text.slice(0, length)}…`;
}

/** A ring at the scenario's own values, with its name. */
function drawMark(context, layout, { across, up }, name) {
  const x = layout.left + (across + 0.5) * layout.cellWide;
  const y = layout.top + layout.high - (up + 0.5) * layout.cellHigh;
  for (const [width, stroke] of [[4.5, "#ffffff"], [2, "#1f2933"]]) {
    context.lineWidth = width;
    context.strokeStyle = stroke;
    context.beginPath();
    context.arc(x, y, 6, 0, 2 * Math.PI);
    context.stroke();
  }
  context.font = `600 ${letters}`;
  context.textBaseline = "middle";
  const rightwards = x + 14 + context.measureText(name).width < layout.left + layout.wide;
  context.textAlign = rightwards ? "left" : "right";
  const at = x + (rightwards ? 12 : -12);
  context.lineWidth = 4;
  context.lineJoin = "round";
  context.strokeStyle = "#ffffff";
  context.strokeText(name, at, y);
  context.fillStyle = "#1f2933";
  context.fillText(name, at, y);
}

function drawCursor(context, layout, { column, row }) {
  const [x, y] = cornerOf(layout, column, row);
  const wide = Math.max(layout.cellWide, 5);
  const high = Math.max(layout.cellHigh, 5);
  const left = x + (layout.cellWide - wide) / 2;
  const top = y + (layout.cellHigh - high) / 2;
  context.lineWidth = 5;
  context.strokeStyle = "#ffffff";
  context.strokeRect(left, top, wide, high);
  context.lineWidth = 2;
  context.strokeStyle = "#1f2933";
  context.strokeRect(left, top, wide, high);
}
