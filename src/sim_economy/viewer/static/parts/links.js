/** Links to agents, turns and contracts. */
import { html } from "../library.js";
import { tokens } from "../numbers.js";

export const AgentLink = ({ world, id }) => html`<a href=${world.to(["agents", id])}>${id}</a>`;

export const TurnLink = ({ world, turn, children }) =>
  html`<a href=${world.to(["turns", turn])}>${children ?? tokens(turn)}</a>`;

export const ContractLink = ({ world, id, children }) =>
  html`<a href=${world.to(["contracts", id])}>${children ?? tokens(id)}</a>`;

/** Owners are agents but for these. */
const others = new Set(["platform", "issuance", "destroyed"]);

export const OwnerLink = ({ world, owner }) =>
  others.has(owner) ? owner : html`<${AgentLink} world=${world} id=${owner} />`;

/**
 * A sentence in which the name it is about is a link.
 *
 * @param {string} words @param {string | null} name @param {string} link
 */
export function linkedIn(words, name, link) {
  const start = name ? words.toLowerCase().indexOf(name.toLowerCase()) : -1;
  if (start < 0) return words;
  return html`${words.slice(0, start)}<a href=${link}>${words.slice(start, start + name.length)}</a>${words.slice(start + name.length)}`;
}

const holdings = new Set(["balance", "staked", "unstaking", "pending", "escrow"]);

/** An account by its name, `alice:balance` or `platform`. */
export function AccountLink({ world, account }) {
  const cut = account.lastIndexOf(":");
  const holding = account.slice(cut + 1);
  if (cut < 0 || !holdings.has(holding)) return account;
  return html`<${AgentLink} world=${world} id=${account.slice(0, cut)} />${holding === "balance" ? "" : `, ${holding}`}`;
}
