/** Who has tokens and who has none: insolvent, or out of tokens where the rules refuse usage. */
import { tokens } from "../numbers.js";

/** How many agents are not without. @param {any} overview @returns {number} */
export const withTokens = ({ refuses_usage: refuses, agents, out_of_tokens_total: out, solvent_agents: solvent }) =>
  (refuses ? agents - out : solvent);

/** What they are. @param {any} overview @returns {string} */
export const withTokensWords = ({ refuses_usage: refuses }) => (refuses ? "not out of tokens" : "solvent");

/** Since when an agent is without, or will be, in words; empty where neither. @param {any} agent @param {boolean} refuses */
export function withoutTokensWords({ is_out: out, out_since: outSince, since, balance, insolvent_turn: turn }, refuses) {
  const what = refuses ? "out of tokens" : "insolvent";
  const from = refuses ? outSince : since;
  if (from !== null) return `${what} since turn ${tokens(from)}`;
  if (out || (!refuses && balance.startsWith("-"))) return `${what} now`;
  return turn === null ? "" : `${what} in turn ${tokens(turn)}, if it lasts`;
}
