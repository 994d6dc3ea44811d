/** Drift: how the edges differ from the approved ones, and decisions about it. */

import { button, choice, redraw, select } from "../controls.js";
import { h, replace } from "../dom.js";
import { end, key, port } from "../edges.js";
import { count, many, name } from "../format.js";
import { Outcome, part } from "../listing.js";
import { badge } from "../states.js";

export const title = "Drift";

const KINDS = ["anomalous", "new", "changed", "gone"];
const LIMIT = 1_000;

/** @param {URLSearchParams} state */
const asked = (state) => ({ namespace: state.get("namespace"), only: state.get("only"), offset: state.get("offset"), limit: LIMIT });

/** @param {HTMLElement} root @param {URLSearchParams} state @param {import("../app.js").Shell} shell */
export function mount(root, state, shell) {
  /** @type {Set<string>} */
  const chosen = new Set();
  const outcome = new Outcome();
  const [controls, figures, place, marks] = ["controls", "", "loading", ""].map((one) => h("div", { class: one || false }));
  place.textContent = "Comparing with what was approved …";
  const approve = button("Approve", () => decide("drift/approve", {}, "approved"), { class: "primary" });
  const mark = button("Mark as anomalous", () => decide("drift/mark", { anomalous: true }, "marked as anomalous"));
  const unmark = button("Not anomalous", () => decide("drift/mark", { anomalous: false }, "not anomalous any more"));
  const all = button("Approve all …", () => sure(true));
  const question = h("span", {});
  const confirm = h("div", { class: "actions", hidden: true });
  const actions = h("div", { class: "actions bottom" }, approve, mark, unmark, all, confirm);
  replace(root, h("h1", { class: "unseen" }, title), controls, figures, outcome.box, place, actions, marks);
  /** @type {any} */
  let data = null;
  /** @type {string[]} */
  let names = [];

  function drawControls() {
    const value = (/** @type {string} */ one) => state.get(one) ?? "";
    const known = [...new Set([...names, ...(value("namespace") ? [value("namespace")] : [])])];
    replace(controls,
      select("Namespace", value("namespace"), [["", "all namespaces"], ...known.map((one) => /** @type {[string, string]} */ ([one, one]))],
        (one) => shell.go({ namespace: one, offset: null })),
      choice("Shown", value("only"), [["", "all"], ...KINDS.map((one) => /** @type {[string, string]} */ ([one, data ? `${one}, ${many(data.counts[one], "edge")}` : one]))],
        (one) => shell.go({ only: one, offset: null })));
  }

  /** @param {any} found */
  function show(found) {
    data = found;
    if (data.total && !data.rows.length) return shell.go({ offset: LIMIT * Math.floor((data.total - 1) / LIMIT) || null }, { replace: true });
    const here = new Set([...data.rows, ...data.marked].map(key));
    for (const one of chosen) if (!here.has(one)) chosen.delete(one);
    const total = KINDS.reduce((sum, one) => sum + data.counts[one], 0);
    replace(figures,
      h("p", {}, `${total ? `${many(total, "edge")}${inside()} ${total === 1 ? "differs" : "differ"}` : `Nothing${inside()} differs`} from `, h("strong", {}, name(data.file)),
        `, which has ${many(data.approved, "approved edge")}${data.namespaces.length ? ` of ${data.namespaces.map(name).join(", ")}` : ""}.`),
      ...data.notes.map((/** @type {string} */ one) => h("p", { class: "notice warn" }, name(one))));
    if (!controls.contains(document.activeElement)) drawControls();
    const at = focused(root);
    place.className = data.total ? "" : "empty";
    replace(place, ...(data.total
      ? [rows("Edges that differ", data.rows, true), pages()]
      : [h("h2", {}, total ? "Nothing of this kind differs here" : "As approved"), h("p", {}, total ? "Other edges differ: show all." : `Every edge${inside()} that was seen is approved, and every approved one was seen.`)]));
    const open = /** @type {HTMLDetailsElement|null} */ (marks.querySelector("details"))?.open;
    replace(marks, data.marked.length ? part("Marked as anomalous", data.marked.length, "edge", rows("Edges that must not be, seen or not", data.marked, false), { open: Boolean(open) }) : null);
    refocus(root, at);
    tally();
  }

  /** Where the edges are that are compared. */
  const inside = () => (state.get("namespace") ? ` of ${name(state.get("namespace") ?? "")}` : "");

  function pages() {
    const offset = Number(state.get("offset") ?? 0);
    return data.total > LIMIT ? h("div", { class: "pager" },
      h("span", {}, `Edges ${count(offset + 1)} to ${count(offset + data.rows.length)} of ${count(data.total)}`),
      button("Previous", () => shell.go({ offset: Math.max(0, offset - LIMIT) || null }), { disabled: !offset }),
      button("Next", () => shell.go({ offset: offset + LIMIT }), { disabled: offset + LIMIT >= data.total })) : null;
  }

  /** @param {string} caption @param {any[]} list @param {boolean} whole */
  function rows(caption, list, whole) {
    const every = h("input", { type: "checkbox", "aria-label": `Choose all of: ${caption}`, "data-box": caption,
      checked: list.length > 0 && list.every((one) => chosen.has(key(one))),
      onchange: (/** @type {any} */ event) => {
        for (const one of list) event.target.checked ? chosen.add(key(one)) : chosen.delete(key(one));
        show(data);
      } });
    const columns = ["Edge", "Port", "Evidence", "When approved"];
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, h("table", {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, every), whole ? h("th", { scope: "col" }, "Differs") : null,
        ...columns.map((one) => h("th", { scope: "col" }, one)))),
      h("tbody", {}, ...list.map((one) => line(one, whole)))));
  }

  /** @param {any} row @param {boolean} whole */
  function line(row, whole) {
    const own = key(row);
    const called = `${end(row, "client")} → ${end(row, "server")}`;
    const box = h("input", { type: "checkbox", checked: chosen.has(own), "data-box": own + whole, "aria-label": `Choose ${called} ${port(row)}`,
      onchange: (/** @type {any} */ event) => {
        event.target.checked ? chosen.add(own) : chosen.delete(own);
        box.closest("tr")?.classList.toggle("selected", event.target.checked);
        tally();
      } });
    return h("tr", { class: chosen.has(own) ? "selected" : false },
      h("td", {}, box), whole ? h("td", {}, badge(row.drift)) : null,
      h("th", { scope: "row" }, h("a", { href: shell.link({ edge: own }) }, h("bdi", { class: "name" }, called))),
      h("td", { class: "port" }, port(row)), h("td", {}, worded(row.evidence ?? "not seen")), h("td", {}, worded(row.was ?? "not approved")));
  }

  function tally() {
    const number = chosen.size;
    for (const one of [approve, mark, unmark]) one.disabled = !number;
    approve.textContent = number ? `Approve ${many(number, "edge")}` : "Approve";
    const rest_ = data ? KINDS.slice(1).reduce((sum, one) => sum + data.counts[one], 0) : 0;
    all.disabled = !rest_;
    question.textContent = `Approve all${inside()} that differs, ${many(rest_, "edge")}, but for what is marked as anomalous?`;
    actions.hidden = shell.about.can !== undefined && !shell.about.can.includes("approve");
  }

  /** @param {boolean} asking Whether the viewer is still to say so. */
  function sure(asking) {
    confirm.hidden = !asking;
    all.hidden = asking;
    replace(confirm, ...(asking ? [
      question,
      button("Yes, approve", () => (sure(false), decide("drift/approve", { all: true, namespace: state.get("namespace") ?? "" }, "approved"))),
      button("No", () => (sure(false), all.focus())),
    ] : []));
    /** @type {HTMLElement|null} */ (confirm.querySelector("button"))?.focus();
  }

  /** @param {string} action @param {object} more @param {string} done */
  async function decide(action, more, done) {
    const edges = [...chosen].map((one) => JSON.parse(one));
    const within = inside();
    try {
      const { approved, differ } = await shell.post(action, "all" in more ? more : { edges, ...more });
      chosen.clear();
      outcome.done(`${"all" in more ? `All${within}` : many(edges.length, "edge")} ${done}. ${many(approved, "edge")} approved, ${many(differ, "edge")} ${differ === 1 ? "differs" : "differ"}.`);
    } catch (error) {
      outcome.failed(error);
    }
  }

  drawControls();
  tally();
  const poll = shell.poll("drift", asked(state), show, { failed: (error) => failed(error, place) });
  shell.poll("matrix", { collapse: "namespaces" }, (found) => {
    names = found.namespaces;
    if (!controls.contains(document.activeElement)) drawControls();
  }, { failed: () => true, every: 30 });
  return {
    /** @param {URLSearchParams} other */
    update(other) {
      if (other.get("namespace") !== state.get("namespace")) sure(false);
      state = other;
      redraw(controls, drawControls);
      poll.change(asked(state));
    },
    unmount() {},
  };
}

/** How an edge is known, in words. @param {string} evidence */
const worded = (evidence) => name(evidence).replaceAll("_", " ");

/** Which box has the focus. @param {HTMLElement} root */
const focused = (root) => (root.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.box ?? "" : "");

/** @param {HTMLElement} root @param {string} box */
function refocus(root, box) {
  if (!box) return;
  for (const one of root.querySelectorAll("[data-box]"))
    if (/** @type {HTMLElement} */ (one).dataset.box === box) return /** @type {HTMLElement} */ (one).focus({ preventScroll: true });
}

/** @param {any} error @param {HTMLElement} place */
function failed(error, place) {
  if (![404, 409].includes(error.status)) return false;
  place.className = "empty";
  replace(place, h("h2", {}, error.status === 404 ? "Nothing is approved yet" : "The approved file cannot be read"), h("p", {}, name(error.message)),
    error.status === 404 ? h("p", { class: "muted" }, h("code", {}, "flowmatrix matrix approve"), " prints the present edges as such a file.") : null);
  return true;
}
