/** What meets between two answers of a host: people, rules, reloads, the end of the daemon. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Definitions } from '../../core/definitions.ts';
import { MenddError } from '../../core/errors.ts';
import type { GuardRecord } from '../../core/guard-port.ts';
import { checkOf, ladderOf, page, planOf, reboot, restart } from '../support/definitions.ts';
import { settle } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const steady = checkOf('running', { flapping: null });
const lost = {
  kind: 'unknown' as const,
  failure: { stage: 'lost' as const, message: 'gone', hint: '', sent: true },
};
const failed = {
  kind: 'ran' as const,
  exitCode: 1,
  stdout: '',
  stderr: '',
  truncated: false,
  durationMs: 1,
};
const full = new MenddError('STORE_UNUSABLE', 'the disk is full');
let directory = '';
const open: ScriptedDaemon[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-races-'));
});

afterEach(() => {
  for (const each of open.splice(0)) each.close();
  rmSync(directory, { recursive: true, force: true });
});

function plans(...rungs: Parameters<typeof ladderOf>[0]): Parameters<typeof definitionsOf>[0] {
  return [planOf([steady], [ladderOf(rungs)])];
}

function daemonWith(definitions: Definitions, clock?: ScriptedDaemon['clock']): ScriptedDaemon {
  const daemon = new ScriptedDaemon(join(directory, 'mendd.db'), definitions, clock);
  open.push(daemon);
  return daemon;
}

function restarted(daemon: ScriptedDaemon, definitions: Definitions): ScriptedDaemon {
  open.splice(open.indexOf(daemon), 1)[0]?.close();
  return daemonWith(definitions, daemon.clock);
}

test('a run that a person closes while it is looked up stays closed, and the daemon lives', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  daemon.guard.answer = () => lost;
  const answers: ((record: GuardRecord) => void)[] = [];
  daemon.guard.inspect = () => new Promise((resolve) => answers.push(resolve));
  await daemon.results('critical', 'critical');
  expect(daemon.outcomes).toEqual(['app.restart unknown']);
  const id = daemon.runs[0]?.id ?? '';
  daemon.healing.journal.conclude(id, 'inconclusive', 'closed by ann');
  answers[0]?.({ kind: 'finished', bootId: 'boot-1', exitCode: 1, stdout: '', stderr: '' });
  await settle();
  expect(daemon.coordinator.get(id)).toMatchObject({ status: 'inconclusive', outcome: 'closed by ann' });
  expect(daemon.healing.runs.isActive(id)).toBe(false);
});

const otherRules: Definitions[] = [
  definitionsOf(plans(restart), { mode: 'observe' }),
  definitionsOf(plans({ ...restart, enabled: false })),
  definitionsOf(plans(reboot)),
  definitionsOf([]),
];

test.each(otherRules)(
  'rules that changed while the target was asked: nothing is even written (%#)',
  async (changed) => {
    const daemon = daemonWith(definitionsOf(plans(restart)));
    const { facts } = daemon.guard;
    daemon.guard.facts = () => {
      daemon.healing.fleet.swap(changed);
      return facts();
    };
    await daemon.results('critical', 'critical');
    expect(daemon.guard.sent).toEqual([]);
    expect(daemon.outcomes).toEqual([]);
  },
);

test.each(otherRules)('rules that changed just before the sending stop it (%#)', async (changed) => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  const run = daemon.guard.run.bind(daemon.guard);
  daemon.guard.run = (request) => {
    daemon.healing.fleet.swap(changed);
    return run(request);
  };
  await daemon.results('critical', 'critical');
  expect(daemon.guard.sent).toEqual([]);
  expect(daemon.outcomes).toEqual(['app.restart cancelled']);
});

test('a person can take back what is about to be sent, also before it is written', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  const { facts } = daemon.guard;
  daemon.guard.facts = () => {
    const [run] = daemon.healing.fleet.state('web-1')?.runs ?? [];
    expect(daemon.healing.runs.cancel(run?.id ?? '', 'cancelled by ann')).toBe(true);
    return facts();
  };
  await daemon.results('critical', 'critical');
  expect(daemon.guard.sent).toEqual([]);
  expect(daemon.runs[0]).toMatchObject({ status: 'cancelled', outcome: 'cancelled by ann' });
});

test('once it stops, a result that still comes in starts nothing', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  await daemon.results('critical');
  await daemon.healing.runs.stop();
  await daemon.results('critical');
  expect(daemon.runs).toEqual([]);
  expect(daemon.guard.sent).toEqual([]);
});

test('a host that cannot be asked for its facts is not asked at each result', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  let asked = 0;
  daemon.guard.facts = () => {
    asked += 1;
    return Promise.resolve({ kind: 'unreachable', failure: lost.failure });
  };
  await daemon.results(...Array.from({ length: 60 }, () => 'critical' as const));
  expect(asked).toBeGreaterThan(2);
  expect(asked).toBeLessThan(9);
});

test('a problem that lasts for longer than runs are remembered is not taken for a new one', async () => {
  const definitions = definitionsOf(plans(restart, page));
  let daemon = daemonWith(definitions);
  daemon.guard.answer = () => failed;
  await daemon.results('critical', 'critical', 'critical');
  expect(daemon.outcomes).toEqual(['app.restart failed', 'app.page done']);
  for (let days = 0; days < 4; days += 1) {
    await daemon.clock.pass(86_400_000);
    daemon.healing.fleet.forgetOldRuns(daemon.clock.nowMs());
    await daemon.results('critical', 'critical');
  }
  expect(daemon.runs).toHaveLength(2);
  daemon = restarted(daemon, definitions);
  await daemon.results('critical', 'critical');
  expect(daemon.runs).toHaveLength(2);
  expect(daemon.guard.sent).toEqual([]);
  const acted = daemon.store.decisions({ limit: 100 }).items.filter(({ verdict }) => verdict === 'act');
  expect(acted).toHaveLength(2);
});

test('a page whose daemon died before it was queued is queued at the next start', async () => {
  const definitions = definitionsOf(plans(page));
  let daemon = daemonWith(definitions);
  daemon.coordinator.enqueue = () => {
    throw new Error('killed');
  };
  daemon.healing.runs.adopt = (_, carry) => void carry().catch(() => undefined);
  await daemon.results('critical', 'critical');
  expect(daemon.outcomes).toEqual(['app.page dispatched']);
  daemon = restarted(daemon, definitions);
  daemon.healing.observer.takeUp(true);
  await settle();
  expect(daemon.outcomes).toEqual(['app.page done']);
  expect(daemon.messages()).toHaveLength(1);
});

test('a give-up page that could not be queued is queued when the ledger takes it', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart), { page: 'oncall' }));
  daemon.guard.answer = () => failed;
  const broken = vi.spyOn(daemon.coordinator, 'enqueue').mockImplementation(() => {
    throw full;
  });
  await daemon.results('critical', 'critical', 'critical');
  expect(daemon.messages()).toEqual([]);
  broken.mockRestore();
  await daemon.results('critical', 'critical', 'critical');
  expect(daemon.messages()).toHaveLength(1);
});

test('a recovery that could not be queued, or whose daemon died, is queued later', async () => {
  const definitions = definitionsOf(plans(page));
  let daemon = daemonWith(definitions);
  await daemon.results('critical', 'critical');
  const broken = vi.spyOn(daemon.coordinator, 'enqueue').mockImplementation(() => {
    throw full;
  });
  await daemon.results('ok');
  broken.mockRestore();
  daemon.healing.messages.settle();
  expect(daemon.messages().map((each) => each.split(' ')[0])).toEqual(['problem', 'recovery']);

  await daemon.results('critical', 'critical');
  vi.spyOn(daemon.coordinator, 'enqueue').mockImplementation(() => {
    throw full;
  });
  await daemon.results('ok');
  daemon = restarted(daemon, definitions);
  daemon.healing.messages.oweAll();
  daemon.healing.messages.settle();
  expect(daemon.messages().map((each) => each.split(' ')[0])).toEqual([
    'problem',
    'recovery',
    'problem',
    'recovery',
  ]);
});

test('while the ledger cannot be read checks go on, and nothing acts', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  const broken = vi.spyOn(daemon.coordinator, 'paused').mockImplementation(() => {
    throw full;
  });
  await daemon.results('critical', 'critical', 'critical');
  expect(daemon.healing.fleet.state('web-1')?.checks['app.running']).toMatchObject({ problemResults: 3 });
  expect(daemon.guard.sent).toEqual([]);
  broken.mockRestore();
  await daemon.results('critical');
  expect(daemon.guard.sent).toHaveLength(1);
});

test.each([3_600_000, -3_600_000])(
  'a jump of the wall clock by %i ms neither acts, nor climbs, nor blinds',
  async (jumpMs) => {
    const daemon = daemonWith(definitionsOf(plans({ ...restart, cooldownMs: 60_000 }, reboot)));
    await daemon.results('ok', 'critical', 'critical', 'critical');
    expect(daemon.outcomes).toEqual(['app.restart verifying']);
    daemon.clock.setWall(daemon.clock.nowMs() + jumpMs);
    daemon.healing.fleet.apply('web-1', { kind: 'tick' });
    await settle();
    expect(daemon.outcomes, 'the time did not pass').toEqual(['app.restart verifying']);
    await daemon.results('ok', 'ok', 'ok', 'ok');
    expect(daemon.outcomes).toEqual(['app.restart verified']);
    await daemon.clock.pass(60_000);
    await daemon.results('critical', 'critical');
    expect(daemon.outcomes).toEqual(['app.restart verified', 'app.restart verifying']);
  },
);

test('after a jump backwards an old episode does not swallow a new problem, and a cooldown ends', async () => {
  const daemon = daemonWith(definitionsOf(plans({ ...restart, cooldownMs: 60_000 })));
  daemon.guard.answer = () => failed;
  await daemon.results('critical', 'critical', 'ok', 'ok');
  expect(daemon.outcomes).toEqual(['app.restart failed']);
  daemon.clock.setWall(daemon.clock.nowMs() - 3_600_000);
  await daemon.results('ok');
  await daemon.clock.pass(60_000);
  await daemon.results('critical', 'critical');
  expect(daemon.outcomes).toEqual(['app.restart failed', 'app.restart failed']);
});

test('a reboot is waited for by the clock that never jumps', async () => {
  const daemon = daemonWith(definitionsOf(plans(reboot)));
  daemon.guard.answer = () => lost;
  const { facts } = daemon.guard;
  await daemon.results('critical');
  daemon.guard.facts = () => {
    daemon.guard.facts = () => Promise.resolve({ kind: 'unreachable', failure: lost.failure });
    return facts();
  };
  await daemon.results('critical');
  daemon.clock.setWall(daemon.clock.nowMs() + 7_200_000);
  await daemon.clock.pass(300_000);
  expect(daemon.outcomes).toEqual(['app.reboot dispatched']);
  await daemon.clock.pass(300_000);
  expect(daemon.outcomes).toEqual(['app.reboot failed']);
});

test('after a jump backwards a result from before it is no fresh one, also when its time has come', async () => {
  const daemon = daemonWith(definitionsOf(plans(restart)));
  await daemon.results('critical');
  daemon.clock.setWall(daemon.clock.nowMs() - 600_000);
  const { fleet } = daemon.healing;
  fleet.apply('web-1', { kind: 'tick' });
  await daemon.clock.pass(900_000);
  const lastResult = fleet.state('web-1')?.checks['app.running']?.lastResult;
  expect(lastResult?.startedAtMs).toBeLessThan(fleet.view().freshSinceMs);
});
