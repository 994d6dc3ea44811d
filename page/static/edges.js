/** Edges: what identifies one, and how its ends are called. */

import { name } from "./format.js";

const END = ["kind", "namespace", "workload", "label", "address"];
const KEY = [
  ...END.map((part) => `client_${part}`),
  ...END.map((part) => `server_${part}`),
  "protocol",
  "port",
];

/** Collapsed nodes are called by their number; a key calls them "". */
const NODES = /^\(\d+ nodes\)$/;

/** What identifies an edge: the JSON list of the columns of its key. @param {any} row @returns {string} */
export const key = (row) =>
  JSON.stringify(
    KEY.map((column) => {
      const value = row[column];
      const node = column.endsWith("_workload") && row[column.replace("workload", "kind")] === "Node";
      return node && NODES.test(value) ? "" : value;
    }),
  );

/** The columns of a key; throws for what is none. @param {string} text @returns {Record<string, any>} */
export function keyed(text) {
  const values = JSON.parse(text);
  if (values.length !== KEY.length) throw new RangeError(text);
  return Object.fromEntries(KEY.map((column, at) => [column, values[at]]));
}

/**
 * How an end is called, and where it is.
 * @param {any} row An edge with a side, or an end alone.
 * @param {"client"|"server"|""} [side]
 * @returns {{name: string, where: string}}
 */
export function called(row, side = "") {
  const [kind, namespace, workload, label, address] = END.map((part) => row[side ? `${side}_${part}` : part]);
  if (kind === "Node") {
    const one = workload && !NODES.test(workload);
    return { name: one ? name(workload) : "nodes", where: one ? "node" : "of the cluster" };
  }
  if (workload) return { name: name(workload), where: name(namespace) };
  if (namespace) return { name: name(namespace), where: "namespace" };
  if (address) return { name: name(address), where: name(label) || "unlabelled" };
  return label ? { name: name(label), where: "label" } : { name: "unlabelled addresses", where: "outside" };
}

/** How an end is called in one text: shop/web. @param {any} row @param {"client"|"server"|""} [side] */
export function end(row, side = "") {
  const { name: own, where } = called(row, side);
  const inside = row[side ? `${side}_workload` : "workload"] && row[side ? `${side}_namespace` : "namespace"];
  if (inside) return `${where}/${own}`;
  return where === "node" ? `node ${own}` : own;
}

/** Protocol and port: TCP 443. @param {any} row */
export const port = (row) =>
  name(row.port === null || row.port === undefined ? row.protocol || "any port" : `${row.protocol} ${row.port}`);
