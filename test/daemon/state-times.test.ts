import { expect, test } from 'vitest';
import { initialHostState } from '../../core/engine.ts';
import type { HostEngineState } from '../../core/reduction.ts';
import { askedAtMs, stateNotAfter } from '../../daemon/state-times.ts';
import { checkOf, planOf } from '../support/definitions.ts';

test('a host was asked when asking began, also when it failed long after', () => {
  const failure = { stage: 'connect' as const, message: 'timed out', hint: '', sent: false };
  expect(askedAtMs({ kind: 'unreachable', failure, startedAtMs: 7 })).toBe(7);
  const result = {
    state: 'ok' as const,
    text: '',
    longText: '',
    perfdata: [],
    startedAtMs: 8,
    durationMs: 9_000,
  };
  expect(askedAtMs({ kind: 'result', check: 'app', result, viaHost: true })).toBe(8);
  expect(askedAtMs({ kind: 'tick' })).toBeUndefined();
});

test('after a clock was set back nothing lies in the future, and no answer from before looks fresh', () => {
  const plan = planOf([checkOf('running'), checkOf('old'), checkOf('new')], []);
  const fresh = initialHostState(plan, 100);
  const nowMs = 1_000;
  const statusAt = (startedAtMs: number) => ({
    ...fresh.checks['app.running'],
    sinceMs: startedAtMs,
    problemSinceMs: startedAtMs,
    lastResult: { state: 'ok', text: '', longText: '', perfdata: [], startedAtMs, durationMs: 1 },
  });
  const before = {
    ...fresh,
    host: { ...fresh.host, sinceMs: 2_000, lastSeenAtMs: 2_000, attemptAtMs: 2_000 },
    checks: { 'app.running': statusAt(2_000), 'app.old': statusAt(200), 'app.new': fresh.checks['app.new'] },
  } as HostEngineState;
  const after = stateNotAfter(before, nowMs);
  expect(after.host).toMatchObject({ sinceMs: 1_000, lastSeenAtMs: 999, attemptAtMs: 999 });
  expect(after.checks).toEqual({
    'app.running': { ...statusAt(1_000), lastResult: { ...statusAt(1_000).lastResult, startedAtMs: 999 } },
    'app.old': statusAt(200),
    'app.new': fresh.checks['app.new'],
  });
});
