/** Documents that are asked for again and again; one that has not changed is not shown again. */

import { get } from "./api.js";

/** Seconds between two looks: at first, and at most while nothing changes. */
const EVERY = 5;
const SELDOM = 20;
/** An answer that takes long is asked for no sooner than after so many times as long. */
const SHARE = 20;

/** The polls of a view. */
export class Polls {
  static paused = false;

  /** @param {() => void} told Called when an answer has come, or fails to. */
  constructor(told) {
    this.told = told;
    /** @type {Set<Polling>} */
    this.all = new Set();
  }

  /**
   * @param {string} name
   * @param {Record<string, any>} query
   * @param {(data: any) => void} show
   * @param {{every?: number, failed?: (error: Error) => boolean}} [how]
   */
  add(name, query, show, how = {}) {
    const poll = new Polling(name, query, show, how, this.told);
    this.all.add(poll);
    poll.again();
    return {
      /** @param {Record<string, any>} other */
      change: (other) => poll.change(other),
      again: () => poll.again(),
      stop: () => (poll.stop(), this.all.delete(poll)),
    };
  }

  /** The one whose document is not to be had, if any is. */
  get failing() {
    return [...this.all].find((poll) => poll.error);
  }

  /** Whether another document than the one that is shown is on its way. */
  get waiting() {
    return [...this.all].some((poll) => poll.due && poll.at && !poll.error);
  }

  again() {
    for (const poll of this.all) poll.again();
  }

  stop() {
    for (const poll of this.all) poll.stop();
    this.all.clear();
  }
}

/** One document. */
class Polling {
  /**
   * @param {string} name
   * @param {Record<string, any>} query
   * @param {(data: any) => void} show
   * @param {{every?: number, failed?: (error: Error) => boolean}} how
   * @param {() => void} told
   */
  constructor(name, query, show, how, told) {
    this.name = name;
    this.query = query;
    this.show = show;
    this.how = how;
    this.told = told;
    this.etag = "";
    /** @type {Date|undefined} */
    this.at = undefined;
    /** @type {Error|undefined} Why there is no answer. */
    this.error = undefined;
    /** Whether somebody has asked for it since the last answer: then it does not pause. */
    this.due = true;
    this.seconds = how.every ?? EVERY;
    this.asking = new AbortController();
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
  }

  /** @param {Record<string, any>} query */
  change(query) {
    if (JSON.stringify(query) === JSON.stringify(this.query)) return;
    this.query = query;
    this.etag = "";
    this.again();
    this.told();
  }

  again() {
    this.stop();
    this.due = true;
    this.seconds = this.how.every ?? EVERY;
    this.asking = new AbortController();
    this.ask(this.asking.signal);
  }

  stop() {
    clearTimeout(this.timer);
    this.asking.abort();
  }

  /** @param {AbortSignal} signal */
  async ask(signal) {
    try {
      if (this.due || (!Polls.paused && !document.hidden)) await this.once(signal);
    } finally {
      if (!signal.aborted)
        this.timer = setTimeout(() => this.ask(signal), 1000 * this.seconds);
    }
  }

  /** @param {AbortSignal} signal */
  async once(signal) {
    let answer;
    const begun = performance.now();
    try {
      answer = await get(this.name, this.query, { etag: this.etag, signal });
    } catch (error) {
      if (signal.aborted) return;
      const own = /** @type {Error} */ (error);
      const shown = this.how.failed?.(own);
      this.error = shown ? undefined : own;
      if (shown) this.due = false;
      this.told();
      return;
    }
    if (signal.aborted) return;
    this.wait((performance.now() - begun) / 1000, answer.data === undefined);
    this.etag = answer.etag;
    this.at = new Date();
    this.error = undefined;
    this.due = false;
    this.told();
    if (answer.data !== undefined) this.show(answer.data);
  }

  /**
   * How long to wait for the next look: what takes long or has not changed is asked for less often.
   * @param {number} taken @param {boolean} same
   */
  wait(taken, same) {
    const least = this.how.every ?? EVERY;
    const seldom = same ? Math.min(1.5 * this.seconds, Math.max(SELDOM, least)) : least;
    this.seconds = Math.max(seldom, SHARE * taken);
  }
}
