/** Finds what people were told of and what is no longer in the definitions: it never recovers, and they are told that. Queues nothing. */
import { goneMessage, type ToldProblem } from '../actions/conversation-message.ts';
import type { MessageBody } from '../actions/message-words.ts';
import type { LadderDefinition } from '../core/definitions.ts';
import type { Coordinator, OutboxMessage } from '../core/ports.ts';
import { unwatchedLadder } from '../core/unwatched.ts';
import { ladderOf, type StoryParts } from './message-story.ts';

type Recovery = Pick<OutboxMessage, 'key' | 'target' | 'host' | 'ladder'> & { kind: 'recovery' };

/** Of problems outside of conversations. Errors: MenddError. */
export function goneRecoveries({
  coordinator,
  fleet,
  clock,
}: StoryParts): (Recovery & { body: MessageBody })[] {
  return coordinator
    .unrecoveredLadders()
    .filter(({ host, ladder }) => ladderOf(fleet, host, ladder) === undefined)
    .flatMap(({ host, ladder }) => oneOfEach(coordinator.unrecovered(host, ladder)))
    .map((told) => {
      const gone = goneProblem(told);
      const plan = fleet.plan(gone.host);
      const isActionGone = plan !== undefined && unwatchedLadder(plan, gone.check) !== undefined;
      const body = { ...goneMessage(gone, clock.nowMs(), isActionGone), problem: told.key };
      return { ...recoveryOf(told), body };
    });
}

/** Who was told of a problem that lasts, outside of conversations. A proposal tells what is not done, and not that nothing helps. */
export function toldAlone(
  { unrecovered }: Pick<Coordinator, 'unrecovered'>,
  host: string,
  { id }: LadderDefinition,
): OutboxMessage[] {
  return unrecovered(host, id).filter(({ body }) => body['kind'] !== 'proposal');
}

/** Of one ladder: the newest message that told a target of a problem; what was told twice is over once. */
export function oneOfEach(told: readonly OutboxMessage[]): OutboxMessage[] {
  return [...new Map(told.map((each) => [JSON.stringify([each.target, each.body['since']]), each])).values()];
}

/** The message that answers it, without its words. */
export function recoveryOf({ key, target, host, ladder }: OutboxMessage): Recovery {
  return { key: `${key}~recovery`, target, kind: 'recovery', host, ladder };
}

/** What is left to know of a problem whose definition is gone. */
function goneProblem({ host, ladder, body, createdAtMs }: OutboxMessage): ToldProblem {
  const text = (name: string): string => (typeof body[name] === 'string' ? body[name] : '');
  return {
    host,
    runbook: text('runbook'),
    ladder,
    check: text('check'),
    state: 'gone',
    severity: 'info',
    output: '',
    sinceMs: Date.parse(text('since')) || createdAtMs,
    isGone: true,
    isNew: false,
    isBehind: false,
    labels: {},
  };
}
