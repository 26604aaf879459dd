/** Balances over turns as the server thins them out, kept up to date by what is new. */
import { useEffect, useRef, useState } from "../library.js";
import { answerOf } from "../wire.js";

/** Before the next look at a ledger that the server still reads, in milliseconds. */
const pause = 150;

/**
 * @param {import("../world.js").World} world
 * @param {string[]} agents Whose lines are wanted; where none is named, those of a small world.
 * @returns {{ value: any, error: Error | null }}
 */
export function useBalances(world, agents) {
  const asked = agents.join(",");
  const [state, set] = useState({ key: "", value: null, error: null });
  const kept = useRef(null);
  const key = `${world.id} ${asked}`;
  useEffect(() => {
    const abort = new AbortController();
    if (kept.current?.key !== key) kept.current = null;
    const path = (/** @type {number | undefined} */ after) =>
      world.path("view/balances", { points: pointsOf(), agents: asked, after });
    const keep = (/** @type {any} */ value) => {
      kept.current = { key, value };
      set({ key, value, error: null });
    };
    readTo(kept.current?.value ?? null, path, keep, abort.signal).catch(
      (error) => abort.signal.aborted || set({ key, value: null, error }),
    );
    return () => abort.abort();
  }, [key, world.version]);
  return state.key === key ? state : { value: null, error: null };
}

/** As many points as there are pixels to tell apart. */
const pointsOf = () => Math.max(128, Math.min(512, 64 * Math.round(innerWidth / 160)));

/** Read what is new; while the server still reads the ledger, all of it once more. */
async function readTo(value, path, keep, signal) {
  let found = value;
  for (;;) {
    const after = found !== null && complete(found) ? found.turns.at(-2) : undefined;
    const news = await answerOf(path(after), { signal });
    const grows = after !== undefined && news.span === found.span && complete(news);
    if (after === undefined || grows) {
      found = grows ? joined(found, news, after) : news;
      keep(found);
      if (complete(found)) return;
      await new Promise((resume) => { setTimeout(resume, pause); });
    } else {
      found = null;
    }
  }
}

const complete = (/** @type {any} */ answer) => answer.complete_to >= answer.last_turn;

/** What is known up to a turn, and what came after it. */
function joined(old, news, after) {
  const count = old.turns.findLastIndex((/** @type {number} */ turn) => turn <= after) + 1;
  const grown = (/** @type {any} */ first, /** @type {any} */ second) => [...first.slice(0, count), ...second];
  const all = (/** @type {any} */ first, /** @type {any} */ second) =>
    Object.fromEntries(Object.keys(first).map((name) => [name, grown(first[name], second[name])]));
  return {
    ...news,
    turns: grown(old.turns, news.turns),
    platform: grown(old.platform, news.platform),
    token_supply: grown(old.token_supply, news.token_supply),
    bands: all(old.bands, news.bands),
    lines: news.lines.map((/** @type {any} */ line, /** @type {number} */ index) => ({
      ...line, ...all(pick(old.lines[index]), pick(line)),
    })),
  };
}

const pick = ({ low, high, last }) => ({ low, high, last });
