/** A reboot with hooks: what is sent in which order, and what is not sent any more, whatever comes in between. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EffectDefinition, HookDefinition } from '../../core/definitions.ts';
import type { GuardOutcome, GuardRequest, TargetFacts } from '../../core/guard-port.ts';
import type { Run } from '../../core/types.ts';
import { actionOf, checkOf, ladderOf, page, planOf } from '../support/definitions.ts';
import { settle } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const drain: HookDefinition = { run: 'drain it', runOn: { kind: 'local' }, timeoutMs: 60_000 };
const undrain: HookDefinition = { run: 'undrain it', runOn: { kind: 'target' }, timeoutMs: 60_000 };
const lost = { stage: 'lost' as const, message: 'gone', hint: '', sent: true };
const gone: TargetFacts = { kind: 'unreachable', failure: lost };
const steady = checkOf('running', { flapping: null });

let directory = '';
const open: ScriptedDaemon[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-reboot-'));
});

afterEach(() => {
  for (const each of open.splice(0)) each.close();
  rmSync(directory, { recursive: true, force: true });
});

function ran(exitCode: number): GuardOutcome {
  return { kind: 'ran', exitCode, stdout: 'said', stderr: '', truncated: false, durationMs: 1 };
}

function definitions(hooks: Partial<Extract<EffectDefinition, { kind: 'reboot' }>> = { drain, undrain }) {
  const effect = { kind: 'reboot' as const, backWithinMs: 60_000, command: 'reboot it', ...hooks };
  const reboot = actionOf('reboot', effect, { maxRuns: { runs: 1, perMs: 21_600_000 } });
  return definitionsOf([planOf([steady], [ladderOf([reboot, page])])], { page: 'oncall' });
}

/** A machine that boots when it is told to. */
class Machine {
  readonly daemon: ScriptedDaemon;
  readonly sent: string[] = [];
  readonly requests: GuardRequest[] = [];
  boot = 1;
  isAway = false;
  answers: Readonly<Record<string, GuardOutcome | (() => Promise<GuardOutcome>)>> = {};

  constructor(daemon: ScriptedDaemon, returns = true) {
    this.daemon = daemon;
    open.push(daemon);
    daemon.guard.facts = () =>
      Promise.resolve(this.isAway ? gone : { kind: 'facts', bootId: `boot-${this.boot}`, uptimeSec: 1_000 });
    daemon.guard.answer = (request) => {
      this.requests.push(request);
      this.sent.push(request.script);
      const given = this.answers[request.script];
      if (given !== undefined) return typeof given === 'function' ? given() : given;
      if (request.script === 'reboot it') {
        if (returns) this.boot += 1;
        else this.isAway = true;
      }
      return ran(0);
    };
  }

  get run(): Run {
    const run = this.daemon.runs.find(({ action }) => action === 'app.reboot');
    if (run === undefined) throw new Error('there is no run');
    return run;
  }

  get steps(): string[] {
    return this.run.events.flatMap(({ status, text }) => (status === 'step' ? [text] : []));
  }
}

function machineWith(given = definitions(), returns = true): Machine {
  return new Machine(new ScriptedDaemon(join(directory, 'mendd.db'), given), returns);
}

/** As after `kill -9`: what was under way is carried by nobody any more. */
function restarted(before: Machine): Machine {
  const { daemon } = before;
  daemon.healing.observer.stop();
  open.splice(open.indexOf(daemon), 1)[0]?.close();
  const after = new Machine(new ScriptedDaemon(join(directory, 'mendd.db'), definitions(), daemon.clock));
  after.boot = before.boot;
  return after;
}

test('it drains, reboots, waits for another boot, verifies, and undrains at the end', async () => {
  const machine = machineWith();
  await machine.daemon.results('critical', 'critical');
  await machine.daemon.clock.pass(3_000);
  expect(machine.sent).toEqual(['drain it', 'reboot it']);
  expect(machine.run).toMatchObject({ status: 'verifying', step: 'reboot' });
  await machine.daemon.results('ok', 'ok', 'ok', 'ok');
  expect(machine.run).toMatchObject({ status: 'verified', step: 'undrain' });
  expect(machine.sent).toEqual(['drain it', 'reboot it', 'undrain it']);
  expect(machine.steps.at(-1)).toBe('undrain: exit code 0');
  const id = machine.run.id;
  expect(machine.requests.map(({ intent }) => intent.id)).toEqual([`${id}~drain`, id, `${id}~undrain`]);
  expect(machine.requests.map(({ target }) => target.kind)).toEqual(['local', 'ssh', 'ssh']);
  // The ops box has another boot id than the host.
  expect(machine.requests[0]?.intent.preconditions).toEqual({});
  expect(machine.requests[1]?.intent.preconditions).toMatchObject({ bootId: 'boot-1' });
  expect(machine.requests[0]?.env).toMatchObject({ MENDD_HOST: 'web-1', MENDD_RUN: id });
});

test('each step is written down before its first byte leaves', async () => {
  const machine = machineWith();
  const seen: (string | undefined)[] = [];
  const stored = (): Promise<GuardOutcome> => {
    seen.push(`${machine.run.status} ${machine.run.step ?? 'no step'}`);
    return Promise.resolve(ran(0));
  };
  machine.answers = {
    'drain it': stored,
    'undrain it': stored,
    'reboot it': () => {
      machine.boot += 1;
      return stored();
    },
  };
  await machine.daemon.results('critical', 'critical');
  await machine.daemon.clock.pass(3_000);
  await machine.daemon.results('ok', 'ok', 'ok', 'ok');
  expect(seen).toEqual(['dispatched drain', 'dispatched reboot', 'verified undrain']);
});

test.each<[string, GuardOutcome]>([
  ['exit code 1', ran(1)],
  ['it ran longer', { kind: 'timed_out', limitMs: 60_000, stdout: '', stderr: '' }],
  ['refused (unusable)', { kind: 'refused', reason: 'unusable', message: 'no sh' }],
])('a drain that fails (%s) keeps the host up, and is undone', async (why, answer) => {
  const machine = machineWith();
  machine.answers = { 'drain it': answer };
  await machine.daemon.results('critical', 'critical');
  await settle();
  expect(machine.sent).toEqual(['drain it', 'undrain it']);
  expect(machine.run).toMatchObject({ status: 'failed', step: 'undrain' });
  expect(machine.run.outcome).toContain(`drain: ${why}`);
});

test('a host that never returns stays drained, fails, and the ladder goes on', async () => {
  const machine = machineWith(definitions(), false);
  await machine.daemon.results('critical', 'critical');
  await machine.daemon.clock.pass(70_000);
  expect(machine.run).toMatchObject({ status: 'failed', step: 'reboot' });
  machine.isAway = false;
  await machine.daemon.results('critical');
  await machine.daemon.clock.pass(60_000);
  expect(machine.sent).toEqual(['drain it', 'reboot it']);
  expect(machine.steps.at(-1)).toBe('undrain: not sent: the host never returned');
  expect(machine.daemon.outcomes).toContain('app.page done');
});

test('a pause while it drains stops the reboot, and the drain is undone', async () => {
  const machine = machineWith();
  machine.answers = {
    'drain it': () => {
      const sinceMs = machine.daemon.clock.nowMs();
      machine.daemon.coordinator.pause({ sinceMs, by: 'ann', reason: 'release' });
      return Promise.resolve(ran(0));
    },
  };
  await machine.daemon.results('critical', 'critical');
  await settle();
  expect(machine.sent).toEqual(['drain it', 'undrain it']);
  expect(machine.run).toMatchObject({ status: 'cancelled', outcome: 'automation was paused meanwhile' });
});

test('what stops it before the drain leaves nothing to undo', async () => {
  const machine = machineWith();
  const { facts } = machine.daemon.guard;
  machine.daemon.guard.facts = () => {
    const [run] = machine.daemon.healing.fleet.state('web-1')?.runs ?? [];
    machine.daemon.healing.runs.cancel(run?.id ?? '', 'cancelled by ann');
    return facts();
  };
  await machine.daemon.results('critical', 'critical');
  expect(machine.sent).toEqual([]);
  expect(machine.run.status).toBe('cancelled');
  expect(machine.run.step).toBeUndefined();
});

test('a drain as long as back_within does not take the time from the reboot', async () => {
  const machine = machineWith(definitions(), false);
  const answers: ((outcome: GuardOutcome) => void)[] = [];
  machine.answers = { 'drain it': () => new Promise((resolve) => answers.push(resolve)) };
  await machine.daemon.results('critical', 'critical');
  await machine.daemon.clock.pass(59_000);
  answers[0]?.(ran(0));
  await settle();
  await machine.daemon.clock.pass(40_000);
  expect(machine.run).toMatchObject({ status: 'dispatched', step: 'reboot' });
});

test('a daemon that died while it drained never reboots: it looks up the drain and undoes it', async () => {
  const before = machineWith();
  before.answers = { 'drain it': () => new Promise(() => undefined) };
  await before.daemon.results('critical', 'critical');
  expect(before.run).toMatchObject({ status: 'dispatched', step: 'drain' });
  const machine = restarted(before);
  machine.daemon.guard.inspect = () =>
    Promise.resolve({ kind: 'finished', bootId: 'ops', exitCode: 0, stdout: '', stderr: '' });
  machine.daemon.healing.observer.takeUp(true);
  await settle();
  await settle();
  expect(machine.sent).toEqual(['undrain it']);
  expect(machine.run).toMatchObject({ status: 'failed', step: 'undrain' });
  expect(machine.run.outcome).toContain('interrupted before the reboot');
});

test('an undrain that is owed is sent after a restart, when the host can be reached', async () => {
  const before = machineWith();
  await before.daemon.results('critical', 'critical');
  await before.daemon.clock.pass(3_000);
  before.daemon.healing.observer.stop();
  await before.daemon.results('ok', 'ok', 'ok', 'ok');
  expect(before.run).toMatchObject({ status: 'verified', step: 'reboot' });
  const machine = restarted(before);
  machine.isAway = true;
  machine.daemon.healing.observer.takeUp(true);
  await settle();
  expect(machine.sent).toEqual([]);
  machine.isAway = false;
  await machine.daemon.clock.pass(60_000);
  expect(machine.sent).toEqual(['undrain it']);
  machine.daemon.healing.observer.takeUp(true);
  await machine.daemon.clock.pass(60_000);
  expect(machine.sent).toEqual(['undrain it']);
});

test('an undrain of which it is not known whether it was sent is refused by the target and looked up', async () => {
  const before = machineWith();
  before.answers = { 'undrain it': () => new Promise(() => undefined) };
  await before.daemon.results('critical', 'critical');
  await before.daemon.clock.pass(3_000);
  await before.daemon.results('ok', 'ok', 'ok', 'ok');
  expect(before.run).toMatchObject({ status: 'verified', step: 'undrain' });
  const machine = restarted(before);
  machine.answers = { 'undrain it': { kind: 'refused', reason: 'duplicate', message: 'seen' } };
  machine.daemon.guard.inspect = () =>
    Promise.resolve({ kind: 'finished', bootId: 'boot-2', exitCode: 3, stdout: '', stderr: '' });
  machine.daemon.healing.observer.takeUp(true);
  await settle();
  await settle();
  expect(machine.steps.at(-1)).toBe('undrain: exit code 3');
});

const gotLost: GuardOutcome = { kind: 'unknown', failure: lost };
const seen: GuardOutcome = { kind: 'refused', reason: 'duplicate', message: 'seen' };

/** A machine whose undrain is answered so, up to the moment it was looked up for the first time. */
async function undraining(answer: () => GuardOutcome, absentIn = 'boot-2'): Promise<Machine> {
  const machine = machineWith();
  machine.answers = { 'undrain it': () => Promise.resolve(answer()) };
  machine.daemon.guard.inspect = () => Promise.resolve({ kind: 'absent', bootId: absentIn });
  await machine.daemon.results('critical', 'critical');
  await machine.daemon.clock.pass(3_000);
  await machine.daemon.results('ok', 'ok', 'ok', 'ok');
  return machine;
}

const undrainIds = ({ requests }: Machine): string[] =>
  requests.filter(({ script }) => script === 'undrain it').map(({ intent }) => intent.id);

test('an undrain that the target proves never ran is sent under another id', async () => {
  let isHeard = false;
  const machine = await undraining(() => {
    const outcome = isHeard ? ran(0) : gotLost;
    isHeard = true;
    return outcome;
  });
  const { id } = machine.run;
  await machine.daemon.clock.pass(60_000);
  expect(undrainIds(machine)).toEqual([`${id}~undrain`, `${id}~undrain~2`]);
  expect(machine.steps.at(-1)).toBe('undrain: exit code 0');
  expect(machine.daemon.messages().join()).not.toContain('still_drained');
});

test('an undrain that was cut off by a kill is refused as seen, and is sent under another id', async () => {
  const before = machineWith();
  before.answers = { 'undrain it': () => new Promise(() => undefined) };
  await before.daemon.results('critical', 'critical');
  await before.daemon.clock.pass(3_000);
  await before.daemon.results('ok', 'ok', 'ok', 'ok');
  // The second daemon dies as well, while it sends again.
  const second = restarted(before);
  second.answers = { 'undrain it': () => Promise.resolve(undrainIds(second).length > 1 ? gotLost : seen) };
  second.daemon.guard.inspect = (_, id) =>
    id.endsWith('~2') ? new Promise(() => undefined) : Promise.resolve({ kind: 'absent', bootId: 'boot-2' });
  second.daemon.healing.observer.takeUp(true);
  await settle();
  await second.daemon.clock.pass(60_000);
  const { id } = second.run;
  expect(undrainIds(second)).toEqual([`${id}~undrain`, `${id}~undrain~2`]);
  const third = restarted(second);
  third.answers = { 'undrain it': () => Promise.resolve(undrainIds(third).length > 1 ? ran(0) : seen) };
  third.daemon.guard.inspect = () => Promise.resolve({ kind: 'absent', bootId: 'boot-2' });
  third.daemon.healing.observer.takeUp(true);
  await settle();
  await third.daemon.clock.pass(60_000);
  expect(undrainIds(third)).toEqual([`${id}~undrain~2`, `${id}~undrain~3`]);
  expect(third.steps.at(-1)).toBe('undrain: exit code 0');
});

test('when the host booted meanwhile, a missing record proves nothing: a person is told', async () => {
  const machine = await undraining(() => gotLost, 'boot-3');
  const { id } = machine.run;
  await machine.daemon.clock.pass(600_000);
  expect(undrainIds(machine)).toEqual([`${id}~undrain`]);
  expect(machine.steps.at(-1)).toBe('undrain: there is no record that it arrived');
  expect(machine.daemon.messages()).toContain(`notice ${id}~still_drained`);
});

test('an undrain that never arrives is left to a person after ten sends', async () => {
  const machine = await undraining(() => gotLost);
  await machine.daemon.clock.pass(1_800_000);
  expect(new Set(undrainIds(machine)).size).toBe(10);
  expect(undrainIds(machine)).toHaveLength(10);
  expect(machine.daemon.messages()).toContain(`notice ${machine.run.id}~still_drained`);
});

test.each([
  ['is sent under another id, and the reboot after it', 1, ['drain it', 'drain it', 'reboot it']],
  ['for half a minute means no reboot', 99, [...Array<string>(5).fill('drain it'), 'undrain it']],
])('a drain that never arrived %s', async (_, losses, sent) => {
  const machine = machineWith();
  machine.answers = { 'drain it': () => Promise.resolve(machine.sent.length > losses ? ran(0) : gotLost) };
  machine.daemon.guard.inspect = () => Promise.resolve({ kind: 'absent', bootId: 'ops' });
  await machine.daemon.results('critical', 'critical');
  await machine.daemon.clock.pass(60_000);
  expect(machine.sent).toEqual(sent);
  const drains = machine.requests.filter(({ script }) => script === 'drain it');
  expect(new Set(drains.map(({ intent }) => intent.id)).size).toBe(drains.length);
  expect(machine.run.step).toBe(losses === 1 ? 'reboot' : 'undrain');
});
