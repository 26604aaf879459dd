/** What agents said, as they wrote it. */
import { html } from "../library.js";
import { tokens } from "../numbers.js";

/** @param {{ world: import("../world.js").World, rows: any[] }} props */
export const Speech = ({ world, rows }) => html`<ol class="events">${rows.map(({ turn, agent_id: agent, text }) => html`
  <li key=${`${turn} ${agent}`}><a class="when" href=${world.to(["agents", agent, "turns", turn])}>turn ${tokens(turn)}</a>
    <span class="said">${text}</span></li>`)}</ol>`;
