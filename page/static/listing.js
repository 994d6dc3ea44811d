/** Tables of rows that are given as they are, and words about what a view has done. */

import { h, replace } from "./dom.js";
import { many, of } from "./format.js";

/** A column: its title, what stands in its cells, and a class of them. @typedef {[string, (row: any) => Node|string|null, string?]} Column */

/**
 * A table; the first column names the row. @param {string} caption @param {Column[]} columns
 * @param {any[]} rows @param {(row: any) => Record<string, unknown>} [attributes] Of the row.
 */
export function table(caption, columns, rows, attributes = () => ({})) {
  const [[, first, kind], ...others] = columns;
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, ...columns.map(([title, , own]) => h("th", { scope: "col", class: own }, title)))),
      h("tbody", {}, ...rows.map((row) =>
        h("tr", attributes(row),
          h("th", { scope: "row", class: kind }, first(row)),
          ...others.map(([, cell, own]) => h("td", { class: own }, cell(row))))))));
}

/** A part of a view that opens and closes; its title says how many rows it has, called so. @param {string} title
 * @param {number} total @param {string} word @param {Node} content @param {{open?: boolean, warn?: boolean}} [how] */
export const part = (title, total, word, content, how = {}) =>
  h("details", { class: how.warn && total ? "part warn" : "part", open: Boolean(how.open && total) },
    h("summary", {}, h("h2", {}, title), h("span", { class: "tally" }, many(total, word))),
    content);

/** What is left out of a list. @param {number} total @param {number} shown @param {string} word */
export const rest = (total, shown, word) =>
  total > shown ? h("p", { class: "muted" }, `The first ${of(shown, total, word)}.`) : null;

/** What an action has done, or why it has not: it stays until the next one. */
export class Outcome {
  constructor() {
    this.box = h("div", { class: "outcome", role: "status" });
  }

  /** @param {string} text */
  done(text) {
    replace(this.box, h("p", { class: "notice done" }, text));
  }

  /** @param {unknown} error */
  failed(error) {
    replace(this.box, h("p", { class: "notice error" }, /** @type {Error} */ (error).message));
  }

  clear() {
    replace(this.box);
  }
}

/** Puts a text on the clipboard. @param {string} text @param {Outcome} outcome @param {string} what */
export async function copy(text, outcome, what) {
  try {
    await navigator.clipboard.writeText(text);
    outcome.done(`${what} copied`);
  } catch {
    outcome.failed(new Error("The browser does not let the page copy: select the text and copy it."));
  }
}
