/** A sweep as a field of cells: one a point, or a world; each can be read, and played again. */
import { go } from "../address.js";
import { html, useEffect, useMemo, useRef, useState } from "../library.js";
import { counted } from "../numbers.js";
import { shownOr } from "../parts/notices.js";
import { Title } from "../parts/title.js";
import { CellRuns } from "../map/cell-runs.js";
import { choiceOf, linkOf, markOf, planeQuery, solvency } from "../map/choice.js";
import { Controls } from "../map/controls.js";
import { Field } from "../map/field.js";
import { Legend } from "../map/legend.js";
import { planeOf } from "../map/plane.js";
import { PlayState, usePlay } from "../map/played.js";
import { missingOf, readingOf } from "../map/reading.js";
import { useAnswer } from "../wire.js";

const hint = "Point at a cell, or focus the map and use the arrow keys.";
const label = "Map; arrow keys read cells, with Shift ten at once; Enter plays a run of the cell and opens it";

/** @param {{ catalogue: any, query: URLSearchParams }} props */
export function MapScreen({ catalogue, query }) {
  const map = useAnswer("view/source/map");
  return html`<${Title} text=${`${catalogue.title}, a map of a sweep`} />
    ${shownOr(map, "the sweep", (value) => html`<${Shown} map=${value} choice=${choiceOf(value, query)} />`)}`;
}

function Shown({ map, choice }) {
  return shownOr(usePlane(map, choice), "the cells", (drawn) => html`
    <p class="answer">${drawn.plane.answer}</p>
    ${drawn.plane.metricAnswer && html`<p class="lead">${drawn.plane.metricAnswer}</p>`}
    <${Explorer} map=${map} choice=${choice} drawn=${drawn} />`);
}

/** The plane of a choice; the one before it stays until it is there. */
function usePlane(map, choice) {
  const path = `view/source/map/plane?${planeQuery(choice)}`;
  const answer = useAnswer(path);
  const last = useRef(null);
  last.current = useMemo(() => {
    if (answer.value === null) return last.current;
    const own = map.sweeps[choice.sweep];
    const axes = [choice.across, choice.up].map((name) => own.axes.find((axis) => axis.name === name) ?? null);
    return { plane: planeOf(answer.value), own, axes, choice, path, mark: markOf(own, choice), byClass: choice.metric === solvency };
  }, [answer.value]);
  return { value: last.current, error: answer.error };
}

function Explorer({ map, choice, drawn }) {
  const { plane, axes, byClass } = drawn;
  const [cursor, setCursor] = useState(cellIn(plane, choice.cell));
  const [said, say] = useState("");
  const [plays, setPlays] = useState(true);
  const [playing, play, playCell] = usePlay(choice);
  const size = `${plane.width} ${plane.height}`;
  const known = cursor !== null && cursor.column < plane.width && cursor.row < plane.height ? cursor : null;
  useEffect(() => setCursor(cellIn(plane, choice.cell)), [size]);
  const read = (/** @type {number} */ column, /** @type {number} */ row, /** @type {boolean} */ byKey) => {
    if (known?.column !== column || known?.row !== row) setCursor({ column, row });
    if (byKey) say(readingOf(plane, map, axes, column, row));
  };
  const open = (/** @type {number} */ column, /** @type {number} */ row) => {
    const cell = row * plane.width + column;
    setCursor({ column, row });
    go(linkOf({ ...choice, cell }), true);
    if (plays) playCell(cell);
  };
  return html`<div class="map-two">
    <figure class="map">
      <div class="map-holder"><${Field} map=${map} plane=${plane} axes=${axes} byClass=${byClass} mark=${drawn.mark}
        markName=${drawn.own.mark} cursor=${known} label=${label} onRead=${read} onOpen=${open} />
        <${PlayState} playing=${playing} /></div>
      <figcaption><${Legend} map=${map} plane=${plane} byClass=${byClass} />
        <p class="map-reading">${known ? readingOf(plane, map, axes, known.column, known.row) : hint}</p>
        <p class="unseen" role="status">${said}</p></figcaption>
    </figure>
    <div><${Controls} map=${map} own=${map.sweeps[choice.sweep]} choice=${choice} />
      <${Clicks} plays=${plays} onChange=${setPlays} />
      <p class="empty">${counted(drawn.own.rows, "run")} at ${counted(drawn.own.points, "point")}. ${missingOf(plane)}</p></div>
  </div>
  ${choice.cell !== null && choice.cell < plane.width * plane.height
    && html`<${CellRuns} map=${map} choice=${choice} plane=${plane} onPlay=${play} />`}`;
}

/** @param {import("../map/plane.js").Plane} plane @param {number | null} cell */
const cellIn = (plane, cell) => (cell === null || cell >= plane.width * plane.height ? null
  : { column: cell % plane.width, row: Math.floor(cell / plane.width) });

/** What a click on a cell, or Enter, does. */
const Clicks = ({ plays, onChange }) => html`<fieldset class="map-clicks"><legend>A click, or Enter</legend>
  <label><input type="radio" name="clicks" checked=${plays} onChange=${() => onChange(true)} /> plays a run of the cell and opens it</label>
  <label><input type="radio" name="clicks" checked=${!plays} onChange=${() => onChange(false)} /> lists the runs of the cell</label>
</fieldset>`;
