/** What an agent did in each turn, newest first. */
import { html } from "../library.js";
import { tokens, words } from "../numbers.js";
import { AgentHeading } from "../parts/agent-heading.js";
import { More, usePages } from "../parts/more.js";
import { shownOr } from "../parts/notices.js";
import { Table } from "../parts/table.js";

const limit = 50;

export function Decisions({ world, agentId }) {
  const path = `view/agents/${encodeURIComponent(agentId)}/decisions`;
  const pages = usePages((before) => world.path(path, { before, limit }), world.version);
  return html`<${AgentHeading} world=${world} agentId=${agentId} here="decisions" text=${`Decisions of ${agentId}`} />
    ${shownOr({ value: pages.first, error: pages.error }, "its decisions", () => html`
      ${pages.rows.length === 0 && html`<p class="empty">It has not acted yet.</p>`}
      <${DecisionTable} world=${world} rows=${pages.rows} />
      <${More} pages=${pages} what="decisions" />`)}`;
}

/** @param {{ world: any, rows: any[], names?: boolean }} props `names` says whose each one is, instead of the turn. */
export function DecisionTable({ world, rows, names = false }) {
  const linkOf = ({ agent_id: id, turn }) => world.to(["agents", id, "turns", turn]);
  const columns = [
    names
      ? { name: "agent", cell: (row) => html`<a href=${linkOf(row)}>${row.agent_id}</a>` }
      : { name: "turn", number: true, cell: (row) => html`<a href=${linkOf(row)}>${tokens(row.turn)}</a>` },
    { name: "did", wrap: true, cell: (row) => html`${row.words}${row.rejection && html`<span class="is-bad">, rejected: ${words(row.rejection)}</span>`}` },
    { name: "fee", number: true, cell: ({ fee }) => tokens(fee) },
    ...(rows.some((row) => row.calls !== null) ? [{ name: "calls", number: true, cell: ({ calls }) => (calls === null ? "" : tokens(calls)) }] : []),
    ...(rows.some((row) => row.said) ? [{ name: "said", wrap: true, cell: ({ said }) => said }] : []),
    ...(rows.some((row) => row.thought) ? [{ name: "thought", wrap: true, cell: ({ thought }) => thought }] : []),
  ];
  return html`<${Table} caption="Decisions" columns=${columns} rows=${rows} id=${(row, index) => `${row.turn} ${row.agent_id} ${index}`} />`;
}
