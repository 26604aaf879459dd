/** The chain: verify it here and now, and compare its head with one that was seen earlier. */
import { go } from "../address.js";
import { dated, rememberedHeads } from "../heads.js";
import { html } from "../library.js";
import { tokens } from "../numbers.js";
import { fieldOf } from "../parts/fields.js";
import { shownOr } from "../parts/notices.js";
import { Table } from "../parts/table.js";
import { Title } from "../parts/title.js";
import { Verification } from "../parts/verification.js";
import { useAnswer } from "../wire.js";

export function Chain({ world, query }) {
  const asked = { turn: query.get("turn"), head: query.get("head") };
  const answer = useAnswer(world.path("view/chain", asked), world.version);
  return html`<${Title} text="Chain" />
    ${shownOr(answer, "the chain", (value) => html`<${Known} world=${world} value=${value} asked=${asked} />`)}`;
}

function Known({ world, value, asked }) {
  return html`<p class="answer">The chain ends with turn ${tokens(value.head.turn)}; its head,${" "}
      <span class="hash">${value.head.head.slice(0, 16)}…</span>, is one hash over every record up to there.</p>
    <${HeadFile} file=${value.head_file} />
    <h2>Compare it with what it was</h2>
    <p>Whoever kept a head of yesterday can see here whether any record up to that turn was changed since.</p>
    ${value.compared && html`<${Compared} compared=${value.compared} />`}
    <${Compare} world=${world} asked=${asked} last=${value.head.turn} />
    <${Remembered} world=${world} genesis=${value.genesis} now=${value.head.head} />
    <h2>Verify it here and now</h2>
    <p>A check computes every hash and posting again, from genesis to the last turn, and the state once more from records alone. That the
      ledger is sound says nothing about yesterday: a history rewritten as a whole is sound too, but has another head.</p>
    <${Verification} world=${world} compare=${asked} />
    <h2>Hashes at its end</h2>
    <${Ends} value=${value} />`;
}

function HeadFile({ file }) {
  if (file === null) return null;
  return file.problem === null
    ? html`<p class="good">The head file beside this ledger remembers turn ${tokens(file.turn)}, and the ledger has all of it.</p>`
    : html`<p class="failure" role="alert">The head file beside this ledger remembers something else: it ${file.problem}.</p>`;
}

const Compared = ({ compared }) =>
  html`<p class=${compared.same ? "good" : "failure"} role="status">${compared.words}</p>`;

function Compare({ world, asked, last }) {
  const compare = (/** @type {SubmitEvent} */ event) =>
    go(world.to(["chain"], { turn: fieldOf(event, "turn"), head: fieldOf(event, "head") }));
  return html`<form class="row" onSubmit=${compare}>
    <label>Turn <input name="turn" type="number" min="0" required defaultValue=${asked.turn ?? last} /></label>
    <label>Head kept then <input name="head" class="hash" size="44" required pattern=" *[0-9a-f]{64} *" title="64 digits, 0 to 9 and a to f"
      defaultValue=${asked.head ?? ""} autocomplete="off" spellcheck=${false} /></label>
    <button>Compare</button>
  </form>`;
}

function Remembered({ world, genesis, now }) {
  const heads = rememberedHeads(genesis).filter(({ head }) => head !== now);
  if (heads.length === 0) return html`<p class="empty">This browser remembers no earlier head of this world.</p>`;
  const columns = [
    { name: "seen", cell: ({ at }) => dated(at) },
    { name: "turn", number: true, cell: ({ turn }) => tokens(turn) },
    { name: "head", cell: ({ head }) => html`<span class="hash">${head.slice(0, 16)}…</span>` },
    { name: "compare", cell: ({ turn, head }) => html`<a href=${world.to(["chain"], { turn, head })}>compare with now<span class="unseen">, turn ${turn}</span></a>` },
  ];
  return html`<h3>Heads that this browser remembers</h3>
    <${Table} caption="Heads that this browser remembers" columns=${columns} rows=${heads} id=${(row) => row.at} />`;
}

function Ends({ value }) {
  const { head, newest_block: block } = value;
  const rows = [
    ["chain head", head.head], ["state digest", head.state_digest], ["newest block", head.block_hash], ["genesis", value.genesis],
    ["rules version", value.rules_version], ["blocks", tokens(value.blocks)],
    ["block won by", block ? `${block.winner ?? "nobody"}, turn ${value.newest_block_turn}` : "no block yet"],
    ["signed", value.signed ? `yes, engine key ${value.engine_key}` : "no; an engine signs where agents do"],
  ].map(([name, text]) => ({ name, text }));
  return html`<${Table} caption="The end of the chain" rows=${rows} id=${(row) => row.name} columns=${[
    { name: "name", cell: ({ name }) => name },
    { name: "value", wrap: true, cell: ({ text }) => html`<span class="hash">${text}</span>` }]} />`;
}
