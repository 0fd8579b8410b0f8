/** Definitions that another answer of a host changes while a run of them is on its way: by a fact, a label, an inventory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type {
  ActionDefinition,
  CheckDefinition,
  Definitions,
  HostDefinition,
  HostPlan,
} from '../../core/definitions.ts';
import { checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { settle } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const steady = checkOf('running', { flapping: null });
const blocked = '`facts.unit` is not known';
/** What stands for it where its unit is not known. */
const waiting: ActionDefinition = {
  ...restart,
  effect: { kind: 'systemd_restart', unit: 'not-rendered' },
  blocked,
};
let directory = '';
const open: ScriptedDaemon[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-changed-'));
});

afterEach(async () => {
  for (const each of open.splice(0)) await end(each);
  rmSync(directory, { recursive: true, force: true });
});

function definitionsWith(action: ActionDefinition, check: CheckDefinition = steady): Definitions {
  return definitionsOf([planOf([check], [ladderOf([action])])]);
}

function elsewhere(host: Partial<HostDefinition>): Definitions {
  const plan: HostPlan = planOf([steady], [ladderOf([restart])]);
  return definitionsOf([{ ...plan, host: { ...plan.host, ...host } }]);
}

function daemonWith(definitions: Definitions, clock?: ScriptedDaemon['clock']): ScriptedDaemon {
  const daemon = new ScriptedDaemon(join(directory, 'mendd.db'), definitions, clock);
  open.push(daemon);
  return daemon;
}

/** What it carries ends first: it would look into a closed ledger. */
async function end(daemon: ScriptedDaemon): Promise<void> {
  daemon.healing.observer.stop();
  await daemon.healing.runs.stop();
  daemon.close();
}

const others: [what: string, definitions: Definitions][] = [
  ['another unit', definitionsWith({ ...restart, effect: { kind: 'systemd_restart', unit: 'other' } })],
  ['another user', definitionsWith({ ...restart, sudo: { user: 'root' } })],
  ['another place', definitionsWith({ ...restart, runOn: { kind: 'local' } })],
  ['another environment', definitionsWith({ ...restart, env: { A: 'b' } })],
  ['no value', definitionsWith(waiting)],
  ['another address', elsewhere({ address: '192.0.2.9' })],
  ['another way', elsewhere({ jump: 'gate' })],
];

test.each(others)('%s while the target is asked: what was decided is not sent', async (_what, changed) => {
  const daemon = daemonWith(definitionsWith(restart));
  const { facts } = daemon.guard;
  daemon.guard.facts = () => {
    daemon.healing.fleet.swap(changed);
    return facts();
  };
  await daemon.results('critical', 'critical');
  expect(daemon.guard.sent).toEqual([]);
  expect(daemon.outcomes).toEqual([]);
});

test.each(others)('%s just before the sending: what was decided is not sent', async (_what, changed) => {
  const daemon = daemonWith(definitionsWith(restart));
  const run = daemon.guard.run.bind(daemon.guard);
  daemon.guard.run = (request) => {
    daemon.healing.fleet.swap(changed);
    return run(request);
  };
  await daemon.results('critical', 'critical');
  expect(daemon.guard.sent).toEqual([]);
  expect(daemon.outcomes).toEqual(['app.restart cancelled']);
});

test('the same definitions resolved again stop nothing', async () => {
  const daemon = daemonWith(definitionsWith(restart));
  const { facts } = daemon.guard;
  daemon.guard.facts = () => {
    daemon.healing.fleet.swap(structuredClone(definitionsWith(restart)));
    return facts();
  };
  await daemon.results('critical', 'critical');
  expect(daemon.guard.sent).toHaveLength(1);
});

test('after a restart what cannot be rendered any more is looked up, and not taken for never sent where it was not found', async () => {
  const daemon = daemonWith(definitionsWith(restart));
  daemon.guard.answer = () => ({
    kind: 'unknown',
    failure: { stage: 'lost', message: 'gone', hint: '', sent: true },
  });
  await daemon.results('critical', 'critical');
  expect(daemon.outcomes).toEqual(['app.restart unknown']);
  for (const each of open.splice(0)) await end(each);
  const next = daemonWith(definitionsWith(waiting), daemon.clock);
  next.guard.inspect = () => Promise.resolve({ kind: 'absent', bootId: 'boot-1' });
  next.healing.observer.takeUp(true);
  await settle();
  expect(next.outcomes).toEqual(['app.restart verifying']);
  await next.results('ok', 'ok', 'ok');
  expect(next.outcomes).toEqual(['app.restart verified']);
});

test('a run is verified while its action cannot be rendered any more', async () => {
  const daemon = daemonWith(definitionsWith(restart));
  await daemon.results('critical', 'critical');
  expect(daemon.outcomes).toEqual(['app.restart verifying']);
  daemon.healing.fleet.swap(definitionsWith(waiting));
  await daemon.results('ok', 'ok', 'ok');
  expect(daemon.outcomes).toEqual(['app.restart verified']);
});

test('a check that cannot be asked any more proves no failure of a repair', async () => {
  const daemon = daemonWith(definitionsWith(restart));
  await daemon.results('critical', 'critical');
  daemon.healing.fleet.swap(definitionsWith(waiting, { ...steady, blocked }));
  await daemon.results('unknown', 'unknown', 'unknown', 'unknown');
  expect(daemon.outcomes).toEqual(['app.restart inconclusive']);
});

test('nobody is asked about what stands for an action without a value, and a yes does not let it run', async () => {
  const asked: ActionDefinition = { ...restart, mode: 'approve' };
  const daemon = daemonWith(definitionsWith(asked));
  const { approvals, fleet } = daemon.healing;
  await daemon.results('critical', 'critical');
  const [before] = approvals.waiting();
  if (before === undefined) throw new Error('nothing waits for an answer');
  fleet.swap(definitionsWith({ ...waiting, mode: 'approve' }));
  await daemon.clock.pass(60_000);
  approvals.turn();
  expect(approvals.waiting()).toMatchObject([{ id: before.id, command: before.command, tag: before.tag }]);
  approvals.settle(before.id, 'approved', { by: 'ann', reason: 'yes', tag: before.tag });
  await daemon.results('critical');
  expect(daemon.guard.sent).toEqual([]);
  fleet.swap(definitionsWith(asked));
  await daemon.results('critical');
  expect(daemon.guard.sent).toHaveLength(1);
});

test('a runbook may be another one on each of very many hosts', () => {
  const definitions = definitionsWith(restart);
  const [plan] = definitions.byHost.values();
  if (plan === undefined) throw new Error('there is no host');
  const { checks, ladders } = plan;
  const variants = new Map(Array.from({ length: 50_000 }, (_, index) => [`h${index}`, { checks, ladders }]));
  const runbook = {
    id: 'app',
    title: 'app',
    enabled: true,
    hosts: [...variants.keys()],
    checks,
    ladders,
    variants,
    source: steady.source,
  };
  const daemon = daemonWith({ ...definitions, runbooks: [runbook] });
  expect(daemon.healing.fleet.memoryMs()).toBeGreaterThan(restart.maxRuns.perMs);
});
