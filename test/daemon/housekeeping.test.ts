/** Retention by a clock that is set: what is forgotten cannot be had back. */
import { expect, test } from 'vitest';
import { Housekeeping } from '../../daemon/housekeeping.ts';
import { createLog } from '../../daemon/log.ts';
import { remediationOf } from '../support/definitions.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { wholeDefinitions } from '../support/whole-definitions.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Nobody looks more often than once a minute, or a day takes long. */
class SlowClock extends FakeClock {
  override after(delayMs: number, callback: () => void): () => void {
    return super.after(Math.max(delayMs, minuteMs), callback);
  }
}

/** Only what is old is looked after; the newest time by which it was judged. */
function judged(clock: FakeClock) {
  const daemon = wholeDefinitions([], remediationOf()).daemon;
  const { keepResultsMs } = daemon.store;
  const asked = { results: 0, ledger: 0, runs: 0 };
  const idle = new Proxy({}, { get: () => () => [] });
  const fleet = {
    definitions: { daemon },
    memoryMs: () => 0,
    writeQuarantine: () => undefined,
    states: () => new Map(),
    forgetOldRuns: (ms: number) => void (asked.runs = ms),
  };
  const housekeeping = new Housekeeping({
    ...Object.fromEntries(
      ['history', 'observer', 'selfDoubt', 'brakes', 'suppressions', 'approvals', 'trust'].map((name) => [
        name,
        idle,
      ]),
    ),
    messages: { turn: () => false, settle: () => undefined },
    recorder: idle,
    auditExport: idle,
    auditWatch: idle,
    outbox: { pump: () => Promise.resolve() },
    heartbeat: { turn: () => Promise.resolve(), stop: () => undefined },
    log: createLog('silent'),
    clock,
    fleet,
    store: {
      prune: ({ resultsBeforeMs }: { resultsBeforeMs: number }) => {
        asked.results = resultsBeforeMs + keepResultsMs;
        return false;
      },
    },
    coordinator: {
      open: () => [],
      prune: (ms: number) => {
        asked.ledger = ms + daemon.store.keepHistoryMs;
        return false;
      },
    },
  } as never);
  housekeeping.start();
  return { asked, housekeeping };
}

test('a clock that is ahead for hours makes nothing old, and one that stays ahead is believed', async () => {
  const clock = new SlowClock();
  const { asked, housekeeping } = judged(clock);
  const isJudgedBy = (ms: number): void => {
    for (const atMs of Object.values(asked)) expect(Math.abs(atMs - ms)).toBeLessThanOrEqual(minuteMs);
  };
  await clock.pass(5 * minuteMs);
  isJudgedBy(clock.nowMs());
  clock.setWall(clock.nowMs() + 1_000 * dayMs);
  await clock.pass(6 * 60 * minuteMs);
  isJudgedBy(clock.nowMs() - 1_000 * dayMs);
  clock.setWall(clock.nowMs() - 1_000 * dayMs);
  await clock.pass(dayMs);
  isJudgedBy(clock.nowMs());
  clock.setWall(clock.nowMs() + 20 * dayMs);
  await clock.pass(dayMs + 5 * minuteMs);
  isJudgedBy(clock.nowMs());
  // Set back, it is believed at once.
  clock.setWall(clock.nowMs() - 20 * dayMs);
  await clock.pass(5 * minuteMs);
  isJudgedBy(clock.nowMs());
  await housekeeping.stop();
});
