/** All that moved in a turn, by reason, with who paid and who received. */
import { html } from "../library.js";
import { tokens, words } from "../numbers.js";
import { OwnerLink } from "./links.js";
import { Table } from "./table.js";

/** @param {{ world: import("../world.js").World, flows: any[] }} props */
export const Flows = ({ world, flows }) => (flows.length === 0
  ? html`<p class="empty">Nothing moved.</p>`
  : html`<${Table} caption="Tokens by reason" columns=${columnsOf(world)} rows=${flows} id=${(row) => row.reason} />`);

const columnsOf = (world) => [
  { name: "reason", cell: ({ reason }) => words(reason) },
  { name: "tokens", number: true, cell: (row) => tokens(row.tokens) },
  { name: "paid by", wrap: true, cell: ({ payers, payers_total: total }) => html`<${Owners} world=${world} owners=${payers} total=${total} />` },
  { name: "received by", wrap: true, cell: ({ payees, payees_total: total }) => html`<${Owners} world=${world} owners=${payees} total=${total} />` },
];

/** The only one without its sum, which is the row's. */
function Owners({ world, owners, total }) {
  if (total === 1) return html`<${OwnerLink} world=${world} owner=${owners[0].owner} />`;
  return html`${owners.map(({ owner, tokens: sum }, index) => html`${index > 0 && ", "}<span class="owner" key=${owner}>
    <${OwnerLink} world=${world} owner=${owner} /> ${tokens(sum)}</span>`)}${total > owners.length && ` and ${tokens(total - owners.length)} more`}`;
}
