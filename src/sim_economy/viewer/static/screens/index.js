/** The screens by their paths; a part that begins with a colon takes any value. */
import { lazy } from "../parts/lazy.js";
import { Overview } from "./overview.js";

/** Screens of what the viewer was pointed at, by the first part of their path. */
export const sourceScreens = new Map([
  ["map", lazy(async () => (await import("./map.js")).MapScreen)],
  ["worlds", lazy(async () => (await import("./worlds.js")).Worlds)],
]);

const missing = lazy(async () => (await import("./missing.js")).Missing);

/** Screens of one world; but for the first, each is read when it is first shown. @type {[string, any][]} */
const worldScreens = [
  ["", Overview],
  ["agents", lazy(async () => (await import("./agents.js")).Agents)],
  ["agents/:agentId", lazy(async () => (await import("./agent.js")).Agent)],
  ["agents/:agentId/statement", lazy(async () => (await import("./statement.js")).Statement)],
  ["agents/:agentId/decisions", lazy(async () => (await import("./decisions.js")).Decisions)],
  ["agents/:agentId/turns/:turn", lazy(async () => (await import("./decision.js")).Decision)],
  ["turns/:turn", lazy(async () => (await import("./turn.js")).Turn)],
  ["contracts", lazy(async () => (await import("./contracts.js")).Contracts)],
  ["contracts/:contractId", lazy(async () => (await import("./contract.js")).Contract)],
  ["events", lazy(async () => (await import("./events.js")).Events)],
  ["chain", lazy(async () => (await import("./chain.js")).Chain)],
  ["search", lazy(async () => (await import("./search-hits.js")).SearchHits)],
];

/** The screen of a path, and the values of its parts. @param {string[]} path */
export function screenOf(path) {
  for (const [pattern, Screen] of worldScreens) {
    const values = matched(pattern === "" ? [] : pattern.split("/"), path);
    if (values !== null) return { Screen, values };
  }
  return { Screen: missing, values: { path } };
}

/** @param {string[]} pattern @param {string[]} path @returns {Record<string, string> | null} */
function matched(pattern, path) {
  if (pattern.length !== path.length) return null;
  const values = /** @type {Record<string, string>} */ ({});
  for (const [index, part] of pattern.entries()) {
    if (part.startsWith(":")) values[part.slice(1)] = path[index];
    else if (part !== path[index]) return null;
  }
  return values;
}
