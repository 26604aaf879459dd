/** The routes of this engine, from its description: listed, searched, each with an address of its own. */
import { html, render, useEffect, useMemo, useState } from "../library.js";
import { counted } from "../numbers.js";
import { shownOr } from "../parts/notices.js";
import { ThemeSwitch } from "../parts/theme-switch.js";
import "../theme.js";
import { useAnswer } from "../wire.js";
import { matching, operationsOf, typesOf } from "./description.js";
import { OperationPart } from "./operation.js";
import { Fields } from "./schema.js";

function Page() {
  const description = useAnswer("openapi.json");
  return html`<a class="skip" href="#routes">Skip to the routes</a>
    <header class="bar"><p class="name"><a href="./"><img src="view/static/icon.svg" alt="" /> sim-economy</a></p>
      <div class="tools"><a href="openapi.json">openapi.json</a><${ThemeSwitch} /></div></header>
    <main class="page">${shownOr(description, "the description", (document) => html`<${Description} document=${document} />`)}</main>`;
}

function Description({ document: described }) {
  const operations = useMemo(() => operationsOf(described), [described]);
  const types = useMemo(() => typesOf(described), [described]);
  const byName = useMemo(() => new Map(types.map(({ name, schema }) => [name, schema])), [types]);
  const [words, search] = useState("");
  const opened = useFragment();
  const shown = matching(operations, words);
  const shownTypes = matching(types, words);
  const found = `${counted(shown.length, "route")} and ${counted(shownTypes.length, "type")}`;
  useEffect(() => { document.getElementById(opened)?.scrollIntoView(); }, [opened]);
  return html`<h1>${described.info.title} ${described.info.version}, routes</h1>
    <p class="answer">${described.info.description}</p>
    <form class="row" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>Search routes, fields and errors <input type="search" value=${words} autocomplete="off" spellcheck=${false}
        onInput=${(event) => search(event.target.value)} /></label>
      <p class="found" role="status">${words === "" ? `${found}.` : `${found} found.`}</p></form>
    <h2 id="routes" tabindex="-1">Routes</h2>
    ${shown.map((operation) => html`<${OperationPart} key=${operation.id} operation=${operation} types=${byName} open=${operation.id === opened} />`)}
    <h2 id="types">Types</h2>
    ${shownTypes.map(({ name, schema }) => html`<details class="operation" key=${name} id=${`type-${name}`} open=${`type-${name}` === opened}>
      <summary><code>${name}</code> <span class="says">${schema.description?.split("\n")[0] ?? ""}</span></summary>
      <${Fields} schema=${schema} caption=${name} /></details>`)}`;
}

/** The part of the page that the address names. */
function useFragment() {
  const read = () => decodeURIComponent(location.hash.slice(1));
  const [fragment, follow] = useState(read);
  useEffect(() => {
    const changed = () => follow(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return fragment;
}

render(html`<${Page} />`, document.getElementById("app"));
