/** The page: shows the screen that the address names. */
import { useAddress } from "./address.js";
import { Header } from "./header.js";
import { html, render, useEffect, useRef, useState } from "./library.js";
import { Announcer } from "./parts/announcer.js";
import { lazy } from "./parts/lazy.js";
import { Failure, Waiting } from "./parts/notices.js";
import { screenOf, sourceScreens } from "./screens/index.js";
import "./theme.js";
import { useAnswer } from "./wire.js";
import { useWorld } from "./world.js";

const NoWorld = lazy(async () => (await import("./screens/no-world.js")).NoWorld);
const SignIn = lazy(async () => (await import("./screens/sign-in.js")).SignIn);

function App() {
  const address = useAddress();
  const [tries, setTries] = useState(0);
  const catalogue = useAnswer("view/catalogue", tries);
  if (catalogue.error) return html`<main class="page"><${Failure} error=${catalogue.error} /></main>`;
  if (catalogue.value === null) return html`<main class="page"><${Waiting} what="what is here" /></main>`;
  if (address.path.length === 0 && isEmpty(catalogue.value)) {
    const said = { message: catalogue.value.answer, status: 409 };
    return html`<${Frame} catalogue=${catalogue.value} path=${[]}>
      <${NoWorld} error=${said} again=${() => setTries((old) => old + 1)} /></${Frame}>`;
  }
  const named = namedBy(address.path, catalogue.value);
  return html`<${named.worldId === null ? SourceScreen : WorldScreen} key=${named.worldId ?? " "}
    ...${named} query=${address.query} catalogue=${catalogue.value} />`;
}

/** An engine in which no world was started yet. */
const isEmpty = (/** @type {any} */ catalogue) => catalogue.kind === "engine" && catalogue.worlds.length === 0;

/**
 * What a path names: a screen of the source, or one of a world and the rest of the path.
 *
 * @param {string[]} path @param {any} catalogue
 * @returns {{ worldId: string | null, path: string[] }}
 */
function namedBy(path, catalogue) {
  if (path[0] === "worlds" && path.length > 1) return { worldId: path[1], path: path.slice(2) };
  const hasDefault = catalogue.worlds.some((/** @type {any} */ world) => world.world_id === "");
  if (path.length === 0 && catalogue.has_map) return { worldId: null, path: ["map"] };
  if (path.length === 0 && !hasDefault) return { worldId: null, path: ["worlds"] };
  return { worldId: sourceScreens.has(path[0]) ? null : "", path };
}

function SourceScreen({ path, query, catalogue }) {
  const Screen = sourceScreens.get(path[0]);
  return html`<${Frame} catalogue=${catalogue} path=${path}>
    <${Screen} catalogue=${catalogue} path=${path.slice(1)} query=${query} />
  </${Frame}>`;
}

function WorldScreen({ worldId, path, query, catalogue }) {
  const { world, error, again } = useWorld(worldId);
  if (world === null && error) {
    const instead = error.status === 401 ? SignIn : NoWorld;
    return html`<${Frame} catalogue=${catalogue} path=${path}>
      <${instead} worldId=${worldId} error=${error} again=${again} />
    </${Frame}>`;
  }
  const { Screen, values } = screenOf(path);
  return html`<${Frame} catalogue=${catalogue} path=${path} world=${world} problem=${error} again=${again}>
    ${world === null
      ? html`<${Waiting} what="the world" />`
      : html`<${Screen} world=${world} query=${query} ...${values} />`}
  </${Frame}>`;
}

/** What all screens share. A new one takes the focus, so that its heading is what is read next. */
function Frame({ catalogue, path, world, problem, children }) {
  const main = useRef(null);
  const first = useRef(true);
  const joined = path.join("/");
  useEffect(() => {
    if (!first.current) {
      main.current.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [joined]);
  const skip = (/** @type {Event} */ event) => {
    event.preventDefault();
    main.current.focus();
  };
  return html`<a class="skip" href="#/" onClick=${skip}>Skip to the content</a>
    <${Header} catalogue=${catalogue} path=${path} world=${world} problem=${problem} />
    <main class="page" tabindex="-1" ref=${main}>${children}</main>
    <${Announcer} world=${world} />`;
}

render(html`<${App} />`, document.getElementById("app"));
