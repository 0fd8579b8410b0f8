/** Alerts that others tell: whose they are, what they make of a check, and when they are over. Real store; time moves only when told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AlertProbe, CheckDefinition, HostPlan } from '../../core/definitions.ts';
import type { AlertAnswer, ToldAlert } from '../../core/told-port.ts';
import { checkOf, planOf } from '../support/definitions.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const minute = 60_000;
let directory: string;
let daemon: ScriptedDaemon;

function looking(name: string, more: Partial<AlertProbe> = {}): CheckDefinition {
  const probe = { kind: 'alert' as const, match: { alertname: 'High*' }, ...more };
  return checkOf(name, { probe, runOn: { kind: 'local' }, maxAttempts: 1 });
}

function hostOf(name: string, address: string, checks: CheckDefinition[] = [looking('latency')]): HostPlan {
  const plan = planOf(checks, [], name);
  return { ...plan, host: { ...plan.host, address } };
}

const fleet = [
  hostOf('web-1', '10.0.0.1'),
  hostOf('Web-2.example.com', 'fe80::2', [
    looking('latency'),
    looking('pod', { hostLabel: 'node', match: { alertname: 'High*', team: 'a' } }),
  ]),
  hostOf('nat-1', '192.0.2.7'),
  hostOf('nat-2', '192.0.2.7'),
];

function start(plans = fleet, clock?: FakeClock): ScriptedDaemon {
  daemon = new ScriptedDaemon(join(directory, 'mendd.db'), definitionsOf(plans), clock);
  return daemon;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-alerts-'));
});

afterEach(() => {
  daemon.close();
  rmSync(directory, { recursive: true });
});

function alert(labels: Record<string, string>, more: Partial<ToldAlert> = {}): ToldAlert {
  return {
    labels: { alertname: 'HighLatency', ...labels },
    annotations: { summary: 'p99 above 2 s' },
    startsAtMs: daemon.clock.nowMs() - 12 * minute,
    ...more,
  };
}

async function tell(...alerts: ToldAlert[]): Promise<AlertAnswer[]> {
  const answers = await daemon.healing.told.alerts(alerts, 5 * minute, false);
  if (!Array.isArray(answers)) throw new Error(answers.message);
  return answers;
}

function state(host = 'web-1', check = 'app.latency'): string | undefined {
  return daemon.healing.fleet.state(host)?.checks[check]?.state;
}

/** As the scheduler does each minute. */
function look(host = 'web-1', id = 'app.latency'): string {
  const plan = daemon.healing.fleet.plan(host);
  const check = plan?.checks.find((each) => each.id === id);
  if (plan === undefined || check === undefined) throw new Error('no plan');
  const result = daemon.healing.told.look(plan.host, check);
  if (typeof result === 'string') throw new Error(result);
  daemon.healing.fleet.apply(host, { kind: 'result', check: check.id, result, viaHost: false });
  return `${result.state} ${result.text}`;
}

test('a check is OK without an alert, a problem while one fires, and OK when it is resolved', async () => {
  const { clock } = start();
  expect(look()).toBe('ok no such alert fires');
  expect(await tell(alert({ instance: 'web-1:9100', severity: 'critical' }))).toEqual([
    { alert: 'HighLatency', status: 'firing', checks: ['web-1/app.latency'] },
  ]);
  expect(state()).toBe('critical');
  await clock.pass(minute);
  expect(look()).toBe('critical HighLatency: p99 above 2 s (for 13m)');
  await tell(alert({ instance: 'web-1:9100', severity: 'critical' }, { endsAtMs: clock.nowMs() }));
  expect(state()).toBe('ok');
  expect(daemon.healing.told.counts()).toMatchObject({ alertsFiring: 0, alertsTold: 2, alertsUnmatched: 0 });
});

test.each([
  [{ host: 'web-1' }, ['web-1/app.latency']],
  [{ host: 'WEB-1' }, ['web-1/app.latency']],
  [{ instance: 'web-1' }, ['web-1/app.latency']],
  [{ instance: '10.0.0.1:9100' }, ['web-1/app.latency']],
  [{ instance: 'https://web-1/health?x=1' }, ['web-1/app.latency']],
  [{ instance: '[fe80::2]:9100' }, ['Web-2.example.com/app.latency']],
  [{ instance: 'fe80::2' }, ['Web-2.example.com/app.latency']],
  [{ instance: 'web-2.example.com:443' }, ['Web-2.example.com/app.latency']],
  // The label `host` is asked first, and one that names nothing is passed over.
  [{ host: 'web-1', instance: 'nat-1' }, ['web-1/app.latency']],
  [{ host: 'exporter-7', instance: 'nat-1' }, ['nat-1/app.latency']],
  [{ node: 'Web-2.example.com', team: 'a', instance: 'exporter:1' }, ['Web-2.example.com/app.pod']],
  [{ node: 'Web-2.example.com', team: 'b' }, []],
  [{ host: 'web-1', alertname: 'LowLatency' }, []],
  // A short name could be of any domain; an address of two hosts is of none.
  [{ instance: 'web-2' }, []],
  [{ instance: '192.0.2.7:9100' }, []],
  [{ job: 'node' }, []],
])('%j concerns %j', async (labels, checks) => {
  start();
  const [answer] = await tell(alert(labels));
  expect(answer?.checks).toEqual(checks);
  const namesNone = checks.length === 0 && !('alertname' in labels) && !('team' in labels);
  expect(answer?.problem !== undefined).toBe(namesNone);
});

test('severity or the check itself says how bad it is, and the worst counts', async () => {
  start([hostOf('web-1', '10.0.0.1', [looking('latency'), looking('own', { state: 'unknown' })])]);
  await tell(alert({ host: 'web-1', severity: 'warning' }));
  expect([state(), state('web-1', 'app.own')]).toEqual(['warning', 'unknown']);
  await tell(alert({ host: 'web-1', alertname: 'HighLoad', severity: 'page' }));
  expect(look()).toBe('critical HighLoad: p99 above 2 s (for 12m); HighLatency: p99 above 2 s (for 12m)');
  await tell(alert({ host: 'web-1', alertname: 'HighLoad', severity: 'page' }, { endsAtMs: 1 }));
  expect(state()).toBe('warning');
});

test('what is not told again is over: at its own end, or after the time that holds for its check', async () => {
  const { clock } = start([
    hostOf('web-1', '10.0.0.1', [looking('latency'), looking('slow', { resolveMs: 60 * minute })]),
  ]);
  await tell(alert({ host: 'web-1' }));
  await clock.pass(4 * minute);
  await tell(alert({ host: 'web-1' }));
  await clock.pass(4 * minute);
  expect([look(), look('web-1', 'app.slow')]).toEqual([
    expect.stringContaining('critical'),
    expect.stringContaining('critical'),
  ]);
  await clock.pass(2 * minute);
  expect([look(), look('web-1', 'app.slow')]).toEqual([
    'ok no such alert fires',
    expect.stringContaining('critical'),
  ]);
  await clock.pass(60 * minute);
  expect(look('web-1', 'app.slow')).toBe('ok no such alert fires');
  await tell(alert({ host: 'web-1' }, { endsAtMs: clock.nowMs() + 10 * minute }));
  await clock.pass(9 * minute);
  expect(look()).toContain('critical');
  await clock.pass(2 * minute);
  expect(look()).toBe('ok no such alert fires');
});

test('a start does not end what still fires', async () => {
  const { clock } = start();
  await tell(alert({ host: 'web-1' }, { endsAtMs: clock.nowMs() + minute }));
  daemon.healing.history.flush();
  daemon.close();
  await clock.pass(20 * minute);
  start(fleet, clock);
  await clock.pass(4 * minute);
  expect(look()).toContain('critical');
  await clock.pass(2 * minute);
  expect(look()).toBe('ok no such alert fires');
  daemon.close();
  start(fleet, clock);
  expect(daemon.healing.told.counts().alertsFiring).toBe(0);
});

test('what an alert says is data: no control characters, one line', async () => {
  start();
  await tell(alert({ host: 'web-1' }, { annotations: { summary: '\u001b[31mred\u0000\nsecond' } }));
  expect(look()).toBe('critical HighLatency: red second (for 12m)');
});

test('a dry run keeps nothing', async () => {
  start();
  const answers = await daemon.healing.told.alerts([alert({ host: 'web-1' })], minute, true);
  expect(answers).toMatchObject([{ checks: ['web-1/app.latency'] }]);
  expect([look(), daemon.healing.told.counts().alertsTold]).toEqual(['ok no such alert fires', 0]);
});

function many(from: number, count: number, more: Partial<ToldAlert> = {}): ToldAlert[] {
  return Array.from({ length: count }, (_, i) => alert({ host: 'web-1', pod: `p${from + i}` }, more));
}

test('there is an end to what is kept, and what is resolved makes room', async () => {
  const { clock } = start();
  for (let from = 0; from < 10_000; from += 2_500) await tell(...many(from, 2_500));
  const [answer] = await tell(...many(10_000, 1));
  expect(answer).toMatchObject({ checks: [], problem: expect.stringContaining('the most') });
  await tell(...many(7, 1, { endsAtMs: clock.nowMs() }));
  expect((await tell(...many(10_000, 1)))[0]?.checks).toEqual(['web-1/app.latency']);
  expect(daemon.healing.told.counts().alertsFiring).toBe(10_000);
  const result = daemon.healing.fleet.state('web-1')?.checks['app.latency']?.lastResult;
  expect(result?.text).toContain('; and ');
  // What is over makes room by itself.
  await clock.pass(6 * minute);
  expect((await tell(...many(20_000, 1)))[0]?.checks).toEqual(['web-1/app.latency']);
  expect(daemon.healing.told.counts().alertsFiring).toBe(1);
});

test('more than can be taken at once is refused whole', async () => {
  start();
  const first = tell(...many(0, 3_000));
  const second = await daemon.healing.told.alerts(many(0, 3_000), minute, false);
  expect(second).toMatchObject({ kind: 'rejected', status: 503, code: 'busy' });
  expect(await first).toHaveLength(3_000);
});
