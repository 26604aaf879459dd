/** What a cell says, in a sentence. */
import { counted, tokens } from "../numbers.js";
import { runsOf, unplayed } from "./plane.js";

/** A mean and the half-width of its interval, with no more digits than the interval leaves. */
function meanOf(/** @type {number} */ mean, /** @type {number} */ half) {
  const digits = half > 0 ? Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(half)))) : 3;
  const format = new Intl.NumberFormat("en", { minimumFractionDigits: half > 0 ? digits : 0, maximumFractionDigits: digits });
  return `${minus(format.format(mean))}${half > 0 ? ` \u00b1 ${format.format(half)}` : ""}`;
}

/** A number's text with a minus as long as a plus. @param {string} text */
export const minus = (text) => text.replace(/(^| )-(?=\d)/g, "$1\u2212");

/** Where a cell is. @param {any[]} axes Across, then up; null where there is none. @param {number} column @param {number} row */
export function whereOf([across, up], column, row) {
  const named = [[across, column], [up, row]].filter(([axis]) => axis !== null);
  return named.map(([axis, step]) => `${axis.word} ${minus(axis.texts[step])}`).join(", ") || "The only point";
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
    `${meaning}: ${meanOf(values[cell], halves[cell])}`);
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
