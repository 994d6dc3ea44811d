/** How the workers fare: stages, partitions, rejects, series, cluster and configuration. */

import { h, replace } from "../dom.js";
import { count, many, moment, name } from "../format.js";

export const title = "Health";

/** @typedef {[string, (row: any) => Node|string, string?]} Column  Heading, cell, and its class. */

/** @param {HTMLElement} root @param {URLSearchParams} _ @param {import("../app.js").Shell} shell */
export function mount(root, _, shell) {
  const place = h("div", { class: "loading" }, "Loading the health of the worker …");
  replace(root, h("h1", { class: "unseen" }, title), place);
  shell.poll("health", {}, (data) => {
    place.className = "view";
    replace(place, ...data.workers.map((/** @type {any} */ one) => worker(one, data.workers.length > 1)));
  }, {
    failed(error) {
      if (/** @type {any} */ (error).status !== 404) return false;
      place.className = "empty";
      replace(place, h("h2", {}, "There is no worker"), h("p", {}, "A state or a recording does not run: it has no health."));
      return true;
    },
  });
  return { update() {}, unmount() {} };
}

/** @param {any} one @param {boolean} several */
function worker(one, several) {
  return h("div", { class: "view" },
    several ? h("h2", {}, name(one.worker)) : null,
    ...state(one),
    figures(one),
    section("Stages", one.stages, STAGES, "No stage runs."),
    one.partitions.length ? section("Partitions", one.partitions, PARTITIONS, "") : null,
    section("Rejected", one.rejects, REJECTS, "Nothing was rejected."),
    section("Series", one.series, SERIES, "No metric is counted."),
    one.cluster.length ? section("Kubernetes API", one.cluster, CLUSTER, "") : null);
}

/** What somebody has to know first. @param {any} one @returns {HTMLElement[]} */
function state(one) {
  const notes = Object.entries(one.notes).flatMap(([kind, texts]) =>
    /** @type {string[]} */ (texts).map((text) => `${kind.replace("_", " ")}: ${text}`));
  return [
    one.reason
      ? h("p", { class: "notice warn" }, `Not ready: ${name(one.reason)}`)
      : h("p", { class: "notice done" }, "✓ The worker is ready."),
    ...(one.refused
      ? [h("p", { class: "notice error" }, `The newest configuration is refused, the one before runs on: ${name(one.refused)}`)]
      : []),
    ...notes.map((text) => h("p", { class: "notice warn" }, name(text))),
  ];
}

/** @param {any} one */
function figures(one) {
  const first = one.stages[0];
  const lag = one.partitions.reduce((/** @type {number} */ sum, /** @type {any} */ p) => sum + p.lag, 0);
  const age = Math.max(0, ...one.partitions.map((/** @type {any} */ p) => p.age));
  const rejected = one.stages.reduce((/** @type {number} */ sum, /** @type {any} */ s) => sum + s.rejected, 0);
  const pairs = [
    ["Flows per second", first ? count(first.flows_per_second) : "0"],
    ["Messages read", first ? count(first.flows_in) : "0"],
    ["Rejected", count(rejected)],
    ...(one.partitions.length ? [["Lag", many(lag, "message")], ["Oldest checkpoint", `${age.toFixed(1)} s ago`]] : []),
    ["Configuration", one.reloads ? `reloaded ${moment(one.reloaded)}` : "as at the start"],
    ["Version", name(one.version)],
  ];
  return h("dl", { class: "figures" }, ...pairs.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

/** @type {Column[]} */
const STAGES = [
  ["Stage", (row) => h("bdi", { class: "name" }, name(row.name))],
  ["Type", (row) => name(row.kind)],
  ["Flows in", (row) => count(row.flows_in), "number"],
  ["Flows out", (row) => count(row.flows_out), "number"],
  ["Filtered", (row) => count(row.filtered), "number"],
  ["Rejected", (row) => `${row.rejecting ? "▲ " : ""}${count(row.rejected)}`, "number"],
  ["Flows/s", (row) => count(row.flows_per_second), "number"],
  ["µs a flow", (row) => (row.micros === null ? "–" : row.micros.toFixed(2)), "number"],
];
/** @type {Column[]} */
const PARTITIONS = [
  ["Topic", (row) => h("bdi", { class: "name" }, name(row.topic))],
  ["Partition", (row) => String(row.partition), "number"],
  ["Offset", (row) => count(row.offset), "number"],
  ["Lag", (row) => count(row.lag), "number"],
  ["Rejected", (row) => count(row.rejected), "number"],
  ["Lost", (row) => count(row.lost), "number"],
  ["Checkpoint", (row) => `${row.age.toFixed(1)} s ago`, "number"],
];
/** @type {Column[]} */
const REJECTS = [
  ["Reason", (row) => h("bdi", {}, name(row.reason))],
  ["How many", (row) => count(row.count), "number"],
];
/** @type {Column[]} */
const SERIES = [
  ["Metric", (row) => h("bdi", { class: "name" }, name(row.metric))],
  ["Series", (row) => count(row.series), "number"],
  ["Limit", (row) => (row.limit ? count(row.limit) : "none"), "number"],
  ["Of the limit", (row) => (row.limit ? `${row.series >= row.limit ? "▲ " : ""}${Math.round((100 * row.series) / row.limit)} %` : "–"), "number"],
  ["Beyond it", (row) => count(row.overflowed), "number"],
];
/** @type {Column[]} */
const CLUSTER = [
  ["Kind", (row) => name(row.kind)],
  ["Objects", (row) => count(row.objects), "number"],
  ["Listed", (row) => (row.synced ? "✓ yes" : "✗ not yet")],
  ["Out of date for", (row) => (row.stale ? `▲ ${row.stale.toFixed(0)} s` : "–"), "number"],
  ["Errors", (row) => count(row.errors), "number"],
];

/** @param {string} called @param {any[]} rows @param {Column[]} columns @param {string} none */
function section(called, rows, columns, none) {
  if (!rows.length) return h("section", {}, h("h2", {}, called), h("p", { class: "muted" }, none));
  return h("section", { class: "scroll", tabindex: "0", role: "region", "aria-label": called },
    h("table", {},
      h("caption", {}, called),
      h("thead", {}, h("tr", {}, ...columns.map(([heading, , kind]) => h("th", { scope: "col", class: kind }, heading)))),
      h("tbody", {}, ...rows.map((row) =>
        h("tr", {}, ...columns.map(([, cell, kind], place) =>
          place ? h("td", { class: kind }, cell(row)) : h("th", { scope: "row", class: kind }, cell(row))))))));
}
