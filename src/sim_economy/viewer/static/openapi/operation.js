/** One operation: who may call it, what it takes, what it answers, how it refuses. */
import { html } from "../library.js";
import { commandOf, nameOf } from "./description.js";
import { Fields, Type } from "./schema.js";

/** @param {{ operation: import("./description.js").Operation, open: boolean, types: Map<string, any> }} props */
export function OperationPart({ operation, open, types }) {
  const { id, method, paths, summary, callers, parameters, body, needsBody, answer, media, errors } = operation;
  return html`<details class="operation" id=${id} open=${open}>
    <summary><span class=${`method is-${method.toLowerCase()}`}>${method}</span> <code>${paths[0]}</code>
      <span class="says">${summary}</span></summary>
    <p>${callers}</p>
    ${paths.length > 1 && html`<p>Of a world by its name: <code>${method} ${paths[1]}</code></p>`}
    ${parameters.length > 0 && html`<h3>Parameters</h3><${Parameters} rows=${parameters} of=${paths[0]} />`}
    ${body !== null && html`<h3>Body</h3><p>JSON, <${Type} schema=${body} />${needsBody ? "" : "; it may be missing"}.</p>
      ${nameOf(body) && html`<${Fields} schema=${types.get(nameOf(body))} caption=${`Body of ${method} ${paths[0]}`} />`}`}
    <h3>Answer</h3><p>${media}: <${Type} schema=${answer} /></p>
    ${types.get(nameOf(answer))?.properties && html`<${Fields} schema=${types.get(nameOf(answer))} caption=${`Answer of ${method} ${paths[0]}`} />`}
    <h3>Errors</h3><ul class="errors">${errors.map(({ status, meaning }) => html`<li key=${status}><b>${status}</b> ${meaning}</li>`)}</ul>
    <p>Each is JSON, <a href="#type-ErrorAnswer">ErrorAnswer</a>.</p>
    <h3>On a command line</h3><p><code>${commandOf(operation, location.origin)}</code></p>
  </details>`;
}

function Parameters({ rows, of }) {
  return html`<div class="wide" tabindex="0" role="region" aria-label=${`Parameters of ${of}`}><table>
    <caption>${`Parameters of ${of}`}</caption>
    <thead><tr><th scope="col">name</th><th scope="col">in</th><th scope="col">type</th><th scope="col">meaning</th></tr></thead>
    <tbody>${rows.map(({ name, in: where, required, schema, description }) => html`<tr key=${name}>
      <th scope="row"><code>${name}</code>${!required && html` <span class="note">optional</span>`}</th>
      <td>${where}</td><td class="prose"><${Type} schema=${schema} /></td><td class="prose">${description ?? ""}</td></tr>`)}</tbody>
  </table></div>`;
}
