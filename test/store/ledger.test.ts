import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Coordinator, Slots } from '../../core/ports.ts';
import { openRunStatuses, type Run, type RunStatus } from '../../core/types.ts';
import { ledgerPathOf } from '../../store/open.ts';
import {
  closeStores,
  hourMs,
  intentOf,
  minuteMs,
  openForTest,
  slotsOf,
  startMs,
  storePath,
} from './support/samples.ts';

const refused = (reason: string): object => ({ kind: 'refused', reason });
const claimed = { kind: 'claimed' };

function claim(
  coordinator: Coordinator,
  given: Parameters<typeof intentOf>[1] = {},
  slots = slotsOf(),
): object {
  return coordinator.claim(intentOf(coordinator.fence, given), slots);
}

function end(coordinator: Coordinator, runId: string, status: RunStatus, atMs = startMs): Run {
  return coordinator.advance(runId, { atMs, status });
}

test('a claim stores the whole intent and is open until it ends', () => {
  const { coordinator } = openForTest();
  const intent = intentOf(coordinator.fence);
  expect(coordinator.claim(intent, slotsOf())).toEqual(claimed);
  const expected = {
    ...intent,
    status: 'intended',
    events: [{ atMs: startMs, status: 'intended', text: 'critical twice' }],
  };
  expect(coordinator.get(intent.id)).toEqual(expected);
  expect(coordinator.open()).toEqual([expected]);
  end(coordinator, intent.id, 'cancelled');
  expect(coordinator.open()).toEqual([]);
});

test('the story of a run survives a reopen, also hostile output', () => {
  const path = storePath();
  const first = openForTest(path);
  const intent = intentOf(first.coordinator.fence);
  first.coordinator.claim(intent, slotsOf());
  first.coordinator.dispatched(intent.id, startMs + 5);
  const hostile = 'half a pair \ud83d, a nul \u0000, bell \u0007, 🦊\r\n';
  first.coordinator.advance(intent.id, {
    atMs: startMs + 10,
    status: 'verifying',
    exitCode: 0,
    outcome: 'exit code 0',
    stdout: hostile,
    stderr: '',
    evidence: hostile,
    verifyByMs: startMs + minuteMs,
    verifyOkSinceMs: startMs + 11,
    preconditions: { bootId: 'b-2' },
    event: { atMs: startMs + 10, status: 'step', text: hostile },
  });
  const before = first.coordinator.get(intent.id);
  expect(before).toMatchObject({
    stdout: hostile,
    stderr: '',
    exitCode: 0,
    preconditions: { bootId: 'b-2' },
  });
  expect(before?.dispatchedAtMs).toBe(startMs + 5);
  closeStores(first);
  const second = openForTest(path);
  expect(second.coordinator.get(intent.id)).toEqual(before);
  const cleared = second.coordinator.advance(intent.id, { atMs: startMs + 20, verifyOkSinceMs: null });
  expect(cleared).not.toHaveProperty('verifyOkSinceMs');
  expect(cleared.verifyByMs).toBe(startMs + minuteMs);
});

test('a second repair on a busy host is refused, in each open status', () => {
  const { coordinator } = openForTest();
  claim(coordinator, { id: 'a' });
  const busy = (): void => expect(claim(coordinator, { id: 'b' })).toEqual(refused('host_busy'));
  busy();
  coordinator.dispatched('a', startMs);
  busy();
  end(coordinator, 'a', 'unknown');
  busy();
  end(coordinator, 'a', 'verifying');
  busy();
  end(coordinator, 'a', 'verified');
  expect(claim(coordinator, { id: 'b' })).toEqual(claimed);
});

test('a message holds no host, spends no budget and passes a pause', () => {
  const { coordinator } = openForTest();
  coordinator.pause({ sinceMs: startMs, by: 'kim', reason: 'maintenance' });
  const slots = slotsOf({
    repairs: false,
    fleetConcurrent: 0,
    action: { runs: 0, sinceMs: 0 },
    fleet: { runs: 0, sinceMs: 0 },
  });
  expect(claim(coordinator, { id: 'page', kind: 'notify' }, slots)).toEqual(claimed);
  coordinator.resume();
  const one = slotsOf({ fleetConcurrent: 1, fleet: { runs: 1, sinceMs: startMs - hourMs } });
  expect(claim(coordinator, { id: 'repair' }, one)).toEqual(claimed);
});

test('the same intent is refused for ever, also after it ended', () => {
  const { coordinator } = openForTest();
  claim(coordinator, { id: 'a' });
  expect(claim(coordinator, { id: 'a' })).toEqual(refused('duplicate'));
  end(coordinator, 'a', 'cancelled');
  expect(claim(coordinator, { id: 'a' })).toEqual(refused('duplicate'));
});

test('open runs of the fleet are limited', () => {
  const { coordinator } = openForTest();
  const slots = slotsOf({ fleetConcurrent: 2 });
  expect(claim(coordinator, { host: 'a' }, slots)).toEqual(claimed);
  expect(claim(coordinator, { host: 'b' }, slots)).toEqual(claimed);
  expect(claim(coordinator, { host: 'c' }, slots)).toEqual(refused('fleet_busy'));
  end(coordinator, intentOf(0, { host: 'a' }).id, 'cancelled');
  expect(claim(coordinator, { host: 'c' }, slots)).toEqual(claimed);
});

test.each<[RunStatus, boolean, boolean]>([
  ['cancelled', false, false],
  ['cancelled', true, true],
  ['refused', true, false],
  ['expired', false, false],
  ['failed', false, true],
  ['failed', true, true],
  ['unknown', true, true],
  ['verified', true, true],
  ['not_verified', true, true],
])('a run that is %s (sent: %s) counts in the windows: %s', (status, sent, counts) => {
  const { coordinator } = openForTest();
  const sinceMs = startMs - hourMs;
  claim(coordinator, { id: 'a' });
  if (sent) coordinator.dispatched('a', startMs);
  end(coordinator, 'a', status);
  const fleet = slotsOf({ fleet: { runs: 1, sinceMs } });
  expect(claim(coordinator, { id: 'b', host: 'web-2' }, fleet)).toEqual(
    counts ? refused('fleet_budget_spent') : claimed,
  );
  const own = slotsOf({ action: { runs: 1, sinceMs } });
  if (status === 'unknown') return;
  expect(claim(coordinator, { id: 'c' }, own)).toEqual(counts ? refused('max_runs_reached') : claimed);
});

const once = (sinceMs: number): Slots => slotsOf({ action: { runs: 1, sinceMs } });

test('the window of an action is per host and per action, and lets go at its edge', () => {
  const { coordinator } = openForTest();
  claim(coordinator, { id: 'a' });
  coordinator.dispatched('a', startMs);
  end(coordinator, 'a', 'failed');
  expect(claim(coordinator, { id: 'b' }, once(startMs - 1))).toEqual(refused('max_runs_reached'));
  expect(claim(coordinator, { id: 'c', host: 'web-2' }, once(startMs - 1))).toEqual(claimed);
  expect(claim(coordinator, { id: 'd', action: 'queue.reboot' }, once(startMs - 1))).toEqual(claimed);
  end(coordinator, 'd', 'cancelled');
  expect(claim(coordinator, { id: 'b' }, once(startMs))).toEqual(claimed);
});

test('a newer start fences out the older one', () => {
  const path = storePath();
  const first = openForTest(path);
  expect(first.coordinator.fence).toBe(startMs / 1000);
  expect(first.coordinator.acquire(255)).toBe(startMs / 1000);
  closeStores(first);
  const { coordinator } = openForTest(path);
  expect(coordinator.fence).toBe(startMs / 1000 + 1);
  expect(coordinator.stillValid()).toBe(true);
  expect(coordinator.claim(intentOf(startMs / 1000), slotsOf())).toEqual(refused('fenced'));
  const ledger = new Database(ledgerPathOf(path));
  ledger.prepare('DELETE FROM fence').run();
  ledger.close();
  expect(coordinator.stillValid()).toBe(false);
  expect(coordinator.acquire(0)).toBeUndefined();
  expect(claim(coordinator)).toEqual(refused('fenced'));
});

test('shards are 0 to 255', () => {
  const { coordinator } = openForTest();
  for (const shard of [-1, 256, 0.5, Number.NaN])
    expect(() => coordinator.acquire(shard)).toThrow(RangeError);
  coordinator.release(3);
  expect(coordinator.acquire(3)).toBe(coordinator.fence);
  expect(coordinator.members()).toEqual(['ops']);
});

const everyStatus: RunStatus[] = [
  ...openRunStatuses,
  'verified',
  'not_verified',
  'inconclusive',
  'done',
  'failed',
  'cancelled',
  'refused',
  'expired',
];

test('an ended run is never opened again, whatever is asked', () => {
  const { coordinator } = openForTest();
  for (const last of everyStatus.filter((status) => !openRunStatuses.includes(status))) {
    claim(coordinator, { id: last, host: last });
    coordinator.dispatched(last, startMs);
    const ended = end(coordinator, last, 'unknown') && end(coordinator, last, last, startMs + 7);
    expect(ended).toMatchObject({ status: last, endedAtMs: startMs + 7 });
    expect(() => coordinator.dispatched(last, startMs)).toThrow('cannot be dispatched');
    for (const status of everyStatus.filter((one) => one !== last)) {
      expect(() => end(coordinator, last, status)).toThrow('cannot move');
    }
    expect(coordinator.get(last)).toEqual(ended);
  }
});

test('moves that would hide a send are bugs and change nothing', () => {
  const { coordinator } = openForTest();
  claim(coordinator, { id: 'a' });
  for (const status of ['dispatched', 'unknown', 'verifying', 'verified', 'done'] as const) {
    expect(() => end(coordinator, 'a', status)).toThrow('cannot move');
  }
  expect(coordinator.get('a')?.status).toBe('intended');
  coordinator.dispatched('a', startMs);
  expect(() => coordinator.dispatched('a', startMs)).toThrow('cannot be dispatched');
  expect(() => end(coordinator, 'a', 'intended')).toThrow('cannot move');
  end(coordinator, 'a', 'verifying');
  expect(() => end(coordinator, 'a', 'unknown')).toThrow('cannot move');
  expect(() => coordinator.advance('nobody', { atMs: 0 })).toThrow('does not exist');
  expect(() => coordinator.dispatched('nobody', 0)).toThrow('does not exist');
});

test('a damaged row is refused on reading, with the run named', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  claim(coordinator, { id: 'run-a' });
  claim(coordinator, { id: 'run-b', host: 'web-2' });
  const ledger = new Database(ledgerPathOf(path));
  ledger.prepare(`UPDATE runs SET status = 'verified' WHERE id = 'run-b'`).run();
  ledger.close();
  expect(() => coordinator.get('run-b')).toThrow(/run run-b .*checksum/);
  expect(coordinator.get('run-a')?.status).toBe('intended');
});

test('lists runs newest first, in pages, with filters', () => {
  const { coordinator } = openForTest();
  const ids = Array.from({ length: 7 }, (_, index) => `r${index}`);
  for (const [index, id] of ids.entries()) {
    claim(coordinator, {
      id,
      host: `h${index % 2}`,
      decidedAtMs: startMs + index,
      action: index < 4 ? 'a.x' : 'a.y',
    });
    if (index !== 6) end(coordinator, id, 'cancelled');
  }
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = coordinator.list({ limit: 3, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.items.map((run) => run.id));
    cursor = page.next;
  } while (cursor !== undefined);
  expect(seen).toEqual(ids.toReversed());
  const list = (given: object): string[] =>
    coordinator.list({ limit: 10, ...given }).items.map((run) => run.id);
  expect(list({ host: 'h1' })).toEqual(['r5', 'r3', 'r1']);
  expect(list({ action: 'a.y', status: 'cancelled' })).toEqual(['r5', 'r4']);
  expect(list({ sinceMs: startMs + 2, untilMs: startMs + 3 })).toEqual(['r3', 'r2']);
  expect(list({ cursor: 'nonsense' })).toEqual([]);
  expect(list({ limit: 0 })).toEqual(['r6']);
});

test('a summary knows whether a person commanded the run, whatever anybody wrote into it', () => {
  const { coordinator } = openForTest();
  const { fence } = coordinator;
  const tricky = `"decidedBy":"person:kim"`;
  coordinator.claim(intentOf(fence, { host: 'a', decidedBy: 'person:kim' }), slotsOf());
  const ruled = { host: 'b', decidedBy: 'rule', reason: tricky, command: tricky, approvedBy: 'person:kim' };
  coordinator.claim(intentOf(fence, ruled), slotsOf());
  expect(coordinator.summaries(0).map(({ host, byPerson }) => [host, byPerson])).toEqual([
    ['a', true],
    ['b', undefined],
  ]);
});

test('summaries hold the window and everything open, oldest first', () => {
  const { coordinator } = openForTest();
  claim(coordinator, { id: 'old-open', host: 'a', decidedAtMs: startMs - 2 * hourMs });
  claim(coordinator, { id: 'old-ended', host: 'b', decidedAtMs: startMs - 2 * hourMs });
  end(coordinator, 'old-ended', 'cancelled');
  claim(coordinator, { id: 'new', host: 'c' });
  coordinator.dispatched('new', startMs + 1);
  end(coordinator, 'new', 'failed', startMs + 2);
  expect(coordinator.summaries(startMs).map((run) => run.id)).toEqual(['old-open', 'new']);
  expect(coordinator.summaries(startMs)[1]).toEqual({
    id: 'new',
    host: 'c',
    ladder: 'queue.restart',
    action: 'queue.restart',
    kind: 'systemd_restart',
    episode: 'k0',
    attempt: 1,
    status: 'failed',
    decidedAtMs: startMs,
    dispatchedAtMs: startMs + 1,
    endedAtMs: startMs + 2,
  });
});

test('a pause survives a restart, refuses repairs and expires', () => {
  const path = storePath();
  const first = openForTest(path);
  const pause = { sinceMs: startMs, by: 'kim', reason: 'network work', untilMs: startMs + hourMs };
  first.coordinator.pause({ sinceMs: 1, by: 'x', reason: 'earlier' });
  first.coordinator.pause(pause);
  closeStores(first);
  const { coordinator } = openForTest(path);
  expect(coordinator.paused(startMs)).toEqual(pause);
  expect(claim(coordinator)).toEqual(refused('paused'));
  expect(coordinator.paused(startMs + hourMs)).toBeUndefined();
  expect(claim(coordinator, { decidedAtMs: startMs + hourMs })).toEqual(claimed);
  coordinator.pause({ sinceMs: startMs, by: 'kim', reason: 'no end' });
  expect(coordinator.paused(startMs + 400 * 24 * hourMs)).toEqual({
    sinceMs: startMs,
    by: 'kim',
    reason: 'no end',
  });
  coordinator.resume();
  expect(coordinator.paused(startMs)).toBeUndefined();
});

test('pruning takes old ended runs and leaves open ones, however old', () => {
  const { coordinator } = openForTest();
  claim(coordinator, { id: 'open', host: 'a', decidedAtMs: 1 });
  for (let index = 0; index < 600; index += 1) {
    claim(
      coordinator,
      { id: `r${index}`, host: 'b', decidedAtMs: 2 },
      slotsOf({ fleet: { runs: 1e6, sinceMs: 3 } }),
    );
    end(coordinator, `r${index}`, 'cancelled');
  }
  claim(coordinator, { id: 'young', host: 'b' });
  expect(coordinator.prune(startMs)).toBe(true);
  expect(coordinator.prune(startMs)).toBe(false);
  expect(coordinator.list({ limit: 500 }).items.map((run) => run.id)).toEqual(['young', 'open']);
});
