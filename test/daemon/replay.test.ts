/** A replay of nights that a daemon recorded: the same definitions agree with what happened, others differ in exactly what they say. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Definitions, LadderDefinition, Secret } from '../../core/definitions.ts';
import { plannedRun } from '../../core/runs.ts';
import type { NewSuppression } from '../../core/views.ts';
import { AuditExport } from '../../daemon/audit.ts';
import { Housekeeping } from '../../daemon/housekeeping.ts';
import { createLog } from '../../daemon/log.ts';
import { createPersonControls } from '../../daemon/person-controls.ts';
import { type ReplayReport, replay } from '../../daemon/replay.ts';
import { recordStart } from '../../daemon/start-record.ts';
import { openRecorded } from '../../store/recorded.ts';
import { Random } from '../simulation/random.ts';
import {
  actionOf,
  checkOf,
  ladderOf,
  page,
  planOf,
  reboot,
  remediationOf,
  restart,
} from '../support/definitions.ts';
import { settle } from '../support/fake-clock.ts';
import { fileDigests } from '../support/file-digests.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const minute = 60_000;
const usual = ladderOf([restart, page]);
/** A later change of that action. */
const changed = (more: Partial<typeof restart>, trigger: Partial<LadderDefinition['trigger']> = {}) =>
  ladderOf([{ ...restart, ...more }, page], trigger);
const withLadders = (...ladders: LadderDefinition[]): Definitions =>
  definitionsOf([planOf([checkOf('running')], ladders)]);

let path: string;
let daemon: ScriptedDaemon;

beforeEach(() => {
  path = join(temporaryTree({}), 'mendd.db');
});

function begin(definitions = withLadders(usual)): ScriptedDaemon {
  daemon = new ScriptedDaemon(path, definitions);
  return daemon;
}

/** Twice down, half an hour apart; what the restart mends shows in the results. */
async function night(definitions?: Definitions): Promise<void> {
  begin(definitions);
  for (const quiet of [3, 180]) {
    await daemon.results(...Array<'ok'>(quiet).fill('ok'), 'critical', 'critical', 'critical');
    await daemon.results('ok', 'ok', 'ok', 'ok');
  }
  daemon.close();
}

async function replayed(
  definitions: Definitions,
  more: Partial<Parameters<typeof replay>[0]> = {},
): Promise<ReplayReport> {
  const recorded = openRecorded(path);
  const nowMs = daemon.clock.nowMs();
  try {
    return await replay({ recorded, definitions, sinceMs: nowMs - 600 * minute, untilMs: nowMs, ...more });
  } finally {
    recorded.close();
  }
}

type Controls = ReturnType<typeof createPersonControls>;

/** What people do to that daemon, a second after its last result. */
async function person<T>(does: (controls: Controls) => T): Promise<T> {
  await daemon.clock.pass(1_000);
  const { clock, coordinator, healing } = daemon;
  return does(createPersonControls({ clock, coordinator, ...healing }));
}

const releaseBrake = () => person((controls) => controls.releaseBrake('fleet', 'ann', 'known'));

async function laid(suppression: NewSuppression): Promise<string> {
  const made = await person((controls) => controls.addSuppression(suppression, 'ann'));
  if (made.kind === 'rejected') throw new Error(made.message);
  return made.id;
}

const about = { kind: 'acknowledgement', host: 'web-1', check: 'app.running' } as const;
const acknowledgement: NewSuppression = { ...about, reason: 'known', sticky: true };

/** What happens every second, for as long as the clock of that daemon runs. */
function keepHouse(): void {
  const { clock, coordinator, healing, store } = daemon;
  const common = { clock, coordinator, store, log: createLog('silent') };
  new Housekeeping({
    ...common,
    ...healing,
    outbox: { pump: () => Promise.resolve() },
    auditExport: new AuditExport({ ...common, webhook: () => undefined }),
    heartbeat: { turn: () => Promise.resolve(), stop: () => undefined },
  }).start();
}

/** As a process says when it starts. */
function started(): void {
  const { clock, coordinator, healing } = daemon;
  recordStart({ clock, coordinator, ...healing, log: createLog('silent'), recovered: [] });
}

const distrusted = { cause: 'restored', sinceMs: 0, text: 'an old copy' } as const;
const failed = {
  kind: 'ran',
  exitCode: 7,
  stdout: '',
  stderr: '',
  truncated: false,
  durationMs: 1,
} as const;

const found = ({ differences }: ReplayReport): string[] =>
  differences.map(({ kind, action, reason, gate = '-' }) => `${kind} ${action}: ${reason} (${gate})`);

test('the same definitions do what was done, at the same time', async () => {
  await night();
  const report = await replayed(withLadders(usual));
  expect(report).toMatchObject({
    isComplete: true,
    results: 197,
    actions: [
      { action: 'app.restart', recorded: 2, replayed: 2, same: 2, moved: 0, onlyThen: 0, onlyNow: 0 },
    ],
    differences: [],
    left: [],
  });
});

test('more attempts come later, and are told as moved with the gate that held them', async () => {
  await night();
  const report = await replayed(withLadders(changed({}, { attempts: 3 })));
  expect(report.actions).toEqual([expect.objectContaining({ recorded: 2, replayed: 2, same: 0, moved: 2 })]);
  const [first] = report.differences;
  expect((first?.atMs ?? 0) - (first?.thenAtMs ?? 0)).toBeGreaterThanOrEqual(10_000);
  expect(found(report)[0]).toBe('moved app.restart: attempts_not_reached (attempts)');
  expect(first).toMatchObject({
    host: 'web-1',
    check: 'app.running',
    outcome: 'recorded',
    isFollowing: false,
  });
});

test('fewer attempts come sooner, with the gate that held them then', async () => {
  await night(withLadders(changed({}, { attempts: 3 })));
  const report = await replayed(withLadders(usual));
  const [first] = report.differences;
  expect((first?.thenAtMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(9_000);
  expect(found(report)[0]).toBe('moved app.restart: attempts_not_reached (attempts)');
});

test('more attempts than there were failures: it ran only then', async () => {
  await night();
  const report = await replayed(withLadders(changed({}, { attempts: 4 })));
  const held = 'only_then app.restart: attempts_not_reached (attempts)';
  expect(found(report)).toEqual([held, held]);
});

test('a longer cooldown holds the second run, and no more than that', async () => {
  await night();
  const report = await replayed(withLadders(changed({ cooldownMs: 120 * minute })));
  expect(found(report)).toEqual(['only_then app.restart: cooldown (cooldown)']);
  expect(report.actions).toEqual([
    expect.objectContaining({ recorded: 2, replayed: 1, same: 1, onlyThen: 1 }),
  ]);
});

test('an action that is not defined any more ran only then', async () => {
  await night();
  const report = await replayed(withLadders());
  expect(found(report)).toEqual(Array(2).fill('only_then app.restart: not_defined (-)'));
});

test('what observing held runs only in the replay; what it would have come to is said to be unknown, once', async () => {
  const observing = definitionsOf([planOf([checkOf('running')], [usual])], { mode: 'observe' });
  await night(observing);
  const report = await replayed(withLadders(usual));
  expect(found(report)).toEqual(Array(2).fill('only_now app.restart: observe_mode (mode)'));
  expect(report.differences.map(({ outcome, isFollowing }) => [outcome, isFollowing])).toEqual([
    ['unknown', false],
    ['unknown', false],
  ]);
  expect((await replayed(observing)).differences).toEqual([]);
});

test('what follows an action whose outcome nobody knows is marked', async () => {
  begin(withLadders());
  await daemon.results('ok', ...Array<'critical'>(30).fill('critical'));
  daemon.close();
  const report = await replayed(withLadders(usual));
  expect(
    report.differences.map(({ action, outcome, isFollowing }) => [action, outcome, isFollowing]),
  ).toEqual([
    ['app.restart', 'unknown', false],
    ['app.page', 'none', true],
  ]);
});

test('a failed command fails in the replay too, and the next rung follows as it did', async () => {
  const definitions = withLadders(ladderOf([restart, reboot, page]));
  begin(definitions);
  daemon.guard.answer = () => failed;
  await daemon.results('ok', ...Array<'critical'>(12).fill('critical'));
  daemon.close();
  const report = await replayed(definitions);
  expect(report.actions.map(({ action, recorded, same }) => [action, recorded, same])).toEqual([
    ['app.page', 1, 1],
    ['app.reboot', 1, 1],
    ['app.restart', 1, 1],
  ]);
  expect(report.differences).toEqual([]);
});

test('a command that never arrived is sent in the replay as well, and ends as it did', async () => {
  begin();
  const { guard, clock } = daemon;
  guard.answer = () => ({
    kind: 'unknown',
    failure: { stage: 'lost', message: 'gone', hint: '', sent: true },
  });
  guard.inspect = () => Promise.resolve({ kind: 'absent', bootId: 'boot-1' });
  await daemon.results('ok', 'critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  expect(daemon.outcomes).toEqual(['app.restart cancelled']);
  await clock.pass(minute);
  daemon.close();
  expect(await replayed(withLadders(usual))).toMatchObject({
    actions: [{ action: 'app.restart', recorded: 1, replayed: 1, same: 1 }],
    differences: [],
  });
});

test('pauses and silences hold in the replay as they held then', async () => {
  begin();
  await daemon.results('ok', 'ok');
  await person((controls) => controls.pause({ by: 'ann', reason: 'moving house' }));
  await daemon.results('critical', 'critical', 'critical', 'ok');
  await person((controls) => controls.resume('ann'));
  const match = { hosts: ['web-1'], labels: {}, checks: [] };
  const endsAtMs = daemon.clock.nowMs() + 60 * minute;
  const silence = await laid({ kind: 'silence', reason: 'known', match, endsAtMs });
  await daemon.results('critical', 'critical', 'critical', 'ok');
  await person((controls) => controls.endSuppression(silence, 'bob'));
  await daemon.results(...Array<'ok'>(60).fill('ok'), 'critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  expect(daemon.guard.sent).toHaveLength(1);
  expect(await replayed(withLadders(usual))).toMatchObject({
    // A pause lasts, so people were told of the problem meanwhile.
    actions: [
      { action: 'app.page', recorded: 1, replayed: 1, same: 1 },
      { action: 'app.restart', recorded: 1, replayed: 1, same: 1 },
    ],
    differences: [],
  });
});

test('an acknowledgement holds its problem until it is taken back, and no other problem', async () => {
  begin();
  await daemon.results('ok', 'ok', 'critical');
  const id = await laid(acknowledgement);
  await daemon.results(...Array<'critical'>(6).fill('critical'));
  await person((controls) => controls.endSuppression(id, 'bob'));
  await daemon.results('critical', 'ok', ...Array<'ok'>(60).fill('ok'), 'critical');
  await laid(acknowledgement);
  await daemon.results('critical', 'critical', 'ok', 'ok', 'ok', 'critical', 'critical', 'ok', 'ok');
  daemon.close();
  expect(daemon.guard.sent).toHaveLength(2);
  expect(await replayed(withLadders(usual))).toMatchObject({
    actions: [{ action: 'app.restart', recorded: 2, replayed: 2, same: 2 }],
    differences: [],
  });
});

test('a downtime holds for as long as it lasted', async () => {
  begin();
  keepHouse();
  await daemon.results('ok', 'ok');
  const nowMs = daemon.clock.nowMs();
  const window = { kind: 'fixed', startsAtMs: nowMs + 15_000, endsAtMs: nowMs + 85_000 } as const;
  const match = { hosts: ['web-1'], labels: {}, checks: [] };
  await laid({ kind: 'downtime', reason: 'new disks', match, window });
  await daemon.results('ok', 'ok', ...Array<'critical'>(8).fill('critical'), 'ok', 'ok', 'ok');
  daemon.close();
  expect(daemon.guard.sent).toHaveLength(1);
  expect(await replayed(withLadders(usual))).toMatchObject({
    actions: [{ recorded: 1, replayed: 1, same: 1 }],
    differences: [],
  });
});

test('an action that a person trusts again after it failed acts again in the replay', async () => {
  const wary = withLadders(
    changed({
      cooldownMs: minute,
      maxRuns: { runs: 9, perMs: 60 * minute },
      demote: { failures: 1, recurrences: 9 },
    }),
  );
  begin(wary);
  daemon.guard.answer = () => failed;
  await daemon.results('ok', 'critical', 'critical', 'ok', ...Array<'ok'>(40).fill('ok'));
  await daemon.results('critical', 'critical', 'critical', 'ok', ...Array<'ok'>(40).fill('ok'));
  expect(daemon.guard.sent).toHaveLength(1);
  await person((controls) => controls.promote(restart.id, 'ann', 'mended'));
  await daemon.results('critical', 'critical', 'ok', 'ok');
  daemon.close();
  expect(daemon.guard.sent).toHaveLength(2);
  const report = await replayed(wary);
  expect(report.differences).toEqual([]);
  expect(report.actions).toContainEqual(expect.objectContaining({ action: 'app.restart', same: 2 }));
});

test('a brake that a person released lets go in the replay', async () => {
  const release = { kind: 'person' } as const;
  const braking = definitionsOf([planOf([checkOf('running')], [usual])], {
    brake: { unhealthyAbovePercent: 0, minUnhealthy: 1, release },
  });
  begin(braking);
  await daemon.results('ok', 'ok', ...Array<'critical'>(6).fill('critical'));
  expect(daemon.guard.sent).toEqual([]);
  await releaseBrake();
  await daemon.results('critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  expect(daemon.guard.sent).toHaveLength(1);
  expect(await replayed(braking)).toMatchObject({
    actions: [{ action: 'app.restart', recorded: 1, replayed: 1, same: 1 }],
    differences: [],
  });
});

test('while the ledger was not trusted nothing acts, until a person re-armed', async () => {
  begin();
  await daemon.results('ok', 'ok');
  daemon.coordinator.setQuarantine(distrusted);
  const { clock } = daemon;
  daemon.close();
  daemon = new ScriptedDaemon(path, withLadders(usual), clock);
  started();
  await daemon.results('ok', 'ok', ...Array<'critical'>(6).fill('critical'));
  expect(daemon.guard.sent).toEqual([]);
  await person((controls) => controls.rearm('ann', 'looked at'));
  await daemon.results('critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  expect(daemon.guard.sent).toHaveLength(1);
  const report = await replayed(withLadders(usual));
  expect(report.differences).toEqual([]);
  expect(report.actions).toContainEqual(expect.objectContaining({ action: 'app.restart', same: 1 }));
});

/** Two days on results are gone, and the rest of the history is not: a replay begins here. */
async function forgetResults(): Promise<void> {
  const { clock, store, healing } = daemon;
  healing.history.flush();
  await clock.pass(2 * 24 * 60 * minute);
  const before = { historyBeforeMs: 0, rollupsBeforeMs: 0, resultsBeforeMs: clock.nowMs() };
  for (let isMore = true; isMore; ) isMore = store.prune(before);
}

test('an action that lost trust before the span has none until a person gives it back', async () => {
  const wary = withLadders(changed({ demote: { failures: 1, recurrences: 9 } }));
  begin(wary);
  daemon.guard.answer = () => failed;
  await daemon.results('ok', 'critical', 'critical', 'ok');
  await forgetResults();
  await daemon.results('ok', 'critical', 'critical', ...Array<'ok'>(40).fill('ok'));
  expect(daemon.guard.sent).toHaveLength(1);
  await person((controls) => controls.promote(restart.id, 'ann', 'mended'));
  await daemon.results('critical', 'critical', 'ok', 'ok');
  daemon.close();
  expect(await replayed(wary)).toMatchObject({
    actions: [expect.objectContaining({ action: 'app.restart', recorded: 1, same: 1 })],
    differences: [],
  });
});

test.each([
  ['by a person in it', 'person', 'in'],
  ['by a person before it', 'person', 'before'],
  ['by the rule before it', 'auto', 'before'],
] as const)('a brake from before the span is on until it is released: %s', async (_name, kind, when) => {
  const release = kind === 'auto' ? ({ kind, afterMs: minute } as const) : ({ kind } as const);
  const braking = definitionsOf([planOf([checkOf('running')], [changed({ cooldownMs: minute })])], {
    maxRuns: { runs: 2, perMs: 60 * minute },
    brake: { unhealthyAbovePercent: 100, minUnhealthy: 9, release },
  });
  await night(braking);
  daemon = new ScriptedDaemon(path, braking, daemon.clock);
  expect(daemon.healing.brakes.on).toBe(1);
  if (kind === 'auto') {
    await daemon.clock.pass(60 * minute);
    await daemon.results(...Array<'ok'>(10).fill('ok'));
  } else if (when === 'before') await releaseBrake();
  await forgetResults();
  expect(daemon.healing.brakes.on).toBe(when === 'in' ? 1 : 0);
  await daemon.results('ok', 'critical', 'critical', 'critical');
  if (when === 'in') await releaseBrake();
  await daemon.results('critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  const report = await replayed(braking);
  expect(report.differences).toEqual([]);
  expect(report.actions).toContainEqual(expect.objectContaining({ action: 'app.restart', same: 1 }));
});

test('a ledger that was not trusted before the span is not trusted until a person re-arms', async () => {
  begin();
  daemon.coordinator.setQuarantine(distrusted);
  const { clock } = daemon;
  daemon.close();
  daemon = new ScriptedDaemon(path, withLadders(usual), clock);
  started();
  await daemon.results('ok');
  await forgetResults();
  await daemon.results('ok', 'critical', 'critical', 'critical');
  await person((controls) => controls.rearm('ann', 'looked at'));
  await daemon.results('critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  const report = await replayed(withLadders(usual));
  expect(report.differences).toEqual([]);
  expect(report.actions).toContainEqual(expect.objectContaining({ action: 'app.restart', same: 1 }));
});

test('a pause from before the span lasts into it', async () => {
  begin();
  await daemon.results('ok');
  await person((controls) => controls.pause({ by: 'ann', reason: 'moving house' }));
  await forgetResults();
  await daemon.results('ok', 'critical', 'critical', 'critical');
  await person((controls) => controls.resume('ann'));
  await daemon.results('critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  const report = await replayed(withLadders(usual));
  expect(report.differences).toEqual([]);
  expect(report.actions).toContainEqual(expect.objectContaining({ action: 'app.restart', same: 1 }));
});

test('what was taken off again before the span is not in force in it', async () => {
  const wary = withLadders(changed({ demote: { failures: 1, recurrences: 9 } }));
  begin(wary);
  daemon.guard.answer = () => failed;
  await daemon.results('ok', 'ok', 'critical', 'critical', 'ok');
  await person((controls) => controls.promote(restart.id, 'ann', 'mended'));
  await person((controls) => controls.pause({ by: 'ann', reason: 'moving house' }));
  await person((controls) => controls.resume('ann'));
  daemon.coordinator.setQuarantine(distrusted);
  const { clock } = daemon;
  daemon.close();
  daemon = new ScriptedDaemon(path, wary, clock);
  started();
  await person((controls) => controls.rearm('ann', 'looked at'));
  await forgetResults();
  await daemon.results('ok', 'critical', 'critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  expect(daemon.guard.sent).toHaveLength(1);
  const report = await replayed(wary);
  expect(report.differences).toEqual([]);
  expect(report.actions).toContainEqual(expect.objectContaining({ action: 'app.restart', same: 1 }));
});

test('an acknowledgement from before the span covers what was there when it began, and nothing after it', async () => {
  begin();
  await daemon.results('ok', 'critical');
  await laid(acknowledgement);
  await forgetResults();
  keepHouse();
  await daemon.results('critical', 'critical', 'critical', ...Array<'ok'>(40).fill('ok'));
  expect(daemon.outcomes).toEqual([]);
  await daemon.results('critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  expect(await replayed(withLadders(usual))).toMatchObject({
    actions: [{ action: 'app.restart', recorded: 1, replayed: 1, same: 1 }],
    differences: [],
    left: [],
  });
});

test('what a person approved is approved in the replay', async () => {
  const asking = withLadders(changed({ mode: 'approve' }));
  begin(asking);
  await daemon.results('ok', 'ok', 'critical', 'critical', 'critical');
  const [asked] = daemon.healing.approvals.list();
  daemon.healing.approvals.settle(asked?.id ?? '', 'approved', {
    by: 'ann',
    reason: 'yes',
    tag: asked?.tag ?? '',
  });
  await settle();
  await daemon.results('ok', 'ok', 'ok', 'ok');
  daemon.close();
  expect(daemon.guard.sent).toHaveLength(1);
  expect(await replayed(asking)).toMatchObject({
    actions: [{ recorded: 1, replayed: 1, same: 1 }],
    differences: [],
  });
});

test('a host that could not be reached is not acted upon in the replay either', async () => {
  begin();
  const fail = async (): Promise<void> => {
    await daemon.clock.pass(10_000);
    const failure = { stage: 'connect', message: 'no route', hint: '', sent: false } as const;
    daemon.healing.fleet.apply('web-1', { kind: 'unreachable', failure, startedAtMs: daemon.clock.nowMs() });
    await settle();
  };
  await daemon.results('ok', 'critical');
  for (let times = 0; times < 6; times += 1) await fail();
  await daemon.results('critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  expect(await replayed(withLadders(usual))).toMatchObject({
    actions: [{ recorded: 1, same: 1 }],
    differences: [],
  });
});

test('a ladder about the host itself climbs with failures that were not recorded one by one', async () => {
  const call = actionOf('call', { kind: 'notify', to: 'oncall' });
  const down = withLadders(ladderOf([call], { check: 'host', attempts: 3, states: ['critical'] }));
  const other = planOf([checkOf('running')], [], 'web-2');
  const fleet: Definitions = definitionsOf([
    planOf([checkOf('running')], down.byHost.get('web-1')?.ladders as LadderDefinition[]),
    other,
  ]);
  begin(fleet);
  await daemon.results('ok', 'ok');
  for (let times = 0; times < 6; times += 1) {
    await daemon.clock.pass(10_000);
    const nowMs = daemon.clock.nowMs();
    const failure = { stage: 'connect', message: 'no route', hint: '', sent: false } as const;
    const result = {
      state: 'ok',
      text: '',
      longText: '',
      perfdata: [],
      startedAtMs: nowMs,
      durationMs: 1,
    } as const;
    daemon.healing.fleet.apply('web-2', {
      kind: 'result',
      check: 'app.running',
      result: { ...result, perfdata: [] },
      viaHost: true,
    });
    daemon.healing.fleet.apply('web-1', { kind: 'unreachable', failure, startedAtMs: nowMs });
    await settle();
  }
  await daemon.results('ok', 'ok');
  daemon.close();
  const report = await replayed(fleet);
  expect(report.actions).toEqual([expect.objectContaining({ action: 'app.call', recorded: 1, replayed: 1 })]);
  expect(report.differences.filter(({ kind }) => kind !== 'moved')).toEqual([]);
});

test('while the daemon runs, and the store is what it was to the byte', async () => {
  begin();
  await daemon.results('ok', 'critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  daemon.healing.history.flush();
  expect(await replayed(withLadders(usual))).toMatchObject({ actions: [{ same: 1 }], differences: [] });
  await daemon.results('ok');
  daemon.close();
  const before = fileDigests(dirname(path));
  await replayed(withLadders(changed({ cooldownMs: 1 })));
  expect(fileDigests(dirname(path))).toEqual(before);
});

test('a person at work on the host holds in the replay; nobody asked, nobody is known to be there', async () => {
  const looking = withLadders(changed({ humanIntent: true }));
  begin(looking);
  const { guard } = daemon;
  guard.facts = () =>
    Promise.resolve({
      kind: 'facts',
      bootId: 'boot-1',
      uptimeSec: 1_000,
      people: [{ kind: 'package_manager', text: 'apt' }],
    });
  await daemon.results('ok', 'critical', 'critical', 'critical', 'ok');
  daemon.close();
  expect(guard.sent).toEqual([]);
  expect(await replayed(looking)).toMatchObject({ differences: [], left: [] });
  const sooner = await replayed(withLadders(changed({ humanIntent: true }, { attempts: 1 })));
  expect(found(sooner)).toEqual(['only_now app.restart: attempts_not_reached (attempts)']);
  expect(sooner.left).toEqual([{ why: 'facts_not_asked_then', count: 1 }]);
});

test('runs from before the results that are kept are known from the ledger', async () => {
  const slow = withLadders(changed({ cooldownMs: 240 * minute }));
  begin(slow);
  await daemon.results('ok', 'critical', 'critical', 'ok', 'ok', 'ok', ...Array<'ok'>(720).fill('ok'));
  const prunedMs = daemon.clock.nowMs() - 30 * minute;
  await daemon.results('critical', 'critical', 'critical', 'ok', 'ok', 'ok');
  const { store } = daemon;
  const keep = { historyBeforeMs: 0, rollupsBeforeMs: 0 };
  while (store.prune({ ...keep, resultsBeforeMs: prunedMs })) expect(daemon.guard.sent).toHaveLength(1);
  daemon.close();
  const report = await replayed(slow);
  expect(report.results).toBeLessThan(720);
  expect(report.differences).toEqual([]);
  expect(report.left).toEqual([{ why: 'runs_without_results', count: 1 }]);
  const fast = await replayed(withLadders(changed({ cooldownMs: minute })));
  expect(found(fast)).toEqual(['only_now app.restart: cooldown (cooldown)']);
});

test('what a person commanded is played as it was, and is no difference', async () => {
  begin();
  await daemon.results('ok', 'ok');
  const { healing, clock } = daemon;
  const host = healing.fleet.definitions.hosts.get('web-1');
  if (host === undefined) throw new Error('there is no host');
  const run = plannedRun('web-1', usual, restart, 'by-hand', 1, clock.nowMs());
  const place = {
    atMs: clock.nowMs(),
    host: 'web-1',
    ladder: usual.id,
    action: restart.id,
    check: 'app.running',
  };
  const decision = { ...place, verdict: 'act', reason: 'act', gates: [] } as const;
  const order = { host, ladder: usual, action: restart, run, decidedBy: 'person:ann', reason: 'a try' };
  healing.runs.start({ ...order, decision: { ...decision, gates: [] } });
  await settle();
  await daemon.results('ok', 'ok', 'ok', 'ok', 'critical', 'critical', 'critical', 'ok', 'ok');
  daemon.close();
  expect(daemon.guard.sent).toHaveLength(1);
  const report = await replayed(withLadders(usual));
  expect([report.differences, report.left]).toEqual([[], [{ why: 'runs_by_persons', count: 1 }]]);
});

test('an action that had lost trust before has none in the replay', async () => {
  begin();
  const { clock } = daemon;
  const cap = {
    action: restart.id,
    mode: 'propose',
    sinceMs: clock.nowMs(),
    by: 'rule',
    reason: 'it failed',
  } as const;
  daemon.coordinator.saveTrust(cap);
  daemon.close();
  daemon = new ScriptedDaemon(path, withLadders(usual), clock);
  await daemon.results('ok', 'critical', 'critical', 'critical', 'ok');
  daemon.close();
  expect(await replayed(withLadders(usual))).toMatchObject({ actions: [], differences: [] });
});

const canaries = [{ host: '192.0.2.1', port: 53 }];
const doubting = definitionsOf([planOf([checkOf('running')], [usual])], {
  selfDoubt: { ...remediationOf().selfDoubt, canaries },
});

test('a doubt of a process that is gone is none of the next one', async () => {
  begin(doubting);
  await daemon.results('ok', 'ok');
  daemon.healing.history.add('doubt.began', { data: { cause: 'canaries_down' } });
  const { clock } = daemon;
  daemon.close();
  daemon = new ScriptedDaemon(path, doubting, clock);
  started();
  await daemon.results('ok', 'ok', 'ok', 'critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  expect(await replayed(doubting)).toMatchObject({
    actions: [{ action: 'app.restart', recorded: 1, replayed: 1, same: 1 }],
    differences: [],
  });
});

test('a doubt about the own network that was recorded holds, for as long as it lasted', async () => {
  begin(doubting);
  const { history } = daemon.healing;
  const data = { cause: 'canaries_down', sinceMs: 0, values: {}, opens: '' };
  await daemon.results('ok', 'ok', 'ok');
  history.add('doubt.began', { data });
  // Over as soon as it is noticed, which ends no other.
  for (const type of ['doubt.began', 'doubt.ended'] as const)
    history.add(type, { data: { ...data, cause: 'clock_jumped' } });
  await daemon.results('ok', 'ok', 'critical', 'critical', 'critical', 'ok', 'ok', 'ok');
  history.add('doubt.ended', { data });
  await daemon.results(...Array<'ok'>(60).fill('ok'), 'critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  const report = await replayed(doubting);
  expect(found(report)).toEqual(['only_then app.restart: self_doubt (self_doubt)']);
  expect(report.actions).toEqual([expect.objectContaining({ recorded: 2, replayed: 1, same: 1 })]);
});

test('a webhook is not called again, and its address is in no part of the answer', async () => {
  let calls = 0;
  const server = createServer((_request, response) => {
    calls += 1;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hunter2`;
  const secret: Secret = { reveal: () => url, toString: () => '<secret>', toJSON: () => '<secret>' };
  const hook = actionOf('hook', { kind: 'webhook', url: secret, method: 'POST' });
  const definitions = withLadders(ladderOf([hook]));
  begin(definitions);
  await daemon.results('ok', 'critical', 'critical');
  await expect.poll(() => calls).toBe(1);
  await expect.poll(() => daemon.outcomes).toEqual(['app.hook verifying']);
  await daemon.results('ok', 'ok', 'ok', 'ok');
  daemon.close();
  const report = await replayed(definitions);
  expect(report.actions).toEqual([
    expect.objectContaining({ action: 'app.hook', recorded: 1, replayed: 1, same: 1 }),
  ]);
  expect(calls).toBe(1);
  expect(JSON.stringify(report)).not.toContain('hunter2');
});

test('what cannot be compared is counted by why', async () => {
  begin();
  await daemon.results('critical', 'critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  const other = definitionsOf([planOf([checkOf('running'), checkOf('queue')], [usual])]);
  const report = await replayed(other);
  expect(report.differences).toEqual([]);
  expect(report.left).toEqual([
    { why: 'runs_about_older_problems', count: 2 },
    { why: 'checks_without_results', count: 1 },
  ]);
  const gone = await replayed(definitionsOf([planOf([checkOf('running')], [], 'web-9')]));
  expect(gone.left).toContainEqual({ why: 'results_of_unknown_hosts', count: 7 });
  expect(gone.left).toContainEqual({ why: 'runs_of_unknown_hosts', count: 1 });
});

test('more results than are played at once: it says where it stopped', async () => {
  await night();
  const report = await replayed(withLadders(usual), { limit: 20 });
  expect(report).toMatchObject({
    isComplete: false,
    results: 20,
    actions: [{ recorded: 1, replayed: 1, same: 1 }],
  });
});

test('a start of the daemon makes the replay wait for fresh results, as the daemon did', async () => {
  begin();
  await daemon.results('ok', 'ok', 'critical');
  const { clock } = daemon;
  daemon.close();
  await clock.pass(minute);
  daemon = new ScriptedDaemon(path, withLadders(usual), clock);
  started();
  await daemon.results('critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  daemon.close();
  const report = await replayed(withLadders(usual));
  expect(report).toMatchObject({
    actions: [{ action: 'app.restart', recorded: 1, replayed: 1, same: 1 }],
    differences: [],
  });
});

test.each([2, 3])(
  'a fleet in trouble, by chance %i: budgets, brake, failures and lost hosts agree',
  async (seed) => {
    const random = new Random(seed);
    const hosts = Array.from({ length: 10 }, (_each, index) => `web-${index}`);
    const ladder = ladderOf([
      { ...restart, cooldownMs: 60_000, maxRuns: { runs: 2, perMs: 900_000 } },
      reboot,
      page,
    ]);
    const definitions = definitionsOf(
      hosts.map((name) => planOf([checkOf('running')], [ladder], name)),
      {
        maxRuns: { runs: 8, perMs: 1_800_000 },
        maxConcurrent: 2,
        brake: { unhealthyAbovePercent: 40, minUnhealthy: 2, release: { kind: 'auto', afterMs: 60_000 } },
      },
    );
    begin(definitions);
    const { clock, healing, guard } = daemon;
    const sick = new Set<string>();
    const away = new Map<string, number>();
    let boots = 0;
    guard.facts = () => Promise.resolve({ kind: 'facts', bootId: `boot-${boots}`, uptimeSec: 1_000 });
    guard.answer = ({ intent: { host, kind } }) => {
      if (random.next() < 0.6) sick.delete(host);
      if (kind === 'reboot' && random.next() < 0.8) boots += 1;
      const exitCode = random.next() < 0.2 ? 3 : 0;
      return { kind: 'ran', exitCode, stdout: '', stderr: '', truncated: false, durationMs: 1 };
    };
    guard.inspect = () =>
      Promise.resolve({ kind: 'finished', bootId: '', exitCode: 0, stdout: '', stderr: '' });
    keepHouse();
    for (let round = 0; round < 400; round += 1) {
      for (const host of hosts) {
        await clock.pass(1_000);
        if (random.next() < 0.006) sick.add(host);
        if (random.next() < 0.002) sick.delete(host);
        if (random.next() < 0.002) away.set(host, 5);
        const left = away.get(host) ?? 0;
        away.set(host, left - 1);
        const startedAtMs = clock.nowMs();
        const failure = { stage: 'connect', message: 'no route', hint: '', sent: false } as const;
        const state = sick.has(host) ? 'critical' : 'ok';
        const result = { state, text: '', longText: '', perfdata: [], startedAtMs, durationMs: 0 } as const;
        healing.fleet.apply(
          host,
          left > 0
            ? { kind: 'unreachable', failure, startedAtMs }
            : { kind: 'result', check: 'app.running', result: { ...result, perfdata: [] }, viaHost: true },
        );
        await settle();
      }
    }
    daemon.close();
    const report = await replayed(definitions);
    expect(report.differences).toEqual([]);
    expect(report.actions.map(({ action }) => action)).toEqual(['app.page', 'app.reboot', 'app.restart']);
  },
);
