/**
 * One world as the screens see it: its addresses, how it stands, and word of every new turn.
 *
 * @typedef {{ id: string, path: (rest: string, query?: Record<string, unknown>) => string,
 *   to: (path: (string | number)[], query?: Record<string, unknown>) => string }} Addresses
 * @typedef {Addresses & { overview: any, turn: number, link: import("./live.js").Link, version: number }} World
 */
import { linkTo, queryOf } from "./address.js";
import { useCallback, useEffect, useMemo, useState } from "./library.js";
import { follow } from "./live.js";
import { answerOf } from "./wire.js";

/** Between two readings of how a world stands, in milliseconds. */
const pace = 800;

/** Where a world's answers and screens are. @param {string} id Empty for the default world. @returns {Addresses} */
export function addressesOf(id) {
  const base = id === "" ? "" : `worlds/${encodeURIComponent(id)}/`;
  const prefix = id === "" ? [] : ["worlds", id];
  return {
    id,
    path: (rest, query = {}) => base + rest + queryOf(query),
    to: (path, query) => linkTo([...prefix, ...path], query),
  };
}

/**
 * A world that is followed while turns come.
 *
 * @param {string} id
 * @returns {{ world: World | null, error: any, again: () => void }}
 */
export function useWorld(id) {
  const addresses = useMemo(() => addressesOf(id), [id]);
  const [state, set] = useState({ id, overview: null, error: null, version: 0 });
  const [link, setLink] = useState(/** @type {import("./live.js").Link} */ ("still"));
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let ended = false;
    let stop = null;
    const reading = paced(async () => {
      try {
        const overview = await answerOf(addresses.path("view/overview"));
        if (ended) return;
        set((old) => ({ id, overview, error: null, version: old.version + 1 }));
        if (overview.complete_to < overview.turn) reading.run();
        if (overview.live) stop ??= follow(addresses.path("events"), overview.turn, reading.run, setLink);
        if (stop !== null && !overview.live) {
          stop();
          setLink("still");
        }
      } catch (error) {
        if (!ended) set((old) => ({ ...old, id, overview: old.id === id ? old.overview : null, error }));
      }
    });
    reading.run();
    return () => {
      ended = true;
      reading.end();
      stop?.();
    };
  }, [addresses, tries]);
  const again = useCallback(() => setTries((old) => old + 1), []);
  const known = state.id === id ? state.overview : null;
  const world = known && { ...addresses, overview: known, turn: known.turn, link, version: state.version };
  return { world, error: state.id === id ? state.error : null, again };
}

/** Work at once, then at most once a pace and while somebody looks; calls in between end in one more. */
function paced(/** @type {() => Promise<void>} */ work) {
  let busy = false;
  let asked = false;
  let ended = false;
  const run = async () => {
    asked = true;
    if (busy) return;
    busy = true;
    while (asked && !ended) {
      await seen();
      asked = false;
      await work();
      await new Promise((resume) => { setTimeout(resume, pace); });
    }
    busy = false;
  };
  return { run, end: () => { ended = true; } };
}

/** Wait until the page is looked at. @returns {Promise<void>} */
function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resume) => {
    document.addEventListener("visibilitychange", () => resume(), { once: true });
  });
}
