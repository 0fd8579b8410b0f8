/** Owns which shard a host belongs to. Fixed for ever: the ledger stores it with every intent. */
import { hash32 } from './hash.ts';

/** Returns 0..255. The top byte, so that a shard says nothing about the place of its hosts' ticks. */
export function shardOf(hostId: string): number {
  return hash32(hostId) >>> 24;
}
