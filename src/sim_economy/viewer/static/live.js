/**
 * Closed turns as they come, over the event stream of the engine.
 *
 * @typedef {"connecting" | "live" | "lost" | "still"} Link How the page hears of new turns: `still` where none will come.
 */
import { parsedJson, responseOf } from "./wire.js";

const pauseFirst = 500;
const pauseMost = 10_000;
/** The stream says every 15 seconds that it is there; after this long it is not. */
const silenceMost = 40_000;

/**
 * Follow a stream until it is given up; a lost one is taken up again where it broke off.
 *
 * @param {string} path
 * @param {number} seen The newest turn that is known.
 * @param {(turn: any) => void} onTurn
 * @param {(link: Link, error?: Error) => void} onLink
 * @returns {() => void} Give it up.
 */
export function follow(path, seen, onTurn, onLink) {
  const ended = new AbortController();
  const hear = (/** @type {any} */ turn) => {
    seen = turn.turn;
    onTurn(turn);
  };
  (async () => {
    let pause = pauseFirst;
    while (!ended.signal.aborted) {
      try {
        onLink("connecting");
        await heard(path, seen, ended.signal, hear, () => { pause = pauseFirst; onLink("live"); });
        onLink("lost");
      } catch (error) {
        if (ended.signal.aborted) return;
        onLink("lost", error);
        if (error.status === 401 || error.status === 403) return;
      }
      await new Promise((resume) => { setTimeout(resume, pause); });
      pause = Math.min(2 * pause, pauseMost);
    }
  })();
  return () => ended.abort();
}

/** One connection, from its first byte to its end. */
async function heard(path, seen, ended, onTurn, onOpen) {
  const silent = new AbortController();
  const signal = AbortSignal.any([ended, silent.signal]);
  const headers = { accept: "text/event-stream", "last-event-id": String(seen) };
  let timer = setTimeout(() => silent.abort(), silenceMost);
  try {
    const response = await responseOf(path, { headers, signal, cache: "no-store" });
    onOpen();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), silenceMost);
      const events = (rest + part.value).split("\n\n");
      rest = events.pop();
      events.map(dataOf).filter(Boolean).forEach((text) => onTurn(parsedJson(text)));
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The data of a server-sent event; empty for a comment. @param {string} event @returns {string} */
function dataOf(event) {
  return event.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
}
