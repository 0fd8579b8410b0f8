import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { HostPlan } from '../../core/definitions.ts';
import type { GuardOutcome } from '../../core/guard-port.ts';
import type { NowView } from '../../core/now-view.ts';
import type { OutsideWaiting } from '../../core/outside-port.ts';
import type { CheckState } from '../../core/types.ts';
import type { ConfigView } from '../../core/views.ts';
import { Lately } from '../../daemon/lately.ts';
import { NowPage, type NowSources } from '../../daemon/now.ts';
import { Views } from '../../daemon/views.ts';
import { checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { bareIntent } from '../support/intents.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

const config = { revision: 'abc', loadedAtMs: 1, lastReloadOk: true, problems: [], commits: [] } as const;

function planned(name: string): HostPlan {
  return planOf([checkOf('running', { maxAttempts: 1 })], [ladderOf([restart], { attempts: 1 })], name);
}

/** Hosts `web-1` to `web-N` in definitions that pause nothing and hold nothing. */
function start(
  hosts: number,
  more: Parameters<typeof definitionsOf>[1] = {},
): { daemon: ScriptedDaemon; now: () => NowView; outside: OutsideWaiting } {
  const outside: OutsideWaiting = { registrations: { waiting: 0, names: [] }, heldInventories: [] };
  const directory = mkdtempSync(join(tmpdir(), 'mendd-now-'));
  const plans = Array.from({ length: hosts }, (_, index) => planned(`web-${index + 1}`));
  const daemon = new ScriptedDaemon(join(directory, 'mendd.db'), definitionsOf(plans, more));
  ends.push(() => {
    daemon.healing.history.close();
    daemon.store.close();
    daemon.coordinator.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const { clock, healing, coordinator } = daemon;
  const views = new Views({ ...healing, clock, nextDueAtMs: () => undefined });
  const lateness = { p50Ms: 1, p99Ms: 2, maxMs: 3 };
  const page = new NowPage({
    ...healing,
    clock,
    coordinator,
    views,
    outside: { waiting: () => outside },
    config: () => ({ ...config, source: { kind: 'directory', path: 'x' } }) as unknown as ConfigView,
    health: () => ({ ready: true, problems: [] }),
    stats: () => ({ checkLateness: lateness, checksPerMin: 6 }) as ReturnType<NowSources['stats']>,
  });
  return { daemon, now: () => page.view(), outside };
}

function tell({ clock, healing }: ScriptedDaemon, host: string, state: CheckState): void {
  const startedAtMs = clock.nowMs();
  const result = { state, text: state, longText: '', perfdata: [], startedAtMs, durationMs: 5 };
  healing.fleet.apply(host, { kind: 'result', check: 'app.running', result, viaHost: true });
}

function pause({ coordinator, clock }: ScriptedDaemon): void {
  coordinator.pause({ sinceMs: clock.nowMs(), by: 'ann', reason: 'test' });
}

test('what is quiet proves that it is alive', async () => {
  const { daemon, now } = start(2);
  const startedAtMs = daemon.clock.nowMs();
  expect(now().alive).toMatchObject({ hosts: 2, checks: 2, checksPerMin: 6, startedAtMs });
  expect(now().alive).not.toHaveProperty('lastResultAtMs');
  expect(now().fleet.counts).toMatchObject({ pending: 2, ok: 0 });
  await daemon.clock.pass(1_000);
  tell(daemon, 'web-1', 'warning');
  const brokeAtMs = daemon.clock.nowMs();
  await daemon.clock.pass(1_000);
  tell(daemon, 'web-1', 'ok');
  tell(daemon, 'web-2', 'ok');
  daemon.healing.history.flush();
  expect(now()).toMatchObject({
    verdict: { needYou: 0, problems: 0, stale: 0, ok: 2, sentence: '2 OK' },
    alive: { lastResultAtMs: daemon.clock.nowMs() + 5, lastProblemAtMs: brokeAtMs },
    fleet: { counts: { ok: 2, pending: 0 } },
  });
});

test('the last problem is known after a start as well', () => {
  const { daemon, now } = start(1);
  const atMs = daemon.clock.nowMs() - 3_600_000;
  const turned = (to: string, laterMs: number) => ({
    atMs: atMs + laterMs,
    host: 'web-1',
    check: 'app.running',
    from: 'ok',
    to,
    type: 'hard' as const,
    attempt: 1,
    text: '',
    flapping: false,
    percent: 0,
    percentWithoutActions: 0,
    afterAction: false,
  });
  daemon.store.save({
    host: 'web-1',
    check: 'app.running',
    transitions: [turned('critical', 0), turned('ok', 5_000)],
    events: [],
  });
  expect(now().alive.lastProblemAtMs).toBe(atMs);
});

test('the fleet is worst first, and what is stale or unreachable is not told as OK', async () => {
  const { daemon, now } = start(5);
  pause(daemon);
  for (const [host, state] of [
    ['web-1', 'ok'],
    ['web-2', 'warning'],
    ['web-3', 'critical'],
    ['web-4', 'ok'],
  ] as const)
    tell(daemon, host, state);
  await daemon.clock.pass(60_000);
  tell(daemon, 'web-1', 'ok');
  const failure = { stage: 'connect' as const, message: 'refused', hint: '', sent: false };
  for (let times = 0; times < 4; times += 1)
    daemon.healing.fleet.apply('web-5', { kind: 'unreachable', failure, startedAtMs: daemon.clock.nowMs() });
  const { hosts, counts } = now().fleet;
  expect(hosts.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'web-3 critical',
    'web-5 unreachable',
    'web-2 warning',
    'web-4 stale',
    'web-1 ok',
  ]);
  expect(hosts[0]).toEqual({ name: 'web-3', state: 'critical', problems: 1 });
  expect(counts).toMatchObject({ critical: 1, unreachable: 1, warning: 1, stale: 1, ok: 1 });
});

test('what needs a person says why it does not go on, and what comes next', () => {
  const { daemon, now } = start(1);
  pause(daemon);
  tell(daemon, 'web-1', 'critical');
  const [need] = now().needsYou;
  expect(need).toMatchObject({
    explanation: { host: 'web-1', reason: 'paused' },
    status: { state: 'critical' },
    runs: [],
    next: { why: 'A person paused automation', action: 'app.restart' },
  });
  expect(need?.next.opens).toContain('mendd resume');
  tell(daemon, 'web-1', 'ok');
  expect(now().needsYou).toEqual([]);
});

test('what opens it is said of the gate that is named, not of another one that is shut', () => {
  const { daemon, now } = start(1, { mode: 'propose' });
  daemon.healing.fleet.distrust({ cause: 'corrupt', sinceMs: daemon.clock.nowMs(), text: 'damaged' });
  tell(daemon, 'web-1', 'critical');
  const [need] = now().needsYou;
  expect(need?.explanation.reason).toBe('ledger_not_trusted');
  expect(need?.next.opens).toContain('mendd rearm');
});

test('in a mass failure all are counted within a few answers, and the rows stay bounded', () => {
  const { daemon, now } = start(600);
  pause(daemon);
  for (let index = 600; index >= 1; index -= 1)
    tell(daemon, `web-${index}`, index === 7 ? 'critical' : 'warning');
  const counts = Array.from({ length: 4 }, () => now().verdict.needYou);
  expect(counts).toEqual([250, 400, 550, 600]);
  const { needsYou, verdict } = now();
  expect(verdict.needYou).toBe(600);
  expect(needsYou).toHaveLength(100);
  expect(needsYou[0]?.explanation.host).toBe('web-7');
  daemon.coordinator.resume();
  // None is left when the cause is gone, however few are looked at in one answer.
  const after = Array.from({ length: 5 }, () => now().verdict.needYou);
  expect(after.at(-1)).toBe(0);
});

test('a message that waits too long for its delivery needs a person', async () => {
  const { daemon, now } = start(1);
  const { coordinator, clock } = daemon;
  const atMs = clock.nowMs();
  const place = {
    key: 'k',
    target: 'oncall',
    kind: 'problem',
    host: 'web-1',
    ladder: 'app.restart',
  } as const;
  coordinator.enqueue({ ...place, body: {}, createdAtMs: atMs, nextAttemptAtMs: atMs });
  await clock.pass(15 * 60_000);
  expect(now()).toMatchObject({ messages: { waiting: 1, dead: 0 }, verdict: { needYou: 0 } });
  await clock.pass(1_000);
  expect(now().verdict.needYou).toBe(1);
  coordinator.messageSent(1, clock.nowMs());
  await clock.pass(1_000);
  expect(now().verdict.needYou).toBe(0);
});

test('a question is told with its trouble, and the trouble is not told twice', async () => {
  const { daemon, now } = start(1, { mode: 'approve' });
  await daemon.results('critical', 'critical', 'critical');
  const { approvals, needsYou, verdict } = now();
  expect(approvals).toMatchObject([
    { host: 'web-1', action: 'app.restart', status: 'waiting', trouble: { state: 'critical' }, tried: [] },
  ]);
  expect([needsYou.length, verdict.needYou]).toEqual([0, 1]);
  pause(daemon);
  expect([now().needsYou.length, now().verdict.needYou]).toEqual([0, 1]);
});

test('a repair under way and one that healed are told with their check, their limit and how long it was down', async () => {
  const { daemon, now } = start(1);
  const waiting: ((outcome: GuardOutcome) => void)[] = [];
  daemon.guard.answer = () => new Promise((resolve) => waiting.push(resolve));
  await daemon.results('critical', 'critical');
  expect(now()).toMatchObject({
    verdict: { healing: 1, needYou: 0 },
    healing: [{ host: 'web-1', check: 'app.running', text: 'critical', timeoutMs: 60_000 }],
    fleet: { hosts: [{ name: 'web-1', state: 'critical', healing: true }] },
  });
  waiting[0]?.({ kind: 'ran', exitCode: 0, stdout: '', stderr: '', truncated: false, durationMs: 1 });
  await daemon.results('ok', 'ok', 'ok', 'ok');
  const { healed, healing } = now();
  expect(healing).toEqual([]);
  expect(healed).toMatchObject([{ host: 'web-1', check: 'app.running', status: 'verified' }]);
  expect(healed[0]?.downMs).toBe((healed[0]?.endedAtMs ?? 0) - Number.parseInt(healed[0]?.episode ?? '', 36));
});

test('hosts that registered themselves and inventories that are held wait for a person', async () => {
  const { daemon, now, outside } = start(1);
  tell(daemon, 'web-1', 'ok');
  outside.registrations = { waiting: 3, names: ['a', 'b', 'c'] };
  expect(now()).toMatchObject({ verdict: { needYou: 1 }, registrations: { waiting: 3 } });
  await daemon.clock.pass(1_000);
  outside.heldInventories = ['cmdb', 'ec2'].map((name) => ({ name, sinceMs: 1, vanished: 3, of: 10 }));
  expect(now()).toMatchObject({
    verdict: { needYou: 3, sentence: '3 need you · 1 OK' },
    heldInventories: [{ name: 'cmdb', vanished: 3, of: 10 }, { name: 'ec2' }],
  });
});

test('a person is told of an inventory that is held, once for the same answer', () => {
  const { daemon } = start(1, { page: 'oncall' });
  const data = { inventory: 'cmdb', vanished: 3, of: 10, tag: 'abc' };
  daemon.healing.history.add('inventory.held', { data });
  daemon.healing.history.add('inventory.held', { data });
  const { items } = daemon.coordinator.messages({ limit: 10 });
  expect(items).toMatchObject([{ target: 'oncall', kind: 'notice' }]);
  expect(JSON.stringify(items[0]?.body)).toContain('3 of 10 hosts vanished');
});

test('what the lists leave out is counted', () => {
  const { daemon, now } = start(1);
  const { coordinator, clock, healing } = daemon;
  const nowMs = clock.nowMs();
  const span = { runs: 1_000, sinceMs: nowMs };
  const [slots, verified] = [
    { fleetConcurrent: 9, action: span, host: span, fleet: span, groups: [], brakes: [], repairs: true },
    { atMs: nowMs, status: 'verified' as const },
  ];
  for (let index = 0; index < 51; index += 1) {
    const id = `run-${index}`;
    const made = { decidedAtMs: nowMs, fence: coordinator.fence, episode: id, notAfterMs: nowMs + 1_000 };
    expect(coordinator.claim(bareIntent(id, made), slots)).toEqual({ kind: 'claimed' });
    coordinator.dispatched(id, nowMs);
    coordinator.advance(id, { ...verified, status: 'verifying' });
    coordinator.advance(id, verified);
  }
  for (let index = 0; index < 201; index += 1)
    coordinator.addSuppression({
      id: `silence-${index}`,
      kind: 'silence',
      by: 'ann',
      reason: 'test',
      createdAtMs: nowMs,
      origin: 'person',
      match: { hosts: ['x'], labels: {}, checks: [] },
      startsAtMs: nowMs,
      endsAtMs: nowMs + 60_000,
    });
  healing.suppressions.refresh(healing.fleet.definitions, nowMs);
  const view = now();
  expect([view.healed.length, view.suppressions.length]).toEqual([50, 200]);
  expect(view.totals).toEqual({ healed: 51, flapping: 0, suppressions: 201 });
});

test('how often flapping held an action is a least number where more was decided than is read', () => {
  const clock = new FakeClock();
  const items = [
    { reason: 'flapping', count: 7 },
    { reason: 'paused', count: 3 },
  ];
  const read = (next?: string) => {
    const reader = { decisions: () => ({ items, ...(next === undefined ? {} : { next }) }) };
    const history = { onEvent: () => undefined, reader } as unknown as NowSources['history'];
    return new Lately({ clock, history }).heldForFlapping('web-1', 'app.running', 0);
  };
  expect(read()).toEqual({ held: 7 });
  expect(read('more')).toEqual({ held: 7, heldMore: true });
});
