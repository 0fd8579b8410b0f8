/** What keeps the daemon from acting when much fails at once, on real machines: the brake, blindness, an old ledger. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Wire } from '../../api/wire.ts';
import type { NowView } from '../../core/now-view.ts';
import type { Page } from '../../core/ports.ts';
import type { BrakeView } from '../../core/views.ts';
import { Daemon, requireBuild } from './daemon.ts';
import type { ApiEvent } from './daemon-api.ts';
import { type Fleet, patienceMs, until, upFleet } from './harness.ts';
import { expectWholeAudit, held, newest, openedSince, outcome, untilState } from './restraint.ts';
import { restarts, unlimited } from './runbooks.ts';

const names = ['a', 'b', 'c'];

let fleet: Fleet;
let daemon: Daemon;

const dir = mkdtempSync(join(tmpdir(), 'mendd-fleet-restraint-'));
const power = join(dir, 'power');
const switched = (): string[] => (existsSync(power) ? readFileSync(power, 'utf8').trim().split('\n') : []);

const machines = `
runbook: machine
hosts: ["*"]
every: 500ms
timeout: 2s
checks:
  sshd: { process: sshd, flapping: false }
actions:
  power:
    when: { host: down, for: 2s }
    run: 'echo "$MENDD_HOST" >>${power}'
    run_on: local
    cooldown: 5m
    max_runs: 100 per 1h
    verify: { within: 1m, stays_ok: 1s }
`;

beforeAll(async () => {
  requireBuild();
  fleet = await upFleet({ machines: names });
  daemon = await Daemon.start({
    fleet,
    // Slow enough that those which are broken together are seen so before the first of them is healed.
    runbooks: [restarts('worker', '"*"', { attempts: 4 }), machines],
    settings: `remediation:
  { ${unlimited}, brake: { unhealthy_above: 30%, min_unhealthy: 2, release: auto after 3s }, self_doubt: { changed_within: 2s } }`,
  });
  await daemon.settled();
});

afterAll(async () => {
  await daemon.close();
  await fleet.down();
  rmSync(dir, { recursive: true, force: true });
});

test('two of three workers that die at once brake everything until the rule lets go', async () => {
  const fromMs = Date.now();
  const from = newest(daemon);
  await Promise.all(['a', 'b'].map((name) => fleet.machine(name).crashUnit('worker')));
  await brakeEvent('brake.engaged', from);
  await held(daemon, 'a', 'brake_on', fromMs);
  await held(daemon, 'b', 'brake_on', fromMs);
  expect(await brakeOf('fleet')).toMatchObject({ on: true, unhealthy: 2, hosts: 3, allowed: 1 });
  expect(await openedSince(daemon, fromMs)).toEqual([]);

  await fleet.machine('b').must('systemctl start worker');
  const released = await brakeEvent('brake.released', from);
  expect(released.data).toMatchObject({ by: 'the rule' });
  expect(await outcome(daemon, 'a', from)).toBe('verified');
  const runs = await openedSince(daemon, fromMs);
  expect(runs.map((run) => run.host)).toEqual(['a']);
  expect(Date.parse(runs[0]?.decidedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(released.at));
  await daemon.settled();
});

test('a person takes the brake off, and both are healed', async () => {
  const fromMs = Date.now();
  const from = newest(daemon);
  await Promise.all(['a', 'b'].map((name) => fleet.machine(name).crashUnit('worker')));
  await brakeEvent('brake.engaged', from);
  await untilState(daemon, 'a', 'worker.running', 'critical');
  await untilState(daemon, 'b', 'worker.running', 'critical');
  expect(await openedSince(daemon, fromMs)).toEqual([]);
  const released = await daemon.ask('POST', '/api/v1/brakes/fleet/release', { reason: 'a known bug' });
  expect(released).toMatchObject({ status: 200, body: { on: false } });
  expect(await Promise.all([outcome(daemon, 'a', from), outcome(daemon, 'b', from)])).toEqual([
    'verified',
    'verified',
  ]);
  await daemon.settled();
});

test('when all machines are cut off at once nothing is done; what is broken is healed when they are back', async () => {
  const fromMs = Date.now();
  const from = newest(daemon);
  await Promise.all(fleet.machines.map((machine) => machine.cutOff()));
  await fleet.machine('a').crashUnit('worker');
  await untilUnreachable(names);
  for (const name of names) {
    await daemon.explained(
      until(`the ladder of ${name} wanted to act`, async () =>
        (await daemon.decisions(name)).some(
          (each) =>
            each.ladder === 'machine.power' &&
            each.verdict === 'held' &&
            Date.parse(each.lastAt) >= fromMs + 4_000,
        )
          ? true
          : undefined,
      ),
    );
  }
  expect(await openedSince(daemon, fromMs)).toEqual([]);
  expect(switched()).toEqual([]);

  await Promise.all(fleet.machines.map((machine) => machine.reconnect()));
  expect(await outcome(daemon, 'a', from)).toBe('verified');
  expect((await openedSince(daemon, fromMs)).map((run) => [run.host, run.action])).toEqual([
    ['a', 'worker.restart'],
  ]);
  expect(switched()).toEqual([]);
  await daemon.settled();
});

test('one dead machine among others is switched on once, from here', async () => {
  const from = newest(daemon);
  const machine = fleet.machine('c');
  await machine.kill();
  await daemon.explained(until('it was switched on', () => (switched().length > 0 ? true : undefined)));
  await machine.start();
  expect(await outcome(daemon, 'c', from)).toBe('verified');
  expect(switched()).toEqual(['c']);
  await daemon.settled();
});

test('an old copy of the ledger only watches until a person re-arms it', async () => {
  const machine = fleet.machine('a');
  const files = ['mendd.db', 'mendd-ledger.db'];
  await expectWholeAudit(daemon);
  await daemon.stop();
  for (const file of files) cpSync(join(daemon.dir, file), join(dir, file));
  await daemon.start();
  let from = newest(daemon);
  await machine.crashUnit('worker');
  expect(await outcome(daemon, 'a', from)).toBe('verified');
  await daemon.stop();

  for (const file of files) {
    for (const end of ['-wal', '-shm']) rmSync(join(daemon.dir, `${file}${end}`), { force: true });
    cpSync(join(dir, file), join(daemon.dir, file));
  }
  daemon.forgetEvents();
  await daemon.start('answers');
  const isItsStart = ({ type, at }: ApiEvent): boolean =>
    type === 'daemon.started' && Date.parse(at) >= daemon.lastStartMs;
  ({ id: from } = await daemon.waitFor('its start is told', isItsStart));
  const starts = await machine.startCount('worker');
  const fromMs = Date.now();
  await machine.crashUnit('worker');
  expect(await held(daemon, 'a', 'ledger_not_trusted')).toMatchObject({
    gate: 'rearm',
    values: { trusted: false, cause: 'restored' },
  });
  await untilState(daemon, 'a', 'worker.running', 'critical');
  const { automation } = await daemon.get<Wire<NowView>>('/api/v1/now');
  expect(automation.quarantine).toMatchObject({ cause: 'restored' });
  expect(await openedSince(daemon, fromMs)).toEqual([]);
  expect(await machine.startCount('worker')).toBe(starts);

  expect(await daemon.ask('POST', '/api/v1/rearm', { reason: 'looked' })).toMatchObject({ status: 200 });
  expect(await outcome(daemon, 'a', from)).toBe('verified');
  expect(await machine.startCount('worker')).toBe(starts + 1);
  await expectWholeAudit(daemon);
});

async function untilUnreachable(hosts: readonly string[]): Promise<void> {
  for (const host of hosts) {
    await daemon.explained(
      until(`${host} is unreachable`, async () =>
        (await daemon.host(host)).status.state === 'unreachable' ? true : undefined,
      ),
    );
  }
}

async function brakeOf(scope: string): Promise<Wire<BrakeView> | undefined> {
  return (await daemon.get<Page<Wire<BrakeView>>>('/api/v1/brakes')).items.find(
    (each) => each.scope === scope,
  );
}

function brakeEvent(
  type: 'brake.engaged' | 'brake.released',
  afterId: number,
): ReturnType<Daemon['waitFor']> {
  return daemon.waitFor(type, (event) => event.type === type, patienceMs, afterId);
}
