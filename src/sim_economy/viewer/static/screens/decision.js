/** One agent in one turn: what it saw, thought, said and did, and what it paid. */
import { html } from "../library.js";
import { signed, tokens, words } from "../numbers.js";
import { AgentHeading } from "../parts/agent-heading.js";
import { KeyFigures } from "../parts/figures.js";
import { shownOr } from "../parts/notices.js";
import { Table } from "../parts/table.js";
import { useAnswer } from "../wire.js";

export function Decision({ world, agentId, turn }) {
  const path = `view/agents/${encodeURIComponent(agentId)}/decisions/${encodeURIComponent(turn)}`;
  const answer = useAnswer(world.path(path));
  return html`<${AgentHeading} world=${world} agentId=${agentId} here="decisions" text=${`${agentId} in turn ${turn}`} />
    ${shownOr(answer, "the decision", (value) => html`<${Known} world=${world} agentId=${agentId} value=${value} />`)}`;
}

function Known({ world, agentId, value }) {
  const { decision } = value;
  const at = (/** @type {number} */ turn) => world.to(["agents", agentId, "turns", turn]);
  return html`<p class="answer">${sentence(value)}</p>
    <p class="row">
      ${value.earlier !== null && html`<a class="button" href=${at(value.earlier)}>← Turn ${tokens(value.earlier)}</a>`}
      <a class="button" href=${world.to(["turns", decision.turn])}>All of turn ${tokens(decision.turn)}</a>
      ${value.later !== null && html`<a class="button" href=${at(value.later)}>Turn ${tokens(value.later)} →</a>`}
    </p>
    <${KeyFigures} figures=${figuresOf(value)} />
    <div class="two"><section>
      <${Text} title="What it said" text=${decision.said} none="It said nothing." />
      <${Text} title="What it thought" text=${decision.thought} none="No thought of it is kept." />
      ${value.calls.map((call, index) => html`<${Call} key=${call.attempt} call=${call} number=${index + 1} currency=${value.currency} />`)}
      ${value.saw !== null && html`<h2>What it saw</h2><pre class="saw" tabindex="0">${value.saw}</pre>`}
    </section><section>
      <h2>What it paid and received</h2>
      ${value.paid.length === 0
        ? html`<p class="empty">Nothing moved on its accounts.</p>`
        : html`<${Table} caption="Tokens by reason" columns=${columns} rows=${value.paid} id=${(row) => row.reason} />`}
    </section></div>`;
}

const columns = [
  { name: "reason", cell: ({ reason }) => words(reason) },
  { name: "tokens", number: true, cell: (row) => html`<span class=${row.tokens.startsWith("-") ? "is-out" : "is-in"}>${signed(row.tokens)}</span>` },
];

function sentence({ decision, idle_because: idle }) {
  const refused = decision.rejection ? `, which a rule rejected: ${words(decision.rejection)}` : "";
  return `${decision.agent_id} did: ${decision.words}${refused}.${idle ? ` It could not act: ${idle}` : ""}`;
}

function figuresOf({ decision, balance_before: before, balance_after: after, decided_by: by }) {
  return [
    { label: "balance before", value: tokens(before), bad: before.startsWith("-") },
    { label: "balance after", value: tokens(after), bad: after.startsWith("-") },
    { label: "fee", value: tokens(decision.fee), note: `${tokens(decision.thinking_units)} thinking units, ${tokens(decision.output_units)} of output` },
    ...(by ? [{ label: "decided by", value: html`<span class="small">${by}</span>` }] : []),
  ];
}

const Text = ({ title, text, none }) => html`<h2>${title}</h2>
  ${text === "" ? html`<p class="empty">${none}</p>` : html`<blockquote>${text}</blockquote>`}`;

function Call({ call, number, currency }) {
  const paid = [call.tokens, call.money && `${call.money} ${currency}`, `${call.seconds.toFixed(1)} s`].filter(Boolean).join("; ");
  return html`<h2>Call ${number}: ${call.outcome}</h2>
    <p class="empty">${paid}${call.detail && `; ${call.detail}`}</p>
    ${call.thinking && html`<h3>Thinking</h3><blockquote>${call.thinking}</blockquote>`}
    ${call.reply && html`<h3>Reply</h3><blockquote>${call.reply}</blockquote>`}`;
}
