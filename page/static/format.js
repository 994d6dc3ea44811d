/** Numbers with units, times in the viewer's zone, names in which nothing hides. */

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const TENTHS = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const HUNDREDTHS = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const STAMP = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
// Control letters, and those that change the direction of a text or have no width.
const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** 1,234 @param {number} value */
export const count = (value) => COUNT.format(value);

/** 1.2K flows @param {number} value @param {string} word */
export const short = (value, word) => `${SHORT.format(value)} ${plural(value, word)}`;

/** 1,234.5 s @param {number} value */
export const seconds = (value) => `${TENTHS.format(value)} s`;

/** 0.25 µs @param {number} value */
export const micros = (value) => `${HUNDREDTHS.format(value)} µs`;

/** 99.9 %, never 100 % of less than all; of nothing there is no share. @param {number} part @param {number} whole */
export const share = (part, whole) => (whole ? `${count(Math.floor((1000 * part) / whole) / 10)} %` : "–");

/** 1.5 KiB @param {number} value */
export function bytes(value) {
  let unit = 0;
  let size = value;
  while (size >= 1024 && unit < UNITS.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${size >= 9.95 || unit === 0 ? count(Math.round(size)) : TENTHS.format(size)} ${UNITS[unit]}`;
}

/** A time of day. @param {Date} at */
export const clock = (at) => CLOCK.format(at);

/** A time (RFC 3339 or epoch milliseconds) with date and zone; "never" without one. @param {any} at */
export const moment = (at) => (at === null || at === undefined ? "never" : MOMENT.format(new Date(at)));

/** The same without zone, where space is short. @param {any} at */
export const stamp = (at) => (at === null || at === undefined ? "never" : STAMP.format(new Date(at)));

const WRITTEN = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** A text whose times (RFC 3339) are told in the viewer's zone. @param {string} text */
export const told = (text) => name(text).replace(WRITTEN, (at) => stamp(at));

/** The viewer's zone. */
export const zone = () => STAMP.resolvedOptions().timeZone;

/** A name as a text in which no letter is unseen: \u202e stands for what would turn it round. @param {string} text */
export const name = (text) =>
  text.replace(UNSEEN, (letter) => `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);

/** 1 edge, 2 edges @param {number} number @param {string} word */
export const many = (number, word) => `${count(number)} ${plural(number, word)}`;

/** 3 of 1,234 edges @param {number} part @param {number} whole @param {string} word */
export const of = (part, whole, word) => `${count(part)} of ${many(whole, word)}`;

/** @param {number} number @param {string} word */
const plural = (number, word) => (number === 1 || word === "series" ? word : `${word}s`);
