/** Rows as CSV (RFC 4180). */

/**
 * A text that a spreadsheet would run as a formula has an apostrophe before it.
 * @param {string[]} columns @param {Record<string, any>[]} rows
 */
export function csv(columns, rows) {
  const lines = [columns, ...rows.map((row) => columns.map((one) => row[one]))];
  return lines.map((line) => line.map(field).join()).join("\r\n") + "\r\n";
}

/** @param {any} value */
function field(value) {
  const own = Array.isArray(value) ? value.join(" ") : String(value ?? "");
  const safe = typeof value !== "number" && /^[=+\-@\t\r]/.test(own) ? `'${own}` : own;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
