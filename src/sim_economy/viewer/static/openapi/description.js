/**
 * The engine's description in OpenAPI, as lists that the page shows.
 *
 * @typedef {{ id: string, method: string, paths: string[], summary: string, callers: string, parameters: any[],
 *   body: any, needsBody: boolean, answer: any, media: string, errors: { status: string, meaning: string }[],
 *   text: string }} Operation
 * @typedef {{ name: string, schema: any, text: string }} NamedType
 */
const worldPrefix = "/worlds/{world_id}";

/** Every operation once; those of a named world beside those of the default one. @param {any} document @returns {Operation[]} */
export function operationsOf(document) {
  const found = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    const isSecond = path.startsWith(`${worldPrefix}/`) && path.slice(worldPrefix.length) in document.paths;
    if (isSecond) continue;
    for (const [method, operation] of Object.entries(methods)) {
      const second = document.paths[worldPrefix + path]?.[method];
      found.push(operationOf(document, path, method, operation, second));
    }
  }
  return found;
}

function operationOf(document, path, method, operation, second) {
  const { 200: good, ...refused } = { ...operation.responses, ...(second?.responses ?? {}), 200: operation.responses[200] };
  const [media, { schema: answer }] = Object.entries(good.content)[0];
  const own = {
    id: operation.operationId,
    method: method.toUpperCase(),
    paths: second ? [path, worldPrefix + path] : [path],
    summary: operation.summary,
    callers: operation.description ?? "",
    parameters: [...(second?.parameters ?? []).filter(({ name }) => name === "world_id"), ...(operation.parameters ?? [])],
    body: operation.requestBody?.content["application/json"].schema ?? null,
    needsBody: operation.requestBody?.required ?? false,
    answer,
    media,
    errors: Object.entries(refused).map(([status, response]) => ({ status, meaning: resolved(document, response).description })),
  };
  return { ...own, text: textOf([own.method, own.paths, own.summary, own.callers, own.parameters, own.body, own.answer, own.errors]) };
}

/** What a reference leads to. @param {any} document @param {any} value */
function resolved(document, value) {
  if (!("$ref" in value)) return value;
  return value.$ref.slice(2).split("/").reduce((held, part) => held[part], document);
}

/** The types of bodies and answers, by name. @param {any} document @returns {NamedType[]} */
export function typesOf(document) {
  const named = Object.entries(document.components.schemas);
  return named.map(([name, schema]) => ({ name, schema, text: textOf([name, schema]) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** A value as JSON; a bound beyond 2^53 is a BigInt, which JSON does not know. @param {unknown} value */
export const jsonOf = (value) => JSON.stringify(value, (_, held) => (typeof held === "bigint" ? String(held) : held));

const textOf = (/** @type {unknown} */ value) => jsonOf(value).toLowerCase();

/** Those in which every word stands. @template {{ text: string }} T @param {T[]} list @param {string} words @returns {T[]} */
export function matching(list, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return list.filter(({ text }) => wanted.every((word) => text.includes(word)));
}

/** The type that a reference names. @param {any} schema @returns {string | null} */
export const nameOf = (schema) => schema?.$ref?.split("/").at(-1) ?? null;

/** A call on a command line. @param {Operation} operation @param {string} origin */
export function commandOf({ method, paths, body, media }, origin) {
  const sent = body === null ? "" : ` -X ${method} -H 'Content-Type: application/json' -d '{}'`;
  return `curl -s${media === "text/event-stream" ? "N" : ""}${sent} '${origin}${paths[0]}'`;
}
