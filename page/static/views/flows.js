/** Single flows: filtered, with columns to choose, and an overview of who talks to whom. */

import { get } from "../api.js";
import { button, choice, download, redraw, select, text, time } from "../controls.js";
import { csv } from "../csv.js";
import { h, replace } from "../dom.js";
import { bytes, count, many, name, of, stamp, zone } from "../format.js";
import { Outcome } from "../listing.js";
import { overview, port, protocol } from "../overview.js";

export const title = "Traffic flows";

const LIMITS = ["100", "500", "2000"];
/** The most flows that the document gives. */
const MOST = 5_000;
const KINDS = /** @type {[string, string, string][]} */ ([["latest", "the latest", "flows"], ["files", "in files", "files"]]);

/** Which kinds there are: value and text. @param {any} shell */
const kinds = (shell) => KINDS.filter(([, , can]) => !shell.about.can || shell.about.can.includes(can));

/** @param {URLSearchParams} state @param {any} shell */
const kindOf = (state, shell) => state.get("of") ?? kinds(shell)[0]?.[0] ?? "latest";

/** @param {URLSearchParams} state @param {any} shell @returns {Record<string, any>} */
function asked(state, shell) {
  const both = state.get("both") ? "true" : "";
  const [query, since, until, columns] = ["query", "since", "until", "columns"].map((one) => state.get(one));
  return { of: kindOf(state, shell), query, both, since, until, columns, limit: state.get("limit") ?? LIMITS[0] };
}

/** @param {HTMLElement} root @param {URLSearchParams} state @param {import("../app.js").Shell} shell */
export function mount(root, state, shell) {
  const wrong = h("p", { class: "notice error", id: "wrong", hidden: true });
  const controls = h("form", { class: "controls", onsubmit: (/** @type {Event} */ event) => event.preventDefault() });
  const outcome = new Outcome();
  const columns = h("details", {}, h("summary", {}, "Columns"), h("div", { class: "controls", id: "columns" }));
  const place = h("div", { class: "loading" }, "Looking for flows …");
  replace(root, h("h1", { class: "unseen" }, title), controls, columns, wrong, outcome.box, place);
  drawControls(controls, state, shell, outcome);
  let fields = "";
  const poll = shell.poll("flows", asked(state, shell), (data) => {
    wrong.hidden = true;
    if (fields !== data.fields.join() + data.columns.join()) {
      fields = data.fields.join() + data.columns.join();
      drawColumns(/** @type {HTMLElement} */ (columns.lastElementChild), data, shell);
    }
    place.className = "";
    const notes = data.notes.map((/** @type {string} */ one) => h("p", { class: "notice warn" }, name(one)));
    redraw(place, () => replace(place, ...notes, ...(data.total ? shown(data, kindOf(state, shell)) : [nothing(data, shell)])));
  }, {
    failed(error) {
      const { status } = /** @type {any} */ (error);
      if (status !== 400 && status !== 404) return false;
      place.className = "";
      replace(place);
      wrong.hidden = status === 404;
      wrong.textContent = error.message;
      if (status === 404)
        replace(place, h("div", { class: "empty" }, h("h2", {}, "No flows are kept"),
          h("p", {}, "Single flows are kept by a worker that serves the page, or in files; here are only their sums.")));
      return true;
    },
  });
  return {
    /** @param {URLSearchParams} other */
    update(other) {
      state = other;
      redraw(controls, () => drawControls(controls, state, shell, outcome));
      poll.change(asked(state, shell));
    },
    unmount() {},
  };
}

/** @param {HTMLElement} place @param {URLSearchParams} state @param {any} shell @param {Outcome} outcome */
function drawControls(place, state, shell, outcome) {
  const query = () => /** @type {HTMLInputElement} */ (place.querySelector("input[type=search]")).value.trim();
  const both = state.get("both");
  const of = kinds(shell);
  const go = (/** @type {string} */ one) => (/** @type {string} */ chosen) => shell.go({ [one]: chosen });
  replace(place,
    of.length > 1 ? choice("Flows", kindOf(state, shell), of.map(([one, label]) => [one, label]), go("of")) : null,
    text("Filter", state.get("query") ?? "", (chosen) => shell.go({ query: chosen }), {
      wide: true, type: "search", placeholder: 'DstK8S_Namespace = "shop" and DstPort = 443' }),
    select("At most", state.get("limit") ?? LIMITS[0], LIMITS.map((one) => [one, many(Number(one), "flow")]), (chosen) => shell.go({ limit: chosen })),
    time("Since", state.get("since") ?? "", go("since")),
    time("Until", state.get("until") ?? "", go("until")),
    h("div", { class: "actions" },
      button("Back and forth", () => shell.go({ both: both ? null : 1, query: query() }), { "aria-pressed": String(Boolean(both)) }),
      button("Swap", () => shell.go({ query: swapped(query()) })),
      button("Export CSV", () => save(state, shell, outcome))));
}

/** The flows that fit, in the columns that are chosen, as a file. @param {URLSearchParams} state @param {any} shell @param {Outcome} outcome */
async function save(state, shell, outcome) {
  try {
    const { data } = await get("flows", { ...asked(state, shell), limit: MOST });
    const length = data.values[0]?.length ?? 0;
    const rows = Array.from({ length }, (_, row) =>
      Object.fromEntries(data.columns.map((/** @type {string} */ one, /** @type {number} */ column) => [one, data.values[column][row]])));
    download("flows.csv", "text/csv", csv(data.columns, rows));
    outcome.done(`${length < data.total ? `The latest ${of(length, data.total, "flow")}` : many(length, "flow")} exported`);
  } catch (error) {
    outcome.failed(new Error(`Nothing was exported: ${/** @type {Error} */ (error).message}`));
  }
}

/** A filter for the flows the other way round. @param {string} query */
export function swapped(query) {
  return query
    .split(/("(?:[^"\\]|\\.)*"|`[^`]*`)/)
    .map((part, place) => (place % 2 ? part : part.replace(/\b(Src|Dst)(?=[A-Z])/g, (end) => (end === "Src" ? "Dst" : "Src"))))
    .join("");
}

/** @param {HTMLElement} place @param {any} data @param {any} shell */
function drawColumns(place, data, shell) {
  const chosen = new Set(data.columns);
  replace(place, ...data.fields.map((/** @type {string} */ field) =>
    h("label", { class: "check" }, h("input", {
      type: "checkbox", checked: chosen.has(field),
      onchange: () => {
        if (!chosen.delete(field)) chosen.add(field);
        shell.go({ columns: [...chosen].join() });
      } }), name(field))));
}

/** @param {any} data @param {string} which @returns {HTMLElement[]} */
function shown(data, which) {
  const rows = data.values[0]?.length ?? 0;
  const more = data.all_edges > data.edges.length ? ` The busiest ${of(data.edges.length, data.all_edges, "edge")}.` : "";
  return [
    h("section", {}, h("h2", {}, "Who talks to whom"),
      h("p", { class: "muted" }, `Client, port, server; of ${many(data.total, "flow")}, both ways together.${more}`),
      h("div", { class: "overview", tabindex: "0", role: "region", "aria-label": "Overview" }, overview(data.edges)),
      h("details", {}, h("summary", {}, "The same as a list"), list(data.edges))),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Flows" },
      h("table", {},
        h("caption", {}, `The latest ${count(rows)} of ${found(data, which)}. Times in ${zone()}.`),
        h("thead", {}, h("tr", {}, ...data.columns.map((/** @type {string} */ one) => h("th", { scope: "col", class: kind(one) }, name(one))))),
        h("tbody", {}, ...Array.from({ length: rows }, (_, row) =>
          h("tr", {}, ...data.columns.map((/** @type {string} */ one, /** @type {number} */ column) =>
            h("td", { class: kind(one) }, cell(one, data.values[column][row])))))))),
  ];
}

/** How many flows were found in how many. @param {any} data @param {string} of */
function found(data, of) {
  const flows = many(data.total, "flow");
  if (of === "files")
    return `the newest ${flows} that fit, ${data.whole ? "all" : "the newest"} ${count(data.held)} of the files looked at`;
  return data.total < data.held ? `${flows} that fit, of ${count(data.held)} kept` : flows;
}

/** @param {any[]} edges */
function list(edges) {
  const headings = ["Client", "Port", "Server", "Flows", "Bytes"];
  return h("table", {},
    h("caption", {}, "The edges of the overview"),
    h("thead", {}, h("tr", {}, ...headings.map((one, place) => h("th", { scope: "col", class: place > 2 ? "number" : null }, one)))),
    h("tbody", {}, ...edges.map((one) => h("tr", {},
      h("th", { scope: "row" }, h("bdi", { class: "name" }, name(one.client))), h("td", { class: "port" }, port(one)),
      h("td", {}, h("bdi", { class: "name" }, name(one.server))),
      h("td", { class: "number" }, count(one.flows)), h("td", { class: "number" }, bytes(one.bytes))))));
}

const NUMBERS = /(Bytes|Packets|Port|Proto|Ns|Errno|Id|Type|Code|Dscp|Sampling)$/;

/** @param {string} field */
const kind = (field) => (/^Time.*(Ms|Received)$/.test(field) ? "when" : NUMBERS.test(field) && !/K8S|TLS/.test(field) ? "number" : null);

/** @param {string} field @param {any} value @returns {Node|string} */
function cell(field, value) {
  if (value === null || value === undefined || value === "") return "–";
  if (/^Time.*Ms$/.test(field)) return stamp(value);
  if (field === "TimeReceived") return stamp(1000 * value);
  if (field.endsWith("Bytes")) return bytes(value);
  if (field === "Proto" && typeof value === "number") return `${protocol(value)} (${value})`;
  if (typeof value === "number") return /Port|Id$/.test(field) ? String(value) : count(value);
  return h("bdi", { class: "name" }, name(typeof value === "string" ? value : JSON.stringify(value)));
}

/** @param {any} data @param {any} shell */
function nothing(data, shell) {
  return h("div", { class: "empty" }, h("h2", {}, data.held ? "Nothing fits" : "No flow has come yet"),
    h("p", {}, data.held ? `None of ${data.whole ? "" : "the latest "}${many(data.held, "flow")} fits what you have chosen.` : "As soon as there are flows, they are here."),
    data.held ? h("a", { class: "button", href: shell.link({ query: null, both: null, since: null, until: null }) }, "Show all") : null);
}
