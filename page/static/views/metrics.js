/** Metrics: a FlowMetric tried on the latest flows before it is saved. */

import { button, redraw, select } from "../controls.js";
import { h, replace } from "../dom.js";
import { bytes, count, many, name } from "../format.js";
import { Outcome, copy, table } from "../listing.js";

export const title = "Metrics";

const WAIT = 500;
const LONGEST = 6_000;
/** No name of a file: the text is that of none. */
const OWN = "/";
const NEW = `apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata:
  name: workload-bytes
  namespace: netobserv
spec:
  type: Counter
  valueField: Bytes
  direction: Ingress
  labels: [SrcK8S_Namespace, DstK8S_Namespace, DstK8S_OwnerName]
  filters:
  - {field: DstK8S_OwnerName, matchType: Presence}
`;

/** @param {HTMLElement} root @param {URLSearchParams} state @param {import("../app.js").Shell} shell */
export function mount(root, state, shell) {
  const outcome = new Outcome();
  const [picker, wrong, place] = ["controls", "", "result"].map((one) => h("div", { class: one || false }));
  const area = /** @type {HTMLTextAreaElement} */ (h("textarea", {
    rows: "18", spellcheck: "false", class: "code", "aria-describedby": "problems", oninput: () => later() }));
  area.value = state.get("resource") ?? NEW;
  wrong.id = "problems";
  const save = button("Save", keep, { class: "primary" });
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  let turn = 0;
  /** @type {any} */
  let folder = null;

  replace(root, h("h1", { class: "unseen" }, title),
    h("div", { class: "beside" },
      h("section", { "aria-label": "Resource" },
        picker,
        h("label", { class: "field" }, "FlowMetric, as YAML", area), wrong,
        h("div", { class: "actions" }, button("Try it", () => attempt()), save, button("Copy YAML", () => copy(area.value, outcome, "YAML"))), outcome.box),
      h("section", { "aria-label": "What it would give", "aria-live": "polite" }, place)));
  drawPicker();

  function drawPicker() {
    const known = folder?.resources ?? [];
    const options = /** @type {[string, string][]} */ ([["", "a new one"], ...known.map((/** @type {any} */ one) => [one.file, one.file])]);
    const same = known.find((/** @type {any} */ one) => one.text === area.value)?.file;
    const own = same ?? (area.value === NEW ? "" : null);
    if (own === null) options.unshift([OWN, "what is written"]);
    replace(picker, select("Begin with", own ?? OWN, options, (file) => {
      if (file === OWN) return;
      area.value = known.find((/** @type {any} */ one) => one.file === file)?.text ?? NEW;
      remember({});
      drawPicker();
      attempt();
    }));
    save.hidden = shell.about.can !== undefined && !shell.about.can.includes("metrics");
  }

  /** @param {{replace?: boolean}} how A resource that is picked can be taken back; letters are not, one by one. */
  function remember(how) {
    const text = area.value;
    shell.go({ resource: text === NEW || text.length > LONGEST ? null : text }, how);
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(() => (remember({ replace: true }), redraw(picker, drawPicker), attempt()), WAIT);
  }

  async function attempt() {
    const mine = ++turn;
    try {
      const found = await shell.post("metrics/preview", { resource: area.value });
      if (mine !== turn) return;
      problems(found.problems);
      save.disabled = !found.ready;
      replace(place, ...(found.ready ? result(found) : [hint("It cannot be counted yet", "Mend what is wrong with it; the result is then here.")]));
    } catch (error) {
      if (mine !== turn) return;
      problems([]);
      save.disabled = true;
      replace(place, hint("Nothing to try", /** @type {Error} */ (error).message));
    }
  }

  /** @param {any[]} found */
  function problems(found) {
    area.toggleAttribute("aria-invalid", false);
    if (found.some((one) => one.severity === "error")) area.setAttribute("aria-invalid", "true");
    replace(wrong, ...found.map((one) => h("p", { class: `notice ${one.severity === "error" ? "error" : "warn"}` },
      one.line ? button(`line ${count(one.line)}`, () => point(one.line, one.column)) : null,
      ` ${name(one.message)}${one.hint ? `; ${name(one.hint)}` : ""}`)));
  }

  /** @param {number} line @param {number} column */
  function point(line, column) {
    const before = area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(before + Math.max(0, column - 1), area.value.indexOf("\n", before) < 0 ? area.value.length : area.value.indexOf("\n", before));
  }

  async function keep() {
    try {
      const { file } = await shell.post("metrics/save", { resource: area.value });
      outcome.done(`Saved as ${name(file)}. It is counted as soon as the configuration is read again.`);
    } catch (error) {
      outcome.failed(error);
    }
  }

  shell.poll("metrics", {}, (data) => {
    folder = data;
    if (!picker.contains(document.activeElement)) drawPicker();
  }, { failed: () => true, every: 30 });
  attempt();
  return {
    /** @param {URLSearchParams} other */
    update(other) {
      const given = other.get("resource") ?? NEW;
      if (given !== area.value && document.activeElement !== area && given.length <= LONGEST && area.value.length <= LONGEST) {
        area.value = given;
        redraw(picker, drawPicker);
        attempt();
      }
      state = other;
    },
    unmount: () => clearTimeout(timer),
  };
}

/** @param {string} heading @param {string} words */
const hint = (heading, words) => h("div", { class: "empty" }, h("h2", {}, heading), h("p", {}, name(words)));

/** What the values of a metric are. @param {any} found */
const valued = ({ type, value }) => (value ? `${type === "Histogram" ? "Sum of " : ""}${name(value)}` : "Flows");

/** @param {any} found */
function result(found) {
  const last = found.steps.at(-1);
  const counted = last ? last.rows_out : found.flows;
  if (!found.flows) return [hint("There are no flows yet", "It is tried on the latest flows as soon as there are some.")];
  const one = (/** @type {string} */ label, /** @type {string} */ value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
  return [
    h("h2", {}, name(found.metric)),
    h("dl", { class: "figures" },
      one("latest flows", count(found.flows)), one("flows counted", count(counted)),
      one("series now", count(found.series)), one("series to come, at least", count(found.forecast))),
    counted ? null : h("p", { class: "notice warn" }, "No flow is counted: see which step filters them."),
    found.steps.length ? table("Its steps, in their order", [
      ["Step", (row) => name(row.what)], ["Flows in", (row) => count(row.rows_in), "number"], ["Flows filtered", (row) => count(row.filtered), "number"],
      ["Flows rejected", (row) => count(row.rejected), "number"], ["Flows out", (row) => count(row.rows_out), "number"], ["For example", (row) => name(row.example)],
    ], found.steps) : null,
    found.labels.length ? table("Its labels: those with many values make many series", [
      ["Label", (row) => name(row.label)], ["Values", (row) => count(row.values), "number"],
      ["Cardinality", (row) => h("span", { class: `badge level-${row.level}` }, row.level)],
      ["Most series", (row) => row.top.slice(0, 5).map((/** @type {any} */ pair) => `${name(pair[0]) || '""'} (${many(pair[1], "series")})`).join(", ")],
    ], [...found.labels].sort((a, b) => b.values - a.values)) : null,
    found.top.length ? table("The series with the largest values", [
      ["Series", (row) => h("span", { class: "code" }, `{${Object.entries(row.labels).map(([label, value]) => `${label}="${name(String(value))}"`).join(", ")}}`)],
      [valued(found), (row) => (found.value.endsWith("Bytes") ? bytes(row.value) : count(row.value)), "number"],
      ...(found.type === "Histogram" ? [/** @type {import("../listing.js").Column} */ (["Flows", (row) => count(row.count), "number"])] : []),
    ], found.top) : null,
  ].filter((part) => part !== null);
}
