/** Elements, made by the methods of the DOM alone: no text ever becomes markup. */

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`there is no element ${id}`);
  return found;
}

/**
 * An element. An attribute whose value is a function listens (`onclick`); true is an attribute
 * without a value, but of `aria-…` the word; false, null and undefined are none. `style` does not exist: use a class.
 * @param {string} tag
 * @param {Record<string, unknown>} attributes
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  attributed(element, attributes);
  append(element, children);
  return element;
}

/**
 * An element of SVG, as `h` makes those of HTML.
 * @param {string} tag
 * @param {Record<string, unknown>} attributes
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  attributed(element, attributes);
  append(element, children);
  return element;
}

/** Puts children in place of what an element has. @param {Element} element @param {...any} children */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** @param {Element} element @param {Record<string, unknown>} attributes */
function attributed(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {any} */ (value));
    else if (typeof value === "boolean" && name.startsWith("aria-")) element.setAttribute(name, String(value));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, String(value));
  }
}

/** @param {Element} element @param {any[]} children */
function append(element, children) {
  for (const child of children)
    if (child !== null && child !== undefined && child !== false)
      element.append(child instanceof Node ? child : String(child));
}
