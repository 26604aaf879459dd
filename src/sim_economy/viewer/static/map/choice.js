/**
 * What the map shows, as its address says it.
 *
 * @typedef {{ sweep: number, across: string, up: string, metric: string, held: (number | null)[],
 *   cell: number | null }} Choice
 */
import { linkTo } from "../address.js";

/** Without a metric, cells are coloured by who is insolvent. */
export const solvency = "solvency";

/** @param {any} map @param {URLSearchParams} query @returns {Choice} */
export function choiceOf(map, query) {
  const sweep = wholeOf(query.get("sweep"), map.sweeps.length) ?? map.sweeps.length - 1;
  const own = map.sweeps[sweep];
  const named = (/** @type {string | null} */ name) => own.axes.some((axis) => axis.name === name);
  const across = named(query.get("across")) ? query.get("across") : own.across;
  const wanted = named(query.get("up")) ? query.get("up") : own.up;
  const up = wanted === across ? [own.up, own.across].find((name) => name !== across) ?? "" : wanted;
  const stated = query.get("held")?.split(",") ?? [];
  const held = own.axes.map(({ name, texts, start }, index) => {
    if (name === across || name === up) return null;
    return stated.length === own.axes.length ? wholeOf(stated[index], texts.length) : start;
  });
  const metric = own.metrics.some(({ name }) => name === query.get("metric")) ? query.get("metric") : solvency;
  return { sweep, across, up, metric, held, cell: wholeOf(query.get("cell"), Infinity) };
}

/** @param {string | null | undefined} text @param {number} end */
function wholeOf(text, end) {
  return text && /^\d{1,9}$/.test(text) && Number(text) < end ? Number(text) : null;
}

/** The query of a plane. @param {Choice} choice */
export function planeQuery({ sweep, across, up, metric, held }) {
  return new URLSearchParams({ sweep: String(sweep), across, up, metric, held: held.map((step) => step ?? "").join(",") });
}

/** The address of a choice. @param {Choice} choice */
export const linkOf = (choice) =>
  linkTo(["map"], { ...Object.fromEntries(planeQuery(choice)), cell: choice.cell ?? "" });

/** Where the scenario's own world lies, in steps; null where the plane does not hold it. @param {any} own @param {Choice} choice */
export function markOf(own, { across, up, held }) {
  const at = { across: 0, up: 0 };
  for (const [index, axis] of own.axes.entries()) {
    const isAxis = axis.name === across || axis.name === up;
    if (!isAxis && (axis.name === "seed" || axis.name === "turns" || held[index] === null)) continue;
    if (axis.own === null || (!isAxis && axis.own !== held[index])) return null;
    if (axis.name === across) at.across = axis.own;
    if (axis.name === up) at.up = axis.own;
  }
  return across === "seed" || up === "seed" || across === "" ? null : at;
}
