import { expect, test } from 'vitest';
import type { Clock } from '../../core/ports.ts';
import { Pulse } from '../../runner/ssh-pulse.ts';

/** Time that passes when told to, and a connection to ask over. */
function setUp(canAsk = true) {
  let nowMs = 0;
  const timers = new Set<{ dueMs: number; callback: () => void }>();
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { dueMs: nowMs + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const state = { busy: false, asked: [] as number[], silentAtMs: undefined as number | undefined };
  const beat = new Pulse({
    clock,
    isBusy: () => state.busy,
    ask() {
      if (canAsk) state.asked.push(nowMs);
      return canAsk;
    },
    onSilent: () => (state.silentAtMs = nowMs),
  });
  const passTo = (untilMs: number): void => {
    for (;;) {
      const [next] = [...timers].sort((a, b) => a.dueMs - b.dueMs);
      if (!next || next.dueMs > untilMs) break;
      timers.delete(next);
      nowMs = Math.max(nowMs, next.dueMs);
      next.callback();
    }
    nowMs = untilMs;
  };
  return { beat, state, passTo, timers };
}

test('an idle connection is asked after a minute without a byte, and is silent after 30 s more', () => {
  const { state, passTo, timers } = setUp();
  passTo(59_999);
  expect(state.asked).toEqual([]);
  passTo(89_999);
  expect(state).toMatchObject({ asked: [60_000, 70_000, 80_000], silentAtMs: undefined });
  passTo(90_000);
  expect(state.silentAtMs).toBe(90_000);
  expect(timers.size).toBe(0);
});

test('one that is used once a minute is never asked', () => {
  const { beat, state, passTo } = setUp();
  for (let minute = 1; minute <= 10; minute += 1) {
    passTo(minute * 60_000 - 1_000);
    beat.begin();
    state.busy = true;
    passTo(minute * 60_000 - 500);
    beat.heard();
    state.busy = false;
  }
  expect(state).toMatchObject({ asked: [], silentAtMs: undefined });
});

test('while something is under way a quiet one is asked each 10 s, and is silent after 40 s', () => {
  const { beat, state, passTo } = setUp();
  passTo(55_000);
  beat.begin();
  state.busy = true;
  passTo(64_999);
  expect(state.asked).toEqual([]);
  passTo(65_000);
  beat.heard();
  passTo(104_999);
  expect(state).toMatchObject({ asked: [65_000, 75_000, 85_000, 95_000], silentAtMs: undefined });
  passTo(105_000);
  expect(state.silentAtMs).toBe(105_000);
});

test('any byte takes back the question', () => {
  const { beat, state, passTo } = setUp();
  passTo(85_000);
  beat.heard();
  passTo(140_000);
  expect(state).toMatchObject({ asked: [60_000, 70_000, 80_000], silentAtMs: undefined });
  passTo(145_000);
  expect(state.asked.at(-1)).toBe(145_000);
});

test('a question of somebody else counts, and more of them shorten nothing', () => {
  const { beat, state, passTo } = setUp();
  passTo(30_000);
  for (let count = 0; count < 5; count += 1) beat.ask();
  passTo(59_999);
  expect(state.silentAtMs).toBeUndefined();
  passTo(60_000);
  expect(state.silentAtMs).toBe(60_000);
});

test('one that cannot be asked is never called silent', () => {
  const { state, passTo } = setUp(false);
  passTo(600_000);
  expect(state.silentAtMs).toBeUndefined();
});

test('nothing is asked after the end', () => {
  const { beat, state, passTo, timers } = setUp();
  beat.stop();
  beat.begin();
  passTo(600_000);
  expect(state.asked).toEqual([]);
  expect(timers.size).toBe(0);
});
