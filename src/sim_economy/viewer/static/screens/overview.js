/** How a world stands: the answer first, then its figures, balances over turns, and what happened last. */
import { html } from "../library.js";
import { counted, mean, tokens, words } from "../numbers.js";
import { BalancesChart } from "../parts/balances-chart.js";
import { EventList } from "../parts/event-list.js";
import { KeyFigures } from "../parts/figures.js";
import { AgentLink, TurnLink } from "../parts/links.js";
import { PlayedRow } from "../parts/played-row.js";
import { SameAsBefore } from "../parts/same-as-before.js";
import { Table } from "../parts/table.js";
import { Title } from "../parts/title.js";
import { withTokens, withTokensWords } from "../parts/without-tokens.js";

export function Overview({ world, query }) {
  const { overview } = world;
  return html`<${Title} text=${titleOf(overview)} />
    <p class="answer">${overview.answer}</p>
    <${PlayedRow} world=${world} />
    <${KeyFigures} figures=${figuresOf(world)} />
    <${SameAsBefore} world=${world} />
    <div class="two">
      <section aria-labelledby="balances"><h2 id="balances">Balances over turns, in tokens</h2>
        <${BalancesChart} world=${world} query=${query} />
      </section>
      <section aria-labelledby="insolvency"><h2 id="insolvency">${overview.refuses_usage ? "Out of tokens" : "Insolvent"}${overview.outlook.length === 0 ? "" : ", or next"}</h2>
        <${Insolvency} world=${world} />
        <h2 id="newest">Newest events</h2>
        ${overview.newest.length === 0 && html`<p class="empty">Nothing has happened yet.</p>`}
        <${EventList} world=${world} rows=${overview.newest} marksNew />
        <p><a href=${world.to(["events"])}>All events</a></p>
      </section>
    </div>
    <${Parameters} overview=${overview} />`;
}

const titleOf = ({ title, turn, turns_planned: planned }) =>
  `${title}, after turn ${tokens(turn)}${planned === null || planned === turn ? "" : ` of ${tokens(planned)}`}`;

function figuresOf({ overview, to }) {
  const { agents, platform } = overview;
  const well = withTokens(overview);
  return [
    { label: html`of <a href=${to(["agents"], { order: "balance" })}>${counted(agents, "agent")}</a> ${withTokensWords(overview)}`, value: tokens(well),
      bad: well < agents },
    { label: "platform’s balance", value: tokens(platform), note: "tokens", bad: BigInt(platform) < 0n },
    { label: "token supply", value: tokens(overview.token_supply), note: "what agents own, stakes too" },
    { label: "fees charged", value: tokens(overview.fees_charged), note: feesNote(overview) },
    { label: "dividends paid", value: tokens(overview.dividends), note: `in ${counted(overview.turn, "turn")}` },
    { label: "blocks", value: html`<a href=${to(["chain"])}>${tokens(overview.blocks)}</a>`,
      note: counted(overview.transactions, "transaction") },
    { label: "open contracts", value: html`<a href=${to(["contracts"])}>${tokens(overview.open_contracts)}</a>`,
      note: `${tokens(overview.contracts.proposed ?? 0)} proposed in all` },
  ];
}

function feesNote({ fees_covered: covered, fees_waived: waived }) {
  return `${tokens(covered)} covered by balances${BigInt(waived) === 0n ? "" : `; ${tokens(waived)} more waived for jobs`}`;
}

/** Agents of the first screen; all of them are a link away. */
const rowsMost = 6;
/** Of them who will be next, as the first sentence names them. */
const nextLeast = 2;

/** Who is insolvent or out of tokens, and who will be first at the present trend. */
function Insolvency({ world }) {
  const { refuses_usage: refuses, insolvent, out_of_tokens: out, outlook, trend_turns: turns } = world.overview;
  const without = (refuses ? out : insolvent).slice(0, rowsMost - Math.min(nextLeast, outlook.length));
  const rows = [...without, ...outlook].slice(0, rowsMost);
  const what = refuses ? "out of tokens" : "insolvent";
  if (rows.length === 0) return html`<p>No agent is ${what}.</p>`;
  const columns = [
    { name: "agent", cell: ({ agent_id: id }) => html`<${AgentLink} world=${world} id=${id} />` },
    { name: "balance", number: true, cell: ({ balance }) => html`<span class=${BigInt(balance) < 0n ? "is-bad" : ""}>${tokens(balance)}</span>` },
    { name: refuses ? "out" : what, cell: ({ since, turn }) => (since === undefined
      ? `in turn ${tokens(turn)}`
      : since === null ? "now" : html`since <${TurnLink} world=${world} turn=${since}>turn ${tokens(since)}</${TurnLink}>`) },
    ...(outlook.length === 0 ? [] : [{ name: "trend", number: true, cell: ({ trend }) => (trend === undefined ? "" : mean(trend)) }]),
  ];
  return html`<${Table} caption=${`Agents that are ${what}, then those who will be first`} columns=${columns} rows=${rows} id=${(row) => row.agent_id} />
    <p class="empty">${refuses
        ? "An agent is out of tokens from the turn in which usage of it is refused, or its balance ends below zero, until it can pay again."
        : "An agent is insolvent while its balance is below zero."}
      ${outlook.length > 0 && ` Who will be next follows from the trend: the mean change of the balance a turn over the last ${counted(turns, "turn")}, stakes and burns included.`}
      ${" "}<a href=${world.to(["agents"], { order: "insolvency" })}>All agents in this order</a></p>`;
}

function Parameters({ overview }) {
  const columns = [
    { name: "parameter", cell: ({ name }) => words(name) },
    { name: "value", cell: ({ value }) => value, wrap: true },
  ];
  return html`<details><summary>Parameters of this world (rules version ${overview.rules_version})</summary>
    <${Table} caption="Parameters" columns=${columns} rows=${overview.parameters} id=${(row) => row.name} />
  </details>`;
}
