/**
 * The shell of the page: navigation, URL = state, polling, messages, theme.
 *
 * A view is one module in views/, named in VIEWS below:
 *
 *     export const title = "Drift";
 *     export function mount(root, state, shell) {
 *       ...
 *       return { update(state) {...}, unmount() {...} };
 *     }
 *
 * root   an empty element that is the view's own; the shell empties it after `unmount`. A view gives
 *        its elements classes of style.css and makes them with `h` of dom.js, never from markup.
 * state  URLSearchParams: what stands behind `?` in the hash (`#drift?namespace=shop`). Everything a
 *        viewer has chosen is there, so that a link shows the same; `update` is called when it has
 *        changed while the view stays.
 * shell  what is described as Shell below.
 *
 * Every view understands `edge=KEY` in the state by doing nothing: the shell then shows that edge in
 * the panel beside the view (views/edge.js). KEY is `key(row)` of edges.js: the JSON list of the
 * values of the columns client_kind, _namespace, _workload, _label, _address, the same of server,
 * protocol and port.
 *
 * @typedef {object} Shell
 * @property {(changes: Record<string, string|number|null>, how?: {replace?: boolean}) => void} go
 *   Changes the state ("" and null take a key away; `view` names another view, which begins with
 *   the changes and the namespace alone). Makes an entry of the history unless `replace`.
 * @property {(changes: Record<string, string|number|null>) => string} link
 *   The address `go` would go to, for `href`.
 * @property {(name: string, query: Query, show: (data: any) => void, how?: {every?: number,
 *   failed?: (error: Error) => boolean}) => Poll} poll
 *   Gets /api/v0/NAME now and every 5 (`every`) seconds and calls `show` whenever it has changed
 *   (ETag); less often while it does not, or takes long. It ends with the view. When there is no
 *   answer, the shell says so; `failed` may show the error itself by returning true (for instance
 *   404: this worker has no such document).
 * @property {(name: string, body: object) => Promise<any>} post
 *   Posts JSON to /api/v0/NAME and asks all polls again. Rejects with ApiError, its message for
 *   people, its `status` that of HTTP.
 * @property {(text: string) => void} say      Tells a screen reader, politely.
 * @property {(text: string) => void} alert    Shows an error above the view; "" takes it away.
 * @property {About} about                     What the server is and can do.
 *
 * @typedef {Record<string, string|number|null|undefined>} Query  Values "" and null are left out.
 * @typedef {{change: (query: Query) => void, again: () => void, stop: () => void}} Poll
 * @typedef {{version?: string, source?: string, can?: string[]}} About  Of /api/v0/about.
 */

import { ApiError, get, post } from "./api.js";
import { byId, h, replace } from "./dom.js";
import { clock, name } from "./format.js";
import { Polls } from "./poll.js";
import * as route from "./route.js";
import { theme } from "./theme.js";

/** Name in the URL, and title in the navigation; the module is views/NAME.js. */
export const VIEWS = [
  ["matrix", "Matrix"],
  ["table", "Table"],
  ["peers", "Unknown peers"],
  ["policy", "Policy"],
  ["drift", "Drift"],
  ["flows", "Traffic flows"],
  ["metrics", "Metrics"],
  ["health", "Health"],
];

const main = byId("main");
const panel = byId("panel");
/** @type {{name: string, view: any, polls: Polls, root: HTMLElement} | null} */
let shown = null;
/** @type {{key: string, view: any, polls: Polls} | null} */
let opened = null;
/** @type {Promise<About>} */
const about = get("about", {}).then(({ data }) => data, () => ({}));
let turn = 0;

/** A shell for a view or the panel: what it polls is in `polls`. @param {Polls} polls @param {About} known */
function shellFor(polls, known) {
  return {
    go: route.go,
    link: route.link,
    say,
    alert,
    about: known,
    poll: polls.add.bind(polls),
    /** @param {string} name @param {object} body */
    async post(name, body) {
      const answer = await post(name, body);
      again();
      return answer;
    },
  };
}

/** Asks for everything that is shown. */
function again() {
  for (const one of [shown, opened]) one?.polls.again();
}

/** @param {string} text */
function say(text) {
  byId("live").textContent = text;
}

/** @param {string} text */
function alert(text) {
  replace(byId("alert"), ...(text ? [h("p", { class: "notice error" }, text)] : []));
}

/** Shows how fresh the view and the panel are: an answer of one document does not hide that another fails. */
function told() {
  const polls = [shown, opened].flatMap((one) => (one ? [one.polls] : []));
  const bad = polls.map((one) => one.failing).find(Boolean);
  document.body.classList.toggle("stale", Boolean(bad?.at));
  document.body.classList.toggle("unanswered", Boolean(bad && !bad.at));
  const waiting = polls.some((one) => one.waiting);
  document.body.classList.toggle("waiting", waiting);
  if (!bad) {
    byId("freshness").textContent = waiting ? "loading …" : `as of ${clock(new Date())}`;
    return alert("");
  }
  const error = /** @type {Error} */ (bad.error);
  const why = error instanceof ApiError ? error.message : "the server does not answer";
  if (error instanceof ApiError && error.status === 400) return wrong(why);
  alert(bad.at ? `Not up to date: ${why}. What you see is of ${clock(bad.at)}.` : `No answer: ${why}. It is asked again and again.`);
}

/** The address asks for what there is not: to ask again does not help. @param {string} why */
function wrong(why) {
  replace(byId("alert"), h("p", { class: "notice error" }, `This cannot be shown: ${name(why)}. `,
    h("a", { href: `#${route.current().name}` }, "Begin this view anew")));
}

async function render() {
  const { hash } = location;
  const { name, state } = route.current();
  const known = VIEWS.some(([one]) => one === name) ? name : VIEWS[0][0];
  if (shown?.name === known) shown.view.update(state);
  else await open(known, state);
  if (location.hash !== hash) return; // the viewer has gone on, and that is rendered by itself
  await inspect(state.get("edge") ?? "", state);
}

/** @param {string} name @param {URLSearchParams} state */
async function open(name, state) {
  const mine = ++turn;
  close();
  for (const link of byId("nav").querySelectorAll("a"))
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  let module, known;
  replace(main, h("h1", { class: "unseen" }, VIEWS.find(([one]) => one === name)?.[1]));
  try {
    [module, known] = await Promise.all([import(`./views/${name}.js`), about]);
  } catch (error) {
    alert(`This view cannot be shown: ${/** @type {Error} */ (error).message}`);
    return;
  }
  if (mine !== turn) return;
  document.title = `${module.title} · flowmatrix`;
  const polls = new Polls(told);
  const root = h("section", { class: `view ${name}`, "aria-label": module.title });
  replace(main, root);
  shown = { name, polls, root, view: module.mount(root, state, shellFor(polls, known)) };
  say(`${module.title} is shown`);
}

function close() {
  shown?.polls.stop();
  shown?.view.unmount();
  shown = null;
  document.body.classList.remove("stale", "unanswered", "waiting");
  alert("");
  replace(main);
}

/** @param {string} key @param {URLSearchParams} state */
async function inspect(key, state) {
  if (opened?.key === key) return;
  opened?.polls.stop();
  opened?.view.unmount();
  opened = null;
  replace(panel);
  panel.hidden = !key;
  if (!key) return;
  const [module, known] = await Promise.all([import("./views/edge.js"), about]);
  if (/** @type {any} */ (opened)?.key === key || route.current().state.get("edge") !== key) return;
  const polls = new Polls(told);
  opened = { key, polls, view: module.mount(panel, state, shellFor(polls, known)) };
}

/** Says whose page it is: several may be open. */
async function introduce() {
  const { source = "" } = await about;
  const place = byId("source");
  place.textContent = name(source);
  place.title = name(source);
}

async function start() {
  introduce();
  theme(/** @type {HTMLSelectElement} */ (byId("theme")));
  replace(
    byId("nav"),
    ...VIEWS.map(([name, title]) =>
      h("li", {}, h("a", { href: `#${name}`, "data-view": name }, title)),
    ),
  );
  byId("nav").addEventListener("click", (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest("a");
    if (!link) return;
    event.preventDefault();
    route.go({ view: link.dataset.view ?? "" });
  });
  byId("skip").addEventListener("click", () => main.focus());
  byId("pause").addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.currentTarget);
    Polls.paused = !Polls.paused;
    button.setAttribute("aria-pressed", String(Polls.paused));
    if (!Polls.paused) again();
  });
  document.addEventListener("visibilitychange", () => document.hidden || Polls.paused || again());
  addEventListener("hashchange", render);
  await render();
}

start();
