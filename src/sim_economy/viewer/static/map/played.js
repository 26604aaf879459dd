/** A row played again: asked for, awaited, and opened as a world. */
import { go, linkTo } from "../address.js";
import { html, useEffect, useRef, useState } from "../library.js";
import { tokens } from "../numbers.js";
import { Failure } from "../parts/notices.js";
import { answerOf } from "../wire.js";
import { planeQuery } from "./choice.js";

/** @typedef {{ row: number | null, error: Error | null }} Playing */

/**
 * What plays a row, or one of a cell, and goes to its world; nothing happens to who has gone elsewhere meanwhile.
 *
 * @param {import("./choice.js").Choice} choice
 * @returns {[Playing, (row: number) => Promise<void>, (cell: number) => Promise<void>]}
 */
export function usePlay(choice) {
  const [playing, set] = useState({ row: null, error: null });
  const newest = useRef(0);
  useEffect(() => () => { newest.current = -1; }, []);
  const began = () => {
    newest.current += 1;
    return newest.current;
  };
  const play = async (/** @type {number} */ row, own = began()) => {
    set({ row, error: null });
    try {
      const { world_id: worldId } = await answerOf("view/source/map/world", asked({ sweep: String(choice.sweep), row: String(row) }));
      if (newest.current === own) go(linkTo(["worlds", worldId]));
    } catch (error) {
      if (newest.current === own) set({ row: null, error });
    }
  };
  const playCell = async (/** @type {number} */ cell) => {
    const own = began();
    try {
      const query = planeQuery(choice);
      query.set("cell", String(cell));
      query.set("limit", "1");
      const { representative, answer } = await answerOf(`view/source/map/cell?${query}`);
      if (newest.current !== own) return;
      if (representative === null) set({ row: null, error: new Error(answer) });
      else await play(representative, own);
    } catch (error) {
      if (newest.current === own) set({ row: null, error });
    }
  };
  return [playing, (row) => play(row), playCell];
}

const asked = (/** @type {Record<string, string>} */ body) =>
  ({ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** @param {{ playing: Playing }} props */
export const PlayState = ({ playing: { row, error } }) => html`<div class="map-playing" aria-live="polite">
  ${row !== null && html`<p class="waiting">The core plays row ${tokens(row)}, with its ledger …</p>`}
  ${error && html`<${Failure} error=${error} />`}</div>`;
