/** Unknown peers: names proposed for them, settled by the viewer and written into the pipeline. */

import { button, redraw, select, text } from "../controls.js";
import { covered, halves, parse, written } from "../cidr.js";
import { h, replace } from "../dom.js";
import { bytes, count, many, name, stamp, told as said } from "../format.js";
import { Outcome, copy } from "../listing.js";

export const title = "Unknown peers";

const KINDS = /** @type {[string, string][]} */ ([
  ["stage", "pipeline stage"], ["flowcollector", "FlowCollector"], ["slice", "FlowCollectorSlice"],
]);
const SHOWN = 12;
/** Letters of edits that still fit into a URL; more are kept until the view is left. */
const LONGEST = 6_000;

/** What a viewer has settled on for a proposal. @typedef {{name: string, cidrs: Map<string, boolean>, taken: boolean, sent: boolean, touched: boolean}} Draft */

/** @param {URLSearchParams} state */
const asked = (state) => ({ namespace: state.get("namespace"), every: state.get("every") });

/** @param {HTMLElement} root @param {URLSearchParams} state @param {import("../app.js").Shell} shell */
export function mount(root, state, shell) {
  /** @type {Map<string, Draft>} */
  const drafts = new Map();
  /** @type {Map<string, Card>} */
  const cards = new Map();
  let edits = state.get("edits") ?? "";
  const outcome = new Outcome();
  const [controls, notes, yaml, place] = ["controls", "", "", "loading"].map((one) => h("div", { class: one || false }));
  const told = h("p", { class: "muted" });
  const apply = button("Apply", send, { class: "primary" });
  const kind = h("div", { class: "controls" });
  const stage = text("Stage, of several", state.get("stage") ?? "", (value) => shell.go({ stage: value }, { replace: true }));
  stage.hidden = !state.get("stage");
  const actions = h("div", { class: "actions bottom" }, apply, button("Copy YAML", () => write(true)), button("Show YAML", () => write(false)), h("div", { class: "controls" }, stage), kind);
  place.textContent = "Looking for peers without a name …";
  replace(root, h("h1", {}, title), told, controls, notes, place, actions, outcome.box, yaml);

  function drawControls() {
    replace(controls,
      text("Namespace", state.get("namespace") ?? "", (value) => shell.go({ namespace: value }), { placeholder: "all" }),
      h("label", { class: "check" },
        h("input", { type: "checkbox", checked: state.get("every") === "true",
          onchange: (/** @type {any} */ event) => shell.go({ every: event.target.checked ? "true" : null }) }),
        "also peers that never answered"));
    replace(kind, select("YAML for", state.get("kind") ?? "stage", KINDS, (value) => shell.go({ kind: value === "stage" ? null : value })));
  }

  /** The labels that are taken, as the server gets them. */
  function labels() {
    return [...drafts.values()].filter((one) => one.taken).map((one) => ({
      name: one.name, cidrs: [...one.cidrs].filter(([, kept]) => kept).map(([cidr]) => cidr),
    }));
  }

  /** What is edited goes into the URL. @param {{replace?: boolean}} [how] */
  function changed(how) {
    tally();
    const text = editsOf(drafts);
    if (text === edits) return;
    edits = text;
    shell.go({ edits: text.length > LONGEST ? null : text }, how);
  }

  /** Makes the drafts what the URL says. */
  function restore() {
    for (const [id, card] of cards) {
      const own = edited(edits, card.proposal);
      Object.assign(/** @type {Draft} */ (drafts.get(id)), own, { sent: drafts.get(id)?.sent });
      card.draw();
    }
    tally();
  }

  function tally() {
    const number = labels().length;
    apply.textContent = number ? `Apply ${many(number, "label")}` : "Apply";
    for (const one of actions.querySelectorAll("button")) one.disabled = !number;
    apply.hidden = shell.about.can !== undefined && !shell.about.can.includes("apply");
    kind.hidden = !number;
  }

  async function send() {
    try {
      const { added, notes: said } = await shell.post("peers/apply", { labels: labels(), stage: state.get("stage") ?? "" });
      for (const one of drafts.values())
        if (one.taken) Object.assign(one, { taken: false, sent: true, touched: false });
      for (const card of cards.values()) card.draw();
      changed({ replace: true });
      const what = added.length ? `${many(added.length, "label")} written: ${added.map((/** @type {any} */ one) => one.name).join(", ")}` : "Nothing was to be added";
      outcome.done([`${what}. The list gets shorter as soon as the pipeline is read again.`, ...said].join(" "));
      tally();
    } catch (error) {
      outcome.failed(error);
      stage.hidden &&= !(/** @type {Error} */ (error).message.includes("several stages"));
    }
  }

  /** @param {boolean} copied */
  async function write(copied) {
    try {
      const found = await shell.post("peers/preview", { labels: labels(), kind: state.get("kind") ?? "stage", namespace: state.get("namespace") ?? "" });
      replace(yaml, h("pre", { class: "yaml", tabindex: "0", "aria-label": "Labels as YAML" }, h("code", {}, found.yaml)));
      outcome.clear();
      if (copied) await copy(found.yaml, outcome, "YAML");
    } catch (error) {
      outcome.failed(error);
    }
  }

  /** @param {any} data */
  function show(data) {
    told.textContent = data.proposals.length
      ? `${many(data.proposals.length, "name")} proposed for addresses outside the cluster that have none. Labels are taken from the top down; the first that fits names an address.`
      : "";
    replace(notes, ...[...data.stale, ...data.notes].map((one) => h("p", { class: "notice warn" }, name(one))));
    place.className = "proposals";
    const kept = new Set();
    for (const proposal of data.proposals) {
      const id = proposal.name;
      kept.add(id);
      if (!drafts.has(id)) drafts.set(id, edited(edits, proposal));
      const card = cards.get(id) ?? new Card(proposal, /** @type {Draft} */ (drafts.get(id)), changed);
      card.show(proposal);
      cards.set(id, card);
    }
    for (const [id, card] of cards)
      if (!kept.has(id)) {
        card.box.remove();
        cards.delete(id);
        drafts.delete(id);
      }
    const order = data.proposals.map((/** @type {any} */ one) => cards.get(one.name)?.box);
    if (order.some((/** @type {any} */ box, /** @type {number} */ at) => place.children[at] !== box) || place.children.length !== order.length)
      replace(place, ...order);
    if (!data.proposals.length) replace(place, nothing(data, state));
    tally();
  }

  drawControls();
  tally();
  const poll = shell.poll("peers", asked(state), show, { failed: (error) => failed(error, place) });
  return {
    /** @param {URLSearchParams} other */
    update(other) {
      state = other;
      poll.change(asked(state));
      const given = state.get("edits") ?? "";
      if (given !== edits && edits.length <= LONGEST) {
        edits = given;
        restore();
      }
      redraw(controls, drawControls);
    },
    unmount() {},
  };
}

/** @param {any} proposal @returns {Draft} */
const fresh = (proposal) => ({
  name: proposal.name, cidrs: new Map(proposal.cidrs.map((/** @type {string} */ one) => [one, true])), taken: false, sent: false, touched: false,
});

/** The drafts that somebody has edited, as text. @param {Map<string, Draft>} drafts */
function editsOf(drafts) {
  const own = [...drafts].filter(([, one]) => one.taken || one.touched).map(([id, one]) => [id, one.name, [...one.cidrs], one.taken]);
  return own.length ? JSON.stringify(own) : "";
}

/** A proposal as the text of edits has it. @param {string} text @param {any} proposal @returns {Draft} */
function edited(text, proposal) {
  try {
    const own = JSON.parse(text || "[]").find((/** @type {any[]} */ one) => one[0] === proposal.name);
    if (own) return { name: String(own[1]), cidrs: new Map(own[2].filter((/** @type {any[]} */ one) => parse(one[0]))), taken: Boolean(own[3]), sent: false, touched: true };
  } catch {
    // A URL that somebody has written: nothing was edited.
  }
  return fresh(proposal);
}

/** @param {any} error @param {HTMLElement} place */
function failed(error, place) {
  if (error.status !== 404) return false;
  place.className = "empty";
  replace(place, h("h2", {}, "There are no peers here"), h("p", {}, error.message));
  return true;
}

/** @param {any} data @param {URLSearchParams} state */
function nothing(data, state) {
  return h("div", { class: "empty" }, h("h2", {}, "Every peer has a name"),
    h("p", {}, state.get("namespace")
      ? `No workload of ${name(state.get("namespace") ?? "")} talks to an address without a name.`
      : "No address outside the cluster is without a name."),
    data.lists.length ? h("p", { class: "muted" }, `Looked in ${data.lists.map(name).join(", ")}.`) : null);
}

/** A proposal with what the viewer has made of it. */
class Card {
  /** @param {any} proposal @param {Draft} draft @param {(how?: {replace?: boolean}) => void} changed */
  constructor(proposal, draft, changed) {
    this.proposal = proposal;
    this.draft = draft;
    this.changed = changed;
    this.evidence = h("div", { class: "evidence" });
    this.edit = h("div", { class: "edit" });
    this.box = h("article", { class: "card proposal", "aria-label": `Proposal ${name(proposal.name)}` }, this.edit, this.evidence);
    this.draw();
  }

  /** The evidence changes with the flows; what the viewer edits stays. @param {any} proposal */
  show(proposal) {
    this.proposal = proposal;
    const open = this.evidence.querySelector("details")?.open;
    replace(this.evidence, ...evidence(proposal, Boolean(open), (other) => this.take(other)));
    this.count();
  }

  draw() {
    const { draft, proposal } = this;
    const field = text("Name", draft.name, (value) => ((draft.name = value), this.change({ replace: true })), { every: true });
    field.classList.add("wide");
    replace(this.edit,
      h("div", { class: "head" },
        h("label", { class: "check" },
          h("input", { type: "checkbox", checked: draft.taken, onchange: (/** @type {any} */ event) => ((draft.taken = event.target.checked), this.changed()) }),
          `take ${name(proposal.name)}`),
        draft.sent ? h("span", { class: "badge is-established" }, "written, waiting for the pipeline") : null),
      h("div", { class: "controls" }, field),
      this.networks(),
      (this.told = h("p", { class: "muted" })));
    this.count();
  }

  networks() {
    const { cidrs } = this.draft;
    const wrong = h("div", { role: "alert" });
    const add = text("Another network", "", (value) => this.another(value, wrong), { placeholder: "192.0.2.0/24, then Enter" });
    return h("fieldset", { class: "networks" }, h("legend", {}, "Networks"),
      ...[...cidrs].map(([cidr, kept]) => h("div", { class: "network" },
        h("label", { class: "check" },
          h("input", { type: "checkbox", checked: kept, onchange: (/** @type {any} */ event) => (cidrs.set(cidr, event.target.checked), this.change()) }),
          h("span", { class: "code" }, cidr)),
        halves(cidr).length ? button("Split", () => this.split(cidr), { "aria-label": `Split ${cidr}` }) : null)),
      h("div", { class: "controls" }, add), wrong,
      this.proposal.further.length ? button(`Add ${many(this.proposal.further.length, "further range")} of this service`, () => this.add(this.proposal.further)) : null);
  }

  /** A network that the viewer has written. @param {string} value @param {HTMLElement} wrong */
  another(value, wrong) {
    const network = parse(value);
    replace(wrong, network || !value ? null
      : h("p", { class: "notice error" }, `"${name(value)}" is not a network: write it as 192.0.2.0/24 or 2001:db8::/64.`));
    if (network) this.add([written(network)]);
  }

  /** @param {string} cidr */
  split(cidr) {
    const entries = [...this.draft.cidrs].flatMap(([one, kept]) => (one === cidr ? halves(one).map((half) => /** @type {[string, boolean]} */ ([half, kept])) : [/** @type {[string, boolean]} */ ([one, kept])]));
    this.draft.cidrs = new Map(entries);
    this.change();
    this.draw();
    /** @type {HTMLElement|null} */ (this.edit.querySelector(".network button"))?.focus();
  }

  /** @param {string[]} others */
  add(others) {
    for (const one of others) this.draft.cidrs.set(one, true);
    this.change();
    this.draw();
  }

  /** Another service that has these addresses too. @param {any} other */
  take(other) {
    Object.assign(this.draft, { name: other.name, cidrs: new Map(other.cidrs.map((/** @type {string} */ one) => [one, true])) });
    this.change();
    this.draw();
  }

  /** @param {{replace?: boolean}} [how] */
  change(how) {
    this.draft.touched = true;
    if (!this.draft.taken) {
      this.draft.taken = true;
      const box = /** @type {HTMLInputElement|null} */ (this.edit.querySelector("input[type=checkbox]"));
      if (box) box.checked = true;
    }
    this.count();
    this.changed(how);
  }

  /** How many of the addresses that were seen the chosen networks have. */
  count() {
    const chosen = [...this.draft.cidrs].filter(([, kept]) => kept).map(([cidr]) => cidr);
    const seen = this.proposal.seen;
    const inside = covered(seen, chosen);
    if (this.told) this.told.textContent = `Seen addresses in the ${many(chosen.length, "chosen network")}: ${count(inside)} of ${count(seen.length)}.`;
  }
}

/** @param {any} one @param {boolean} open @param {(other: any) => void} take */
function evidence(one, open, take) {
  const more = one.seen.length - SHOWN;
  return [
    h("ul", { class: "list" }, ...one.evidence.map((/** @type {string} */ line) => h("li", {}, said(line)))),
    h("dl", { class: "pairs" },
      h("dt", {}, "Traffic"), h("dd", {}, `${many(one.flows, "flow")}, ${bytes(one.bytes)}, ports ${one.ports.map(name).join(", ") || "none"}`),
      h("dt", {}, "Last seen"), h("dd", {}, stamp(one.last_seen))),
    one.alternatives.length ? h("div", { class: "actions" }, h("span", { class: "muted" }, "Also in"),
      ...one.alternatives.map((/** @type {any} */ other) => button(name(other.name), () => take(other), { title: other.cidrs.join(", "), "aria-label": `Take ${name(other.name)} instead` }))) : null,
    h("details", { open }, h("summary", {}, `Addresses seen: ${count(one.seen.length)}`),
      h("p", { class: "code" }, one.seen.slice(0, SHOWN).map(name).join(" "), more > 0 ? ` and ${count(more)} more` : "")),
  ];
}
