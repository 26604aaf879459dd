/** One agent: how it stands, its balance over turns, where its tokens came from, its contracts, what it said. */
import { go } from "../address.js";
import { Chart } from "../chart.js";
import { html, useMemo } from "../library.js";
import { counted, mean, signed, tokens, words } from "../numbers.js";
import { AgentHeading } from "../parts/agent-heading.js";
import { useBalances } from "../parts/balances.js";
import { ContractTable } from "../parts/contract-table.js";
import { KeyFigures } from "../parts/figures.js";
import { shownOr } from "../parts/notices.js";
import { Speech } from "../parts/speech.js";
import { Table } from "../parts/table.js";
import { withoutTokensWords } from "../parts/without-tokens.js";
import { lineStyles } from "../theme.js";
import { useAnswer } from "../wire.js";

export function Agent({ world, agentId }) {
  const answer = useAnswer(world.path(`view/agents/${encodeURIComponent(agentId)}`), world.version);
  return html`<${AgentHeading} world=${world} agentId=${agentId} here="" />
    ${shownOr(answer, "the agent", (value) => html`<${Known} world=${world} value=${value} />`)}`;
}

function Known({ world, value }) {
  const { agent, reasons, contracts, speech } = value;
  return html`<p class="answer">${value.answer}</p>
    <${KeyFigures} figures=${figuresOf(value, world.overview)} />
    <div class="two">
      <section><h2>Balance over turns</h2><${OwnChart} world=${world} agent=${agent} />
        <h2>Contracts</h2>
        ${contracts.length === 0
          ? html`<p class="empty">It was never a party of one.</p>`
          : html`<${ContractTable} world=${world} rows=${contracts} />`}
        ${value.contracts_total > contracts.length && html`<p>
          <a href=${world.to(["contracts"], { agent: agent.agent_id })}>All ${tokens(value.contracts_total)} contracts</a></p>`}
      </section>
      <section><h2>Tokens by reason</h2>
        <${Table} caption="Net tokens by reason" columns=${reasonColumns} rows=${reasons} id=${(row) => row.reason} />
        <p><a href=${world.to(["agents", agent.agent_id, "statement"])}>Statement, posting by posting</a></p>
        <h2>What it said</h2>
        ${speech.length === 0 ? html`<p class="empty">It said nothing.</p>` : html`<${Speech} world=${world} rows=${speech} />`}
      </section>
    </div>`;
}

const reasonColumns = [
  { name: "reason", cell: ({ reason }) => words(reason) },
  { name: "tokens", number: true, cell: (row) => html`<span class=${BigInt(row.tokens) < 0n ? "is-out" : "is-in"}>${signed(row.tokens)}</span>` },
  { name: "postings", number: true, cell: ({ postings }) => tokens(postings) },
];

function figuresOf({ agent, actions, rejections }, overview) {
  const usual = Object.entries(actions).sort(([, first], [, second]) => second - first).slice(0, 3);
  return [
    { label: "balance", value: tokens(agent.balance), bad: BigInt(agent.balance) < 0n, note: `lowest ${tokens(agent.lowest)}` },
    { label: "trend a turn", value: mean(agent.trend), note: outlookOf(agent, overview), bad: agent.insolvent_turn !== null },
    { label: "staked", value: tokens(agent.staked), note: `${tokens(agent.unstaking)} unstaking` },
    { label: "in escrow", value: tokens(agent.escrow), note: `${tokens(agent.pending)} pending` },
    { label: "actions", value: tokens(Object.values(actions).reduce((sum, count) => sum + count, 0)),
      note: `${usual.map(([name, count]) => `${words(name)} ${tokens(count)}`).join(", ")}; ${counted(rejections, "rejection")}` },
    ...(agent.decided_by ? [{ label: "decided by", value: html`<span class="small">${agent.decided_by}</span>` }] : []),
  ];
}

function outlookOf(agent, { ended, refuses_usage: refuses }) {
  return withoutTokensWords(agent, refuses) || (ended ? "the run has ended" : agent.trend < 0 ? "it lasts until the next period" : "its balance does not fall");
}

function OwnChart({ world, agent }) {
  const { agent_id: agentId, insolvent_turn: turn } = agent;
  const asked = useMemo(() => [agentId], [agentId]);
  const { trend_turns: over } = world.overview;
  const forecasts = useMemo(() => (turn === null ? [] : [{ name: agentId, turn, turns: over }]), [agentId, turn, over]);
  const balances = useBalances(world, asked);
  return shownOr(balances, "its balance", ({ turns, lines, span }) => {
    const own = lines[0];
    if (own === undefined || turns.length === 0) return html`<p class="empty">No turn is closed yet.</p>`;
    const [{ colour }] = lineStyles([own.index]);
    const reach = { name: "within each point", low: own.low, high: own.high, colour };
    return html`<${Chart} label=${`Balance of ${agentId} over turns, in tokens`} turns=${turns} height=${280}
      lines=${[{ name: agentId, values: own.last, colour }]} bands=${span > 1 ? [reach] : []} forecasts=${forecasts}
      onTurn=${(turn) => go(world.to(["agents", agentId, "turns", turn]))} />`;
  });
}
