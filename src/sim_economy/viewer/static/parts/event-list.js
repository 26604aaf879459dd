/** What happened, newest first. */
import { html, useRef } from "../library.js";
import { tokens } from "../numbers.js";
import { linkedIn } from "./links.js";

/** @param {{ world: import("../world.js").World, rows: any[], marksNew?: boolean }} props */
export function EventList({ world, rows, marksNew = false }) {
  const known = useRef(world.turn);
  const keys = keysOf(rows);
  return html`<ol class="events">${rows.map((row, index) => html`
    <li key=${keys[index]} class=${marksNew && row.turn > known.current ? "is-new" : ""}>
      <a class="when" href=${world.to(["turns", row.turn])}>turn ${tokens(row.turn)}</a>
      <span>${wordsOf(world, row)}</span>
    </li>`)}</ol>`;
}

function wordsOf(world, { words, agent_id: agent, contract_id: contract }) {
  if (contract !== null) return linkedIn(words, `contract ${contract}`, world.to(["contracts", contract]));
  return linkedIn(words, agent, world.to(["agents", agent ?? ""]));
}

/** Keys by which an event is known again while newer ones arrive before it; some happen twice in a turn. */
function keysOf(rows) {
  const seen = new Map();
  return rows.toReversed().map(({ turn, words }) => {
    const key = `${turn} ${words}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    return `${seen.get(key)} ${key}`;
  }).reverse();
}
