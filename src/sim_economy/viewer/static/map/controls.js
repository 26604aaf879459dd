/** What the map shows: metric, axes, and the steps at which everything else is held. */
import { go } from "../address.js";
import { html } from "../library.js";
import { linkOf, solvency } from "./choice.js";
import { minus } from "./reading.js";

/** @param {{ map: any, own: any, choice: import("./choice.js").Choice }} props */
export function Controls({ map, own, choice }) {
  const change = (/** @type {Partial<import("./choice.js").Choice>} */ changed) =>
    go(linkOf({ ...choice, cell: null, ...changed }), true);
  const varied = own.axes.filter((axis) => axis.texts.length > 1);
  return html`<form class="map-controls" aria-label="What the map shows" onSubmit=${(event) => event.preventDefault()}>
    ${map.sweeps.length > 1 && html`<${Choice} label="Horizon" value=${choice.sweep} onChange=${(value) => change({ sweep: Number(value) })}
      options=${map.sweeps.map(({ name }, index) => [index, name])} />`}
    <${Choice} label="Colour by" value=${choice.metric} onChange=${(metric) => change({ metric })}
      options=${[[solvency, "who is insolvent"], ...own.metrics.map(({ name, meaning }) => [name, meaning])]} />
    ${varied.length > 1 && html`<${Axes} own=${own} varied=${varied} choice=${choice} change=${change} />`}
    ${own.axes.map((axis, index) => axis.texts.length > 1 && axis.name !== choice.across && axis.name !== choice.up
      && html`<${Held} key=${axis.name} axis=${axis} step=${choice.held[index]}
        onChange=${(step) => change({ held: choice.held.with(index, step) })} />`)}
  </form>`;
}

function Axes({ own, varied, choice, change }) {
  const options = varied.map(({ name, label }) => [name, label]);
  const pick = (/** @type {"across" | "up"} */ side) => (/** @type {string} */ name) => {
    const other = side === "across" ? "up" : "across";
    const axes = { across: choice.across, up: choice.up, [side]: name };
    if (axes[other] === name) axes[other] = choice[side];
    const held = own.axes.map((axis, index) => (axis.name === axes.across || axis.name === axes.up ? null
      : axis.name === choice.across || axis.name === choice.up ? axis.start : choice.held[index]));
    change({ ...axes, held });
  };
  return html`<${Choice} label="Across" value=${choice.across} options=${options} onChange=${pick("across")} />
    <${Choice} label="Up" value=${choice.up} options=${options} onChange=${pick("up")} />`;
}

const Choice = ({ label, value, options, onChange }) => html`<label>${label}
  <select onChange=${(event) => onChange(event.target.value)}>
    ${options.map(([name, text]) => html`<option key=${name} value=${name} selected=${name === value}>${text}</option>`)}
  </select></label>`;

/** A slider over the steps of an axis; its first position is the mean over all of them. */
function Held({ axis, step, onChange }) {
  const text = step === null ? "mean over all" : minus(axis.texts[step]);
  const slide = (/** @type {any} */ event) => onChange(Number(event.target.value) < 0 ? null : Number(event.target.value));
  return html`<label class="map-held"><span>${axis.label}: <span class="held">${text}</span></span>
    <input type="range" min="-1" max=${axis.texts.length - 1} step="1" value=${step ?? -1} aria-valuetext=${text} onInput=${slide} />
  </label>`;
}
