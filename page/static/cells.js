/** The cells of a matrix by row, and which rows and columns are shown. */

/**
 * @typedef {object} Matrix  The document /api/v0/matrix.
 * @property {string[]} namespaces @property {boolean} approved @property {string[]} states
 * @property {any[]} clients @property {any[]} servers
 * @property {{row: number[], column: number[], state: number[], edges: number[], flows: number[],
 *   bytes: number[]}} cells
 */

/** A matrix to look cells up in; they are sorted by row. */
export class Cells {
  /** @param {Matrix} matrix */
  constructor(matrix) {
    this.matrix = matrix;
    const { row, column, flows, bytes } = matrix.cells;
    this.starts = new Uint32Array(matrix.clients.length + 1);
    this.most = 1;
    /** Flows and bytes of each row and each column. */
    this.rows = { flows: zeros(matrix.clients), bytes: zeros(matrix.clients) };
    this.columns = { flows: zeros(matrix.servers), bytes: zeros(matrix.servers) };
    for (let at = 0; at < row.length; at++) {
      this.starts[row[at] + 1] = at + 1;
      this.rows.flows[row[at]] += flows[at];
      this.rows.bytes[row[at]] += bytes[at];
      this.columns.flows[column[at]] += flows[at];
      this.columns.bytes[column[at]] += bytes[at];
      if (flows[at] > this.most) this.most = flows[at];
    }
    for (let at = 1; at < this.starts.length; at++)
      this.starts[at] = Math.max(this.starts[at], this.starts[at - 1]);
  }

  /** The place of a cell in the lists, -1 where nothing was seen. @param {number} row @param {number} column */
  at(row, column) {
    const columns = this.matrix.cells.column;
    let low = this.starts[row];
    let high = this.starts[row + 1] - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (columns[middle] === column) return middle;
      if (columns[middle] < column) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** How much of the traffic of the largest cell, 0 to 4, by magnitude. @param {number} at */
  heat(at) {
    const share = Math.log1p(this.matrix.cells.flows[at]) / Math.log1p(this.most);
    return Math.min(4, Math.floor(share * 5));
  }

  /** How many cells have each state. @returns {Map<string, number>} */
  counts() {
    const found = new Map();
    for (const state of this.matrix.cells.state) {
      const name = this.matrix.states[state];
      found.set(name, (found.get(name) ?? 0) + 1);
    }
    return found;
  }

  /**
   * Which rows and columns have a cell that is kept, in the order wanted.
   * @param {{only: Set<string>, find: (row: number, column: number) => boolean, traffic: boolean}} wanted
   */
  shown({ only, find, traffic }) {
    const { row, column, state } = this.matrix.cells;
    const keep = this.matrix.states.map((name) => only.size === 0 || only.has(name));
    const rows = new Uint8Array(this.matrix.clients.length);
    const columns = new Uint8Array(this.matrix.servers.length);
    let kept = 0;
    for (let at = 0; at < row.length; at++)
      if (keep[state[at]] && find(row[at], column[at])) {
        rows[row[at]] = columns[column[at]] = 1;
        kept++;
      }
    return {
      kept,
      rows: places(rows, traffic ? this.rows.flows : null),
      columns: places(columns, traffic ? this.columns.flows : null),
    };
  }
}

/** @param {any[]} ends */
const zeros = (ends) => new Float64Array(ends.length);

/** @param {Uint8Array} kept @param {Float64Array|null} weight @returns {number[]} */
function places(kept, weight) {
  const found = [];
  for (let at = 0; at < kept.length; at++) if (kept[at]) found.push(at);
  return weight ? found.sort((one, other) => weight[other] - weight[one]) : found;
}
