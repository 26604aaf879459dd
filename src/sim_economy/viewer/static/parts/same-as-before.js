/** Whether the ledger is what it was when this browser last saw it, or what its head file remembers. */
import { dated, earlierHead, rememberHead } from "../heads.js";
import { html, useEffect, useMemo } from "../library.js";
import { tokens } from "../numbers.js";
import { useAnswer } from "../wire.js";

/** Between two comparisons of a world that grows, in milliseconds. */
const pause = 30_000;

/** @param {{ world: import("../world.js").World }} props */
export function SameAsBefore({ world }) {
  const { genesis, head } = world.overview;
  const earlier = useMemo(() => earlierHead(genesis), [genesis]);
  const path = world.path("view/chain", earlier && { turn: earlier.turn, head: earlier.head });
  const { value } = useAnswer(path, Math.floor(Date.now() / pause));
  const same = value !== null && (value.compared === null || value.compared.same);
  useEffect(() => {
    if (same) rememberHead(genesis, head);
  }, [same, head.head]);
  if (value === null) return html`<p class="lead">Comparing the ledger with what was seen of it …</p>`;
  return html`<p class=${same ? "lead" : "failure"}>${sentence(value, earlier)}${" "}
    Head after turn ${tokens(head.turn)}: <span class="hash">${head.head.slice(0, 4)}…${head.head.slice(-4)}</span>.${" "}
    <a href=${world.to(["chain"])}>Compare it with one you kept, or verify every record</a></p>`;
}

function sentence({ compared, head_file: file }, earlier) {
  if (compared !== null) {
    const when = `when this browser saw it on ${dated(earlier.at)}, at turn ${tokens(earlier.turn)}`;
    return compared.same ? `This ledger is what it was ${when}.` : `This ledger is not what it was ${when}. ${compared.words}`;
  }
  if (file === null) return "This browser sees this ledger for the first time, and remembers its head, one hash over all records, from now on.";
  return file.problem === null
    ? `This ledger has all that its head file remembers, up to turn ${tokens(file.turn)}.`
    : `This ledger is not what its head file remembers: ${file.problem}.`;
}
