/**
 * A plane of a sweep as arrays: its cells, row by row from the lowest.
 *
 * @typedef {{ name: string, meaning: string, means: Float32Array, halves: Float32Array,
 *   least: number | null, greatest: number | null }} Column
 * @typedef {{ width: number, height: number, classes: Uint8Array, agreement: Uint8Array, noisy: Uint8Array,
 *   runs: Int32Array, columns: Column[], answer: string, metricAnswer: string, failed: number, unplayed: number }} Plane
 */

/** The class of a cell without a run. */
export const unplayed = 255;

/** @param {any} answer @returns {Plane} */
export function planeOf(answer) {
  return {
    width: answer.width,
    height: answer.height,
    classes: bytesOf(answer.classes),
    agreement: bytesOf(answer.agreement),
    noisy: bytesOf(answer.noisy),
    runs: new Int32Array(bytesOf(answer.runs).buffer),
    columns: answer.columns.map((column) => ({
      ...column,
      means: new Float32Array(bytesOf(column.means).buffer),
      halves: new Float32Array(bytesOf(column.halves).buffer),
    })),
    answer: answer.answer,
    metricAnswer: answer.metric_answer,
    failed: answer.failed,
    unplayed: answer.unplayed,
  };
}

/** Bytes of a text in base64. @param {string} text */
function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/** How many runs a cell has; where all have as many, the answer says it once. @param {Plane} plane @param {number} cell */
export const runsOf = (plane, cell) => (plane.runs.length === 1 ? plane.runs[0] : plane.runs[cell]);

/** The share of the played cells of each class. @param {Plane} plane @param {number} count */
export function sharesOf(plane, count) {
  const counts = new Array(count).fill(0);
  let played = 0;
  for (const number of plane.classes) {
    if (number === unplayed) continue;
    counts[number] += 1;
    played += 1;
  }
  return counts.map((each) => (played === 0 ? 0 : each / played));
}
