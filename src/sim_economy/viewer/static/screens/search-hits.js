/** What a search found; the only thing that it found is opened at once. */
import { go } from "../address.js";
import { html, useEffect } from "../library.js";
import { words } from "../numbers.js";
import { shownOr } from "../parts/notices.js";
import { Title } from "../parts/title.js";
import { useAnswer } from "../wire.js";

export function SearchHits({ world, query }) {
  const text = query.get("q") ?? "";
  const answer = useAnswer(text === "" ? null : world.path("view/search", { q: text, limit: 50 }));
  const only = answer.value?.hits.length === 1 && answer.value.hits[0].kind !== "speech" ? answer.value.hits[0] : null;
  useEffect(() => {
    if (only !== null) go(linkOf(world, only), true);
  }, [only]);
  return html`<${Title} text=${`Search: ${text}`} />
    ${shownOr(answer, "what is found", ({ hits, complete }) => html`
      ${hits.length === 0 && html`<p class="answer">Nothing here is called or contains “${text}”.</p>
        <p>Search for an agent’s name, <code>turn 30</code>, <code>contract 7</code>, the beginning of a hash, or words that somebody said.</p>`}
      <ol class="events narrow">${hits.map((hit, index) => html`<li key=${index}>
        <span class="when">${words(hit.kind)}</span><a href=${linkOf(world, hit)}>${hit.words}</a></li>`)}</ol>
      ${!complete && html`<p class="empty">Only the newest turns were looked through for speech.</p>`}`)}`;
}

function linkOf(world, { kind, turn, agent_id: agent, contract_id: contract }) {
  if (kind === "speech" && agent !== null) return world.to(["agents", agent, "turns", turn]);
  if (contract !== null) return world.to(["contracts", contract]);
  if (kind === "agent") return world.to(["agents", agent]);
  return turn === null ? world.to(["chain"]) : world.to(["turns", turn]);
}
