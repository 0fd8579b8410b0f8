import { expect, test } from 'vitest';
import { initialHostState } from '../../core/engine.ts';
import type { HostEngineState } from '../../core/reduction.ts';
import type { CheckStatus, HostStatus } from '../../core/types.ts';
import { HostSummaries } from '../../daemon/host-summaries.ts';
import { checkOf, planOf } from '../support/definitions.ts';

const plan = planOf(
  [checkOf('running'), checkOf('load'), checkOf('local', { runOn: { kind: 'local' } })],
  [],
);
const fresh = initialHostState(plan, 0);
const up: HostStatus = { state: 'up', type: 'hard', attempt: 0, sinceMs: 0 };
/** Of a check every 10 s with a limit of 5 s: three intervals and the limit. */
const staleAfterMs = 35_000;

function state(host: HostStatus, at: Record<string, [CheckStatus['state'], number?]>): HostEngineState {
  const checks = Object.fromEntries(
    Object.entries(fresh.checks).map(([id, status]) => {
      const [now, startedAtMs] = at[id.slice(4)] ?? ['pending'];
      const result = {
        state: now === 'pending' ? 'ok' : now,
        text: '',
        startedAtMs: startedAtMs ?? 0,
        durationMs: 0,
      };
      return [
        id,
        {
          ...status,
          state: now,
          ...(startedAtMs === undefined ? {} : { lastResult: result }),
        } as CheckStatus,
      ];
    }),
  );
  return { ...fresh, host, checks };
}

test('a summary is made once for each state, and anew when a check becomes stale by time alone', () => {
  const summaries = new HostSummaries(0);
  const now = state(up, { running: ['ok', 1_000], load: ['warning', 2_000], local: ['ok', 5_000] });
  const first = summaries.of(plan, now, 5_000);
  expect(first).toMatchObject({ ok: 2, stale: 0, isWell: false });
  expect(first.problems.map(({ id }) => id)).toEqual(['app.load']);
  expect(first.view.checks).toEqual({ ok: 2, warning: 1, critical: 0, unknown: 0, pending: 0 });
  expect(summaries.of(plan, now, 1_000 + staleAfterMs)).toBe(first);
  expect(summaries.of(plan, now, 1_001 + staleAfterMs)).toMatchObject({ ok: 1, stale: 1 });
  expect(summaries.of(plan, now, 5_001 + staleAfterMs)).toMatchObject({ ok: 0, stale: 3 });
  // The clock was set back.
  expect(summaries.of(plan, now, 5_000)).toMatchObject({ ok: 2, stale: 0 });
});

test('another state or other definitions are another summary', () => {
  const summaries = new HostSummaries(0);
  const before = state(up, { running: ['ok', 1_000], load: ['ok', 1_000], local: ['ok', 1_000] });
  expect(summaries.of(plan, before, 2_000)).toMatchObject({ ok: 3, problems: [], isWell: true });
  const after = state(up, { running: ['critical', 1_000], load: ['ok', 1_000], local: ['ok', 1_000] });
  expect(summaries.of(plan, after, 2_000)).toMatchObject({ ok: 2, isWell: false });
  const fewer = planOf([checkOf('running')], []);
  expect(summaries.of(fewer, before, 2_000)).toMatchObject({ ok: 1 });
});

test('of a host that cannot be asked only what runs on the ops box is fresh, and nothing is well', () => {
  const summaries = new HostSummaries(0);
  const gone: HostStatus = { state: 'unreachable', type: 'soft', attempt: 1, sinceMs: 1_000 };
  const now = state(gone, { running: ['ok', 1_000], load: ['ok', 1_000], local: ['ok', 1_000] });
  expect(summaries.of(plan, now, 2_000)).toMatchObject({ ok: 1, stale: 2, isWell: false });
});

test('nothing is stale before the daemon had the time to ask, nor without any result', () => {
  const summaries = new HostSummaries(1_000_000);
  const now = state(up, { running: ['ok', 1_000], load: ['pending'], local: ['ok', 1_000] });
  expect(summaries.of(plan, now, 1_000_000 + staleAfterMs)).toMatchObject({ ok: 2, stale: 0 });
  expect(summaries.of(plan, now, 1_000_001 + staleAfterMs)).toMatchObject({ ok: 0, stale: 2 });
});
