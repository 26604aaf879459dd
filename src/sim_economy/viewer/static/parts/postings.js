/** The postings of a turn, in their order. */
import { html } from "../library.js";
import { tokens, words } from "../numbers.js";
import { Filters } from "./filters.js";
import { AccountLink } from "./links.js";
import { More, usePages } from "./more.js";
import { shownOr } from "./notices.js";
import { Table } from "./table.js";

const limit = 100;

/** @param {{ world: any, turn: number, query: URLSearchParams, flows: any[] }} props */
export function Postings({ world, turn, query, flows }) {
  const stated = { reason: query.get("reason"), agent: query.get("agent") };
  const pages = usePages((after) => world.path(`view/turns/${turn}/postings`, { ...stated, after, limit }));
  const filters = [{ name: "reason", label: "Reason", choices: flows.map(({ reason }) => reason) }, { name: "agent", label: "Agent" }];
  return html`<${Filters} filters=${filters} query=${query} link=${(next) => world.to(["turns", turn], next)} />
    ${shownOr({ value: pages.first, error: pages.error }, "the postings", () => html`
      <${Table} caption=${`Postings of turn ${turn}`} columns=${columnsOf(world)} rows=${pages.rows} id=${(row) => row.index} />
      <${More} pages=${pages} what="postings" />`)}`;
}

const columnsOf = (world) => [
  { name: "number", number: true, cell: ({ index }) => tokens(index) },
  { name: "reason", cell: ({ reason }) => words(reason) },
  { name: "from", cell: ({ source }) => html`<${AccountLink} world=${world} account=${source} />` },
  { name: "to", cell: ({ target }) => html`<${AccountLink} world=${world} account=${target} />` },
  { name: "tokens", number: true, cell: ({ amount }) => tokens(amount) },
];
