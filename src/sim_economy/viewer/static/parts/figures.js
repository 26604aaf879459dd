/**
 * The key figures of a place.
 *
 * @typedef {{ label: string, value: unknown, note?: unknown, bad?: boolean }} KeyFigure
 */
import { html } from "../library.js";

/** @param {{ figures: KeyFigure[] }} props */
export const KeyFigures = ({ figures }) => html`<dl class="key-figures">
  ${figures.map(({ label, value, note, bad }) => html`<div key=${label}>
    <dt>${label}</dt>
    <dd class=${bad ? "value is-bad" : "value"}>${value}</dd>
    ${note && html`<dd class="note">${note}</dd>`}
  </div>`)}
</dl>`;
