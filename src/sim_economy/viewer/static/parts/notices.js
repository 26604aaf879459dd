/** What stands where an answer is not: it is awaited, it failed, or there is nothing. */
import { html } from "../library.js";

/** @param {{ what: string }} props */
export const Waiting = ({ what }) => html`<p class="waiting" role="status">Reading ${what} …</p>`;

/** @param {{ error: Error }} props */
export const Failure = ({ error }) => html`<div class="failure" role="alert">
  <p>${error.message}</p>
</div>`;

/** @param {{ children?: unknown }} props */
export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

/**
 * What an answer shows, or why there is none yet.
 *
 * @param {{ value: any, error: Error | null }} answer @param {string} what @param {(value: any) => unknown} show
 */
export function shownOr({ value, error }, what, show) {
  if (error) return html`<${Failure} error=${error} />`;
  return value === null ? html`<${Waiting} what=${what} />` : show(value);
}
