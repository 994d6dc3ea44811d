/** Edges: what identifies one, and how its ends are called. */

import { name } from "./format.js";

const END = ["kind", "namespace", "workload", "label", "address"];
const KEY = [
  ...END.map((part) => `client_${part}`),
  ...END.map((part) => `server_${part}`),
  "protocol",
  "port",
];

/** What identifies an edge: the JSON list of the columns of its key. @param {any} row @returns {string} */
export const key = (row) => JSON.stringify(KEY.map((column) => row[column]));

/** The columns of a key. @param {string} text @returns {Record<string, any>} */
export const keyed = (text) =>
  Object.fromEntries(JSON.parse(text).map((/** @type {any} */ value, /** @type {number} */ at) => [KEY[at], value]));

/** How an end is called. @param {any} row @param {"client"|"server"} side */
export function end(row, side) {
  const [kind, namespace, workload, label, address] = END.map((part) => row[`${side}_${part}`]);
  if (kind === "Node") return name(`node ${workload}`);
  if (workload) return name(`${namespace}/${workload}`);
  if (namespace) return name(namespace);
  return name(label || address || "outside");
}

/** Protocol and port: TCP 443. @param {any} row */
export const port = (row) => name(row.port === null ? row.protocol : `${row.protocol} ${row.port}`);
