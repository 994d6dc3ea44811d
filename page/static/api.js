/** Documents of the API, beside the page whatever stands before it in the URL. */

import { name } from "./format.js";

const BASE = new URL("../api/v0/", import.meta.url);

/** An answer that is not a document; its message is for people, and repeats what they have written. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(name(message));
    this.status = status;
  }
}

/** @param {string} name @param {Record<string, unknown>} query @returns {URL} */
export function address(name, query = {}) {
  const url = new URL(name, BASE);
  for (const [key, value] of Object.entries(query))
    if (value !== "" && value !== null && value !== undefined)
      url.searchParams.set(key, String(value));
  return url;
}

/**
 * A document; `data` is undefined where it still is the one of `etag`.
 * @param {string} name
 * @param {Record<string, unknown>} query
 * @param {{etag?: string, signal?: AbortSignal}} [how]
 * @returns {Promise<{data: any, etag: string}>}
 */
export async function get(name, query, how = {}) {
  /** @type {Record<string, string>} */
  const headers = how.etag ? { "If-None-Match": how.etag } : {};
  const answer = await fetch(address(name, query), { headers, signal: how.signal ?? null });
  if (answer.status === 304) return { data: undefined, etag: how.etag ?? "" };
  if (!answer.ok) throw await failure(answer);
  return { data: await answer.json(), etag: answer.headers.get("ETag") ?? "" };
}

/** @param {string} name @param {object} body @returns {Promise<any>} */
export async function post(name, body) {
  const answer = await fetch(address(name), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw await failure(answer);
  return answer.status === 204 ? null : answer.json();
}

/** @param {Response} answer */
async function failure(answer) {
  const text = await answer.text();
  try {
    return new ApiError(answer.status, JSON.parse(text).error);
  } catch {
    return new ApiError(answer.status, text || answer.statusText || `status ${answer.status}`);
  }
}
