/** Which hosts and checks a person's matcher is for, judged as the gates would. */
import { expect, test } from 'vitest';
import type { HostPlan } from '../../core/definitions.ts';
import type { Matcher, Suppression } from '../../core/safety.ts';
import { createCoveragePort } from '../../daemon/coverage.ts';
import { checkOf, planOf, remediationOf } from '../support/definitions.ts';
import { wholeDefinitions } from '../support/whole-definitions.ts';

const plan = (name: string, labels: Record<string, string>): HostPlan => {
  const made = planOf([checkOf('running'), checkOf('backlog')], [], name);
  return { ...made, host: { ...made.host, labels } };
};
const plans = [plan('web-1', { role: 'web' }), plan('web-2', { role: 'web' }), plan('db-1', { role: 'db' })];
const definitions = wholeDefinitions(plans, remediationOf());
let known: Suppression[] = [];
let nowMs = 0;
const coverage = createCoveragePort(
  () => definitions,
  () => known,
  { nowMs: () => nowMs },
);
const matcher = (more: Partial<Matcher>): Matcher => ({ hosts: [], labels: {}, checks: [], ...more });
const base = { id: '1', by: 'ann', reason: 'r', createdAtMs: 1, origin: 'person' as const };

test('a matcher is counted before it is made, with examples', () => {
  expect(coverage.of(matcher({ labels: { role: 'web' }, checks: ['app.running'] }))).toEqual({
    hosts: 2,
    checks: 2,
    examples: [
      { host: 'web-1', check: 'app.running' },
      { host: 'web-2', check: 'app.running' },
    ],
  });
  expect(coverage.of(matcher({ hosts: ['*', '!db-1'] }))).toMatchObject({ hosts: 2, checks: 4 });
});

test('what the daemon would refuse is told in its words, and covers nothing', () => {
  expect(coverage.of(matcher({ hosts: ['web-9'] }))).toEqual({
    hosts: 0,
    checks: 0,
    examples: [],
    problem: expect.stringContaining('covers no host'),
  });
  expect(coverage.of(matcher({})).problem).toContain('empty');
});

test('a suppression is for a host or a check of it, or is not', () => {
  const silence: Suppression = {
    ...base,
    kind: 'silence',
    match: matcher({ hosts: ['web-*'], checks: ['app.running'] }),
    startsAtMs: 0,
    endsAtMs: 9,
  };
  expect(coverage.isFor(silence, new Set(['web-1']))).toBe(true);
  expect(coverage.isFor(silence, new Set(['web-1']), 'app.running')).toBe(true);
  expect(coverage.isFor(silence, new Set(['web-1']), 'app.backlog')).toBe(false);
  expect(coverage.isFor(silence, new Set(['db-1']), 'app.running')).toBe(false);
  expect(coverage.isFor(silence, new Set(['gone']), 'app.running')).toBe(false);
  expect(coverage.isFor(silence, new Set(['db-1', 'web-1']))).toBe(true);
  expect(coverage.isFor(silence, new Set())).toBe(false);
  const ack: Suppression = {
    ...base,
    kind: 'acknowledgement',
    host: 'web-1',
    check: 'app.running',
    problemSinceMs: 1,
    state: 'critical',
    sticky: false,
  };
  expect(coverage.isFor(ack, new Set(['web-1']), 'app.running')).toBe(true);
  expect(coverage.isFor(ack, new Set(['web-1']), 'app.backlog')).toBe(false);
  expect(coverage.isFor(ack, new Set(['web-2']))).toBe(false);
});

function fixed(startsAtMs: number, endsAtMs: number) {
  return { kind: 'fixed' as const, startsAtMs, endsAtMs };
}

test('downtimes that run or are to come are told with their hosts, the soonest first', () => {
  const [minute, hour] = [60_000, 3_600_000];
  /** A Tuesday, 22:13:20 UTC. */
  nowMs = 1_700_000_000_000;
  const evening = nowMs - 13 * minute - 20_000;
  const down = (
    more: Pick<Extract<Suppression, { kind: 'downtime' }>, 'window'> & { endedAtMs?: number },
  ): Suppression => ({
    ...base,
    kind: 'downtime',
    match: matcher({ hosts: ['web-*'], checks: ['app.running'] }),
    ...more,
  });
  known = [
    down({ window: fixed(nowMs + 9 * 24 * hour, nowMs + 10 * 24 * hour) }),
    down({ window: fixed(nowMs - hour, nowMs) }),
    down({ window: fixed(nowMs + hour, nowMs + 2 * hour), endedAtMs: 1 }),
    down({ window: fixed(nowMs + 2 * hour, nowMs + 3 * hour) }),
    down({ window: { kind: 'flexible', startsAtMs: nowMs - hour, endsAtMs: nowMs + hour, lastsMs: hour } }),
    down({ window: { kind: 'recurring', cron: '0 22 * * *', timezone: 'UTC', lastsMs: hour } }),
    down({ window: { kind: 'recurring', cron: '0 3 29 2 *', timezone: 'UTC', lastsMs: hour } }),
    { ...base, kind: 'silence', match: matcher({ hosts: ['*'] }), startsAtMs: 0, endsAtMs: nowMs + hour },
  ];
  const spans = () =>
    coverage.downtimes(nowMs + 7 * 24 * hour).map(({ startsAtMs, endsAtMs }) => [startsAtMs, endsAtMs]);
  const day = 24 * hour;
  expect(spans()).toEqual([
    [nowMs - hour, nowMs + hour],
    [evening, evening + hour],
    [nowMs + 2 * hour, nowMs + 3 * hour],
    [evening + day, evening + day + hour],
  ]);
  const [first] = coverage.downtimes(nowMs + hour);
  expect(first?.hosts).toEqual(['web-1', 'web-2']);
  expect([first?.isFor('app.running'), first?.isFor('app.backlog')]).toEqual([true, false]);
  // What was found is kept for as long as it is right.
  nowMs += hour;
  expect(spans().at(-1)).toEqual([evening + day, evening + day + hour]);
  expect(spans()).toHaveLength(2);
  nowMs += day;
  expect(spans()).toEqual([[evening + 2 * day, evening + 2 * day + hour]]);
});
