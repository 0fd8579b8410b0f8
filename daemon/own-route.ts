/** Says how a target is told that is named by itself, by a `notify` action or `remediation.page`. Tells nobody. */
import type { LadderDefinition } from '../core/definitions.ts';
import type { MessageRoute } from '../core/messages-config.ts';
import type { Conversations } from './conversations.ts';
import { toldAlone } from './gone-problems.ts';
import type { StoryParts } from './message-story.ts';

/**
 * As by a route of its name, when it has quiet hours: what waits is a conversation. Undefined when a message of its own tells it at
 * once. A problem stays with what told of it first, should quiet hours come or go meanwhile. Errors: MenddError.
 */
export function ownRouteOf(
  { coordinator, fleet }: StoryParts,
  conversations: Conversations,
  target: string,
  { host, ladder, episode }: { host: string; ladder: LadderDefinition; episode: string },
): MessageRoute | undefined {
  const match = { hosts: [], labels: {}, runbooks: [], severities: [] };
  const own = { name: target, match, to: [target], continues: false, quiet: [] };
  if (conversations.hasMember(host, ladder, episode, target)) return own;
  if (fleet.definitions.daemon.notify.get(target)?.quiet === undefined) return undefined;
  const isTold = toldAlone(coordinator, host, ladder).some((told) => told.target === target);
  return isTold ? undefined : own;
}
