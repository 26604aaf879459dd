/** One turn: what moved and for whom, what agents did, contracts, transactions, the block. */
import { go } from "../address.js";
import { html } from "../library.js";
import { counted, tokens } from "../numbers.js";
import { ContractEvents } from "../parts/contract-events.js";
import { fieldOf } from "../parts/fields.js";
import { KeyFigures } from "../parts/figures.js";
import { Flows } from "../parts/flows.js";
import { OwnerLink } from "../parts/links.js";
import { shownOr } from "../parts/notices.js";
import { Postings } from "../parts/postings.js";
import { Table } from "../parts/table.js";
import { Title } from "../parts/title.js";
import { Transactions } from "../parts/transactions.js";
import { useAnswer } from "../wire.js";
import { DecisionTable } from "./decisions.js";

export function Turn({ world, turn, query }) {
  const answer = useAnswer(world.path(`view/turns/${encodeURIComponent(turn)}`), Number(turn) >= world.turn ? world.version : 0);
  return html`<${Title} text=${`Turn ${turn}`} />
    ${shownOr(answer, "the turn", (value) => html`<${Known} world=${world} value=${value} query=${query} />`)}
    ${answer.error && html`<${Way} world=${world} turn=${Number(turn)} />`}`;
}

function Known({ world, value, query }) {
  return html`<p class="answer">${value.answer}</p>
    <${Way} world=${world} turn=${value.turn} earlier=${value.earlier} later=${value.later} />
    <${KeyFigures} figures=${figuresOf(world, value)} />
    <h2>Who paid whom, and for what</h2>
    <${Flows} world=${world} flows=${value.flows} />
    ${value.decisions.length > 0 && html`<h2>What agents did</h2>
      <${DecisionTable} world=${world} rows=${value.decisions} names />
      ${value.inputs > value.decisions.length && html`<p class="empty">The first ${tokens(value.decisions.length)} of ${tokens(value.inputs)}.</p>`}`}
    ${value.contract_events.length > 0 && html`<h2>Contracts</h2>
      <${ContractEvents} world=${world} rows=${value.contract_events} names />`}
    ${value.transactions.length > 0 && html`<h2>Transactions that arrived</h2>
      <${Transactions} world=${world} rows=${value.transactions} />`}
    ${value.governance.length > 0 && html`<h2>What interventions did</h2><${Facts} rows=${value.governance} />`}
    ${value.denied.length > 0 && html`<h2>Units refused for want of tokens</h2><${Denied} world=${world} rows=${value.denied} />`}
    <h2>Every posting</h2>
    <${Postings} world=${world} turn=${value.turn} query=${query} flows=${value.flows} />
    <details><summary>Hashes and the block</summary><${Hashes} value=${value} /></details>`;
}

/** To the turn before, the one after, and any other. */
function Way({ world, turn, earlier = null, later = null }) {
  const at = (/** @type {number | string} */ other) => world.to(["turns", other]);
  const jump = (/** @type {SubmitEvent} */ event) => go(at(fieldOf(event, "turn")));
  return html`<div class="row">
    ${earlier !== null && html`<a class="button" href=${at(earlier)}>← Turn ${tokens(earlier)}</a>`}
    ${later !== null && html`<a class="button" href=${at(later)}>Turn ${tokens(later)} →</a>`}
    <form class="row" onSubmit=${jump}><label>Go to turn <input name="turn" type="number" min="0" max=${world.turn} required
      key=${turn} defaultValue=${turn} /></label><button>Go</button></form>
  </div>`;
}

function figuresOf(world, value) {
  const winner = value.block?.winner;
  return [
    { label: "fees charged", value: tokens(value.fees_charged), note: `${tokens(value.fees_covered)} covered` },
    { label: "dividends", value: tokens(value.dividends), note: "tokens" },
    { label: "block won by", value: winner ? html`<span class="small"><a href=${world.to(["agents", winner])}>${winner}</a></span>` : "nobody",
      note: value.block ? `${counted(value.block.transactions, "transaction")}, ${tokens(value.block.tips)} in tips` : "no block" },
    { label: "token supply", value: tokens(value.token_supply) },
    { label: "inputs", value: tokens(value.inputs), note: `${tokens(value.rejections)} rejected` },
    { label: "postings", value: tokens(value.postings) },
  ];
}

const Facts = ({ rows, caption = "Facts" }) => html`<${Table} caption=${caption} rows=${rows} id=${(row) => row.name} columns=${[
  { name: "name", cell: ({ name }) => name }, { name: "value", wrap: true, cell: ({ value }) => value }]} />`;

const Denied = ({ world, rows }) => html`<${Table} caption="Units refused" rows=${rows} id=${(row) => row.owner} columns=${[
  { name: "agent", cell: ({ owner }) => html`<${OwnerLink} world=${world} owner=${owner} />` },
  { name: "units", number: true, cell: (row) => tokens(row.tokens) }]} />`;

function Hashes({ value }) {
  const { block } = value;
  const rows = [
    { name: "chain head", value: value.head }, { name: "state digest", value: value.state_digest },
    ...(block ? [{ name: "block", value: block.hash }, { name: "block before", value: block.previous_hash },
      { name: "tickets", value: tokens(block.tickets) },
      ...block.chances.map((chance) => ({ name: `weight of ${chance.name}`, value: chance.value }))] : []),
  ];
  return html`<${Facts} rows=${rows} caption="Hashes and the block" />`;
}
