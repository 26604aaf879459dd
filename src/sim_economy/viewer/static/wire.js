/** Requests to the server that sent this page; answers keep integers of any size. */
import { useEffect, useState } from "./library.js";

/** A refusal or a failure, in words that say what to do next. */
export class WireError extends Error {
  /** @param {number} status @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const unreachable = "The server does not answer. Is it still running? This page tries again when you reload it.";

/** JSON as a value; integers beyond 2^53 become BigInt. @param {string} text @returns {any} */
export function parsedJson(text) {
  return /\d{16}/.test(text) ? JSON.parse(text, keepInteger) : JSON.parse(text);
}

/** @param {string} _ @param {any} value @param {{ source?: string }} [context] */
function keepInteger(_, value, context) {
  const lost = typeof value === "number" && !Number.isSafeInteger(value);
  return lost && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context.source) : value;
}

/**
 * An answer of the server.
 *
 * @param {string} path @param {RequestInit} [options] @returns {Promise<any>}
 * @throws {WireError} The server refused or could not be reached.
 */
export async function answerOf(path, options = {}) {
  const response = await responseOf(path, options);
  return parsedJson(await response.text());
}

/** The response itself, to be read as a stream. @param {string} path @param {RequestInit} [options] */
export async function responseOf(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new WireError(0, "unreachable", unreachable);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** @param {Response} response @returns {Promise<WireError>} */
async function refusal(response) {
  try {
    const { error } = parsedJson(await response.text());
    return new WireError(response.status, error.code, error.message);
  } catch {
    return new WireError(response.status, "unreadable", `The server answered ${response.status}.`);
  }
}

/**
 * What a path answers, asked anew when the path or `version` changes; the old answer stays until then.
 *
 * @param {string | null} path None asks nothing.
 * @param {unknown} [version]
 * @returns {{ value: any, error: Error | null, waits: boolean }}
 */
export function useAnswer(path, version) {
  const [state, set] = useState({ path, value: null, error: null, waits: true });
  useEffect(() => {
    if (path === null) return undefined;
    const abort = new AbortController();
    set((old) => (old.path === path ? { ...old, waits: true } : { path, value: null, error: null, waits: true }));
    answerOf(path, { signal: abort.signal }).then(
      (value) => set({ path, value, error: null, waits: false }),
      (error) => abort.signal.aborted || set({ path, value: null, error, waits: false }),
    );
    return () => abort.abort();
  }, [path, version]);
  return state.path === path ? state : { value: null, error: null, waits: true };
}
