/** Networks in CIDR notation: what is inside, and halves. */

const BITS = /** @type {Record<number, number>} */ ({ 4: 32, 6: 128 });

/** @typedef {{version: number, first: bigint, length: number}} Net */

/** A network, or an address as the network that has it alone; null for other texts. @param {string} text @returns {Net|null} */
export function parse(text) {
  const [head, tail, more] = text.split("/");
  const address = head.includes(":") ? six(head) : four(head);
  if (address === null || more !== undefined) return null;
  const version = head.includes(":") ? 6 : 4;
  const length = tail === undefined ? BITS[version] : /^\d{1,3}$/.test(tail) ? Number(tail) : -1;
  if (length < 0 || length > BITS[version]) return null;
  return { version, length, first: address & mask(version, length) };
}

/** Whether a network has all of another one. @param {Net} outer @param {Net} inner */
export const contains = (outer, inner) =>
  outer.version === inner.version && outer.length <= inner.length &&
  (inner.first & mask(outer.version, outer.length)) === outer.first;

/** The two halves of a network; none of a single address. @param {string} text @returns {string[]} */
export function halves(text) {
  const net = parse(text);
  if (!net || net.length === BITS[net.version]) return [];
  const length = net.length + 1;
  const second = net.first | (1n << BigInt(BITS[net.version] - length));
  return [net.first, second].map((first) => written({ ...net, first, length }));
}

/** @param {Net} net */
export function written(net) {
  const address = net.version === 4 ? writtenFour(net.first) : writtenSix(net.first);
  return `${address}/${net.length}`;
}

/** How many of some addresses are in one of some networks. @param {string[]} addresses @param {string[]} nets */
export function covered(addresses, nets) {
  const around = nets.map(parse).filter((net) => net !== null);
  return addresses.filter((text) => {
    const own = parse(text);
    return own && around.some((net) => contains(net, own));
  }).length;
}

/** @param {number} version @param {number} length */
function mask(version, length) {
  const free = BigInt(BITS[version] - length);
  return ((1n << BigInt(BITS[version])) - 1n) & ~((1n << free) - 1n);
}

/** @param {string} text @returns {bigint|null} */
function four(text) {
  const parts = text.split(".");
  const valid = parts.length === 4 && parts.every((one) => /^(0|[1-9]\d{0,2})$/.test(one) && Number(one) < 256);
  return valid ? parts.reduce((sum, one) => (sum << 8n) | BigInt(one), 0n) : null;
}

/** @param {string} text @returns {bigint|null} */
function six(text) {
  const plain = canonical(text);
  if (!plain) return null;
  const [before, after] = plain.split("::").map((one) => (one ? one.split(":") : []));
  const missing = after === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array(missing).fill("0"), ...(after ?? [])];
  return groups.reduce((sum, one) => (sum << 16n) | BigInt(`0x${one}`), 0n);
}

/** An IPv6 address as browsers write it (RFC 5952); "" for other texts. @param {string} text */
function canonical(text) {
  try {
    return new URL(`http://[${text}]/`).hostname.slice(1, -1);
  } catch {
    return "";
  }
}

/** @param {bigint} address */
const writtenFour = (address) => [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n).join(".");

/** @param {bigint} address */
const writtenSix = (address) =>
  canonical([7, 6, 5, 4, 3, 2, 1, 0].map((place) => ((address >> BigInt(16 * place)) & 0xffffn).toString(16)).join(":"));
