/** Of a world that is a row of a sweep, played again: where it lies, and what was checked of it. */
import { linkTo } from "../address.js";
import { html } from "../library.js";
import { useAnswer } from "../wire.js";

/** @param {{ world: import("../world.js").World }} props */
export function PlayedRow({ world }) {
  const isRow = /^(sweep-\d+-)?row-\d+$/.test(world.id);
  const { value } = useAnswer(isRow ? "view/catalogue" : null);
  const listed = value?.has_map ? value.worlds.find(({ world_id: id }) => id === world.id) : undefined;
  if (!listed) return null;
  const settings = Object.entries(listed.figures).map(([name, text]) => `${name} ${text.replace(/^-/, "\u2212")}`);
  return html`<div class="good played-row"><p>${listed.note}</p>
    <p>${settings.join(", ")}. <a href=${linkTo(["map"])}>Back to the map</a></p></div>`;
}
