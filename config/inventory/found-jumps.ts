/**
 * Owns which hosts from outside cannot be reached through the jump host they name: none of them may stop the others from
 * being loaded. What is written in hosts files is judged in config/host-links.ts.
 */
import type { FoundHost } from '../../core/sources.ts';
import { findLoops } from '../loops.ts';

/** Names with the reason. `known`: every host there is, found and written. */
export function lostJumps(
  found: ReadonlyMap<string, Pick<FoundHost, 'jump' | 'transport'>>,
  known: (name: string) => 'remote' | 'local' | undefined,
): Map<string, string> {
  const lost = new Map<string, string>();
  const jumps = new Map<string, string[]>();
  for (const [name, { jump, transport }] of found) {
    if (jump !== undefined && transport !== 'local' && jump !== name) jumps.set(name, [jump]);
  }
  for (const name of findLoops(jumps).flat()) lost.set(name, 'it goes in a circle of jump hosts');
  // One that is lost takes those behind it along.
  for (let more = true; more; ) {
    more = false;
    for (const [name, [jump = '']] of jumps) {
      const is = lost.has(jump) ? undefined : known(jump);
      if (lost.has(name) || is === 'remote') continue;
      const what = is === 'local' ? 'is the ops box itself' : 'is no host';
      lost.set(name, `it goes through \`${jump}\`, which ${what}`);
      more = true;
    }
  }
  return lost;
}
