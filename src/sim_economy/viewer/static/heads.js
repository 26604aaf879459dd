/**
 * The heads that this browser remembers of each world, by its genesis: what a ledger was is compared with what it is.
 *
 * @typedef {{ turn: number, head: string, at: string }} RememberedHead `at` is the time, as ISO 8601.
 */
const prefix = "sim-economy-heads ";
const keptMost = 30;
/** A later head of the same visit replaces the one before, in milliseconds. */
const visit = 30 * 60 * 1000;
const opened = Date.now();

/** Newest first. @param {string} genesis @returns {RememberedHead[]} */
export function rememberedHeads(genesis) {
  try {
    return JSON.parse(localStorage.getItem(prefix + genesis) ?? "[]");
  } catch {
    return [];
  }
}

/** The newest head of an earlier visit. @param {string} genesis @returns {RememberedHead | undefined} */
export const earlierHead = (genesis) =>
  rememberedHeads(genesis).find(({ at }) => Date.parse(at) < opened - visit) ?? rememberedHeads(genesis).at(-1);

/** Remember the end of a chain. @param {string} genesis @param {{ turn: number, head: string }} end */
export function rememberHead(genesis, { turn, head }) {
  const known = rememberedHeads(genesis);
  if (known[0]?.head === head) return;
  const now = new Date().toISOString();
  const sameVisit = known.length > 1 && Date.parse(known[0].at) > opened - visit;
  const kept = [{ turn, head, at: now }, ...known.slice(sameVisit ? 1 : 0)].slice(0, keptMost);
  localStorage.setItem(prefix + genesis, JSON.stringify(kept));
}

/** When that was, for people. @param {string} at @returns {string} */
export const dated = (at) =>
  new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
