/** States of an edge: a glyph, a word and what it means. The colour is that of the class `is-STATE`. */

import { h } from "./dom.js";

/** @type {Record<string, {glyph: string, means: string}>} */
export const STATES = {
  established: { glyph: "●", means: "Connections were established." },
  attempted: { glyph: "○", means: "Connections were tried, and none was answered." },
  denied: { glyph: "✕", means: "A network policy denied every flow." },
  uncertain: { glyph: "?", means: "It is not certain which end is the server, or whether there was an answer." },
  new: { glyph: "▲", means: "It is not among the approved edges." },
  anomalous: { glyph: "!", means: "It is marked as one that must not be." },
  changed: { glyph: "≈", means: "It is known by other evidence than when it was approved." },
  gone: { glyph: "◌", means: "It was approved, and is not seen any more." },
};

/** @param {string} state */
export const glyph = (state) => STATES[state]?.glyph ?? "·";

/** A state as a badge. @param {string} state @returns {HTMLElement} */
export const badge = (state) =>
  h(
    "span",
    { class: `badge is-${state}`, title: STATES[state]?.means },
    h("span", { "aria-hidden": "true" }, glyph(state)),
    state,
  );
