/** What rules decided and what people were refused stands in the audit chain, and neither repeats nor an outage can fill or gap it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ActionDefinition } from '../../core/definitions.ts';
import { MenddError } from '../../core/errors.ts';
import { emptyWorld } from '../../core/sources.ts';
import { createLog } from '../../daemon/log.ts';
import { createPersonControls } from '../../daemon/person-controls.ts';
import { Reloader } from '../../daemon/reload.ts';
import { checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const asked: ActionDefinition = { ...restart, mode: 'approve', approveWithinMs: 60_000 };
const brake = {
  unhealthyAbovePercent: 0,
  minUnhealthy: 1,
  release: { kind: 'auto' as const, afterMs: 1_000 },
};
let directory = '';
let daemon: ScriptedDaemon;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-recorder-'));
});

afterEach(() => {
  daemon.close();
  rmSync(directory, { recursive: true });
});

function start(action: ActionDefinition, more: Parameters<typeof definitionsOf>[1] = {}) {
  const plans = [planOf([checkOf('running', { flapping: null })], [ladderOf([action])])];
  daemon = new ScriptedDaemon(join(directory, 'mendd.db'), definitionsOf(plans, more));
  const { clock, coordinator, healing } = daemon;
  return createPersonControls({ ...healing, clock, coordinator });
}

/** Oldest first. */
function recorded(...events: string[]) {
  const { items } = daemon.coordinator.auditEntries({ limit: 500 });
  return items.toReversed().filter(({ event }) => events.includes(event));
}

function throws(): never {
  throw new MenddError('STORE_UNUSABLE', 'the disk is full');
}

test('an answer that came too late, and one to what has changed since, are recorded with who gave it', async () => {
  const controls = start(asked);
  await daemon.results('critical', 'critical');
  const [question] = daemon.healing.approvals.waiting();
  const { id = '', tag = '' } = question ?? {};
  const answer = (name: string, read: string): unknown =>
    controls.settleApproval(id, 'approved', { by: name, reason: 'yes', tag: read });
  expect(answer('ann', 'old')).toMatchObject({ status: 412 });
  await daemon.clock.pass(60_000);
  expect(answer('bob', tag)).toMatchObject({ status: 409, code: 'expired' });
  expect(controls.settleApproval('nothing', 'approved', { by: 'bob', reason: '', tag })).toMatchObject({
    status: 404,
  });
  expect(recorded('command.refused').map(({ actor, kind, body }) => [actor, kind, body])).toEqual([
    ['person:ann', 'command', expect.objectContaining({ command: 'approved', id, code: 'changed' })],
    ['person:bob', 'command', expect.objectContaining({ command: 'approved', id, code: 'expired' })],
  ]);
});

test('a refusal that is repeated is recorded once a minute, with its count', async () => {
  const controls = start(restart);
  for (let second = 0; second < 130; second += 1) {
    expect(controls.rearm('ann', 'sure')).toMatchObject({ status: 409 });
    await daemon.clock.pass(1_000);
  }
  controls.promote('app.restart', 'ann', 'sure');
  expect(recorded('command.refused').map(({ body }) => [body['command'], body['repeats']])).toEqual([
    ['rearm', undefined],
    ['rearm', 59],
    ['rearm', 59],
    ['trust.promote', undefined],
  ]);
});

test('a brake that the rule puts on and takes off is recorded, later when the ledger takes nothing', async () => {
  start(restart, { brake });
  const broken = vi.spyOn(daemon.coordinator, 'audit').mockImplementation(throws);
  await daemon.results('critical', 'ok', 'ok');
  const engagedAtMs = daemon.clock.nowMs() - 20_000;
  expect(daemon.healing.brakes.on).toBe(0);
  broken.mockRestore();
  expect(recorded('brake.engaged')).toEqual([]);
  await daemon.clock.pass(5_000);
  daemon.healing.recorder.turn();
  daemon.healing.recorder.turn();
  expect(recorded('brake.engaged', 'brake.released')).toMatchObject([
    { event: 'brake.engaged', actor: 'rule', kind: 'decision', atMs: engagedAtMs, body: { scope: 'fleet' } },
    { event: 'brake.released', actor: 'rule', kind: 'decision' },
  ]);
});

test('a brake that a person released is recorded as theirs alone', async () => {
  const controls = start(restart, { brake });
  await daemon.results('critical');
  controls.releaseBrake('fleet', 'ann', 'known');
  await daemon.results('ok', 'ok');
  expect(recorded('brake.engaged', 'brake.released').map(({ actor }) => actor)).toEqual([
    'rule',
    'person:ann',
  ]);
  expect(controls.releaseBrake('fleet', 'ann', 'again')).toMatchObject({ status: 409 });
  expect(recorded('command.refused')).toHaveLength(1);
});

test('a dry release is judged like the real one, and the brake stays on', async () => {
  const controls = start(restart, { brake });
  expect(controls.releaseBrake('fleet', 'ann', 'dry', true)).toMatchObject({ status: 409 });
  await daemon.results('critical');
  const head = daemon.coordinator.auditHead();
  const dry = controls.releaseBrake('fleet', 'ann', 'dry', true);
  expect(dry).toMatchObject({ scope: 'fleet', on: false, state: { released: { by: 'ann', reason: 'dry' } } });
  expect(controls.brakes().find(({ scope }) => scope === 'fleet')).toMatchObject({
    on: true,
    releasesAfterMs: brake.release.afterMs,
  });
  expect(daemon.coordinator.auditHead()).toEqual(head);
  expect(controls.releaseBrake('fleet', 'ann', 'known')).toMatchObject({ on: false });
});

test('an outage of the ledger keeps the first thousand entries, not all there is room for', () => {
  start(restart);
  const broken = vi.spyOn(daemon.coordinator, 'audit').mockImplementation(throws);
  const entry = { kind: 'decision', actor: 'rule', event: 'x' } as const;
  for (let each = 0; each < 1_500; each += 1) daemon.healing.recorder.record({ ...entry, body: { each } });
  broken.mockRestore();
  daemon.healing.recorder.turn();
  expect(daemon.coordinator.verifyAudit()).toMatchObject({ ok: true, entries: 1_000 });
  expect(recorded('x').at(-1)?.body).toEqual({ each: 999 });
});

test('a refused reload is recorded once for each mistake in an hour, bounded', async () => {
  start(restart);
  const { clock, coordinator, healing } = daemon;
  let problem = 'mendd.yaml';
  const reloader = new Reloader({
    get configFile() {
      return join(directory, problem);
    },
    clock,
    log: createLog('silent'),
    history: healing.history,
    coordinator,
    current: () => healing.fleet.definitions,
    messages: healing.messages,
    world: () => emptyWorld,
    swap: async () => undefined,
  });
  for (let each = 0; each < 5; each += 1) expect((await reloader.reload({ by: 'ann' })).ok).toBe(false);
  problem = `${'x'.repeat(200)}/`.repeat(4);
  await reloader.reload({ by: 'ann' });
  await clock.pass(3_600_000);
  await reloader.reload({ by: 'signal' });
  const entries = recorded('definitions.rejected');
  expect(entries.map(({ actor, kind }) => [actor, kind])).toEqual([
    ['person:ann', 'definitions'],
    ['person:ann', 'definitions'],
    ['daemon', 'definitions'],
  ]);
  for (const { body } of entries) expect(JSON.stringify(body).length).toBeLessThan(600);
});
