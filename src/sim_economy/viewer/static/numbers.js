/**
 * Numbers as people read them. Tokens may pass 2^53: they are integers as text, BigInt or number.
 *
 * @typedef {string | number | bigint} Tokens
 */

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1, signDisplay: "negative" });
const hundredths = new Intl.NumberFormat("en", { maximumFractionDigits: 2, signDisplay: "negative" });
const minus = (/** @type {string} */ text) => text.replace("-", "\u2212");

/** The exact value of tokens. @param {Tokens} value @returns {bigint} */
export const exact = (value) => BigInt(value);

/** A value to be drawn; what is beyond 2^53 loses digits that no picture shows. @param {Tokens | null} value */
export const drawn = (value) => (value === null ? null : Number(value));

/** Thousands are separated: `−1,234,567`. @param {Tokens} value @returns {string} */
export const tokens = (value) => minus(whole.format(BigInt(value)));

/** With its sign, also above zero. @param {Tokens} value @returns {string} */
export const signed = (value) => (BigInt(value) > 0n ? "+" : "") + tokens(value);

/** For an axis, where there is little room: `1.5M`. @param {number} value @returns {string} */
export const rounded = (value) =>
  minus(Math.abs(value) < 1e15 ? short.format(value) : value.toExponential(1).replace("e+", "e"));

/** A number that is no integer, as an answer states it. @param {number} value @returns {string} */
export const decimal = (value) =>
  minus(new Intl.NumberFormat("en", { maximumFractionDigits: 3 }).format(value));

/** A mean of tokens: one decimal, two below 1. @param {number} value @returns {string} */
export const mean = (value) => minus((Math.abs(value) >= 1 ? tenths : hundredths).format(value));

/** A whole number exactly, another one to three decimals. @param {Tokens} value @returns {string} */
export const number = (value) =>
  typeof value === "number" && !Number.isInteger(value) ? decimal(value) : tokens(value);

/** A number with its noun. @param {Tokens} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) =>
  `${tokens(count)} ${BigInt(count) === 1n ? one : many}`;

/** Names in a sentence: `a, b and c`. @param {string[]} names @returns {string} */
export const listed = (names) => new Intl.ListFormat("en-GB").format(names);

/** `job_credit` as words. @param {string} name @returns {string} */
export const words = (name) => name.replaceAll("_", " ");
