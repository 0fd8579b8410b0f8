/**
 * Owns the one hash that places things (ticks, shards). The numbers are a contract between boxes and releases: changing
 * them moves every shard. Not for secrets, not against an adversary.
 */

/**
 * FNV-1a, 32 bit, over the UTF-8 bytes of the text.
 * Source: Fowler, Noll, Vo, RFC 9923 (offset basis 0x811c9dc5, prime 0x01000193).
 */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * FNV-1a leaves names that differ only in their last character close together (`web-1`, `web-2`), which is how hosts are
 * named; the finalizer of MurmurHash3 (fmix32, Austin Appleby, public domain) lets each input bit flip half of the output.
 * Returns 0..2^32-1.
 */
export function hash32(text: string): number {
  let hash = fnv1a32(text);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
