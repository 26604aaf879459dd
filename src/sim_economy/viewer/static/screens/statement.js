/** An agent's statement, posting by posting. */
import { html } from "../library.js";
import { signed, tokens, words } from "../numbers.js";
import { AgentHeading } from "../parts/agent-heading.js";
import { Filters } from "../parts/filters.js";
import { AccountLink, TurnLink } from "../parts/links.js";
import { shownOr } from "../parts/notices.js";
import { reasons } from "../parts/reasons.js";
import { Table } from "../parts/table.js";
import { useAnswer } from "../wire.js";

const limit = 100;

export function Statement({ world, agentId, query }) {
  const stated = { reason: query.get("reason"), before: query.get("before") };
  const path = world.path(`view/agents/${encodeURIComponent(agentId)}/statement`, { ...stated, limit });
  const answer = useAnswer(path, stated.before ? 0 : world.version);
  const link = (/** @type {Record<string, unknown>} */ next) => world.to(["agents", agentId, "statement"], next);
  return html`<${AgentHeading} world=${world} agentId=${agentId} here="statement" text=${`Statement of ${agentId}`} />
    ${shownOr(answer, "the statement", (page) => html`<${Page} world=${world} page=${page} query=${query} link=${link} />`)}`;
}

function Page({ world, page, query, link }) {
  const reason = query.get("reason");
  const { first_turn: first, last_turn: last } = page;
  return html`<p class="answer">Turns ${tokens(first)} to ${tokens(last)}: from ${tokens(page.opening.balance)} to ${tokens(page.closing.balance)} tokens.</p>
    <${Filters} filters=${[{ name: "reason", label: "Reason", choices: reasons }]} query=${query} link=${({ reason: chosen }) => link({ reason: chosen })} />
    <${Way} page=${page} reason=${reason} link=${link} />
    <${Holdings} page=${page} />
    <${Table} caption=${`Postings of turns ${first} to ${last}`} columns=${columnsOf(world)} rows=${page.rows} />
    ${page.rows.length === 0 && html`<p class="empty">No such posting in these turns.</p>`}
    <${Way} page=${page} reason=${reason} link=${link} />`;
}

const Way = ({ page, reason, link }) => html`<p class="row">
  ${page.earlier !== null && html`<a class="button" href=${link({ reason, before: page.earlier })}>← Earlier</a>`}
  ${page.later !== null && html`<a class="button" href=${link({ reason, before: page.later })}>Later →</a>`}
</p>`;

/** Each account before the first turn and after the last. */
function Holdings({ page }) {
  const rows = Object.keys(page.closing).map((account) => ({ account, opening: page.opening[account], closing: page.closing[account] }));
  const columns = [
    { name: "account", cell: ({ account }) => account },
    { name: `before turn ${page.first_turn}`, number: true, cell: ({ opening }) => tokens(opening) },
    { name: `after turn ${page.last_turn}`, number: true, cell: ({ closing }) => tokens(closing) },
  ];
  return html`<details><summary>Its five accounts, before and after</summary>
    <${Table} caption="Accounts before and after" columns=${columns} rows=${rows} id=${(row) => row.account} /></details>`;
}

const columnsOf = (/** @type {any} */ world) => [
  { name: "turn", number: true, cell: ({ turn }) => html`<${TurnLink} world=${world} turn=${turn} />` },
  { name: "reason", cell: ({ reason }) => words(reason) },
  { name: "account", cell: ({ account }) => account },
  { name: "amount", number: true, cell: ({ amount }) => html`<span class=${amount.startsWith("-") ? "is-out" : "is-in"}>${signed(amount)}</span>` },
  { name: "counterpart", cell: ({ counterpart }) => html`<${AccountLink} world=${world} account=${counterpart} />` },
  { name: "after", number: true, cell: ({ after }) => html`<span class=${after.startsWith("-") ? "is-bad" : ""}>${tokens(after)}</span>` },
];
