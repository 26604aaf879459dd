/** What a cell says, in a sentence. */
import { counted, tokens } from "../numbers.js";
import { runsOf, unplayed } from "./plane.js";

const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });
const number = (/** @type {number} */ value) => short.format(value).replace("-", "\u2212");

/** Where a cell is. @param {any[]} axes Across, then up; null where there is none. @param {number} column @param {number} row */
export function whereOf([across, up], column, row) {
  const named = [[across, column], [up, row]].filter(([axis]) => axis !== null);
  return named.map(([axis, step]) => `${axis.word} ${axis.texts[step]}`).join(", ") || "The only point";
}

/**
 * @param {import("./plane.js").Plane} plane @param {any} map @param {any[]} axes
 * @param {number} column @param {number} row
 */
export function readingOf(plane, map, axes, column, row) {
  const cell = row * plane.width + column;
  const where = sentenceCase(whereOf(axes, column, row));
  if (plane.classes[cell] === unplayed) return `${where}: nothing has been played.`;
  const runs = runsOf(plane, cell);
  const noise = plane.noisy[cell] ? ", within noise" : "";
  const agree = runs === 1 ? "one run" : `${plane.agreement[cell]} % of ${counted(runs, "run")} agree${noise}`;
  const means = plane.columns.map(({ meaning, means: values, halves }) =>
    `${meaning}: ${number(values[cell])}${halves[cell] > 0 ? ` ± ${number(halves[cell])}` : ""}`);
  return `${where}: ${map.classes[plane.classes[cell]].name} (${agree}). ${means.map(sentenceCase).join(". ")}.`;
}

const sentenceCase = (/** @type {string} */ text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What of the plane has no result. @param {import("./plane.js").Plane} plane */
export function missingOf({ failed, unplayed: left }) {
  return [
    failed > 0 && `${tokens(failed)} of its runs failed and count nowhere.`,
    left > 0 && `${tokens(left)} of its runs have not been played yet.`,
  ].filter(Boolean).join(" ");
}
