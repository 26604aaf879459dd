/** A schema in words: its type with its bounds, and a table of what is in it. */
import { html } from "../library.js";
import { jsonOf, nameOf } from "./description.js";

/** @param {{ schema: any }} props */
export function Type({ schema }) {
  const name = nameOf(schema);
  if (name !== null) return html`<a href=${`#type-${name}`}>${name}</a>`;
  const several = schema.anyOf ?? schema.oneOf;
  if (several) return html`${several.map((each, index) => html`${index > 0 && " or "}<${Type} key=${index} schema=${each} />`)}`;
  if (schema.type === "array") {
    const items = schema.prefixItems ?? [schema.items ?? {}];
    return html`list of ${items.map((each, index) => html`${index > 0 && ", "}<${Type} key=${index} schema=${each} />`)}${bounds(schema)}`;
  }
  if (schema.type === "object" && typeof schema.additionalProperties === "object" && !schema.properties) {
    return html`object by name, of <${Type} schema=${schema.additionalProperties} />`;
  }
  return html`${typed(schema)}${bounds(schema)}`;
}

function typed({ type, const: constant, enum: choices }) {
  if (constant !== undefined) return jsonOf(constant);
  if (type === undefined) return choices ? "" : "any value";
  return [type].flat().join(" or ");
}

/** @param {any} schema */
function bounds(schema) {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern, enum: choices, format, contentEncoding } = schema;
  const said = [
    range(minimum, maximum, ""),
    range(minLength, maxLength, " characters"),
    range(minItems, maxItems, " entries"),
    pattern && `like ${pattern}`,
    choices && `one of ${choices.map((choice) => jsonOf(choice)).join(", ")}`,
    format,
    contentEncoding,
  ].filter(Boolean);
  return said.length > 0 ? `, ${said.join(", ")}` : "";
}

function range(low, high, what) {
  if (low === undefined && high === undefined) return "";
  if (high === undefined) return `${low} or more${what}`;
  return low === undefined ? `up to ${high}${what}` : `${low} to ${high}${what}`;
}

/** What an object holds. @param {{ schema: any, caption: string }} props */
export function Fields({ schema, caption }) {
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return html`<p><${Type} schema=${schema} /></p>`;
  const needed = new Set(schema.required ?? []);
  const explained = fields.some(([, held]) => held.description || held.default !== undefined);
  return html`<div class="wide" tabindex="0" role="region" aria-label=${caption}><table>
    <caption>${caption}</caption>
    <thead><tr><th scope="col">field</th><th scope="col">type</th>${explained && html`<th scope="col">meaning</th>`}</tr></thead>
    <tbody>${fields.map(([name, held]) => html`<tr key=${name}>
      <th scope="row"><code>${name}</code>${!needed.has(name) && html` <span class="note">optional</span>`}</th>
      <td class="prose"><${Type} schema=${held} /></td>
      ${explained && html`<td class="prose">${held.description ?? ""}${held.default === undefined ? "" : ` By default ${jsonOf(held.default)}.`}</td>`}
    </tr>`)}</tbody></table></div>`;
}
