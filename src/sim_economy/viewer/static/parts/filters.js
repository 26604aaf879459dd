/** Filters of a list; they stand in the address, so that a filtered list can be sent. */
import { go } from "../address.js";
import { html } from "../library.js";
import { words } from "../numbers.js";

/**
 * @typedef {string | [string, string]} ChoiceOf A value, or a value and its name.
 * @typedef {{ name: string, label: string, choices?: ChoiceOf[], blank?: string }} Filter One with choices is a list, another a field of text.
 * @param {{ filters: Filter[], query: URLSearchParams, link: (query: Record<string, string>) => string }} props
 */
export function Filters({ filters, query, link }) {
  const change = (/** @type {string} */ name) => (/** @type {any} */ event) =>
    go(link({ ...Object.fromEntries(query), [name]: event.target.value }), true);
  return html`<form class="row" role="search" aria-label="Filters" onSubmit=${(event) => event.preventDefault()}>
    ${filters.map(({ name, label, choices, blank }) => html`<label key=${name}>${label}${" "}
      ${choices
        ? html`<${Choice} choices=${choices} blank=${blank} value=${query.get(name) ?? ""} onChange=${change(name)} />`
        : html`<input value=${query.get(name) ?? ""} onChange=${change(name)} autocomplete="off" spellcheck=${false} />`}
    </label>`)}
  </form>`;
}

const Choice = ({ choices, value, onChange, blank = "all" }) => html`<select onChange=${onChange}>
  <option value="" selected=${value === ""}>${blank}</option>
  ${choices.map(named).map(([choice, name]) => html`<option key=${choice} value=${choice} selected=${choice === value}>${name}</option>`)}
</select>`;

const named = (/** @type {ChoiceOf} */ choice) => (typeof choice === "string" ? [choice, words(choice)] : choice);
