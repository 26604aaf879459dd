/** Values beside an axis: a few of its steps, round ones where it has them. */
import { decimal } from "../numbers.js";
import { minus } from "./reading.js";

/** @typedef {{ at: number, text: string }} Tick `at` is in steps from the first. */

/** @param {any} axis @param {number} most @returns {Tick[]} */
export function ticksOf(axis, most) {
  const { texts, numbers } = axis;
  if (numbers === null || texts.length <= most) return listed(axis, most);
  const [low, high] = [numbers[0], numbers[numbers.length - 1]];
  const size = roundSize((high - low) / most);
  const ticks = [];
  for (let value = Math.ceil(low / size - 1e-9) * size; value <= high + size * 1e-9; value += size) {
    ticks.push({ at: stepAt(numbers, value), text: decimal(Math.round(value / size) * size) });
  }
  return ticks.length >= 2 ? ticks : listed(axis, most);
}

/** Every step, or each of so many that they fit. */
function listed({ texts, numbers }, most) {
  const every = Math.ceil(texts.length / most);
  const shown = texts.map((text, at) => ({ at, text: numbers === null || text.includes(" to ") ? minus(text) : decimal(numbers[at]) }));
  return shown.filter(({ at }) => at % every === 0);
}

/** The least round number that is not smaller. @param {number} ideal */
function roundSize(ideal) {
  const power = 10 ** Math.floor(Math.log10(ideal));
  return power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= ideal * (1 - 1e-9));
}

/** Where a value lies, in steps. @param {number[]} numbers @param {number} value */
export function stepAt(numbers, value) {
  const above = numbers.findIndex((number) => number >= value - 1e-9 * Math.abs(value));
  if (above <= 0) return above < 0 ? numbers.length - 1 : 0;
  const [low, high] = [numbers[above - 1], numbers[above]];
  return above - 1 + Math.min(1, (value - low) / (high - low));
}
