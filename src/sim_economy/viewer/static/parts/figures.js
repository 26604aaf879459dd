/**
 * The key figures of a screen.
 *
 * @typedef {{ label: string, value: unknown, note?: unknown, bad?: boolean }} KeyFigure
 */
import { html } from "../library.js";

/** @param {{ figures: KeyFigure[] }} props */
export const KeyFigures = ({ figures }) => html`<dl class="key-figures">
  ${figures.map(({ label, value, note, bad }) => html`<div>
    <dt>${label}</dt>
    <dd class=${classOf(value, bad)}>${value}</dd>
    ${note && html`<dd class="note">${note}</dd>`}
  </div>`)}
</dl>`;

const longest = 11;

const classOf = (/** @type {unknown} */ value, /** @type {boolean | undefined} */ bad) =>
  ["value", bad && "is-bad", typeof value === "string" && value.length > longest && "is-long"].filter(Boolean).join(" ");
