/** All agents. */
import { html } from "../library.js";
import { counted, mean, tokens } from "../numbers.js";
import { Filters } from "../parts/filters.js";
import { AgentLink, TurnLink } from "../parts/links.js";
import { More, usePages } from "../parts/more.js";
import { shownOr } from "../parts/notices.js";
import { Table } from "../parts/table.js";
import { Title } from "../parts/title.js";
import { withTokens, withTokensWords } from "../parts/without-tokens.js";

const filtersOf = (/** @type {boolean} */ refuses) => [
  { name: "search", label: "Name" },
  { name: "order", label: "Order", blank: "genesis",
    choices: [["balance", "lowest balance"], ["insolvency", refuses ? "first out of tokens" : "first insolvent"], ["trend", "falling fastest"]] },
  refuses ? { name: "out", label: "Out of tokens", choices: ["yes", "no"] } : { name: "insolvent", label: "Insolvent", choices: ["yes", "no"] },
];
const limit = 100;

export function Agents({ world, query }) {
  const stated = Object.fromEntries(query);
  const { refuses_usage: refuses } = world.overview;
  const pages = usePages((after) => world.path("view/agents", { ...stated, after, limit }), world.version);
  return html`<${Title} text="Agents" />
    <p class="answer">${tokens(withTokens(world.overview))} of ${counted(world.overview.agents, "agent")} ${world.overview.agents === 1 ? "is" : "are"} ${withTokensWords(world.overview)} after turn ${tokens(world.turn)}.</p>
    <${Filters} filters=${filtersOf(refuses)} query=${query} link=${(next) => world.to(["agents"], next)} />
    ${shownOr({ value: pages.first, error: pages.error }, "the agents", ({ total }) => html`
      <p class="empty">${counted(total, "agent")}</p>
      <${Table} caption="Agents" columns=${columnsOf(world, pages.rows)} rows=${pages.rows} id=${(row) => row.agent_id} />
      <${More} pages=${pages} what="agents" />`)}`;
}

function columnsOf(world, rows) {
  const amount = (name) => ({ name, number: true, cell: (row) => signedCell(row[name]) });
  return [
    { name: "agent", cell: ({ agent_id: id }) => html`<${AgentLink} world=${world} id=${id} />` },
    amount("balance"), amount("staked"), amount("escrow"), amount("lowest"),
    { name: world.overview.refuses_usage ? "out of tokens" : "insolvent", cell: (row) => insolvency(world, row) },
    { name: "trend a turn", number: true, cell: ({ trend }) => mean(trend) },
    ...(rows.some((row) => row.decided_by) ? [{ name: "decided by", cell: (row) => row.decided_by }] : []),
  ];
}

const signedCell = (value) => html`<span class=${BigInt(value) < 0n ? "is-bad" : ""}>${tokens(value)}</span>`;

function insolvency(world, { since, is_out: out, out_since: outSince, insolvent_turn: turn, balance }) {
  const { refuses_usage: refuses } = world.overview;
  const from = refuses ? outSince : since;
  if (from !== null) return html`since <${TurnLink} world=${world} turn=${from}>turn ${tokens(from)}</${TurnLink}>`;
  if (out || (!refuses && balance.startsWith("-"))) return "now";
  return turn === null ? "" : `in turn ${tokens(turn)}, if the trend lasts`;
}
