/** Transactions that arrived in a turn. */
import { html } from "../library.js";
import { tokens, words } from "../numbers.js";
import { AgentLink, TurnLink } from "./links.js";
import { Table } from "./table.js";

/** @param {{ world: import("../world.js").World, rows: any[] }} props */
export const Transactions = ({ world, rows }) =>
  html`<${Table} caption="Transactions" columns=${columnsOf(world)} rows=${rows} />`;

const columnsOf = (world) => [
  { name: "kind", cell: ({ tx_type: kind }) => words(kind) },
  { name: "of", cell: ({ agent_id: id }) => html`<${AgentLink} world=${world} id=${id} />` },
  { name: "to", cell: ({ to }) => (to === null ? "" : html`<${AgentLink} world=${world} id=${to} />`) },
  { name: "amount", number: true, cell: ({ amount }) => tokens(amount) },
  { name: "fee", number: true, cell: ({ fee }) => tokens(fee) },
  { name: "submitted in turn", number: true, cell: ({ submitted }) => html`<${TurnLink} world=${world} turn=${submitted} />` },
];
