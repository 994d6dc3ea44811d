/** The matrix: clients by servers and ports, a cell for each pair, drawn only where it is visible. */

import { Cells } from "../cells.js";
import { choice, redraw, select, text } from "../controls.js";
import { h, replace } from "../dom.js";
import { called, end, key, port } from "../edges.js";
import { bytes, many, name, short } from "../format.js";
import { Grid } from "../grid.js";
import { STATES, glyph } from "../states.js";

export const title = "Matrix";

/** Columns beyond which cells show their glyph alone. */
const MANY = 60;
const WAYS = /** @type {[string, string][]} */ ([
  ["", "all"], ["ingress", "ingress"], ["egress", "egress"], ["inside", "inside"],
]);
const ENDS = /** @type {[string, string][]} */ ([
  ["each", "nothing"], ["nodes", "nodes"], ["workloads", "workloads"], ["namespaces", "namespaces"],
]);

/** The query of the document that a state stands for. @param {URLSearchParams} state */
function asked(state) {
  const namespace = state.get("namespace") ?? "";
  const collapse = state.get("collapse") || (namespace ? "nodes" : "namespaces");
  return { namespace, collapse, direction: namespace ? state.get("direction") : null };
}

/** @param {HTMLElement} root @param {URLSearchParams} state @param {import("../app.js").Shell} shell */
export function mount(root, state, shell) {
  const controls = h("div", { class: "controls" });
  const legend = h("div", { class: "legend", role: "group", "aria-label": "States to show" });
  const told = h("p", { class: "muted" });
  const place = h("div", { class: "loading" }, "Loading the matrix …");
  replace(root, h("h1", { class: "unseen" }, title), controls, h("div", { class: "head" }, legend, told), place);
  /** @type {Grid|null} */
  let grid = null;
  /** @type {Cells|null} */
  let cells = null;
  let shown = "";

  function draw() {
    if (!cells) return;
    const { matrix } = cells;
    const only = new Set((state.get("only") ?? "").split(",").filter(Boolean));
    const { rows, columns, kept } = cells.shown({
      only, find: finder(matrix, state.get("find") ?? ""), traffic: state.get("order") === "traffic",
    });
    drawLegend(legend, cells, only, shell);
    told.textContent =
      `${many(kept, "cell")}, ${many(rows.length, "client")}, ${many(columns.length, ported(matrix) ? "server port" : "server")}`;
    if (!kept) {
      grid?.close();
      grid = null;
      return replace(place, nothing(matrix, state, shell)), (place.className = "");
    }
    const wanted = state.get("cells") || (columns.length > MANY ? "glyphs" : "numbers");
    if (!grid || shown !== wanted) {
      grid?.close();
      grid = new Grid(wanted === "glyphs");
      shown = wanted;
      place.className = "unboxed";
      replace(place, grid.box);
    }
    grid.show(content(cells, rows, columns, only, () => state, shell));
  }

  /** Shows which cell the panel is about. */
  function mark() {
    grid?.each((element, row, column) => element.classList.toggle("open", grid?.content?.opened(row, column)));
  }

  const poll = shell.poll("matrix", asked(state), (data) => {
    cells = new Cells(data);
    if (!controls.contains(document.activeElement)) drawControls(controls, data, state, shell);
    draw();
  }, { failed: (error) => failed(error, place) });
  return {
    /** @param {URLSearchParams} other */
    update(other) {
      const before = view(state);
      state = other;
      poll.change(asked(state));
      if (view(state) === before) return mark();
      const matrix = cells?.matrix;
      if (matrix) redraw(controls, () => drawControls(controls, matrix, state, shell));
      draw();
    },
    unmount: () => grid?.close(),
  };
}

/** What of the state changes how the matrix looks. @param {URLSearchParams} state */
function view(state) {
  const own = new URLSearchParams(state);
  own.delete("edge");
  return own.toString();
}

/** @param {any} error @param {HTMLElement} place */
function failed(error, place) {
  if (error.status !== 404) return false;
  place.className = "empty";
  replace(place, h("h2", {}, "There is no matrix here"), h("p", {}, error.message));
  return true;
}

/** @param {any} matrix @param {string} words @returns {(row: number, column: number) => boolean} */
function finder(matrix, words) {
  const wanted = words.toLowerCase();
  if (!wanted) return () => true;
  const has = (/** @type {string} */ name) => name.toLowerCase().includes(wanted);
  const rows = matrix.clients.map((/** @type {any} */ one) => has(end(one)));
  const columns = matrix.servers.map((/** @type {any} */ one) => has(`${end(one)} ${port(one)}`));
  return (row, column) => rows[row] || columns[column];
}

/** @param {HTMLElement} place @param {any} matrix @param {URLSearchParams} state @param {any} shell */
function drawControls(place, matrix, state, shell) {
  const { namespace, collapse } = asked(state);
  const go = (/** @type {string} */ name) => (/** @type {string} */ value) => shell.go({ [name]: value });
  const names = [...new Set([...matrix.namespaces, ...(namespace ? [namespace] : [])])];
  replace(
    place,
    select("Namespace", namespace, [["", "all namespaces"], ...names.map((one) => /** @type {[string, string]} */ ([one, one]))],
      (value) => shell.go({ namespace: value, collapse: null, direction: null })),
    namespace ? choice("Direction", state.get("direction") ?? "", WAYS, go("direction")) : null,
    select("Collapse", collapse, ENDS, go("collapse")),
    select("Order", state.get("order") ?? "", [["", "names"], ["traffic", "traffic"]], go("order")),
    select("Cells", state.get("cells") ?? "", [["", "as it fits"], ["numbers", "numbers"], ["glyphs", "glyphs"]], go("cells")),
    text("Find", state.get("find") ?? "", (value) => shell.go({ find: value }, { replace: true }),
      { every: true, type: "search", placeholder: "name or port" }),
    h("a", { class: "button", href: shell.link({ view: "table", ...tabled(state) }) }, "Same as a table"),
  );
}

/** What of a state the table understands, as it has it. @param {URLSearchParams} state */
function tabled(state) {
  const { namespace, collapse, direction } = asked(state);
  const inside = (/** @type {string} */ side, /** @type {boolean} */ is) => `${side}_namespace ${is ? "=" : "!="} ${JSON.stringify(namespace)}`;
  const query = direction && [inside("client", direction !== "ingress"), inside("server", direction !== "egress")].join(" and ");
  return { namespace, query, collapse: collapse === "each" ? null : collapse };
}

/** @param {HTMLElement} place @param {Cells} cells @param {Set<string>} only @param {any} shell */
function drawLegend(place, cells, only, shell) {
  const counts = cells.counts();
  const focus = place.contains(document.activeElement) && document.activeElement?.getAttribute("data-state");
  replace(place, ...cells.matrix.states.filter((one) => counts.has(one) || only.has(one)).map((one) =>
    h("button", {
      type: "button", class: `is-${one}`, "data-state": one, title: STATES[one].means, "aria-pressed": only.has(one),
      onclick: () => {
        const other = new Set(only);
        if (!other.delete(one)) other.add(one);
        shell.go({ only: [...other].join() });
      },
    }, h("span", { "aria-hidden": "true" }, glyph(one)), `${one}, ${many(counts.get(one) ?? 0, "cell")}`)));
  const again = focus && place.querySelector(`[data-state="${focus}"]`);
  if (again instanceof HTMLElement) again.focus();
}

/** @param {any} matrix @param {URLSearchParams} state @param {any} shell */
function nothing(matrix, state, shell) {
  const filtered = state.get("find") || state.get("only") || state.get("direction");
  const namespace = state.get("namespace") ?? "";
  const other = !filtered && namespace && matrix.namespaces.length;
  return h("div", { class: "empty" },
    h("h2", {}, matrix.cells.row.length || filtered ? "Nothing fits" : other ? `Nothing was seen of ${name(namespace)}` : "Nothing was seen yet"),
    h("p", {}, filtered ? "No edge fits what you have chosen." : "As soon as flows are counted, their edges are here."),
    other ? h("a", { class: "button", href: shell.link({ namespace: null, collapse: null }) }, "All namespaces") : null,
    filtered ? h("a", { class: "button", href: shell.link({ find: null, only: null, direction: null }) }, "Show all") : null);
}

/**
 * @param {Cells} cells @param {number[]} rows @param {number[]} columns @param {Set<string>} only
 * @param {() => URLSearchParams} state @param {any} shell @returns {import("../grid.js").Content}
 */
function content(cells, rows, columns, only, state, shell) {
  const { matrix } = cells;
  const { clients, servers } = matrix;
  const found = (/** @type {number} */ row, /** @type {number} */ column) => {
    const at = cells.at(rows[row], columns[column]);
    return at >= 0 && (!only.size || only.has(matrix.states[matrix.cells.state[at]])) ? at : -1;
  };
  const of = (/** @type {number} */ row, /** @type {number} */ column) =>
    key({ ...prefixed(clients[rows[row]], "client"), ...prefixed(servers[columns[column]], "server") });
  return {
    label: `Connections: clients in rows, servers in columns${state().get("namespace") ? `, namespace ${name(state().get("namespace") ?? "")}` : ""}`,
    corner: ported(matrix) ? "client → server, port" : "client → server",
    rows: rows.length,
    columns: columns.length,
    client: (row) => head("grid-client", clients[rows[row]], sum(cells.rows, rows[row])),
    server: (column) => head("grid-server", servers[columns[column]], sum(cells.columns, columns[column])),
    cell: (row, column) => cell(cells, found(row, column), between(clients[rows[row]], servers[columns[column]])),
    filled: (row, column) => found(row, column) >= 0,
    opened: (row, column) => state().has("edge") && found(row, column) >= 0 && of(row, column) === state().get("edge"),
    open: (row, column) => found(row, column) >= 0 && shell.go({ edge: of(row, column) }),
  };
}

/** Whether columns have ports: of whole namespaces they have none. @param {any} matrix */
const ported = (matrix) => matrix.servers.some((/** @type {any} */ one) => one.protocol);

/** @param {any} client @param {any} server */
const between = (client, server) => `${end(client)} → ${end(server)}${server.protocol ? `, ${port(server)}` : ""}`;

/** @param {any} one @param {string} side */
const prefixed = (one, side) =>
  Object.fromEntries(Object.entries(one).map(([name, value]) =>
    [name === "protocol" || name === "port" ? name : `${side}_${name}`, value]));

/** @param {{flows: Float64Array, bytes: Float64Array}} sums @param {number} at */
const sum = (sums, at) => `${many(sums.flows[at], "flow")}, ${bytes(sums.bytes[at])}`;

/** @param {string} kind @param {any} one @param {string} total */
function head(kind, one, total) {
  const { name, where } = called(one);
  const at = one.protocol ? port(one) : "";
  return h("div", { class: kind, title: [name, where, at, total].filter(Boolean).join(", ") },
    h("bdi", { class: "name" }, name), at ? h("span", { class: "port" }, at) : null,
    h("span", { class: "muted" }, kind === "grid-client" ? `${where} · ${total}` : where));
}

/** @param {Cells} cells @param {number} at @param {string} names */
function cell(cells, at, names) {
  if (at < 0) return h("div", { class: "cell" });
  const { states, cells: { state, edges, flows, bytes: size } } = cells.matrix;
  const name = states[state[at]];
  const said = `${names}: ${name}, ${many(flows[at], "flow")}, ${bytes(size[at])}` +
    (edges[at] > 1 ? `, ${many(edges[at], "edge")}` : "");
  return h("div", { class: `cell filled is-${name} heat-${cells.heat(at)}`, title: said },
    h("b", {}, h("span", { "aria-hidden": "true" }, glyph(name)), h("span", { class: "word" }, ` ${name}`)),
    h("span", { class: "numbers" }, name === "gone" ? "not seen" : `${short(flows[at], "flow")} · ${bytes(size[at])}`));
}
