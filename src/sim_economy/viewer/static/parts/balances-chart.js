/** The chart of balances: a line for each agent of a small world, bands and chosen agents of a large one. */
import { go } from "../address.js";
import { Chart } from "../chart.js";
import { html, useMemo, useRef } from "../library.js";
import { lineStyles } from "../theme.js";
import { useBalances } from "./balances.js";
import { fieldOf } from "./fields.js";
import { shownOr } from "./notices.js";

const views = [["agents", "Agents"], ["platform", "Platform"], ["supply", "Token supply"]];
const suggestedMost = 3;
/** Above it the server sends no line of an agent that is not asked for. */
const smallWorld = 20;

/** @param {{ world: import("../world.js").World, query: URLSearchParams }} props */
export function BalancesChart({ world, query }) {
  const view = query.get("show") ?? "agents";
  const large = world.overview.agents > smallWorld;
  const suggested = useSuggested(world.overview);
  const chosen = query.has("agents") ? query.get("agents").split(",").filter(Boolean) : large ? suggested : [];
  const balances = useBalances(world, chosen);
  const to = (/** @type {Record<string, string>} */ change) => world.to([], { ...Object.fromEntries(query), ...change });
  return html`<div class="row" role="group" aria-label="What the chart shows">
      ${views.map(([name, text]) => html`<a key=${name} class="button" href=${to({ show: name })}
        aria-current=${view === name ? "true" : null}>${text}</a>`)}
      ${large && view === "agents" && html`<${Chosen} chosen=${chosen} to=${to} />`}
    </div>
    ${shownOr(balances, "the balances", (value) => html`<${Drawn} world=${world} value=${value} view=${view} />`)}`;
}

/** Those at first, once all turns have been read; who is next may change, the lines of the chart do not. */
function useSuggested(overview) {
  const kept = useRef(null);
  if (kept.current === null || !kept.current.complete) {
    kept.current = { complete: overview.complete_to >= overview.turn, agents: suggestedOf(overview) };
  }
  return kept.current.agents;
}

/** Those of whom one wants to see more: next, or without tokens. */
const suggestedOf = ({ insolvent, out_of_tokens: out, outlook }) =>
  [...outlook, ...out, ...insolvent.filter(({ agent_id: id }) => out.every((own) => own.agent_id !== id))].slice(0, suggestedMost).map(({ agent_id: id }) => id);

function Chosen({ chosen, to }) {
  const add = (/** @type {any} */ event) => {
    const id = fieldOf(event, "agent");
    if (id !== "" && !chosen.includes(id)) go(to({ agents: [...chosen, id].join(",") }));
    event.target.reset();
  };
  return html`${chosen.map((id) => html`<a key=${id} class="button" title=${`Leave out ${id}`}
      href=${to({ agents: chosen.filter((other) => other !== id).join(",") || "," })}>${id} <span aria-hidden="true">×</span><span class="unseen">, leave out</span></a>`)}
    <form onSubmit=${add}><label class="unseen" for="add-agent">Add the line of an agent</label>
      <input id="add-agent" name="agent" placeholder="Add an agent" size="12" autocomplete="off" /></form>`;
}

function Drawn({ world, value, view }) {
  const { outlook } = world.overview;
  const drawing = useMemo(() => drawingOf(world, value, view), [value, view, world.id, outlook]);
  if (value.turns.length === 0) return html`<p class="empty">No turn is closed yet.</p>`;
  return html`<${Chart} ...${drawing} turns=${value.turns}
    onTurn=${(turn) => go(world.to(["turns", turn]))} />`;
}

/** Lines and bands of a view. */
function drawingOf(world, value, view) {
  if (view === "platform") {
    return { label: "The platform's balance over turns", lines: [{ name: "platform", values: value.platform, colour: "slate" }] };
  }
  if (view === "supply") {
    return { label: "Token supply over turns", lines: [{ name: "token supply", values: value.token_supply, colour: "slate" }] };
  }
  const styles = lineStyles(value.lines.map(({ index }) => index));
  const lines = value.lines.map((line, at) => ({
    name: line.agent_id, values: line.last, ...styles[at], link: world.to(["agents", line.agent_id]),
  }));
  const label = "Balances of agents over turns, in tokens";
  const forecasts = forecastsOf(world.overview).filter(({ name }) => lines.some((line) => line.name === name));
  if (world.overview.agents <= smallWorld && lines.length > 0) {
    return { label, lines, forecasts, bands: value.span > 1 ? value.lines.map((line, at) => reach(line, styles[at].colour)) : [], height: lines.length > 12 ? 420 : 360 };
  }
  const { lowest, highest, tenth, ninetieth, median } = value.bands;
  return {
    label, forecasts, height: 400,
    bands: [{ name: "all agents", low: lowest, high: highest, colour: "sky" },
            { name: "eight in ten agents", low: tenth, high: ninetieth, colour: "blue" }],
    lines: [{ name: "median", values: median, colour: "ink" }, ...lines],
  };
}

/** Those that the first sentence names. */
const namedMost = 2;
const forecastsOf = ({ outlook, trend_turns: turns }) =>
  outlook.slice(0, namedMost).map(({ agent_id: name, turn }) => ({ name, turn, turns }));

/** What a line passed through within each bucket. */
const reach = (line, colour) => ({ name: line.agent_id, low: line.low, high: line.high, colour, shown: false });
