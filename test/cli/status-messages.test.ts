/** What `mendd status` says of messages that people did not get. */
import { expect, test } from 'vitest';
import type { NowAnswer } from '../../cli/api-types.ts';
import { Output } from '../../cli/output.ts';
import { restraintLines } from '../../cli/restraint-lines.ts';

const minuteMs = 60_000;

function linesOf(messages: NonNullable<NowAnswer['messages']>): string[] {
  const automation = { brakes: [], demoted: [] };
  return restraintLines(new Output(), { automation, approvals: [], messages } as unknown as NowAnswer);
}

test('what was given up, else what waits longer than a quarter of an hour', () => {
  expect(linesOf({ waiting: 3, dead: 0, oldestWaitingMs: 15 * minuteMs })).toEqual([]);
  expect(linesOf({ waiting: 3, dead: 0, oldestWaitingMs: 20 * minuteMs })).toEqual([
    '  NOT DELIVERED messages that wait: 3, the oldest for 20m · mendd notify outbox --status waiting',
  ]);
  expect(linesOf({ waiting: 3, dead: 2, oldestWaitingMs: 20 * minuteMs })).toEqual([
    '  NOT DELIVERED messages: 2 · mendd notify outbox --status dead',
  ]);
});
