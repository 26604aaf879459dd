/** Contracts as a table. */
import { html } from "../library.js";
import { signed, tokens, words } from "../numbers.js";
import { AgentLink, ContractLink, TurnLink } from "./links.js";
import { Table } from "./table.js";

/** @param {{ world: import("../world.js").World, rows: any[] }} props */
export const ContractTable = ({ world, rows }) =>
  html`<${Table} caption="Contracts" columns=${columnsOf(world)} rows=${rows} id=${(row) => row.contract_id} />`;

const bad = new Set(["defaulted", "void", "lapsed"]);

function columnsOf(world) {
  const party = (name, index) => ({ name, cell: ({ parties, gains }) => html`<${AgentLink} world=${world} id=${parties[index]} />
    ${BigInt(gains[index]) !== 0n && html`<span class=${BigInt(gains[index]) < 0n ? "gain is-out" : "gain is-in"}> ${signed(gains[index])}</span>`}` });
  const turn = (name) => ({ name, number: true, cell: (row) => (row[name] === null ? "" : html`<${TurnLink} world=${world} turn=${row[name]} />`) });
  return [
    { name: "id", number: true, cell: ({ contract_id: id }) => html`<${ContractLink} world=${world} id=${id} />` },
    { name: "kind", cell: ({ kind }) => words(kind) },
    { name: "stage", cell: ({ stage, cause }) => html`<span class=${bad.has(stage) ? "is-bad" : ""}>${stage}</span>${cause ? `, ${words(cause)}` : ""}` },
    { name: "amount", number: true, cell: ({ amount }) => (amount === null ? "" : tokens(amount)) },
    party("proposer", 0), party("counterparty", 1), party("arbitrator", 2),
    turn("proposed"), turn("ended"),
  ];
}
