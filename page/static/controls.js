/** Controls that are bound to the state: what a viewer chooses goes into the URL. */

import { h } from "./dom.js";

/**
 * A list to choose from. `options` are pairs of value and text.
 * @param {string} label @param {string} value @param {[string, string][]} options
 * @param {(value: string) => void} chosen
 */
export function select(label, value, options, chosen) {
  const list = /** @type {HTMLSelectElement} */ (
    h(
      "select",
      { onchange: () => chosen(list.value) },
      ...options.map(([one, text]) => h("option", { value: one, selected: one === value }, text)),
    )
  );
  return h("label", {}, label, list);
}

let choices = 0;

/**
 * A few things of which one is chosen, side by side.
 * @param {string} label @param {string} value @param {[string, string][]} options
 * @param {(value: string) => void} chosen
 */
export function choice(label, value, options, chosen) {
  const group = `choice-${++choices}`;
  return h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, label),
    ...options.map(([one, text]) =>
      h(
        "label",
        {},
        h("input", {
          type: "radio",
          name: group,
          value: one,
          checked: one === value,
          onchange: () => chosen(one),
        }),
        text,
      ),
    ),
  );
}

/**
 * A text; `chosen` is called at Enter, or when it is left, and with `every` at each letter.
 * @param {string} label @param {string} value @param {(value: string) => void} chosen
 * @param {{type?: string, placeholder?: string, wide?: boolean, every?: boolean, list?: string}} [how]
 */
export function text(label, value, chosen, how = {}) {
  const input = /** @type {HTMLInputElement} */ (
    h("input", {
      type: how.type ?? "text",
      value,
      placeholder: how.placeholder,
      spellcheck: "false",
      autocomplete: "off",
      list: how.list,
      [how.every ? "oninput" : "onchange"]: () => chosen(input.value.trim()),
    })
  );
  return h("label", { class: how.wide ? "wide" : false }, label, input);
}

/**
 * A time of the viewer's zone; `chosen` gets epoch milliseconds, or "" for none.
 * @param {string} label @param {string} value @param {(value: string) => void} chosen
 */
export function time(label, value, chosen) {
  const input = /** @type {HTMLInputElement} */ (
    h("input", {
      type: "datetime-local",
      step: "1",
      value: value && local(Number(value)),
      onchange: () => chosen(input.value && String(new Date(input.value).getTime())),
    })
  );
  return h("label", {}, label, input);
}

/** A time as `datetime-local` has it: without zone; "" for what is no time. @param {number} at */
function local(at) {
  const shown = new Date(at - 60_000 * new Date(at).getTimezoneOffset());
  return Number.isNaN(shown.getTime()) ? "" : shown.toISOString().slice(0, 19);
}

/** A button. @param {string} label @param {() => void} pressed @param {Record<string, unknown>} [more] */
export const button = (label, pressed, more = {}) =>
  /** @type {HTMLButtonElement} */ (h("button", { type: "button", onclick: pressed, ...more }, label));

/**
 * Draws something anew: what has the focus keeps it, what is being typed stays where it still holds,
 * and what is scrolled stays where it is.
 * @param {HTMLElement} place @param {() => void} draw
 */
export function redraw(place, draw) {
  const before = /** @type {any} */ (document.activeElement);
  const own = place.contains(before) ? identity(before) : "";
  const turn = own ? alike(place, own).indexOf(before) : 0;
  const scrolled = [...place.querySelectorAll(".scroll")].map(({ scrollLeft, scrollTop }) => ({ left: scrollLeft, top: scrollTop }));
  draw();
  [...place.querySelectorAll(".scroll")].forEach((one, at) => scrolled[at] && one.scrollTo(scrolled[at]));
  const found = own ? alike(place, own) : [];
  const after = found[turn] ?? found[0];
  if (!after) return;
  const typed = TYPED.has(after.type) && before.value.trim() === after.value;
  const [start, end] = typed ? [before.selectionStart, before.selectionEnd] : [0, 0];
  if (typed) after.value = before.value;
  after.focus({ preventScroll: true });
  if (typed) after.setSelectionRange(start, end);
}

const TYPED = new Set(["text", "search"]);

/** What can have the focus and is told from others by the same. @param {HTMLElement} place @param {string} own @returns {any[]} */
const alike = (place, own) =>
  [...place.querySelectorAll("input, select, button, a, summary, [tabindex]")].filter((one) => identity(one) === own);

/** What tells an element from others, also when it is made anew. @param {any} one */
function identity(one) {
  const label = one.closest("label");
  const said = one.dataset.sort || one.getAttribute("aria-label") || label?.firstChild?.textContent || label?.textContent || one.textContent;
  return [one.tagName, one.type, one.type === "radio" && one.value, one.closest("fieldset")?.firstChild?.textContent, said].join();
}

/** Gives a file to the viewer. @param {string} name @param {string} kind @param {string} content */
export function download(name, kind, content) {
  const url = URL.createObjectURL(new Blob([content], { type: kind }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
