/** The heading of an agent's screens, and the way between them. */
import { html } from "../library.js";
import { Title } from "./title.js";

const tabs = [["", "Overview"], ["statement", "Statement"], ["decisions", "Decisions"]];

/** @param {{ world: import("../world.js").World, agentId: string, here: string, text?: string }} props */
export const AgentHeading = ({ world, agentId, here, text = agentId }) => html`
  <${Title} text=${text} path=${[{ name: "Agents", link: world.to(["agents"]) },
    ...(text === agentId ? [] : [{ name: agentId, link: world.to(["agents", agentId]) }])]} />
  <nav class="tabs" aria-label=${`Screens of ${agentId}`}><ul>${tabs.map(([path, name]) => html`<li key=${path}>
    <a href=${world.to(["agents", agentId, ...(path ? [path] : [])])} aria-current=${path === here ? "page" : null}>${name}</a>
  </li>`)}</ul></nav>`;
