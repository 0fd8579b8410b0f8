/** A mass failure under housekeeping: all are told soon, a bit at a time, and a ledger that is full meanwhile loses none. */
import { expect, test, vi } from 'vitest';
import { MenddError } from '../../core/errors.ts';
import { Housekeeping } from '../../daemon/housekeeping.ts';
import { createLog } from '../../daemon/log.ts';
import { planOf } from '../support/definitions.ts';
import { definitions, route, running, start } from './told-daemon.ts';

const names = Array.from({ length: 300 }, (_, index) => `web-${index}`);

function failing() {
  const plans = names.map((name) => planOf([running], [], name));
  const daemon = start(definitions(plans, { routes: [route('all', { to: ['oncall', 'chat'] })] }));
  const { clock, coordinator, store, healing } = daemon;
  const housekeeping = new Housekeeping({
    ...healing,
    clock,
    coordinator,
    store,
    outbox: { pump: () => Promise.resolve() },
    auditExport: { turn: () => undefined } as never,
    heartbeat: { turn: () => Promise.resolve(), stop: () => undefined },
    log: createLog('silent'),
  });
  const startedAtMs = clock.nowMs();
  const result = {
    state: 'critical' as const,
    text: '',
    longText: '',
    perfdata: [],
    startedAtMs,
    durationMs: 1,
  };
  for (const name of names)
    healing.fleet.apply(name, { kind: 'result', check: 'app.running', result, viaHost: true });
  housekeeping.start();
  return { clock, coordinator, housekeeping, waiting: () => coordinator.messageCounts().waiting };
}

test('all are told within three seconds, no turn makes many, and the end ends it', async () => {
  const { clock, coordinator, housekeeping, waiting } = failing();
  const made = vi.spyOn(coordinator, 'converse');
  await clock.pass(1_000);
  expect(waiting()).toBeLessThan(200);
  await clock.pass(2_000);
  expect(waiting()).toBe(600);
  expect(Math.max(...made.mock.calls.map(([, messages]) => messages?.length ?? 0))).toBeLessThanOrEqual(60);
  await housekeeping.stop();
});

test('a ledger that is full for a while loses none of them and tells none twice', async () => {
  const { clock, coordinator, housekeeping, waiting } = failing();
  await clock.pass(1_100);
  const full = vi.spyOn(coordinator, 'converse').mockImplementation(() => {
    throw new MenddError('STORE_UNUSABLE', 'the disk is full');
  });
  await clock.pass(3_000);
  const before = waiting();
  expect(before).toBeLessThan(600);
  full.mockRestore();
  await clock.pass(5_000);
  expect(waiting()).toBe(600);
  await housekeeping.stop();
});

test('after the end nothing is told any more', async () => {
  const { clock, housekeeping, waiting } = failing();
  await clock.pass(1_000);
  await housekeeping.stop();
  const told = waiting();
  expect(told).toBeGreaterThan(0);
  await clock.pass(5_000);
  expect(waiting()).toBe(told);
});
