/** How the workers fare: stages, partitions, rejects, series, cluster and configuration. */

import { redraw } from "../controls.js";
import { h, replace } from "../dom.js";
import { count, many, micros, moment, name, seconds, share } from "../format.js";

export const title = "Health";

/** Instead of a figure that is to come: it has its place from the start. */
const UNKNOWN = "not known yet";

/** @typedef {[string, (row: any) => Node|string, string?]} Column  Heading, cell, and its class. */

/** @param {HTMLElement} root @param {URLSearchParams} _ @param {import("../app.js").Shell} shell */
export function mount(root, _, shell) {
  const place = h("div", { class: "loading" }, "Loading the health of the worker …");
  replace(root, h("h1", { class: "unseen" }, title), place);
  shell.poll("health", {}, (data) => {
    place.className = "view";
    redraw(place, () => replace(place, ...data.workers.map((/** @type {any} */ one) => worker(one, data.workers.length > 1))));
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
  const section = (/** @type {string} */ called, /** @type {any[]} */ rows, /** @type {Column[]} */ columns, /** @type {string} */ none) =>
    table(called, several ? ` of ${name(one.worker)}` : "", rows, columns, none);
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

/** What notes are about, where their name does not say it. @type {Record<string, string>} */
const KINDS = { series_limit: "limit of series reached" };

/** What somebody has to know first. @param {any} one @returns {HTMLElement[]} */
function state(one) {
  const notes = Object.entries(one.notes).flatMap(([kind, texts]) =>
    /** @type {string[]} */ (texts).map((text) => `${KINDS[kind] ?? kind.replace("_", " ")}: ${text}`));
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
  const read = one.partitions.length || one.stages.some((/** @type {any} */ s) => s.kind === "ingest_kafka");
  const lag = one.partitions.reduce((/** @type {number} */ sum, /** @type {any} */ p) => sum + p.lag, 0);
  const age = Math.max(0, ...one.partitions.map((/** @type {any} */ p) => p.age));
  /** What is known as soon as the worker has partitions. @param {string} value */
  const held = (value) => (one.partitions.length ? value : UNKNOWN);
  const rejected = one.stages.reduce((/** @type {number} */ sum, /** @type {any} */ s) => sum + s.rejected, 0);
  const pairs = [
    ["Flows per second", first ? rate(first) : "0"],
    ["Messages read", first ? count(first.flows_in) : "0"],
    ["Messages rejected", count(rejected)],
    ...(read ? [["Lag", held(many(lag, "message"))], ["Oldest checkpoint", held(`${seconds(age)} ago`)]] : []),
    ["Configuration", one.reloads ? `reloaded ${moment(one.reloaded)}` : "as at the start"],
    ["Version", name(one.version)],
  ];
  return h("dl", { class: "figures" }, ...pairs.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

/** How many flows a second came lately, as soon as two looks tell. @param {any} stage */
const rate = (stage) => (stage.flows_per_second === null ? UNKNOWN : count(stage.flows_per_second));

/** @type {Column[]} */
const STAGES = [
  ["Stage", (row) => h("bdi", { class: "name" }, name(row.name))],
  ["Type", (row) => name(row.kind)],
  ["Flows in", (row) => count(row.flows_in), "number"],
  ["Flows out", (row) => count(row.flows_out), "number"],
  ["Flows filtered", (row) => count(row.filtered), "number"],
  ["Messages rejected", (row) => `${row.rejecting ? "▲ " : ""}${count(row.rejected)}`, "number"],
  ["Flows/s", rate, "number"],
  ["Time a flow", (row) => (row.micros === null ? "–" : micros(row.micros)), "number"],
];
/** @type {Column[]} */
const PARTITIONS = [
  ["Topic", (row) => h("bdi", { class: "name" }, name(row.topic))],
  ["Partition", (row) => String(row.partition), "number"],
  ["Offset", (row) => count(row.offset), "number"],
  ["Lag, messages", (row) => count(row.lag), "number"],
  ["Messages rejected", (row) => count(row.rejected), "number"],
  ["Messages lost", (row) => count(row.lost), "number"],
  ["Checkpoint", (row) => `${seconds(row.age)} ago`, "number"],
];
/** @type {Column[]} */
const REJECTS = [
  ["Reason", (row) => h("bdi", {}, name(row.reason))],
  ["Messages", (row) => count(row.count), "number"],
];
/** @type {Column[]} */
const SERIES = [
  ["Metric", (row) => h("bdi", { class: "name" }, name(row.metric))],
  ["Series", (row) => count(row.series), "number"],
  ["Limit of series", (row) => (row.limit ? count(row.limit) : "none"), "number"],
  ["Of the limit", (row) => (row.limit ? `${row.series >= row.limit ? "▲ " : ""}${share(row.series, row.limit)}` : "–"), "number"],
  ["Label sets beyond it", (row) => count(row.overflowed), "number"],
];
/** @type {Column[]} */
const CLUSTER = [
  ["Kind", (row) => name(row.kind)],
  ["Objects", (row) => count(row.objects), "number"],
  ["Listed", (row) => (row.synced ? "✓ yes" : "✗ not yet")],
  ["Out of date for", (row) => (row.stale ? `▲ ${seconds(row.stale)}` : "–"), "number"],
  ["Errors", (row) => count(row.errors), "number"],
];

/** @param {string} called @param {string} whose @param {any[]} rows @param {Column[]} columns @param {string} none */
function table(called, whose, rows, columns, none) {
  if (!rows.length) return h("section", {}, h("h2", {}, called), h("p", { class: "muted" }, none));
  return h("section", { class: "scroll", tabindex: "0", role: "region", "aria-label": called + whose },
    h("table", {},
      h("caption", {}, called),
      h("thead", {}, h("tr", {}, ...columns.map(([heading, , kind]) => h("th", { scope: "col", class: kind }, heading)))),
      h("tbody", {}, ...rows.map((row) =>
        h("tr", {}, ...columns.map(([, cell, kind], place) =>
          place ? h("td", { class: kind }, cell(row)) : h("th", { scope: "row", class: kind }, cell(row))))))));
}
