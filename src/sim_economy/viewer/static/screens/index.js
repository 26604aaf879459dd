/** The screens by their paths; a part that begins with a colon takes any value. */
import { Agent } from "./agent.js";
import { Agents } from "./agents.js";
import { Chain } from "./chain.js";
import { Contract } from "./contract.js";
import { Contracts } from "./contracts.js";
import { Decision } from "./decision.js";
import { Decisions } from "./decisions.js";
import { Events } from "./events.js";
import { MapScreen } from "./map.js";
import { Missing } from "./missing.js";
import { Overview } from "./overview.js";
import { SearchHits } from "./search-hits.js";
import { Statement } from "./statement.js";
import { Turn } from "./turn.js";
import { Worlds } from "./worlds.js";

/** Screens of what the viewer was pointed at, by the first part of their path. */
export const sourceScreens = new Map([["map", MapScreen], ["worlds", Worlds]]);

/** Screens of one world. @type {[string, any][]} */
const worldScreens = [
  ["", Overview],
  ["agents", Agents],
  ["agents/:agentId", Agent],
  ["agents/:agentId/statement", Statement],
  ["agents/:agentId/decisions", Decisions],
  ["agents/:agentId/turns/:turn", Decision],
  ["turns/:turn", Turn],
  ["contracts", Contracts],
  ["contracts/:contractId", Contract],
  ["events", Events],
  ["chain", Chain],
  ["search", SearchHits],
];

/** The screen of a path, and the values of its parts. @param {string[]} path */
export function screenOf(path) {
  for (const [pattern, Screen] of worldScreens) {
    const values = matched(pattern === "" ? [] : pattern.split("/"), path);
    if (values !== null) return { Screen, values };
  }
  return { Screen: Missing, values: { path } };
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
