/** The table of edges: the accessible twin of the matrix, sorted and filtered by the server. */

import { get } from "../api.js";
import { button, download, redraw, select, text } from "../controls.js";
import { csv } from "../csv.js";
import { h, replace } from "../dom.js";
import { end, key, port } from "../edges.js";
import { bytes, count, many, name, stamp, zone } from "../format.js";
import { Outcome } from "../listing.js";
import { badge } from "../states.js";

export const title = "Table";

const PAGE = 100;
const FILTERS = ["namespace", "query", "peer", "port", "only", "collapse", "between", "since", "until"];
const STATES = ["established", "attempted", "denied", "uncertain", "unlabelled"];
const COLLAPSE = ["nodes", "workloads", "namespaces"];

/** @typedef {{title: string, sort: string, kind?: string, cell: (row: any) => Node|string}} Column */
/** @type {Column[]} */
const COLUMNS = [
  { title: "Server", sort: "server_workload", cell: (row) => h("bdi", { class: "name" }, end(row, "server")) },
  { title: "Port", sort: "port", kind: "port", cell: port },
  { title: "State", sort: "state", cell: (row) => (row.shown === row.state ? badge(row.state) : h("span", { class: "badges" }, badge(row.shown), " ", badge(row.state))) },
  { title: "Evidence", sort: "evidence", cell: (row) => name(row.evidence).replaceAll("_", " ") },
  { title: "Flows to server", sort: "flows", kind: "number", cell: (row) => count(row.flows) },
  { title: "Flows back", sort: "reply_flows", kind: "number", cell: (row) => count(row.reply_flows) },
  { title: "Bytes to server", sort: "bytes", kind: "number", cell: (row) => bytes(row.bytes) },
  { title: "Bytes back", sort: "reply_bytes", kind: "number", cell: (row) => bytes(row.reply_bytes) },
  { title: "Connections answered", sort: "accepted", kind: "number", cell: (row) => (row.attempted ? `${count(row.accepted)} of ${count(row.attempted)}` : "–") },
  { title: "First seen", sort: "first_seen", kind: "when", cell: (row) => stamp(row.first_seen) },
  { title: "Last seen", sort: "last_seen", kind: "when", cell: (row) => stamp(row.last_seen) },
];

/** The query of the document that a state stands for. @param {URLSearchParams} state @returns {Record<string, any>} */
function asked(state) {
  const filters = Object.fromEntries(FILTERS.map((one) => [one, state.get(one)]));
  return { ...filters, sort: state.get("sort"), offset: state.get("offset") ?? 0, limit: PAGE };
}

/** @param {HTMLElement} root @param {URLSearchParams} state @param {import("../app.js").Shell} shell */
export function mount(root, state, shell) {
  const wrong = h("p", { class: "notice error", id: "wrong", hidden: true });
  const controls = h("form", { class: "controls", onsubmit: (/** @type {Event} */ event) => event.preventDefault() });
  const outcome = new Outcome();
  const pager = h("div", { class: "pager" });
  const notes = h("div", {});
  const place = h("div", { class: "loading" }, "Loading the edges …");
  const names = h("datalist", { id: "namespaces" });
  replace(root, h("h1", { class: "unseen" }, title), controls, names, wrong, outcome.box, notes, pager, place);
  drawControls(controls, state, shell, outcome);
  shell.poll("matrix", { collapse: "namespaces" }, (data) =>
    replace(names, ...data.namespaces.map((/** @type {string} */ one) => h("option", { value: one }))), { failed: () => true });
  const poll = shell.poll("edges", asked(state), (data) => {
    if (data.total && !data.rows.length) return shell.go({ offset: PAGE * Math.floor((data.total - 1) / PAGE) || null }, { replace: true });
    said("");
    replace(notes, ...data.notes.map((/** @type {string} */ one) => h("p", { class: "notice warn" }, name(one))));
    redraw(pager, () => drawPager(pager, data, shell));
    place.className = data.total ? "scroll" : "";
    redraw(place, () => replace(place, data.total ? table(data, state, shell) : nothing(state, shell)));
  }, {
    failed(error) {
      const { status } = /** @type {any} */ (error);
      if (status !== 400 && status !== 404) return false;
      said(error.message);
      place.className = "";
      replace(place);
      replace(pager);
      return true;
    },
  });

  /** @param {string} message */
  function said(message) {
    wrong.textContent = message;
    wrong.hidden = !message;
    const field = controls.querySelector("input");
    field?.toggleAttribute("aria-invalid", false);
    if (message) field?.setAttribute("aria-invalid", "true");
    field?.setAttribute("aria-describedby", "wrong");
  }

  return {
    /** @param {URLSearchParams} other */
    update(other) {
      state = other;
      redraw(controls, () => drawControls(controls, state, shell, outcome));
      poll.change(asked(state));
      for (const row of place.querySelectorAll("tr[data-key]"))
        row.classList.toggle("selected", row.getAttribute("data-key") === state.get("edge"));
    },
    unmount() {},
  };
}

/** @param {HTMLElement} place @param {URLSearchParams} state @param {any} shell @param {Outcome} outcome */
function drawControls(place, state, shell, outcome) {
  const value = (/** @type {string} */ one) => state.get(one) ?? "";
  const go = (/** @type {string} */ one) => (/** @type {string} */ chosen) => shell.go({ [one]: chosen, offset: null });
  const any = (/** @type {string[]} */ words, /** @type {string} */ none) =>
    /** @type {[string, string][]} */ ([["", none], ...words.map((one) => [one, one])]);
  replace(
    place,
    text("Filter", value("query"), go("query"), {
      wide: true, type: "search", placeholder: 'server_namespace = "shop" and port > 8000 and with(client_kind)' }),
    text("Namespace", value("namespace"), go("namespace"), { list: "namespaces" }),
    text("Peer", value("peer"), go("peer"), { placeholder: "workload, label, CIDR" }),
    text("Port", value("port"), go("port")),
    select("State", value("only"), any(STATES, "any"), go("only")),
    select("Collapse", value("collapse"), any(COLLAPSE, "nothing"), go("collapse")),
    h("div", { class: "actions" },
      button("Export CSV", () => save("csv", state, outcome)),
      button("Export JSON", () => save("json", state, outcome)),
      h("a", { class: "button", href: shell.link({ view: "matrix", collapse: value("collapse") || "each" }) }, "Same as a matrix")),
  );
}

/** @param {any} data @param {URLSearchParams} state @param {any} shell */
function table(data, state, shell) {
  const sort = state.get("sort") ?? "";
  return h("table", {},
    h("caption", {}, `${many(data.total, "edge")}: who opens connections to whom. Times in ${zone()}.`),
    h("thead", {}, h("tr", {}, heading({ title: "Client", sort: "client_workload" }, sort, shell),
      ...COLUMNS.map((one) => heading(one, sort, shell)))),
    h("tbody", {}, ...rowsOf(data).map((row) => line(row, state, shell))));
}

/** The rows, each with its state in the matrix. @param {any} data @returns {any[]} */
const rowsOf = (data) => data.rows.map((/** @type {any} */ row, /** @type {number} */ at) => ({ ...row, shown: data.shown[at] }));

/** @param {any} row @param {URLSearchParams} state @param {any} shell */
function line(row, state, shell) {
  const own = key(row);
  return h("tr", { "data-key": own, class: own === state.get("edge") ? "selected" : false },
    h("th", { scope: "row" }, h("a", { href: shell.link({ edge: own }) }, h("bdi", { class: "name" }, end(row, "client")))),
    ...COLUMNS.map((one) => h("td", { class: one.kind }, one.cell(row))));
}

/** @param {{title: string, sort: string, kind?: string}} column @param {string} sort @param {any} shell */
function heading({ title: called, sort: own, kind }, sort, shell) {
  const order = sort === own ? "ascending" : sort === `-${own}` ? "descending" : "";
  const next = order ? (order === "ascending" ? `-${own}` : own) : kind === "number" ? `-${own}` : own;
  const arrow = { ascending: "▲", descending: "▼", "": "" }[order];
  return h("th", { scope: "col", class: kind, "aria-sort": order || null },
    h("button", { type: "button", class: "sort", "data-sort": own, onclick: () => shell.go({ sort: next, offset: null }) },
      called, h("span", { class: "order", "aria-hidden": "true" }, arrow)));
}

/** @param {HTMLElement} place @param {any} data @param {any} shell */
function drawPager(place, data, shell) {
  const from = data.offset;
  const to = from + data.rows.length;
  replace(place,
    h("span", {}, data.total ? `Edges ${count(from + 1)} to ${count(to)} of ${count(data.total)}` : ""),
    data.total > PAGE ? button("Previous", () => shell.go({ offset: Math.max(0, from - PAGE) || null }), { disabled: from === 0 }) : null,
    data.total > PAGE ? button("Next", () => shell.go({ offset: data.next }), { disabled: data.next === null }) : null);
}

/** @param {URLSearchParams} state @param {any} shell */
function nothing(state, shell) {
  const filtered = FILTERS.some((one) => state.get(one));
  const none = Object.fromEntries(FILTERS.map((one) => [one, null]));
  return h("div", { class: "empty" }, h("h2", {}, filtered ? "Nothing fits" : "Nothing was seen yet"),
    h("p", {}, filtered ? "No edge fits the filters." : "As soon as flows are counted, their edges are here."),
    filtered ? h("a", { class: "button", href: shell.link({ ...none, offset: null }) }, "Show all") : null);
}

/** All edges that fit, as a file. @param {"csv"|"json"} kind @param {URLSearchParams} state @param {Outcome} outcome */
async function save(kind, state, outcome) {
  try {
    const rows = [];
    for (let offset = 0; offset !== null; ) {
      const { data } = await get("edges", { ...asked(state), offset, limit: 10_000 });
      rows.push(...rowsOf(data));
      offset = data.next;
    }
    if (kind === "json") download("edges.json", "application/json", JSON.stringify(rows, null, 2));
    else download("edges.csv", "text/csv", csv(Object.keys(rows[0] ?? { client_workload: "" }), rows));
    outcome.done(`${many(rows.length, "edge")} exported`);
  } catch (error) {
    outcome.failed(new Error(`Nothing was exported: ${/** @type {Error} */ (error).message}`));
  }
}
