/** What happened, newest first. */
import { html, useRef } from "../library.js";
import { tokens } from "../numbers.js";
import { linkedIn } from "./links.js";

/** @param {{ world: import("../world.js").World, rows: any[], marksNew?: boolean }} props */
export function EventList({ world, rows, marksNew = false }) {
  const known = useRef(world.turn);
  return html`<ol class="events">${rows.map((row, index) => html`
    <li key=${keyOf(row, index, rows)} class=${marksNew && row.turn > known.current ? "is-new" : ""}>
      <a class="when" href=${world.to(["turns", row.turn])}>turn ${tokens(row.turn)}</a>
      <span>${wordsOf(world, row)}</span>
    </li>`)}</ol>`;
}

function wordsOf(world, { words, agent_id: agent, contract_id: contract }) {
  if (contract !== null) return linkedIn(words, `contract ${contract}`, world.to(["contracts", contract]));
  return linkedIn(words, agent, world.to(["agents", agent ?? ""]));
}

/** The same event keeps its key while newer ones arrive before it. */
function keyOf(row, index, rows) {
  const same = rows.slice(index).filter((other) => other.turn === row.turn && other.words === row.words);
  return `${row.turn} ${same.length} ${row.words}`;
}
