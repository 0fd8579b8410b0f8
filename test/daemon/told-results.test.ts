/** Results that others tell: what is taken, what is refused, and what is noticed when none comes. Real store; time moves only when told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CheckDefinition, LadderDefinition, ProbeDefinition } from '../../core/definitions.ts';
import type { ToldAnswer, ToldResult } from '../../core/told-port.ts';
import type { CheckStatus } from '../../core/types.ts';
import { checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { type FakeClock, settle } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const hour = 3_600_000;
const passive = (more: Partial<Extract<ProbeDefinition, { kind: 'passive' }>> = {}): CheckDefinition =>
  checkOf('running', {
    probe: { kind: 'passive', ttlMs: 26 * hour, state: 'critical', ...more },
    runOn: { kind: 'local' },
    timing: { kind: 'calendar', cron: '* * * * *', timezone: 'UTC' },
    maxAttempts: 2,
    exitMap: { 7: 'warning' },
  });

let directory: string;
let daemon: ScriptedDaemon;

function start(check = passive(), clock?: FakeClock, ladders: LadderDefinition[] = []): ScriptedDaemon {
  const plan = planOf([check, checkOf('asked')], ladders);
  daemon = new ScriptedDaemon(join(directory, 'mendd.db'), definitionsOf([plan]), clock);
  return daemon;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-told-'));
});

afterEach(() => {
  daemon.close();
  rmSync(directory, { recursive: true });
});

const ok: ToldResult = { host: 'web-1', check: 'running', exitCode: 0, output: 'done|s=3' };

async function tell(...results: ToldResult[]): Promise<ToldAnswer[]> {
  const answers = await daemon.healing.told.submit(results, false);
  if (!Array.isArray(answers)) throw new Error(answers.message);
  return answers;
}

function status(): CheckStatus {
  const found = daemon.healing.fleet.state('web-1')?.checks['app.running'];
  if (found === undefined) throw new Error('no state');
  return found;
}

/** As the scheduler does each minute. */
function look(): string {
  const { fleet, told } = daemon.healing;
  const plan = fleet.plan('web-1');
  const check = plan?.checks[0];
  if (plan === undefined || check === undefined) throw new Error('no plan');
  const found = told.look(plan.host, check);
  if (typeof found === 'string') return found;
  fleet.apply('web-1', { kind: 'result', check: check.id, result: found, viaHost: false });
  return found.state;
}

test('a result goes the way of all results: state, attempts, perfdata, exit_map', async () => {
  start();
  expect(await tell(ok)).toEqual([{ host: 'web-1', check: 'app.running', accepted: true }]);
  expect([status().state, status().lastResult?.perfdata[0]?.value]).toEqual(['ok', 3]);
  await tell({ ...ok, exitCode: 7, output: 'slow' });
  expect([status().state, status().type, status().lastResult?.text]).toEqual(['warning', 'soft', 'slow']);
  const { exitCode: _, ...stated } = ok;
  await tell({ ...stated, state: 'critical', output: 'gone' });
  expect([status().state, status().type, status().attempt]).toEqual(['critical', 'hard', 2]);
  expect(status().lastResult?.exitCode).toBeUndefined();
});

test('what cannot be taken is refused one by one, and says why', async () => {
  const { clock } = start();
  const nowMs = clock.nowMs();
  await tell({ ...ok, atMs: nowMs });
  const answers = await tell(
    { ...ok, host: 'web-9' },
    { ...ok, check: 'nothing' },
    { ...ok, check: 'asked' },
    { ...ok, atMs: nowMs + 2 * hour },
    { ...ok, atMs: nowMs - 50 * 60_000 },
    { ...ok, atMs: nowMs - 60_000 },
    { ...ok, output: 'a clock that is ahead', atMs: nowMs + 1_000 },
  );
  expect(answers.map(({ code }) => code)).toEqual([
    'host_unknown',
    'check_unknown',
    'not_passive',
    'from_the_future',
    'too_old',
    'older_than_newest',
    undefined,
  ]);
  expect(daemon.healing.told.counts()).toMatchObject({ accepted: 2, refused: { not_passive: 1 } });
});

test('what is told twice counts once', async () => {
  const { clock } = start();
  const bad = { ...ok, exitCode: 2, output: 'bad', atMs: clock.nowMs() - 10 };
  await tell(bad, bad);
  expect([status().attempt, status().type]).toEqual([1, 'soft']);
  await tell({ ...bad, atMs: bad.atMs + 1 });
  expect([status().attempt, status().type]).toEqual([2, 'hard']);
});

test('without a result within ttl it turns to its state, by its own attempts, and a result ends that', async () => {
  const { clock } = start();
  await tell(ok);
  await clock.pass(26 * hour);
  expect(look()).toContain('a result is expected until');
  await clock.pass(hour);
  expect([look(), status().state, status().type]).toEqual(['critical', 'critical', 'soft']);
  expect(status().lastResult?.text).toBe('no result for 1d3h, at the most 1d2h are allowed');
  await clock.pass(60_000);
  expect([look(), status().type]).toEqual(['critical', 'hard']);
  expect(status().lastResult?.text).toBe('no result for 1d3h1m, at the most 1d2h are allowed');
  expect(daemon.healing.told.counts().overdue).toBe(1);
  // Of before the alarm, but newer than the newest that was heard.
  await tell({ ...ok, atMs: clock.nowMs() - 120_000 });
  expect([status().state, daemon.healing.told.counts().overdue]).toEqual(['ok', 0]);
  expect(look()).toContain('a result is expected until');
});

test('one that never came is missed as well, also over restarts', async () => {
  const { clock } = start();
  look();
  for (let day = 0; day < 3; day += 1) {
    daemon.close();
    start(passive(), clock);
    await clock.pass(10 * hour);
    look();
  }
  expect(status().state).toBe('critical');
  expect(status().lastResult?.text).toBe('no result yet, after 1d6h');
});

test('right after a start nothing is overdue, and soon it is', async () => {
  const { clock } = start();
  await tell(ok);
  daemon.healing.history.flush();
  daemon.close();
  await clock.pass(40 * hour);
  start(passive(), clock);
  expect([look(), status().state]).toEqual([expect.stringContaining('expected until'), 'ok']);
  await clock.pass(601_000);
  expect(look()).toBe('critical');
  expect(status().lastResult?.text).toBe('no result for 1d16h10m, at the most 1d2h are allowed');
  daemon.healing.history.flush();
  daemon.close();
  // The alarm itself is no result: the time goes on over another start.
  start(passive(), clock);
  await clock.pass(hour);
  look();
  expect(status().lastResult?.text).toBe('no result for 1d17h10m, at the most 1d2h are allowed');
});

test('the sender may tell a ttl of its own, which holds until its next result', async () => {
  const { clock } = start();
  await tell({ ...ok, ttlMs: hour });
  daemon.healing.history.flush();
  daemon.close();
  await clock.pass(2_000);
  start(passive(), clock);
  await clock.pass(hour);
  expect(look()).toBe('critical');
  await tell(ok);
  await clock.pass(2 * hour);
  expect(look()).toContain('expected until');
});

test('without ttl it waits for ever; a dry run changes nothing', async () => {
  const { clock } = start(checkOf('running', { probe: { kind: 'passive', state: 'unknown' } }));
  await tell(ok);
  await clock.pass(1_000 * hour);
  expect(look()).toContain('for as long as it takes');
  expect(await daemon.healing.told.submit([{ ...ok, exitCode: 2 }], true)).toEqual([
    { host: 'web-1', check: 'app.running', accepted: true },
  ]);
  expect(status().state).toBe('ok');
});

test('more than can be taken is refused whole, and can be told again', async () => {
  const { clock } = start();
  const atMs = clock.nowMs();
  const many = Array.from({ length: 2_000 }, (_, i) => ({ ...ok, atMs: atMs + (i % 2) }));
  const first = [tell(...many), tell(...many)];
  expect(await daemon.healing.told.submit(many, false)).toMatchObject({
    kind: 'rejected',
    status: 503,
    code: 'busy',
  });
  await Promise.all(first);
  expect(await tell({ ...ok, atMs: atMs + 10 })).toMatchObject([{ accepted: true }]);
});

test('a repair is verified by a result that began after it, and by no other', async () => {
  const { clock } = start(passive(), undefined, [ladderOf([restart], { attempts: 1 })]);
  // Nothing acts before the fleet was looked at once.
  await clock.pass(200_000);
  await tell({ ...ok, exitCode: 2 });
  await clock.pass(5_000);
  await settle();
  expect(daemon.outcomes).toEqual(['app.restart verifying']);
  const [run] = daemon.runs;
  // Of a job that began before the repair and ended after it.
  await clock.pass(2_000);
  await tell({ ...ok, atMs: (run?.dispatchedAtMs ?? 0) - 1 });
  await clock.pass(20_000);
  await tell({ ...ok, atMs: (run?.dispatchedAtMs ?? 0) - 1 });
  await settle();
  expect([daemon.outcomes, daemon.runs[0]?.verifyOkSinceMs]).toEqual([['app.restart verifying'], undefined]);
  await tell(ok);
  await clock.pass(21_000);
  await tell({ ...ok, output: 'still' });
  await settle();
  expect(daemon.outcomes).toEqual(['app.restart verified']);
});
