/** The audit chain is looked at by the daemon itself, and what was altered does not stay unseen. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MenddError } from '../../core/errors.ts';
import { createLog } from '../../daemon/log.ts';
import { recordStart } from '../../daemon/start-record.ts';
import { ledgerPathOf } from '../../store/open.ts';
import { checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const hourMs = 3_600_000;
let directory = '';
let daemon: ScriptedDaemon;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-audit-watch-'));
  daemon = new ScriptedDaemon(
    join(directory, 'mendd.db'),
    definitionsOf([planOf([checkOf('running')], [ladderOf([restart])])]),
  );
  for (let each = 0; each < 2_500; each += 1)
    daemon.coordinator.audit({ atMs: each, kind: 'command', actor: 'person:ann', event: 'x', body: {} });
});

afterEach(() => {
  daemon.close();
  rmSync(directory, { recursive: true });
});

function alter(seq: number): void {
  const ledger = new Database(ledgerPathOf(join(directory, 'mendd.db')));
  ledger.exec(`UPDATE audit SET actor = 'person:bob' WHERE seq = ${seq}`);
  ledger.close();
}

function told(): unknown[] {
  const events = daemon.store.eventsAfter(0, 1_000).filter(({ type }) => type === 'audit.broken');
  return events.map(({ data }) => data['brokenAtSeq']);
}

/** A turn every second for as long as a walk needs; between walks nothing has to be passed second by second. */
async function turns(seconds: number): Promise<void> {
  for (let each = 0; each < seconds; each += 1) {
    await daemon.clock.pass(1_000);
    daemon.healing.auditWatch.turn();
  }
}

function start(): void {
  const { clock, coordinator, healing } = daemon;
  recordStart({ ...healing, clock, coordinator, log: createLog('silent'), recovered: [] });
}

test('a start looks at the end of the chain, and goes on when it was altered', () => {
  alter(2_000);
  start();
  expect(told()).toEqual([2_000]);
  expect(daemon.healing.auditWatch.isBroken).toBe(true);
  expect(daemon.coordinator.auditEntries({ limit: 1 }).items[0]?.event).toBe('daemon.started');
});

test('what was altered long ago is found within minutes of a start, and told again each day', async () => {
  alter(3);
  start();
  expect(daemon.healing.auditWatch.isBroken).toBe(false);
  await daemon.clock.pass(10 * 60_000);
  await turns(30);
  expect([told(), daemon.healing.auditWatch.isBroken]).toEqual([[3], true]);
  await daemon.clock.pass(23 * hourMs);
  await turns(30);
  expect(told()).toEqual([3]);
  await daemon.clock.pass(hourMs);
  await turns(30);
  expect(told()).toEqual([3, 3]);
});

test('a chain that is altered while the daemon runs is found within a day', async () => {
  start();
  await daemon.clock.pass(10 * 60_000);
  await turns(30);
  alter(1_700);
  await daemon.clock.pass(24 * hourMs);
  await turns(30);
  expect([told(), daemon.healing.auditWatch.isBroken]).toEqual([[1_700], true]);
});

test('a ledger that cannot be read is no broken chain, and is looked at again', async () => {
  alter(3);
  const broken = vi.spyOn(daemon.coordinator, 'walkAudit').mockImplementation(() => {
    throw new MenddError('STORE_UNUSABLE', 'the disk is gone');
  });
  await daemon.clock.pass(10 * 60_000);
  await expect(turns(1)).rejects.toThrow('the disk is gone');
  await turns(30);
  expect(broken).toHaveBeenCalledTimes(1);
  expect(daemon.healing.auditWatch.isBroken).toBe(false);
  broken.mockRestore();
  await daemon.clock.pass(10 * 60_000);
  await turns(30);
  expect(told()).toEqual([3]);
});
