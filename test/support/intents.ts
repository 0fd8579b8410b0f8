/** An intent as a guard gets it, for tests that need no more of it than its id. */
import type { Intent } from '../../core/types.ts';

export function bareIntent(id: string, changes: Partial<Intent> = {}): Intent {
  return {
    id,
    host: 'web-1',
    ladder: 'r.a',
    action: 'r.a',
    kind: 'command',
    episode: 'e',
    attempt: 1,
    decidedAtMs: 0,
    notAfterMs: 0,
    fence: 1,
    decidedBy: 'rule',
    reason: '',
    command: '',
    revision: '',
    gates: [],
    preconditions: {},
    shard: 0,
    ...changes,
  };
}
