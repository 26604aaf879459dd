/** What the colours of a map say. */
import { html } from "../library.js";
import { decimal } from "../numbers.js";
import { sharesOf } from "./plane.js";

/** Classes with their shares, or a metric's scale with its ends. */
export function Legend({ map, plane, byClass }) {
  if (!byClass) return html`<${Scale} map=${map} column=${plane.columns[0]} />`;
  const shares = sharesOf(plane, map.classes.length);
  const shown = map.classes.map((each, index) => ({ ...each, share: shares[index] })).filter(({ share }) => share > 0);
  return html`<ul class="map-legend" aria-label="Colours">${shown.map(({ name, colour, share }) => html`<li key=${name}>
    <span class=${`swatch is-${colour}`}></span>${name} <span class="note">${(100 * share).toFixed(1)} %</span></li>`)}
    ${plane.noisy.some(Boolean) && html`<li><span class="map-dot"></span>within noise</li>`}</ul>`;
}

function Scale({ map, column }) {
  const paint = (/** @type {HTMLElement | null} */ element) => {
    if (element) element.style.background = `linear-gradient(to right, ${map.scale.join(", ")})`;
  };
  return html`<p class="map-scale"><span>${decimal(column.least ?? 0)}</span>
    <span class="map-bar" role="img" aria-label=${`Scale of ${column.meaning}`} ref=${paint}></span>
    <span>${decimal(column.greatest ?? 0)}</span></p>`;
}
