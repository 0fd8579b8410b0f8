/** Owns which status of a run may follow which. A final status has no successor: an ended run is never opened again. */
import type { RunStatus } from '../core/types.ts';

const judged = ['verified', 'not_verified', 'inconclusive', 'done', 'failed'] as const;

/**
 * `dispatched` is reached through `Coordinator.dispatched` alone. What was sent cannot be unsent, but the target may show that
 * nothing arrived (`cancelled`, `refused`, `expired`).
 */
const moves: Readonly<Record<RunStatus, readonly RunStatus[]>> = {
  intended: ['dispatched', 'cancelled', 'refused', 'expired', 'failed'],
  dispatched: ['unknown', 'verifying', 'cancelled', 'refused', 'expired', ...judged],
  unknown: ['verifying', 'cancelled', 'refused', 'expired', ...judged],
  verifying: ['cancelled', ...judged],
  verified: [],
  not_verified: [],
  inconclusive: [],
  done: [],
  failed: [],
  cancelled: [],
  refused: [],
  expired: [],
};

/** Staying is no move. */
export function mayMove(from: RunStatus, to: RunStatus): boolean {
  return from === to || moves[from].includes(to);
}
