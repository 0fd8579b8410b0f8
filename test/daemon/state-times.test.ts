import { expect, test } from 'vitest';
import { askedAtMs } from '../../daemon/state-times.ts';

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
