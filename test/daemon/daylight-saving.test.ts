/** Twice three days of a whole daemon, each with a change of the clocks: a downtime at night, and an application that breaks every hour. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Definitions } from '../../core/definitions.ts';
import { Housekeeping } from '../../daemon/housekeeping.ts';
import { createLog } from '../../daemon/log.ts';
import { checkOf, ladderOf, planOf, remediationOf, restart } from '../support/definitions.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const minuteMs = 60_000;
const stepMs = 10 * minuteMs;
const hourMs = 60 * minuteMs;
const lastsMs = 3 * 24 * hourMs;
/** Of each hour. */
const breaksAfterMs = 40 * minuteMs;

/** Nobody looks more often than every ten minutes, or a day takes minutes. */
class SlowClock extends FakeClock {
  override after(delayMs: number, callback: () => void): () => void {
    return super.after(Math.max(delayMs, stepMs), callback);
  }
}

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mendd-daylight-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function nightly(): Definitions {
  const window = {
    kind: 'recurring',
    cron: '30 2 * * *',
    timezone: 'Europe/Berlin',
    lastsMs: hourMs,
  } as const;
  const match = { hosts: ['*'], labels: {}, checks: [] };
  const base = { by: 'mendd.yaml', reason: 'backup', createdAtMs: 0, origin: 'definitions' } as const;
  const action = { ...restart, cooldownMs: 0, verify: { withinMs: 3 * stepMs, staysOkMs: 0 } };
  const selfDoubt = { ...remediationOf().selfDoubt, stallMs: 2 * stepMs };
  const plan = planOf([checkOf('running', { flapping: null })], [ladderOf([action], { attempts: 1 })]);
  return {
    ...definitionsOf([plan], { selfDoubt }),
    suppressions: [{ ...base, kind: 'downtime', id: 'mendd.yaml:7', match, window }],
  };
}

/** When something was sent, a result at each step; the application is well from an action to the next break. */
async function actionsOf(fromMs: number): Promise<string[]> {
  const clock = new SlowClock(fromMs);
  const daemon = new ScriptedDaemon(join(directory, 'mendd.db'), nightly(), clock);
  const { store, coordinator, healing, guard } = daemon;
  const housekeeping = new Housekeeping({
    ...healing,
    clock,
    store,
    coordinator,
    log: createLog('silent'),
    outbox: { pump: () => Promise.resolve() },
    auditExport: { turn: () => undefined } as never,
    heartbeat: { turn: () => Promise.resolve(), stop: () => undefined },
  });
  const sent: string[] = [];
  let isUp = true;
  guard.answer = () => {
    sent.push(new Date(clock.nowMs()).toISOString().slice(5, 16));
    isUp = true;
    return { kind: 'ran', exitCode: 0, stdout: '', stderr: '', truncated: false, durationMs: 1 };
  };
  housekeeping.start();
  while (clock.nowMs() < fromMs + lastsMs) {
    await clock.pass(stepMs);
    const nowMs = clock.nowMs();
    const text = isUp ? 'up' : 'down';
    const base = { text, longText: '', perfdata: [], startedAtMs: nowMs, durationMs: 1 };
    const result = { ...base, state: isUp ? ('ok' as const) : ('critical' as const) };
    healing.fleet.apply('web-1', { kind: 'result', check: 'app.running', result, viaHost: true });
    await settle();
    if (nowMs % hourMs === breaksAfterMs) isUp = false;
  }
  await housekeeping.stop();
  expect(new Set(guard.sent).size).toBe(sent.length);
  expect(new Set(daemon.outcomes)).toEqual(new Set(['app.restart verified']));
  daemon.close();
  return sent;
}

/** Each break is answered by the next result, and what breaks in a downtime when that is over. */
function expected(fromMs: number, downtimes: readonly string[]): string[] {
  const windows = downtimes.map((at) => Date.parse(`2026-${at}:00Z`));
  return Array.from({ length: lastsMs / hourMs }, (_, hour) => {
    const dueMs = fromMs + hour * hourMs + breaksAfterMs + stepMs;
    const began = windows.find((ms) => ms <= dueMs && dueMs < ms + hourMs);
    return new Date(began === undefined ? dueMs : began + hourMs).toISOString().slice(5, 16);
  });
}

test.each([
  // Half past two does not exist on the 29th: the downtime begins when it would have been over, at three.
  ['spring', '2026-03-28T00:00:00Z', ['03-28T01:30', '03-29T01:00', '03-30T00:30']],
  // Half past two comes twice on the 25th: the first is meant.
  ['autumn', '2026-10-24T00:00:00Z', ['10-24T00:30', '10-25T00:30', '10-26T01:30']],
])(
  'in %s no action falls into the downtime, none is doubled and none is lost',
  async (_, from, downtimes) => {
    const fromMs = Date.parse(from);
    expect(await actionsOf(fromMs)).toEqual(expected(fromMs, downtimes));
  },
);
