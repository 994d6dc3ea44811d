/** An overview of flows: clients, ports and servers in three columns, a line for each edge. */

import { svg } from "./dom.js";
import { bytes, many, name } from "./format.js";

const ROW = 22;
const WIDTH = 960;
const TEXT = 46;

const PROTOCOLS = /** @type {Record<number, string>} */ ({ 6: "TCP", 17: "UDP", 1: "ICMP", 58: "ICMPv6", 132: "SCTP" });

/** What a protocol of IP is called. @param {number|null} number */
export const protocol = (number) => PROTOCOLS[number ?? -1] ?? `protocol ${number ?? "?"}`;

/** What a port is called. @param {any} edge */
export const port = (edge) => `${protocol(edge.protocol)}${edge.port === null ? "" : ` ${edge.port}`}`;

/** @param {any[]} edges @returns {SVGElement} */
export function overview(edges) {
  const columns = [edges.map((one) => one.client), edges.map(port), edges.map((one) => one.server)].map(placed);
  const height = ROW * Math.max(...columns.map((one) => one.size)) + 4;
  const most = Math.max(1, ...edges.map((one) => one.bytes));
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `Overview of ${many(edges.length, "edge")}; the list below says the same`, width: "100%" },
    ...edges.map((one) => line(one, columns, most)),
    ...columns.flatMap((column, which) => [...column].map(([text, place]) => label(text, which, place))));
}

/** The place of each distinct text. @param {string[]} texts */
function placed(texts) {
  return new Map([...new Set(texts)].map((text, place) => [text, place * ROW + ROW / 2 + 2]));
}

/** @param {any} edge @param {Map<string, number>[]} columns @param {number} most */
function line(edge, columns, most) {
  const [left, middle, right] = [edge.client, port(edge), edge.server].map((text, which) => columns[which].get(text) ?? 0);
  const width = 1 + 5 * Math.sqrt(edge.bytes / most);
  const path = `M360 ${left} C385 ${left} 385 ${middle} 405 ${middle} M545 ${middle} C560 ${middle} 560 ${right} 590 ${right}`;
  return svg("path", { d: path, fill: "none", stroke: "currentColor", "stroke-opacity": "0.35", "stroke-width": width.toFixed(1) },
    titled(`${name(edge.client)} → ${name(edge.server)} ${port(edge)}: ${many(edge.flows, "flow")}, ${bytes(edge.bytes)}`));
}

/** @param {string} text @param {number} which @param {number} y */
function label(text, which, y) {
  const own = name(text);
  const short = own.length > TEXT ? `${own.slice(0, TEXT - 1)}…` : own;
  const x = [352, 475, 598][which];
  const anchor = ["end", "middle", "start"][which];
  return svg("text", { x, y: y + 4, "text-anchor": anchor, fill: "currentColor", "font-size": "13" }, titled(own), short);
}

/** @param {string} text */
const titled = (text) => svg("title", {}, text);
