/** A check of the whole ledger, started here, with how far it has come and what it found. */
import { html, useEffect, useState } from "../library.js";
import { counted, decimal, tokens } from "../numbers.js";
import { answerOf } from "../wire.js";

/** Between two looks at a running check, in milliseconds. */
const look = 400;

/** @param {{ world: import("../world.js").World, compare: Record<string, string | null> }} props */
export function Verification({ world, compare }) {
  const [state, set] = useState({ running: false, result: null, error: null });
  const start = () => {
    set({ running: true, result: null, error: null });
    answerOf(world.path("view/verification", compare)).then(
      (result) => set({ running: false, result, error: null }),
      (error) => set({ running: false, result: null, error }),
    );
  };
  return html`<p class="row"><button class="main" onClick=${start} disabled=${state.running}>
      ${state.running ? "Verifying …" : "Verify the ledger"}</button>
      ${state.running && html`<${Progress} world=${world} />`}</p>
    <div role="status">${state.result && html`<${Result} result=${state.result} />`}
      ${state.error && html`<div class="failure"><p>${state.error.message}</p></div>`}</div>`;
}

function Progress({ world }) {
  const [at, set] = useState(null);
  useEffect(() => {
    const timer = setInterval(async () => {
      try {
        set(await answerOf(world.path("view/verification/progress")));
      } catch {
        // The check itself says what is wrong.
      }
    }, look);
    return () => clearInterval(timer);
  }, []);
  const known = at !== null && at.turns > 0;
  return html`<label>${known ? `turn ${tokens(at.turn)} of ${tokens(at.turns)}` : "reading"}${" "}
    <progress max=${known ? at.turns : null} value=${known ? at.turn : null}></progress></label>`;
}

function Result({ result }) {
  return html`<div class=${result.is_sound ? "good" : "failure"}>
    <p><strong>${result.words}</strong></p>
    <p>${counted(result.turns, "turn")} checked in ${decimal(result.seconds)} s; ${result.head_file ? "its head file too" : "no head file lies beside it"};
      ${" "}${result.signatures === 0 ? "nothing is signed" : `${counted(result.signatures, "signature")} checked`}.</p>
    ${result.problem && html`<p>${result.problem_turn !== null && `Turn ${tokens(result.problem_turn)}: `}${result.problem}</p>`}
    ${result.compared && html`<p>${result.compared.words}</p>`}
  </div>`;
}
