/** Rows that come page by page. */
import { html, useEffect, useState } from "../library.js";
import { answerOf } from "../wire.js";

/** Who has read on so far looks at what was: these many pages are read anew with each turn. */
const followedMost = 3;

/**
 * The rows of all pages read so far, and the way to the next one.
 *
 * @param {(next: unknown, before?: any) => string} pathOf The path of a page by the `next` of the one before, and that one; of the first by undefined.
 * @param {unknown} [version] Pages are read anew when it changes.
 * @returns {{ rows: any[], first: any, error: Error | null, waits: boolean, more: (() => void) | null }}
 */
export function usePages(pathOf, version) {
  const path = pathOf(undefined);
  const [state, set] = useState({ path, rows: [], first: null, next: null, error: null, waits: true });
  const [pages, setPages] = useState({ path, count: 1 });
  const wanted = pages.path === path ? pages.count : 1;
  const followed = wanted <= followedMost ? version : null;
  useEffect(() => {
    const abort = new AbortController();
    set((old) => (old.path === path ? { ...old, waits: true }
      : { path, rows: [], first: null, next: null, error: null, waits: true }));
    readPages(pathOf, wanted, abort.signal).then(
      (read) => set({ path, ...read, error: null, waits: false }),
      (error) => abort.signal.aborted || set((old) => ({ ...old, error, waits: false })),
    );
    return () => abort.abort();
  }, [path, wanted, followed]);
  const own = state.path === path ? state : { rows: [], first: null, next: null, error: null, waits: true };
  const more = own.next === null ? null : () => setPages({ path, count: wanted + 1 });
  return { ...own, more };
}

async function readPages(pathOf, count, signal) {
  let answer = await answerOf(pathOf(undefined), { signal });
  const first = answer;
  let { rows, next } = answer;
  for (let page = 1; page < count && next !== null; page += 1) {
    answer = await answerOf(pathOf(next, answer), { signal });
    rows = rows.concat(answer.rows);
    ({ next } = answer);
  }
  return { rows, next, first };
}

/** @param {{ pages: ReturnType<typeof usePages>, what: string }} props */
export function More({ pages, what }) {
  if (pages.more === null) return null;
  return html`<p><button onClick=${pages.more} disabled=${pages.waits}>
    ${pages.waits ? "Reading …" : `Show more ${what}`}</button></p>`;
}
