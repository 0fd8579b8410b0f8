import { expect, test } from 'vitest';
import { isSameBoot, judgeReboot, type RebootJudgement } from '../../actions/reboot.ts';

const backWithinMs = 600_000;
const before = [undefined, '', 'boot-1'];
const seenNow = [undefined, { bootId: '' }, { bootId: 'boot-1' }, { bootId: 'boot-2' }];
const elapsed = [-5000, 0, 1000, backWithinMs - 1, backWithinMs, backWithinMs * 2];

/** The whole table, written down apart from the code. */
function expected(from: string | undefined, seen: { bootId: string } | undefined, late: boolean) {
  const told = from === 'boot-1' && seen?.bootId === 'boot-2';
  if (told) return 'returned';
  if (!late) return 'waiting';
  return seen === undefined ? 'never_returned' : 'not_rebooted';
}

const table = before.flatMap((from) =>
  seenNow.flatMap((seen) => elapsed.map((elapsedMs) => ({ from, seen, elapsedMs }))),
);

test.each(table)('before $from, now $seen, after $elapsedMs ms', ({ from, seen, elapsedMs }) => {
  const judgement = judgeReboot({ bootIdBefore: from, seen, elapsedMs, backWithinMs });
  expect(judgement.kind).toBe(expected(from, seen, elapsedMs >= backWithinMs));
  expect(judgement.reason).not.toMatch(/undefined|NaN|-/);
});

function ask(seen: { bootId: string } | undefined, elapsedMs: number): RebootJudgement {
  return judgeReboot({ bootIdBefore: 'boot-1', seen, elapsedMs, backWithinMs });
}

test('the reasons are sentences for a person', () => {
  expect([
    ask(undefined, 42_300).reason,
    ask({ bootId: 'boot-1' }, 3000).reason,
    ask({ bootId: 'boot-2' }, 95_000).reason,
    ask({ bootId: 'boot-2' }, 700_000).reason,
    ask(undefined, 600_000).reason,
    ask({ bootId: 'boot-1' }, 600_000).reason,
    ask({ bootId: '' }, 600_000).reason,
  ]).toEqual([
    'it cannot be reached yet, 42s after the reboot',
    'it has not gone down yet, 3s after the reboot was sent',
    'it is back after 1m35s with a new boot id',
    'it is back after 11m40s with a new boot id, later than the 10m it was given',
    'it could not be reached 10m after the reboot',
    'it has the same boot id 10m after the reboot was sent',
    'it answers, but its boot id is not known, so a reboot cannot be proved',
  ]);
});

function askTimes(from: string, seen: { bootId: string; uptimeSec?: number }, elapsedMs = 60_000) {
  return judgeReboot({ bootIdBefore: from, seen, elapsedMs, backWithinMs });
}

test('boot times that differ by less than 10 s are one boot whose clock was adjusted', () => {
  for (const now of ['1763700000', '1763700009', '1763699991']) {
    expect(askTimes('1763700000', { bootId: now }).kind).toBe('waiting');
    expect(askTimes('1763700000', { bootId: now }, backWithinMs)).toEqual({
      kind: 'not_rebooted',
      reason: 'it still runs since the same boot 10m after the reboot was sent',
    });
  }
  expect(askTimes('1763700000', { bootId: '1763700010' })).toEqual({
    kind: 'returned',
    reason: 'it is back after 1m and booted anew',
  });
  expect(askTimes('1763700000', { bootId: '1763699990' }).kind).toBe('returned');
});

test('a clock that was set by a day is no reboot: the machine is up for longer than that is ago', () => {
  const dayLater = String(1_763_700_000 + 86_400);
  expect(askTimes('1763700000', { bootId: dayLater, uptimeSec: 5000 }).kind).toBe('waiting');
  expect(askTimes('1763700000', { bootId: dayLater, uptimeSec: 5000 }, backWithinMs).kind).toBe(
    'not_rebooted',
  );
  expect(askTimes('1763700000', { bootId: dayLater, uptimeSec: 20 }).kind).toBe('returned');
  // A real boot id needs no such help.
  expect(askTimes('boot-1', { bootId: 'boot-2', uptimeSec: 5000 }).kind).toBe('returned');
});

test.each([
  ['a', 'a', true],
  ['a', 'b', false],
  ['1763700000', '1763700009', true],
  ['1763700000', '1763700010', false],
  ['1763700000', 'a', false],
  ['', 'a', undefined],
  [undefined, 'a', undefined],
  ['a', undefined, undefined],
])('%j and %j are one boot: %j', (one, other, same) => {
  expect(isSameBoot(one, other)).toBe(same);
});
