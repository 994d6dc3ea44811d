/**
 * A grid of any size of which only the visible part is drawn, walked with the arrow keys. Of the
 * cells, those with something in them are elements, and the one with the focus.
 *
 * It is a grid of the ARIA patterns (https://www.w3.org/WAI/ARIA/apg/patterns/grid/): one cell has
 * the focus, Home and End go along a row, with Ctrl to the corners; Ctrl and an arrow go to the next
 * cell with something in it; Enter opens.
 */

import { h, replace } from "./dom.js";

const MARGIN = 4;

/** @typedef {{element: HTMLElement, cells: Map<number, HTMLElement>}} Row */

/**
 * @typedef {object} Content  What stands in the grid; places are counted from 0.
 * @property {string} label @property {string} corner
 * @property {number} rows @property {number} columns
 * @property {(row: number) => HTMLElement} client     The header of a row, of class grid-client.
 * @property {(column: number) => HTMLElement} server  The header of a column.
 * @property {(row: number, column: number) => HTMLElement} cell
 * @property {(row: number, column: number) => boolean} filled
 * @property {(row: number, column: number) => boolean} opened  Whether it is the one that is open.
 * @property {(row: number, column: number) => void} open
 */

export class Grid {
  /** @param {boolean} compact */
  constructor(compact) {
    this.body = h("div", { class: `grid${compact ? " compact" : ""}`, role: "grid" });
    this.box = h("div", { class: "grid-box", onscroll: () => this.later() }, this.body);
    /** @type {Content|null} */
    this.content = null;
    this.active = { row: 0, column: 0 };
    /** @type {Map<number, Row>} */
    this.drawn = new Map();
    /** @type {Map<number, HTMLElement>} */
    this.servers = new Map();
    this.pending = 0;
    this.head = h("div", {});
    this.side = 0;
    this.top = 0;
    this.cell = 0;
    this.row = 0;
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => this.click(event));
    this.body.addEventListener("focusin", (event) => this.focused(event));
    this.watch = new ResizeObserver(() => requestAnimationFrame(() => this.fit()));
    this.watch.observe(this.box);
  }

  /** @param {Content} content */
  show(content) {
    const had = this.body.contains(document.activeElement);
    this.content = content;
    this.active.row = Math.max(0, Math.min(this.active.row, content.rows - 1));
    this.active.column = Math.max(0, Math.min(this.active.column, content.columns - 1));
    this.measure();
    const { body, side, top, cell, row } = this;
    body.setAttribute("aria-label", content.label);
    body.setAttribute("aria-rowcount", String(content.rows + 1));
    body.setAttribute("aria-colcount", String(content.columns + 1));
    body.style.width = `${side + content.columns * cell}px`;
    body.style.height = `${top + content.rows * row}px`;
    this.head = h("div", { class: "grid-head", role: "row", "aria-rowindex": 1 });
    this.head.style.height = `${top}px`;
    this.head.append(h("div", { class: "grid-corner", role: "columnheader", "aria-colindex": 1 }, content.corner));
    replace(body, this.head);
    this.drawn.clear();
    this.servers.clear();
    this.draw();
    if (had) this.at(this.active.row, this.active.column)?.focus({ preventScroll: true });
  }

  close() {
    this.watch.disconnect();
    cancelAnimationFrame(this.pending);
  }

  /** The sizes that the style sheet gives, in pixels. */
  measure() {
    const style = getComputedStyle(this.body);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const size = (/** @type {string} */ name) => parseFloat(style.getPropertyValue(name)) * rem;
    [this.side, this.top, this.cell, this.row] = ["--side", "--top", "--cell", "--row"].map(size);
  }

  /** The window has another size, and the style sheet may give other ones with it. */
  fit() {
    const before = [this.side, this.top, this.cell, this.row].join();
    if (!this.content || !this.box.isConnected) return;
    this.measure();
    if (before === [this.side, this.top, this.cell, this.row].join()) this.draw();
    else this.show(this.content);
  }

  later() {
    cancelAnimationFrame(this.pending);
    this.pending = requestAnimationFrame(() => this.draw());
  }

  /** Draws what is visible, a few rows and columns around it, and the cell with the focus. */
  draw() {
    const content = this.content;
    if (!content) return;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.box;
    const { row, column } = this.active;
    const rows = with_(range(scrollTop, clientHeight - this.top, this.row, content.rows), row, content.rows);
    const columns = with_(range(scrollLeft, clientWidth - this.side, this.cell, content.columns), column, content.columns);
    kept(this.servers, columns, this.head, (at) => this.placed(content.server(at), at));
    const wanted = new Set(rows);
    for (const [at, { element }] of this.drawn)
      if (!wanted.has(at)) {
        element.remove();
        this.drawn.delete(at);
      }
    for (const at of rows) {
      const here = this.drawn.get(at) ?? this.rowAt(at);
      const filled = columns.filter((one) => content.filled(at, one) || (at === row && one === column));
      kept(here.cells, filled, here.element, (one) => this.placed(content.cell(at, one), one, at));
    }
  }

  /** A row without its cells. @param {number} row @returns {Row} */
  rowAt(row) {
    const client = /** @type {Content} */ (this.content).client(row);
    client.setAttribute("role", "rowheader");
    client.setAttribute("aria-colindex", "1");
    const element = h("div", { class: "grid-row", role: "row", "aria-rowindex": row + 2 }, client);
    element.style.top = `${this.top + row * this.row}px`;
    element.style.height = `${this.row}px`;
    this.body.append(element);
    const drawn = { element, cells: new Map() };
    this.drawn.set(row, drawn);
    return drawn;
  }

  /** @param {HTMLElement} element @param {number} column @param {number} [row] */
  placed(element, column, row) {
    element.style.left = `${this.side + column * this.cell}px`;
    element.setAttribute("aria-colindex", String(column + 2));
    element.setAttribute("role", row === undefined ? "columnheader" : "gridcell");
    if (row === undefined) return element;
    element.classList.toggle("open", Boolean(this.content?.opened(row, column)));
    element.dataset.row = String(row);
    element.dataset.column = String(column);
    element.tabIndex = row === this.active.row && column === this.active.column ? 0 : -1;
    return element;
  }

  /** @param {number} row @param {number} column @returns {HTMLElement|undefined} */
  at(row, column) {
    return this.drawn.get(row)?.cells.get(column);
  }

  /** What is done with each cell that is drawn. @param {(element: HTMLElement, row: number, column: number) => void} act */
  each(act) {
    for (const [row, { cells }] of this.drawn) for (const [column, element] of cells) act(element, row, column);
  }

  /** Moves the focus, and what is visible with it. @param {number} row @param {number} column */
  go(row, column) {
    const content = /** @type {Content} */ (this.content);
    row = Math.max(0, Math.min(row, content.rows - 1));
    column = Math.max(0, Math.min(column, content.columns - 1));
    const before = this.at(this.active.row, this.active.column);
    if (before) before.tabIndex = -1;
    this.active = { row, column };
    const { box } = this;
    box.scrollTop = near(box.scrollTop, row * this.row, this.row, box.clientHeight - this.top);
    box.scrollLeft = near(box.scrollLeft, column * this.cell, this.cell, box.clientWidth - this.side);
    this.draw();
    const now = this.at(row, column);
    if (now) {
      now.tabIndex = 0;
      now.focus({ preventScroll: true });
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const content = /** @type {Content} */ (this.content);
    const { row, column } = this.active;
    const page = Math.max(1, Math.floor((this.box.clientHeight - this.top) / this.row) - 1);
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const jump = { PageUp: row - page, PageDown: row + page }[event.key];
    const whole = event.ctrlKey || event.metaKey;
    if (step && whole) this.next(step[0], step[1]);
    else if (step) this.go(row + step[0], column + step[1]);
    else if (jump !== undefined) this.go(jump, column);
    else if (event.key === "Home") this.go(whole ? 0 : row, 0);
    else if (event.key === "End") this.go(whole ? content.rows - 1 : row, content.columns - 1);
    else if (event.key === "Enter" || event.key === " ") content.open(row, column);
    else return;
    event.preventDefault();
  }

  /** Goes on to the next cell with something in it. @param {number} down @param {number} right */
  next(down, right) {
    const content = /** @type {Content} */ (this.content);
    let { row, column } = this.active;
    const inside = () => row >= 0 && column >= 0 && row < content.rows && column < content.columns;
    do [row, column] = [row + down, column + right];
    while (inside() && !content.filled(row, column));
    if (inside()) this.go(row, column);
  }

  /** @param {MouseEvent} event */
  click(event) {
    const cell = /** @type {HTMLElement} */ (event.target).closest("[data-row]");
    if (!(cell instanceof HTMLElement)) return;
    const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    this.go(row, column);
    this.content?.open(row, column);
  }

  /** @param {FocusEvent} event */
  focused(event) {
    const cell = /** @type {HTMLElement} */ (event.target);
    if (cell.dataset.row === undefined) return;
    const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    if (row !== this.active.row || column !== this.active.column) this.go(row, column);
  }
}

/**
 * Makes the children that are wanted and are not there, takes away the others, and keeps their order.
 * @param {Map<number, HTMLElement>} there @param {number[]} wanted @param {HTMLElement} parent
 * @param {(at: number) => HTMLElement} make
 */
function kept(there, wanted, parent, make) {
  const places = new Set(wanted);
  let last = -1;
  for (const [at, element] of there)
    if (!places.has(at)) {
      element.remove();
      there.delete(at);
    } else if (at > last) last = at;
  const fresh = wanted.filter((at) => !there.has(at));
  for (const at of fresh) there.set(at, make(at));
  if (!fresh.length) return;
  if (fresh[0] > last) parent.append(...fresh.map((at) => /** @type {HTMLElement} */ (there.get(at))));
  else parent.append(...wanted.map((at) => /** @type {HTMLElement} */ (there.get(at))));
}

/** The places that are visible, and a few around them. @param {number} from @param {number} size @param {number} each @param {number} all */
function range(from, size, each, all) {
  const first = Math.max(0, Math.floor(from / each) - MARGIN);
  const last = Math.min(all - 1, Math.ceil((from + Math.max(size, 0)) / each) + MARGIN);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
}

/** @param {number[]} places @param {number} one @param {number} all */
function with_(places, one, all) {
  if (one >= all || places.includes(one)) return places;
  return one < (places[0] ?? 0) ? [one, ...places] : [...places, one];
}

/** Where to scroll so that a place is in sight. @param {number} now @param {number} start @param {number} size @param {number} room */
function near(now, start, size, room) {
  if (start < now) return start;
  return start + size > now + room ? start + size - room : now;
}
