/** What actions came to, counted; and when one is trusted less. */
import { expect, test } from 'vitest';
import { judgeTrust, outcomesOf } from '../../core/outcomes.ts';
import { runIdOf } from '../../core/runs.ts';
import type { RunSummary } from '../../core/types.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const startMs = 1_767_225_600_000;

/** A run that began a minute into its problem and took a minute. `at`: hours after the start. */
function runOf(at: number, more: Partial<RunSummary> = {}): RunSummary {
  const sinceMs = startMs + at * hourMs;
  const { host = 'web-1', action = 'app.restart', attempt = 1 } = more;
  const episode = sinceMs.toString(36);
  return {
    id: runIdOf(host, action, episode, attempt),
    host,
    ladder: 'app.restart',
    action,
    kind: 'systemd_restart',
    episode,
    attempt,
    status: 'verified',
    decidedAtMs: sinceMs + 60_000,
    dispatchedAtMs: sinceMs + 60_000,
    endedAtMs: sinceMs + 120_000,
    ...more,
  };
}

const rule = { failures: 3, recurrences: 2 };

function judged(runs: RunSummary[], mode: 'auto' | 'approve' | 'propose' = 'auto') {
  const nowMs = (runs.at(-1)?.endedAtMs ?? startMs) + 1;
  return judgeTrust('app.restart', mode, rule, runs, 0, nowMs)?.mode;
}

test('a verified run recurred when the rule had to act on its trouble again within a day', () => {
  const cases: [string, RunSummary[], number][] = [
    ['never again', [runOf(0)], 0],
    ['an hour later', [runOf(0), runOf(1)], 1],
    ['by another rung of its ladder', [runOf(0), runOf(1, { action: 'app.reboot', kind: 'reboot' })], 1],
    ['just within a day', [runOf(0), runOf(23.9)], 1],
    ['after more than a day', [runOf(0), runOf(24.1)], 0],
    ['on another host', [runOf(0), runOf(1, { host: 'web-2' })], 0],
    ['of another ladder', [runOf(0), runOf(1, { ladder: 'app.other' })], 0],
    [
      'the same trouble, next attempt',
      [runOf(0), { ...runOf(0, { attempt: 2 }), episode: runOf(0).episode }],
      0,
    ],
    ['commanded by a person', [runOf(0), runOf(1, { byPerson: true })], 0],
    ['by a person, then by the rule', [runOf(0), runOf(1, { byPerson: true }), runOf(2)], 2],
    ['after a run that did not heal', [runOf(0, { status: 'not_verified' }), runOf(1)], 0],
  ];
  for (const [what, runs, recurred] of cases) {
    const sum = outcomesOf(runs, false).reduce((count, each) => count + each.recurred, 0);
    expect([what, sum]).toEqual([what, recurred]);
  }
});

test('counts, rates and times are over what reached a target', () => {
  const runs = [
    runOf(0),
    runOf(30, { verifyOkSinceMs: startMs + 30 * hourMs + 240_000 }),
    runOf(60, { status: 'not_verified' }),
    runOf(61, { status: 'failed' }),
    runOf(62, { status: 'inconclusive' }),
    runOf(63, { status: 'refused' }),
    runOf(64, { kind: 'notify', status: 'done' }),
    runOf(65, { host: 'web-2' }),
  ];
  const { dispatchedAtMs: _never, ...unsent } = runOf(66, { status: 'cancelled' });
  expect(outcomesOf([...runs, unsent], false)).toEqual([
    {
      action: 'app.restart',
      runs: 6,
      verified: 3,
      notVerified: 1,
      failed: 1,
      inconclusive: 1,
      unknown: 0,
      successRate: 0.6,
      recurred: 0,
      recurrenceRate: 0,
      medianTimeToHealMs: 120_000,
      lastRunAtMs: startMs + 65 * hourMs + 60_000,
    },
  ]);
  expect(outcomesOf(runs, true).map(({ host, verified }) => [host, verified])).toEqual([
    ['web-1', 2],
    ['web-2', 1],
  ]);
});

test('trust goes one step down after failures in a row or recurrences in a day, never by what people command', () => {
  const failed = [0, 1, 2].map((at) => runOf(at, { status: 'failed' }));
  expect(judged(failed)).toBe('approve');
  expect(judged(failed, 'approve')).toBe('propose');
  expect(judged(failed, 'propose')).toBeUndefined();
  expect(judged(failed.slice(1))).toBeUndefined();
  expect(judged([...failed.slice(1), runOf(3), runOf(40, { status: 'failed' })])).toBeUndefined();
  const healed = [0, 1, 2].map((at) => runOf(at));
  expect(judged(healed)).toBe('approve');
  expect(
    judged(healed.map((run, index) => (index === 0 ? run : { ...run, byPerson: true }))),
  ).toBeUndefined();
  expect(judgeTrust('app.restart', 'auto', rule, healed, 0, startMs + 3 * dayMs)).toBeUndefined();
  expect(
    judgeTrust('app.restart', 'auto', rule, healed, startMs + 90 * 60_000, startMs + 3 * hourMs),
  ).toBeUndefined();
});
