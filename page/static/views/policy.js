/** Policies of a namespace beside what was seen there: the draft, or those in force. */

import { get } from "../api.js";
import { button, choice, download, redraw, select, text } from "../controls.js";
import { h, replace } from "../dom.js";
import { end, key, port } from "../edges.js";
import { bytes, count, many, moment, name, share, stamp } from "../format.js";
import { Outcome, copy, part, rest, table } from "../listing.js";
import { badge } from "../states.js";
import { Rules } from "../rules.js";

export const title = "Policy";

const OF = /** @type {[string, string][]} */ ([["draft", "draft"], ["in_force", "in force"]]);
const WAYS = /** @type {[string, string][]} */ ([["", "both ways"], ["Ingress", "ingress"], ["Egress", "egress"]]);
const FRAME = /** @type {Record<string, string>} */ ({
  draft: "Draft: policies made from what was seen. Nothing of it is in force.",
  in_force: "In force: the policies that the cluster has, held against what was seen.",
});
const READY = /** @type {Record<string, string>} */ ({ learning: "…", stabilising: "◐", stable: "●" });
/** Texts of policies that the document has at once. */
const MANY = 40;
const LOST = ["denied", "differs"];

/** @param {URLSearchParams} state */
const asked = (state) => ({
  namespace: state.get("namespace"), of: state.get("of"), direction: state.get("direction"),
  policy: state.get("policy"), default_deny: state.get("default_deny"), allow_unlabelled: state.get("allow_unlabelled"), dns: state.get("dns"),
});
/** @param {URLSearchParams} state */
const connection = (state) => ({ from: state.get("from"), to: state.get("to"), port: state.get("port"), protocol: state.get("protocol") });

/** @param {HTMLElement} root @param {URLSearchParams} state @param {import("../app.js").Shell} shell */
export function mount(root, state, shell) {
  const outcome = new Outcome();
  const [controls, place, ready, answer] = ["controls", "loading", "", ""].map((one) => h("div", { class: one || false }));
  const ends = h("div", { class: "controls" });
  const ask = h("section", { class: "card", "aria-label": "Check a connection" }, h("h2", {}, "Is a connection allowed?"), ends, answer);
  replace(root, h("h1", { class: "unseen" }, title), controls, place, ready, ask);
  /** @type {string[]} */
  let names = [];
  /** @type {Rules|null} */
  let rules = null;
  /** @type {any} */
  let polls = null;
  /** @type {any} */
  let checking = null;
  let cut = false;

  function drawControls() {
    const value = (/** @type {string} */ one) => state.get(one) ?? "";
    const check = (/** @type {string} */ one, /** @type {string} */ label) => h("label", { class: "check" },
      h("input", { type: "checkbox", checked: state.get(one) === "true",
        onchange: (/** @type {any} */ event) => shell.go({ [one]: event.target.checked ? "true" : null }) }), label);
    const draft = value("of") !== "in_force";
    const known = [...new Set([...names, ...(value("namespace") ? [value("namespace")] : [])])];
    replace(controls,
      select("Namespace", value("namespace"), [["", "choose one"], ...known.map((one) => /** @type {[string, string]} */ ([one, one]))],
        (chosen) => shell.go({ namespace: chosen, rule: null, policy: null })),
      choice("Shown", value("of") || "draft", OF, (chosen) => shell.go({ of: chosen === "draft" ? null : chosen, rule: null })),
      draft ? choice("Direction", value("direction"), WAYS, (chosen) => shell.go({ direction: chosen, rule: null })) : null,
      draft ? text("Always allow DNS of", value("dns"), (chosen) => shell.go({ dns: chosen }), { placeholder: "openshift-dns/dns-default" }) : null,
      draft ? check("default_deny", "deny all the rest") : null,
      draft ? check("allow_unlabelled", "rules for unlabelled addresses") : null);
  }

  /** @param {any} data */
  function show(data) {
    place.className = `frame ${data.of}`;
    const before = rules;
    const made = new Rules(data, state, shell);
    rules = made;
    cut = made.cut;
    polls?.[0].change(wanted());
    const open = new Set([...place.querySelectorAll("details[open] > summary h2")].map((one) => one.textContent));
    const focus = before?.focused();
    if (!data.known) return replace(place, h("p", { class: "banner" }, h("strong", {}, FRAME[data.of])), unknown());
    redraw(place, () => replace(place,
      h("p", { class: "banner" }, h("strong", {}, FRAME[data.of])),
      figures(data),
      h("p", { class: "muted" }, `Seen from ${moment(data.window[0])} to ${moment(data.window[1])}${data.labels ? `, subnet labels ${listed(data.labels)}` : ""}.`),
      h("div", { class: "actions" },
        button("Download YAML", () => yaml((text) => download(`${data.namespace}-policies.yaml`, "application/yaml", text)), { disabled: !data.names.length }),
        button("Copy YAML", () => yaml((text) => copy(text, outcome, "YAML")), { disabled: !data.names.length }),
        data.names.length > MANY ? h("div", { class: "controls" }, select("Show the policy", state.get("policy") ?? "",
          [["", `the first ${count(MANY)} of ${count(data.names.length)} policies`], ...data.names.map((/** @type {string} */ one) => /** @type {[string, string]} */ ([one, one]))],
          (one) => shell.go({ policy: one, rule: null }))) : null),
      outcome.box,
      made.box,
      ...lists(data, shell, open)));
    if (focus) made.focus(focus);
  }

  /** All policies as one text. @param {(text: string) => void} use */
  async function yaml(use) {
    try {
      const { policy, ...query } = asked(state);
      use((await get("policy/yaml", query)).data.yaml);
    } catch (error) {
      outcome.failed(error);
    }
  }

  /** What is asked for: of a list that is cut, the edges of the rule that is chosen come first. */
  const wanted = () => ({ ...asked(state), rule: cut ? state.get("rule") : null });

  function follow() {
    cut = false;
    polls?.forEach((/** @type {any} */ one) => one.stop());
    polls = null;
    replace(ready);
    if (!state.get("namespace")) return empty(place, "Choose a namespace", "Its policies are made from the connections that were seen there.");
    if (!rules) {
      place.className = "loading";
      place.textContent = "Holding the policies against what was seen …";
    }
    polls = [
      shell.poll("policy", wanted(), show, { failed: (error) => failed(error, place) }),
      shell.poll("completeness", { namespace: state.get("namespace") }, (data) => replace(ready, readiness(data)), { failed: () => true }),
    ];
  }

  function drawEnds() {
    const value = (/** @type {string} */ one) => state.get(one) ?? "";
    const go = (/** @type {string} */ one) => (/** @type {string} */ chosen) => shell.go({ [one]: chosen }, { replace: true });
    replace(ends,
      text("From", value("from"), go("from"), { wide: true, placeholder: "shop/web, a node, an address or a label" }),
      text("To", value("to"), go("to"), { wide: true, placeholder: "shop/db" }),
      text("Port", value("port"), go("port")),
      select("Protocol", value("protocol") || "TCP", ["TCP", "UDP", "SCTP"].map((one) => /** @type {[string, string]} */ ([one, one])), go("protocol")));
  }

  function check() {
    const query = connection(state);
    if (!query.from || !query.to || !query.port) {
      checking?.stop();
      checking = null;
      return replace(answer, h("p", { class: "muted" }, "Give both ends and a port."));
    }
    const said = (/** @type {Error} */ error) => (replace(answer, h("p", { class: "notice error" }, name(error.message))), true);
    if (checking) checking.change(query);
    else checking = shell.poll("check", query, (data) => replace(answer, opinion(data)), { failed: said });
  }

  drawControls();
  drawEnds();
  check();
  follow();
  shell.poll("matrix", { collapse: "namespaces" }, (data) => {
    if (names.join() === data.namespaces.join()) return;
    names = data.namespaces;
    if (!controls.contains(document.activeElement)) drawControls();
  }, { failed: () => true, every: 30 });
  return {
    /** @param {URLSearchParams} other */
    update(other) {
      const before = state;
      state = other;
      redraw(controls, drawControls);
      redraw(ends, drawEnds);
      if (JSON.stringify(connection(before)) !== JSON.stringify(connection(state))) check();
      if (before.get("namespace") !== state.get("namespace")) return follow();
      polls?.[0].change(wanted());
      rules?.update(state);
    },
    unmount() {},
  };
}

/** @param {HTMLElement} place @param {string} heading @param {string} words */
function empty(place, heading, words) {
  place.className = "empty";
  replace(place, h("h2", {}, heading), h("p", {}, words));
}

/** @param {any} error @param {HTMLElement} place */
function failed(error, place) {
  if (![400, 404, 409].includes(error.status)) return false;
  empty(place, "There is no policy to show", name(error.message));
  return true;
}

/** That no policy is listed may mean that there is none, or that nobody has looked. */
function unknown() {
  return h("div", { class: "empty" }, h("h2", {}, "Which policies are in force is not known"),
    h("p", {}, "No network policy is among the known objects of the cluster: it has none, or they were not listed. A worker does not follow them."),
    h("p", { class: "muted" }, h("code", {}, "flowmatrix inventory"), " lists them, and ", h("code", {}, "flowmatrix page --inventory FILE"), " holds them against what was seen."));
}

/** The version of a list of labels, and how many it has. @param {string} version */
const listed = (version) => name(version).replace(/\((\d+)\)$/, (_, number) => `(${many(Number(number), "label")})`);

/** @param {any} data */
function figures(data) {
  const { seen, allowed } = data.coverage;
  const lost = LOST.reduce((sum, one) => sum + data.coverage[one].edges, 0);
  const one = (/** @type {string} */ label, /** @type {string} */ value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
  return h("dl", { class: "figures" },
    one("edges covered", seen.edges ? share(allowed.edges, seen.edges) : "no edges"),
    one("edges allowed", `${count(allowed.edges)} of ${count(seen.edges)}`),
    one("flows allowed", `${count(allowed.flows)} of ${count(seen.flows)}`),
    one("bytes allowed", `${bytes(allowed.bytes)} of ${bytes(seen.bytes)}`),
    one("would be denied", many(lost, "edge")),
    one("not decided or not known", many(data.coverage.undecided.edges + data.coverage.unknown.edges, "edge")),
    one("allowed, never seen", many(data.totals.unused, "permission")));
}

/** @param {any} data @param {any} shell @param {Set<string|null>} open */
function lists(data, shell, open) {
  const edge = (/** @type {any} */ row) => h("a", { href: shell.link({ edge: key(row) }) }, h("bdi", { class: "name" }, `${end(row, "client")} → ${end(row, "server")}`));
  const columns = /** @type {import("../listing.js").Column[]} */ ([
    ["Edge", edge], ["Port", port, "port"], ["State", (row) => badge(row.state)], ["Flows", (row) => count(row.flows), "number"],
    ["Bytes", (row) => bytes(row.bytes), "number"], ["Last seen", (row) => stamp(row.last_seen), "when"],
  ]);
  const lost = data.edges.filter((/** @type {any} */ one) => one.counts && LOST.includes(one.verdict));
  const unclear = data.edges.filter((/** @type {any} */ one) => one.counts && ["undecided", "unknown"].includes(one.verdict));
  const total = (/** @type {string[]} */ verdicts) => verdicts.reduce((sum, one) => sum + data.coverage[one].edges, 0);
  const shown = (/** @type {string} */ heading, /** @type {number} */ number, /** @type {string} */ word, /** @type {any[]} */ rows,
    /** @type {string} */ caption, /** @type {import("../listing.js").Column[]} */ heads, how = {}) =>
    number ? part(heading, number, word, h("div", {}, table(caption, heads, rows), rest(number, rows.length, word)), { open: open.has(heading), ...how }) : null;
  return [
    shown("Would be denied", total(LOST), "edge", lost, "Edges that would be denied, and by which policy", [
      ...columns, ["Denied by", (row) => row.isolated_by.map(name).join(", ") || name(row.why)], ["Why", (row) => name(row.why)]], { warn: true, open: true }),
    shown("Not decided by policy", total(["undecided", "unknown"]), "edge", unclear, "Edges that policies do not decide", [...columns, ["Why", (row) => name(row.why)]]),
    shown("Allowed, never seen", data.totals.unused, "permission", data.unused, "What is allowed and nobody has done", [
      ["Rule", (row) => name(`${row.policy} ${row.rule}`)], ["For", (row) => name(row.own)], ["With", (row) => name(row.peer)],
      ["Port", (row) => name(`${row.protocol} ${row.port}`)]], { warn: true }),
    shown("Not selected by any policy", data.totals.unselected, "workload", data.unselected, "Workloads that no policy selects", [
      ["Workload", (row) => name(row.workload)], ["Open for", (row) => name(row.directions)]]),
    shown("What the draft says", data.totals.findings, "finding", data.findings, "What has no rule, is wider than what was seen, or stays open", [
      ["About", (row) => name(row.title)], ["Which", (row) => name(row.subject)], ["What", (row) => name(row.message)]],
      { warn: data.findings.some((/** @type {any} */ one) => one.fails) }),
  ].filter(Boolean);
}

/** @param {any} data */
function readiness(data) {
  const { counts } = data;
  const told = Object.keys(counts).map((one) => `${count(counts[one])} ${one}`).join(", ");
  return h("section", { class: "card", "aria-label": "Readiness" },
    h("h2", {}, "Was it watched for long enough?"),
    h("p", {}, `Workloads, each direction by itself: ${told}. A workload is stable when nothing new was seen of it for 3 days.`),
    ...data.notes.map((/** @type {string} */ one) => h("p", { class: "notice warn" }, name(one))),
    data.rows.length ? table("Readiness of each workload and direction", [
      ["Workload", (row) => name(`${row.namespace}/${row.workload}`)], ["Direction", (row) => row.direction],
      ["Readiness", (row) => h("span", { class: `badge ready-${row.readiness}` }, h("span", { "aria-hidden": "true" }, READY[row.readiness]), row.readiness)],
      ["Edges", (row) => count(row.edges), "number"], ["Edges never seen opening", (row) => count(row.unopened), "number"],
      ["Uncertain edges", (row) => count(row.uncertain), "number"], ["Days", (row) => `${many(row.days, "day")}, ${many(row.weekdays, "weekday")}`, "number"],
      ["Newest edge", (row) => stamp(row.last_new), "when"],
    ], data.rows) : null);
}

/** @param {any} data */
function opinion(data) {
  const one = (/** @type {string} */ heading, /** @type {any} */ said) => h("div", {},
    h("h3", {}, heading, " ", h("span", { class: `badge verdict-${said.verdict}` }, said.verdict)),
    h("ul", { class: "list" }, ...said.because.map((/** @type {string} */ line) => h("li", {}, name(line)))));
  return h("div", { class: "opinion", role: "status" },
    h("p", {}, h("bdi", { class: "name" }, `${name(data.client)} → ${name(data.server)}`), ` ${data.protocol} ${data.port}`),
    h("div", { class: "columns" }, one("Draft", data.draft), one("In force", data.in_force)),
    h("p", { class: "muted" }, data.seen
      ? `It was seen: ${data.seen.state}, ${many(data.seen.flows, "flow")}, last ${moment(data.seen.last_seen)}.`
      : "It was never seen."));
}
