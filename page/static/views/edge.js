/** The panel of an edge: what was seen of it, how that is known, and what is behind it. */

import { button, redraw } from "../controls.js";
import { h, replace } from "../dom.js";
import { called, end, key, keyed, port } from "../edges.js";
import { bytes, count, many, moment, name, of } from "../format.js";
import { STATES, badge } from "../states.js";

export const title = "Edge";

const MONTH = new Intl.DateTimeFormat(undefined, { month: "short", timeZone: "UTC" });

/** How it is known which end is the server, as `evidence` of an edge says it. */
const EVIDENCE = /** @type {Record<string, string>} */ ({
  syn: "The client's first packet was seen (SYN), so it is certain who opened the connections.",
  syn_ack: "The server's answer to a first packet was seen (SYN and ACK), so it is certain who opened the connections.",
  echo: "Echo requests and their replies say who asked.",
  declared: "A Service or a container declares this port, so its owner is the server.",
  first: "The flags of both ends say that they opened the connection; this client began first.",
  well_known: "The port is a well-known one, and the other end's is not: an assumption.",
  fan_in: "Many clients with changing ports meet at this one: an assumption.",
  uncertain: "Nothing says which end is the server. The sides may be the other way round.",
});

/** @param {HTMLElement} root @param {URLSearchParams} state @param {import("../app.js").Shell} shell */
export function mount(root, state, shell) {
  const asked = state.get("edge") ?? "";
  const from = document.activeElement;
  const close = () => shell.go({ edge: null });
  const heading = h("h2", { tabindex: "-1" }, ...headed(asked));
  const body = h("div", { class: "view" }, h("p", { class: "loading" }, "Loading …"));
  replace(root, h("div", { class: "top" }, heading, button("Close", close, { "aria-label": "Close the panel" })), body);
  const escape = (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && close();
  document.addEventListener("keydown", escape);
  if (from && from !== document.body) heading.focus();
  shell.poll("edge", { key: asked }, (data) => redraw(body, () => replace(body, ...sections(data, shell))), {
    failed(error) {
      if (/** @type {any} */ (error).status === undefined) return false;
      replace(body, h("p", { class: "notice warn" }, error.message));
      return true;
    },
  });
  return {
    update() {},
    unmount() {
      document.removeEventListener("keydown", escape);
      const opener = from?.isConnected ? from : document.querySelector(`tr[data-key="${CSS.escape(asked)}"] a`);
      if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
    },
  };
}

/** @param {string} asked */
function headed(asked) {
  try {
    const row = keyed(asked);
    return [h("bdi", { class: "name" }, end(row, "client")), h("span", { class: "arrow" }, " → "),
      h("bdi", { class: "name" }, end(row, "server")), row.protocol ? ` ${port(row)}` : ""];
  } catch {
    return ["This is not an edge"];
  }
}

/** @param {any} data @param {any} shell */
function sections({ shown, edge, total, each }, shell) {
  const state = h("p", {}, badge(shown), ` ${STATES[shown]?.means ?? ""}`);
  if (!edge) return [state];
  return [
    h("section", {}, state, shown === edge.state ? null : h("p", {}, badge(edge.state), ` ${STATES[edge.state]?.means}`)),
    h("section", {}, h("h3", {}, "Evidence"), h("p", {}, EVIDENCE[edge.evidence] ?? edge.evidence),
      h("p", { class: "muted" }, connections(edge))),
    h("section", {}, h("h3", {}, "Traffic"), traffic(edge)),
    days(edge),
    listed("Policy verdicts of the network", edge.policies),
    listed("Why packets were dropped", edge.drop_causes),
    listed("Services it is reached through", edge.services),
    listed("DNS names asked for", edge.dns_names),
    listed("TLS versions", edge.tls_versions),
    listed("Zones", edge.zones),
    h("section", {}, h("h3", {}, "Ends"), ends(edge, shell)),
    total > 1 ? behind(total, each, shell) : null,
  ].filter(Boolean);
}

/** What the flags say of connections. @param {any} edge */
function connections(edge) {
  const parts = [
    [edge.attempted, "opened"], [edge.accepted, "answered"], [edge.refused, "reset"],
  ].filter(([number]) => number).map(([number, word]) => `${count(number)} ${word}`);
  const flags = parts.length ? `Connections: ${parts.join(", ")}.` : "No flags of opening connections were seen.";
  const more = [
    edge.dropped ? ` ${many(edge.dropped, "flow")} with dropped packets.` : "",
    edge.allowed || edge.denied ? ` By policies: ${many(edge.allowed, "flow")} allowed, ${many(edge.denied, "flow")} denied.` : "",
    edge.repeated ? ` ${many(edge.repeated, "flow")} reported by both nodes, counted once.` : "",
    edge.sampling > 1 ? ` Sampled: one packet in ${count(edge.sampling)}.` : "",
  ];
  return flags + more.join("");
}

/** @param {any} edge */
function traffic(edge) {
  const row = (/** @type {string} */ label, /** @type {string} */ before) =>
    h("tr", {}, h("th", { scope: "row" }, label), h("td", { class: "number" }, count(edge[`${before}flows`])),
      h("td", { class: "number" }, count(edge[`${before}packets`])), h("td", { class: "number" }, bytes(edge[`${before}bytes`])));
  const column = (/** @type {string} */ label) => h("th", { scope: "col", class: "number" }, label);
  return h("table", {}, h("caption", { class: "unseen" }, "Traffic of both ways"),
    h("thead", {}, h("tr", {}, h("td", {}), column("Flows"), column("Packets"), column("Bytes"))),
    h("tbody", {}, row("to the server", ""), row("back", "reply_")));
}

/** The days with a flow, in the order of time, those without one between them too. @param {any} edge */
function days(edge) {
  const sorted = [...edge.days].sort();
  const seen = new Set(sorted);
  const all = sorted.length ? span(sorted) : [];
  return h("section", {}, h("h3", {}, "Days (UTC)"),
    h("p", { class: "muted" }, `From ${moment(edge.first_seen)} to ${moment(edge.last_seen)}; ${many(seen.size, "day")} with flows.${all.length && all[0] > sorted[0] ? ` The latest ${many(all.length, "day")}:` : ""}`),
    all.length ? h("ol", { class: "days" }, ...all.map((day) =>
      h("li", { class: seen.has(day) ? "seen" : "", title: `${day}: ${seen.has(day) ? "flows" : "no flows"}` },
        h("small", { "aria-hidden": "true" }, MONTH.format(new Date(day))), h("span", { "aria-hidden": "true" }, day.slice(8)), h("span", { class: "unseen" }, `${day}: ${seen.has(day) ? "flows" : "no flows"}`)))) : null);
}

/** Every day between the first and the last one, the latest 92. @param {string[]} sorted @returns {string[]} */
function span(sorted) {
  const [first, last] = [sorted[0], sorted[sorted.length - 1]].map((day) => Date.parse(day) / 86_400_000);
  if (!(last - first < 40_000)) return sorted.slice(-92);
  const from = Math.max(first, last - 91);
  return Array.from({ length: last - from + 1 }, (_, at) => new Date((from + at) * 86_400_000).toISOString().slice(0, 10));
}

/** @param {string} label @param {string[]} values */
function listed(label, values) {
  if (!values.length) return null;
  return h("section", {}, h("h3", {}, label),
    h("ul", { class: "list" }, ...values.map((one) => h("li", {}, h("bdi", { class: "name" }, name(one))))));
}

/** @param {any} edge @param {any} shell */
function ends(edge, shell) {
  const one = (/** @type {"client"|"server"} */ side) => {
    const { name: own, where } = called(edge, side);
    const [kind, label, namespace] = ["kind", "label", "namespace"].map((part) => edge[`${side}_${part}`]);
    return [h("dt", {}, side), h("dd", {}, h("bdi", { class: "name" }, own), h("span", { class: "muted" },
      ` ${[kind, where, label].filter((text, at, all) => text && all.indexOf(text) === at).map(name).join(", ")} `),
      namespace ? h("a", { href: shell.link({ view: "matrix", namespace, edge: null }) }, "its matrix") : null)];
  };
  return h("dl", { class: "pairs" }, ...one("client"), ...one("server"));
}

/** @param {number} total @param {any[]} each @param {any} shell */
function behind(total, each, shell) {
  return h("section", {}, h("h3", {}, `${many(total, "edge")} behind it`),
    h("ul", { class: "list" }, ...each.map((row) => h("li", {},
      h("a", { href: shell.link({ edge: key(row) }), class: "name" }, `${end(row, "client")} → ${end(row, "server")} ${port(row)}`)))),
    each.length < total ? h("p", { class: "muted" }, `The first ${of(each.length, total, "edge")}.`) : null);
}
