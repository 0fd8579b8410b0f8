/** What restrains actions, where it could be lost, forgotten, overtaken, or stay for ever. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ActionDefinition, type Definitions, type HostPlan, hostCheck } from '../../core/definitions.ts';
import { MenddError } from '../../core/errors.ts';
import type { TargetFacts } from '../../core/guard-port.ts';
import type { NewSuppression } from '../../core/views.ts';
import { Housekeeping } from '../../daemon/housekeeping.ts';
import { createLog } from '../../daemon/log.ts';
import { createPersonControls } from '../../daemon/person-controls.ts';
import { Trust, type TrustOptions } from '../../daemon/trust.ts';
import { actionOf, checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { settle } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const steady = checkOf('running', { flapping: null });
const full = new MenddError('STORE_UNUSABLE', 'the disk is full');
const everyHost = { hosts: ['*'], labels: {}, checks: [] };
const failure = { stage: 'connect', message: 'refused', hint: '', sent: false } as const;
const said = { text: '', longText: '', perfdata: [], durationMs: 1 };
const ran = { kind: 'ran', stdout: '', stderr: '', truncated: false, durationMs: 1 } as const;
let directory = '';
const open: ScriptedDaemon[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-restraint-'));
});

afterEach(() => {
  for (const each of open.splice(0)) each.close();
  rmSync(directory, { recursive: true, force: true });
});

function daemonWith(definitions: Definitions, clock?: ScriptedDaemon['clock']): ScriptedDaemon {
  const daemon = new ScriptedDaemon(join(directory, 'mendd.db'), definitions, clock);
  open.push(daemon);
  return daemon;
}

function plans(...rungs: ActionDefinition[]): HostPlan[] {
  return [planOf([steady], [ladderOf(rungs)])];
}

function controlsOf({ clock, coordinator, healing }: ScriptedDaemon) {
  return createPersonControls({ ...healing, clock, coordinator });
}

function housekeepingOf({ clock, coordinator, store, healing }: ScriptedDaemon): Housekeeping {
  const outbox = { pump: () => Promise.resolve() } as never;
  const auditExport = { turn: () => undefined } as never;
  return new Housekeeping({
    ...healing,
    clock,
    coordinator,
    store,
    outbox,
    auditExport,
    heartbeat: { turn: () => Promise.resolve(), stop: () => undefined },
    log: createLog('silent'),
  });
}

function throws(): never {
  throw full;
}

test('a reload that cannot read the store swaps nothing', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  await daemon.results('ok');
  const both = definitionsOf([...plans(restart), planOf([steady], [ladderOf([restart])], 'web-2')]);
  for (const question of ['approvals', 'suppressions'] as const) {
    const broken = vi.spyOn(daemon.coordinator, question).mockImplementation(throws);
    expect(() => daemon.healing.fleet.swap(both)).toThrow(full);
    broken.mockRestore();
    expect(daemon.healing.fleet.plan('web-2')).toBeUndefined();
    expect([...daemon.healing.fleet.states().keys()]).toEqual(['web-1']);
  }
  daemon.healing.fleet.swap(both);
  expect([...daemon.healing.fleet.states().keys()]).toEqual(['web-1', 'web-2']);
});

test('what a recovery owes outlives a reload', async () => {
  const after = actionOf('after', { kind: 'command', run: 'true' });
  const ladders = [ladderOf([restart]), ladderOf([after], { on: 'recovery', attempts: 0 })];
  const definitions = definitionsOf([planOf([steady], ladders)]);
  const daemon = daemonWith(definitions);
  await daemon.results('critical', 'critical');
  daemon.coordinator.pause({ by: 'ann', reason: 'lunch', sinceMs: daemon.clock.nowMs() });
  await daemon.results('ok', 'ok', 'ok', 'ok');
  expect(daemon.outcomes).toEqual(['app.restart verified']);
  daemon.healing.fleet.swap(definitions);
  daemon.coordinator.resume();
  await daemon.results('ok');
  expect(daemon.outcomes).toEqual(['app.restart verified', 'app.after done']);
});

function nightly(cron: string): Definitions {
  const window = { kind: 'recurring' as const, cron, timezone: 'UTC', lastsMs: 3_600_000 };
  const base = { by: 'mendd.yaml', reason: 'backup', createdAtMs: 0, origin: 'definitions' as const };
  const match = { hosts: ['*'], labels: {}, checks: [] };
  const downtime = { ...base, kind: 'downtime' as const, id: 'mendd.yaml:7', match, window };
  return { ...definitionsOf(plans(restart)), revision: cron, suppressions: [downtime] };
}

test('a recurring downtime that is rewritten on its line has its new times after a reload', async () => {
  // The fake clock starts at 22:13 UTC.
  const daemon = daemonWith(nightly('0 3 * * *'));
  daemon.healing.fleet.swap(nightly('0 22 * * *'));
  await daemon.results('critical', 'critical', 'critical');
  expect(daemon.guard.sent).toEqual([]);
});

test('a recurring downtime is in force again in hours that a clock set back gives twice', async () => {
  const daemon = daemonWith(nightly('0 * * * *'));
  const housekeeping = housekeepingOf(daemon);
  housekeeping.start();
  daemon.clock.setWall(daemon.clock.nowMs() - 5 * 3_600_000);
  await daemon.results('critical', 'critical', 'critical');
  expect(daemon.guard.sent).toEqual([]);
  await housekeeping.stop();
});

const acknowledged: NewSuppression = {
  kind: 'acknowledgement',
  host: 'web-1',
  check: 'app.running',
  reason: 'looking',
  sticky: false,
};

test.each([
  [false, ['warning', 'critical'], 1],
  [true, ['warning', 'critical'], 0],
  [true, ['ok', 'critical', 'critical'], 1],
] as const)('an acknowledgement (sticky: %s) followed by %j lets %i act', async (sticky, states, sent) => {
  const daemon = daemonWith(definitionsOf(plans({ ...restart, cooldownMs: 0 })));
  const housekeeping = housekeepingOf(daemon);
  housekeeping.start();
  await daemon.results('critical');
  controlsOf(daemon).addSuppression({ ...acknowledged, sticky }, 'ann');
  for (const state of states) await daemon.results(state);
  expect(daemon.guard.sent).toHaveLength(sent);
  await daemon.results('ok');
  await daemon.clock.pass(1_000);
  expect(controlsOf(daemon).suppressions()).toEqual([]);
  await housekeeping.stop();
});

test('an acknowledged problem stays acknowledged when the clock is set back', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  const housekeeping = housekeepingOf(daemon);
  housekeeping.start();
  await daemon.results('critical');
  controlsOf(daemon).addSuppression(acknowledged, 'ann');
  daemon.clock.setWall(daemon.clock.nowMs() - 3_600_000);
  await daemon.results('critical', 'critical', 'critical');
  expect(daemon.guard.sent).toEqual([]);
  await housekeeping.stop();
});

test('outcomes are of the runs decided since then, open ones too', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  daemon.guard.answer = () => new Promise(() => undefined);
  await daemon.results('critical', 'critical');
  const { decidedAtMs = 0 } = daemon.runs[0] ?? {};
  const counted = (sinceMs: number): number[] =>
    controlsOf(daemon)
      .outcomes({ sinceMs, perHost: false })
      .map(({ runs }) => runs);
  expect(counted(decidedAtMs)).toEqual([1]);
  expect(counted(decidedAtMs + 1)).toEqual([]);
});

test('a silence holds from the next decision on, and ends with the next one after it was taken back', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  await daemon.results('critical');
  const controls = controlsOf(daemon);
  const endsAtMs = daemon.clock.nowMs() + 3_600_000;
  const made = controls.addSuppression(
    { kind: 'silence', match: everyHost, reason: 'work', endsAtMs },
    'ann',
  );
  await daemon.results('critical');
  expect(daemon.guard.sent).toEqual([]);
  controls.endSuppression('id' in made ? made.id : '', 'ann');
  await daemon.results('critical');
  expect(daemon.guard.sent).toHaveLength(1);
});

test('a brake that came off while the ledger took no writes comes off there too', async () => {
  const brake = {
    unhealthyAbovePercent: 0,
    minUnhealthy: 1,
    release: { kind: 'auto' as const, afterMs: 1_000 },
  };
  const daemon = daemonWith(definitionsOf(plans(restart), { brake }));
  await daemon.results('critical');
  expect(daemon.coordinator.brakes()).toHaveLength(1);
  const broken = vi.spyOn(daemon.coordinator, 'clearBrake').mockImplementation(throws);
  await daemon.results('ok', 'ok');
  daemon.healing.brakes.stepAll();
  expect(daemon.healing.brakes.on).toBe(0);
  expect(daemon.coordinator.brakes()).toHaveLength(1);
  broken.mockRestore();
  daemon.healing.brakes.stepAll();
  expect(daemon.coordinator.brakes()).toEqual([]);
});

test('the tag of a brake is another when it came on anew or was released, not when figures change', async () => {
  const release = { kind: 'auto' as const, afterMs: 600_000 };
  const brake = { unhealthyAbovePercent: 0, minUnhealthy: 1, release };
  const daemon = daemonWith(definitionsOf(plans(restart), { brake }));
  const look = (): string => {
    daemon.healing.brakes.stepAll();
    const { on, unhealthy, tag } = daemon.healing.brakes.views()[0] ?? {};
    return `${on} ${unhealthy} ${tag}`;
  };
  const off = look();
  await daemon.results('critical');
  const on = look();
  const tag = on.replace('true 1 ', '');
  expect(off).not.toContain(tag);
  await daemon.results('ok', 'ok');
  expect(look()).toBe(`true 0 ${tag}`);
  await daemon.clock.pass(release.afterMs);
  expect(look()).toBe(off);
  await daemon.results('critical');
  const anew = look();
  expect(anew).toMatch(/^true 1 /);
  expect(anew).not.toContain(tag);
  controlsOf(daemon).releaseBrake('fleet', 'ann', 'known');
  const { tag: released } = daemon.healing.brakes.views()[0] ?? {};
  expect(anew).not.toContain(released);
});

test('the tag of a demotion is another when more trust was lost, or for another reason', () => {
  const demotion = {
    action: 'app.restart',
    mode: 'approve',
    sinceMs: 1,
    by: 'rule',
    reason: '3 failures',
  } as const;
  const tags = [{}, { mode: 'propose' as const }, { sinceMs: 2 }, { reason: '4 failures' }, {}].map(
    (more) => {
      const caps = new Map([['app.restart', { ...demotion, ...more }]]);
      return new Trust({ caps } as unknown as TrustOptions).demoted()[0]?.tag;
    },
  );
  expect(new Set(tags).size).toBe(4);
  expect(tags[4]).toBe(tags[0]);
});

test('a host that was not asked since too many were down is asked before it is switched off and on', async () => {
  const names = ['web-1', 'web-2', 'web-3'];
  const power = actionOf('power', { kind: 'command', run: 'true' }, { runOn: { kind: 'local' } });
  const ladders = [ladderOf([power], { check: hostCheck, attempts: 1 })];
  const brake = {
    unhealthyAbovePercent: 30,
    minUnhealthy: 2,
    release: { kind: 'auto' as const, afterMs: 20_000 },
  };
  const onePerHost = names.map((name) => planOf([steady], ladders, name));
  const { clock, healing, guard } = daemonWith(definitionsOf(onePerHost, { brake }));
  const answers = async (...hosts: string[]): Promise<void> => {
    const result = { ...said, state: 'ok' as const, startedAtMs: clock.nowMs() };
    for (const host of hosts)
      healing.fleet.apply(host, { kind: 'result', check: 'app.running', result, viaHost: true });
    await clock.pass(1_000);
  };
  const isDown = async (startedAtMs: number, ...hosts: string[]): Promise<void> => {
    for (const host of hosts) healing.fleet.apply(host, { kind: 'unreachable', failure, startedAtMs });
    await clock.pass(6_000);
  };
  await answers(...names);
  for (let tries = 0; tries < 3; tries += 1) await isDown(clock.nowMs(), 'web-1', 'web-2');
  const triedAtMs = clock.nowMs();
  await isDown(triedAtMs, 'web-1', 'web-2');
  expect(healing.brakes.on).toBe(1);
  await answers('web-2', 'web-3');
  await clock.pass(20_000);
  healing.brakes.stepAll();
  expect(healing.brakes.on).toBe(0);
  // No new attempt was due: what is known of it is told again.
  await isDown(triedAtMs, 'web-1');
  expect(guard.sent).toEqual([]);
  await isDown(clock.nowMs(), 'web-1');
  await isDown(clock.nowMs(), 'web-1');
  expect(guard.sent).toHaveLength(1);
});

test('the last run of the fleet’s budget is sent, and brakes the next', async () => {
  const brake = {
    unhealthyAbovePercent: 50,
    minUnhealthy: 2,
    release: { kind: 'auto' as const, afterMs: 1_000 },
  };
  const again = { ...restart, cooldownMs: 0 };
  const maxRuns = { runs: 2, perMs: 3_600_000 };
  const daemon = daemonWith(definitionsOf(plans(again), { brake, maxRuns }));
  for (const sent of [1, 2, 2]) {
    await daemon.results('critical', 'critical', 'critical');
    expect(daemon.guard.sent).toHaveLength(sent);
    await daemon.results('ok', 'ok', 'ok', 'ok');
  }
  expect(daemon.outcomes).toEqual(['app.restart verified', 'app.restart verified']);
  expect(daemon.healing.brakes.on).toBe(1);
});

test('a demotion and a quarantine that the ledger did not take hold, and are written as soon as it does', async () => {
  const failing = { ...restart, cooldownMs: 0, demote: { failures: 1, recurrences: 100 } };
  const daemon = daemonWith(definitionsOf(plans(failing)));
  const { coordinator, clock, healing } = daemon;
  const housekeeping = housekeepingOf(daemon);
  const broken = (['saveTrust', 'setQuarantine'] as const).map((name) =>
    vi.spyOn(coordinator, name).mockImplementation(throws),
  );
  daemon.guard.answer = (request) => ({ ...ran, exitCode: request.intent.attempt });
  await daemon.results('critical', 'critical');
  expect(daemon.outcomes).toEqual(['app.restart failed']);
  const quarantine = { cause: 'restored', sinceMs: clock.nowMs(), text: 'an old copy' } as const;
  expect(() => healing.fleet.distrust(quarantine)).toThrow(full);
  housekeeping.start();
  await clock.pass(3_000);
  expect(healing.trust.demoted()).toMatchObject([{ action: 'app.restart', mode: 'approve' }]);
  expect(healing.fleet.quarantine).toEqual(quarantine);
  expect([coordinator.trust(), coordinator.quarantine()]).toEqual([[], undefined]);
  for (const each of broken) each.mockRestore();
  await clock.pass(2_000);
  const [{ tag: _read, ...cap } = { tag: '' }] = healing.trust.demoted();
  expect(coordinator.trust()).toEqual([cap]);
  expect(coordinator.quarantine()).toEqual(quarantine);
  const told = coordinator.auditEntries({ limit: 500 }).items.map(({ event }) => event);
  expect(told.filter((event) => event === 'action.demoted')).toHaveLength(1);
  controlsOf(daemon).rearm('ann', 'sure');
  await clock.pass(2_000);
  expect(coordinator.quarantine()).toBeUndefined();
  await housekeeping.stop();
});

test('a host that takes long to tell its facts is acted upon all the same', async () => {
  const daemon = daemonWith(definitionsOf(plans({ ...restart, humanIntent: true })));
  const answers: ((facts: TargetFacts) => void)[] = [];
  const { facts } = daemon.guard;
  daemon.guard.facts = () => new Promise((resolve) => answers.push(resolve));
  await daemon.results('critical', 'critical');
  await daemon.clock.pass(8_000);
  daemon.guard.facts = facts;
  answers[0]?.({ kind: 'facts', bootId: 'boot-1', uptimeSec: 1_000, people: [] });
  await settle();
  expect(daemon.guard.sent).toHaveLength(1);
});

test('what lets actions go on happens only when it is on record', () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  const { coordinator, clock, healing } = daemon;
  const controls = controlsOf(daemon);
  coordinator.pause({ by: 'ann', reason: 'lunch', sinceMs: clock.nowMs() });
  healing.fleet.distrust({ cause: 'restored', sinceMs: clock.nowMs(), text: 'an old copy' });
  const broken = vi.spyOn(coordinator, 'audit').mockImplementation(throws);
  expect(() => controls.resume('ann')).toThrow(full);
  expect(() => controls.rearm('ann', 'sure')).toThrow(full);
  broken.mockRestore();
  expect(coordinator.paused(clock.nowMs())).toMatchObject({ by: 'ann' });
  expect(coordinator.quarantine()).toMatchObject({ cause: 'restored' });
  controls.rearm('ann', 'sure');
  expect(healing.fleet.quarantine).toBeUndefined();
});

test('why something was lifted is in the audit and told with the event, when it was said', () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  const { coordinator, clock, healing } = daemon;
  const told = vi.spyOn(healing.history, 'add');
  const controls = controlsOf(daemon);
  const silence = (): string => {
    const endsAtMs = clock.nowMs() + 3_600_000;
    const made = controls.addSuppression(
      { kind: 'silence', match: everyHost, reason: 'work', endsAtMs },
      'ann',
    );
    return 'id' in made ? made.id : '';
  };
  const ids = [silence(), silence()] as const;
  told.mockClear();
  controls.resume('ann');
  controls.resume('ann', 'the switch is back');
  controls.endSuppression(ids[0], 'ann');
  controls.endSuppression(ids[1], 'ann', 'done early');
  const lifted = [
    {},
    { reason: 'the switch is back' },
    { id: ids[0], kind: 'silence' },
    { id: ids[1], kind: 'silence', reason: 'done early' },
  ];
  const audited = coordinator.auditEntries({ limit: 4 }).items.map(({ body }) => body);
  expect(audited.toReversed()).toEqual(lifted);
  expect(told.mock.calls.map(([, about]) => about?.data)).toEqual(
    lifted.map((each) => ({ ...each, by: 'ann' })),
  );
});

test('one duty that the ledger refuses keeps no other from its turn', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  vi.spyOn(daemon.healing.approvals, 'turn').mockImplementation(throws);
  const prune = vi.spyOn(daemon.store, 'prune');
  const housekeeping = housekeepingOf(daemon);
  housekeeping.start();
  await daemon.clock.pass(1_000);
  expect(prune).toHaveBeenCalled();
  await housekeeping.stop();
});
