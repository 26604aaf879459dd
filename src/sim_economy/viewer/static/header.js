/** The bar above every screen: where one is, where one can go, search, and whether turns still arrive. */
import { go, linkTo } from "./address.js";
import { html, useState } from "./library.js";
import { tokens } from "./numbers.js";
import { SignOut } from "./parts/sign-out.js";
import { ThemeSwitch } from "./parts/theme-switch.js";

export function Header({ catalogue, path, world, problem }) {
  const home = linkTo([]);
  return html`<header class="bar">
    <p class="name"><a href=${home} aria-label="Home"><img src="view/static/icon.svg" alt="" /></a>
      <a href=${home} title=${catalogue.title}>${shortened(catalogue.title)}</a></p>
    <nav aria-label="Screens"><ul>${screens(catalogue, path, world).map(({ name, link, here }) => html`
      <li key=${name}><a href=${link} aria-current=${here ? "page" : null}>${name}</a></li>`)}</ul></nav>
    <div class="tools">
      ${world && html`<${Search} world=${world} />`}
      ${world && html`<${LinkState} world=${world} problem=${problem} />`}
      ${world && catalogue.asks_token && html`<${SignOut} world=${world} />`}
      <${ThemeSwitch} />
    </div>
  </header>`;
}

/** The last part of a path; all of another title. @param {string} title @returns {string} */
const shortened = (title) => title.split("/").findLast(Boolean) ?? title;

/** The screens that the bar names. */
function screens(catalogue, path, world) {
  const own = world
    ? [["Overview", []], ["Agents", ["agents"]], ["Turns", ["turns", world.turn]],
       ["Contracts", ["contracts"]], ["Events", ["events"]], ["Chain", ["chain"]]]
    : [];
  const many = catalogue.worlds.length > 1 || catalogue.documents.length > 0 || catalogue.tables.length > 0;
  return [
    ...(catalogue.has_map ? [{ name: "Map", link: linkTo(["map"]), here: !world && path[0] === "map" }] : []),
    ...(many ? [{ name: allOf(catalogue), link: linkTo(["worlds"]), here: !world && path[0] === "worlds" }] : []),
    ...own.map(([name, to]) => ({ name, link: world.to(to), here: (path[0] ?? "") === (to[0] ?? "") })),
  ];
}

function allOf({ kind, worlds }) {
  if (kind === "engine") return "Worlds";
  return worlds.length > 1 ? "Runs" : "Folder";
}

function Search({ world }) {
  const [text, set] = useState("");
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (text.trim() !== "") go(world.to(["search"], { q: text.trim() }));
  };
  return html`<form role="search" onSubmit=${submit}>
    <label class="unseen" for="search">Search agents, turns, contracts, hashes and speech</label>
    <input id="search" type="search" placeholder="Agent, turn 30, hash" value=${text}
      onInput=${(event) => set(event.target.value)} autocomplete="off" spellcheck=${false} />
  </form>`;
}

function LinkState({ world, problem }) {
  const [kind, text] = linkWords(world, problem);
  return html`<p class=${`link is-${kind}`}>${text}</p>`;
}

function linkWords({ link, overview, turn }, problem) {
  const at = `turn ${tokens(turn)}`;
  if (problem || link === "lost") return ["lost", `connection lost at ${at}, trying again`];
  if (link === "live") return ["live", `live, ${at}`];
  if (link === "connecting") return ["still", `connecting, ${at}`];
  return ["still", overview.ended ? `ended with ${at}` : at];
}
