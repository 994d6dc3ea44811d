/** URL = state: the hash names the view and what a viewer has chosen in it. */

/** The view of an address that names none. */
const FIRST = "matrix";

/** @returns {{name: string, state: URLSearchParams}} */
export function current() {
  const [name, query] = split(location.hash.slice(1));
  return { name: name || FIRST, state: new URLSearchParams(query) };
}

/** @param {string} hash @returns {[string, string]} */
function split(hash) {
  const at = hash.indexOf("?");
  return at < 0 ? [hash, ""] : [hash.slice(0, at), hash.slice(at + 1)];
}

/** The address with changes made. @param {Record<string, string|number|null>} changes */
export function link(changes) {
  const { name, state } = current();
  const view = String(changes.view ?? name);
  const kept = new URLSearchParams(view === name ? state : keptOf(state));
  for (const [key, value] of Object.entries(changes)) {
    if (key === "view") continue;
    if (value === "" || value === null || value === undefined) kept.delete(key);
    else kept.set(key, String(value));
  }
  const query = kept.toString();
  return `#${view}${query ? `?${query}` : ""}`;
}

/** What another view begins with. @param {URLSearchParams} state @returns {Record<string, string>} */
function keptOf(state) {
  const namespace = state.get("namespace");
  return namespace ? { namespace } : {};
}

/**
 * Goes to the address with changes made.
 * @param {Record<string, string|number|null>} changes
 * @param {{replace?: boolean}} [how]
 */
export function go(changes, how = {}) {
  const target = link(changes);
  if (target === location.hash) return;
  if (how.replace) {
    history.replaceState(null, "", target);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else location.hash = target;
}
