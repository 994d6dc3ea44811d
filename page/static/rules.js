/** YAML beside edges: a rule that is pointed at shows its edges, and an edge its rules. */

import { h, replace } from "./dom.js";
import { end, key, port } from "./edges.js";
import { bytes, count, many, name } from "./format.js";
import { rest, table } from "./listing.js";
import { badge } from "./states.js";

export class Rules {
  /** @param {any} data Of the document policy. @param {URLSearchParams} state @param {any} shell */
  constructor(data, state, shell) {
    this.data = data;
    this.shell = shell;
    this.pinned = state.get("rule") ?? "";
    /** @type {Map<string, HTMLElement>} */
    this.parts = new Map();
    /** @type {Map<string, number>} How many edges each rule lets through, in the list or not. */
    this.edgesOf = new Map(data.policies.flatMap((/** @type {any} */ one) => one.rules.map((/** @type {any} */ rule) => [rule.rule, rule.edges])));
    this.told = h("p", { class: "muted", role: "status" });
    const yaml = h("div", { class: "yaml", role: "group", "aria-label": "Policies as YAML" }, ...data.policies.map((/** @type {any} */ one) => this.policy(one)));
    this.edges = this.list();
    /** @type {HTMLElement} */
    this.box = h("div", { class: "beside" },
      h("section", { "aria-label": "YAML" }, h("h2", {}, "YAML"), data.policies.length ? yaml : h("p", { class: "empty" }, "There is no policy.")),
      h("section", { "aria-label": "Edges" }, h("h2", {}, "Edges"), this.told, this.edges));
    this.point(this.pinned);
  }

  /** Whether there are more edges than the list has. */
  get cut() {
    return this.data.totals.edges > this.data.edges.length;
  }

  /** @param {URLSearchParams} state */
  update(state) {
    this.pinned = state.get("rule") ?? "";
    this.point(this.pinned);
  }

  /** Which rule or edge has the focus, to find it again. */
  focused() {
    const active = /** @type {HTMLElement|null} */ (document.activeElement);
    return this.box.contains(active) ? active?.dataset.rule ?? active?.dataset.edge ?? "" : "";
  }

  /** @param {string} id */
  focus(id) {
    for (const one of this.box.querySelectorAll("[data-rule], [data-edge]"))
      if (/** @type {HTMLElement} */ (one).dataset.rule === id || /** @type {HTMLElement} */ (one).dataset.edge === id)
        return /** @type {HTMLElement} */ (one).focus({ preventScroll: true });
  }

  /** The text of a policy: lines as they are, those of a rule in a button. @param {any} policy */
  policy(policy) {
    const lines = policy.yaml.split("\n");
    const pieces = [];
    let from = 0;
    for (const rule of policy.rules) {
      pieces.push(lines.slice(from, rule.first - 1).join("\n"));
      pieces.push(this.rule(rule, lines.slice(rule.first - 1, rule.last).join("\n")));
      from = rule.last;
    }
    pieces.push(lines.slice(from).join("\n").trimEnd());
    return h("details", { class: "written", open: true }, h("summary", {}, name(policy.name)),
      h("div", { class: "text" }, ...pieces.map((one) => (typeof one === "string" ? (one ? h("pre", {}, plain(one)) : null) : one))));
  }

  /** @param {any} rule @param {string} text */
  rule(rule, text) {
    const own = rule.rule;
    const tag = h("button", {
      type: "button", class: "tag", "data-rule": own, "aria-pressed": "false",
      onfocus: () => this.point(own), onblur: () => this.point(this.pinned),
      onclick: () => this.shell.go({ rule: this.pinned === own ? null : own }, { replace: true }),
    }, `${own.split(" ").at(-1)}: ${many(rule.edges, "edge")}`);
    const element = h("div", { class: "rule", onmouseenter: () => this.point(own), onmouseleave: () => this.point(this.pinned) },
      tag, h("pre", {}, plain(text)));
    this.parts.set(own, element);
    return element;
  }

  list() {
    const { edges, totals } = this.data;
    return h("div", {}, table(`Edges of the namespace, ${this.pinned && this.cut ? "those of the rule first, then " : ""}those that would be denied first`, [
      ["Edge", (row) => h("a", {
        href: this.shell.link({ edge: key(row) }), "data-edge": key(row),
        onfocus: () => this.show(row), onblur: () => this.point(this.pinned),
      }, h("bdi", { class: "name" }, `${end(row, "client")} → ${end(row, "server")}`))],
      ["Port", port, "port"],
      ["Verdict", (row) => h("span", { class: `badge verdict-${row.verdict}` }, row.verdict)],
      ["State", (row) => badge(row.state)],
      ["Flows", (row) => count(row.flows), "number"],
      ["Bytes", (row) => bytes(row.bytes), "number"],
      ["Rules", (row) => row.rules.map((/** @type {string} */ one) => name(one.split(" ").at(-1) ?? one)).join(", ")],
    ], edges, (row) => ({ "data-key": key(row), onmouseenter: () => this.show(row), onmouseleave: () => this.point(this.pinned) })),
    rest(totals.edges, edges.length, "edge"));
  }

  /** Shows a rule ("" none): its lines, and the edges that it lets through. @param {string} rule */
  point(rule) {
    this.mark(new Set(rule ? [rule] : []), rule ? (row) => row.rules.includes(rule) : null);
    for (const [id, element] of this.parts)
      element.querySelector("button")?.setAttribute("aria-pressed", String(id === this.pinned));
    const here = this.data.edges.filter((/** @type {any} */ row) => row.rules.includes(rule)).length;
    const all = this.edgesOf.get(rule) ?? here;
    const more = all > here ? ` ${count(here)} of them ${here === 1 ? "is" : "are"} in the list${rule === this.pinned ? "" : ": choose the rule to see more"}.` : "";
    replace(this.told, rule
      ? `${name(rule)} lets ${many(all, "edge")} through.${more}`
      : "Point at a rule, or go to it by keyboard, to see its edges; point at an edge to see its rules.");
  }

  /** Shows an edge and the rules that let it through. @param {any} row */
  show(row) {
    const own = key(row);
    this.mark(new Set(row.rules), (other) => key(other) === own);
    replace(this.told, row.rules.length
      ? `${end(row, "client")} → ${end(row, "server")} is let through by ${row.rules.map(name).join(", ")}.`
      : `${end(row, "client")} → ${end(row, "server")}: ${row.verdict}${row.isolated_by.length ? `, isolated by ${row.isolated_by.map(name).join(", ")}` : ", no rule is needed"}.`);
  }

  /** @param {Set<string>} rules @param {((row: any) => boolean) | null} chosen */
  mark(rules, chosen) {
    for (const [id, element] of this.parts) element.classList.toggle("lit", rules.has(id));
    const rows = this.edges.querySelectorAll("tbody tr");
    this.edges.classList.toggle("dimmed", Boolean(chosen));
    this.data.edges.forEach((/** @type {any} */ row, /** @type {number} */ at) => rows[at]?.classList.toggle("lit", Boolean(chosen?.(row))));
    for (const box of [this.edges.querySelector(".scroll"), this.box?.querySelector(".yaml")]) reveal(box);
  }
}

/** Scrolls a box, and nothing around it, to the first thing in it that is lit. @param {Element|null|undefined} box */
function reveal(box) {
  const lit = box?.querySelector(".lit");
  if (!box || !lit || lit.matches(":hover") || lit.contains(document.activeElement)) return;
  const [outer, inner] = [box.getBoundingClientRect(), lit.getBoundingClientRect()];
  const hidden = inner.bottom < outer.top + 40 || inner.top > outer.bottom - 40;
  if (hidden) box.scrollTop += inner.top - outer.top - outer.height / 4;
}

/** A text of lines in which nothing hides: each line by itself. @param {string} text */
const plain = (text) => text.split("\n").map(name).join("\n");
