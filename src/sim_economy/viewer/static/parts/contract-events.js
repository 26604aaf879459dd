/** What happened to contracts, with what was posted by it. */
import { html } from "../library.js";
import { tokens, words } from "../numbers.js";
import { AccountLink, AgentLink, ContractLink, TurnLink } from "./links.js";
import { Table } from "./table.js";

/** @param {{ world: any, rows: any[], names?: boolean }} props `names` says which contract each is of, instead of the turn. */
export const ContractEvents = ({ world, rows, names = false }) =>
  html`<${Table} caption="What happened to contracts" columns=${columnsOf(world, names)} rows=${rows} />`;

const columnsOf = (world, names) => [
  names
    ? { name: "contract", number: true, cell: ({ contract_id: id }) => html`<${ContractLink} world=${world} id=${id} />` }
    : { name: "turn", number: true, cell: ({ turn }) => html`<${TurnLink} world=${world} turn=${turn} />` },
  { name: "what happened", cell: ({ happened, agent_id: id }) => html`${words(happened)}${id && html` by <${AgentLink} world=${world} id=${id} />`}` },
  { name: "further", wrap: true, cell: ({ facts }) => facts.map(({ name, value }) => `${words(name)}: ${value}`).join("\n") },
  { name: "moved", wrap: true, cell: ({ moved }) => moved.map((posting) => html`<div key=${posting.index}>${tokens(posting.amount)} ${words(posting.reason)}:
      ${" "}<${AccountLink} world=${world} account=${posting.source} /> → <${AccountLink} world=${world} account=${posting.target} /></div>`) },
];
