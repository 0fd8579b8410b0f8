/** Owns how long to wait before trying again. Reads no clock and no randomness: the caller brings the random number. */

export interface Backoff {
  /** Upper bound of the first wait. */
  baseMs: number;
  /** Upper bound of every wait. */
  capMs: number;
}

/**
 * Exponential backoff with full jitter: uniform over 0..min(cap, base x 2^retry), so that many who failed together do not
 * come back together. `retry` is 0 for the first wait; `random` is uniform in [0, 1). Whole milliseconds.
 * Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffMs(retry: number, { baseMs, capMs }: Backoff, random: number): number {
  return Math.floor(random * Math.min(capMs, baseMs * 2 ** retry));
}
