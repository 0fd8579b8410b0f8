/** What keeps the daemon from acting, on real machines: people, locks, approvals, blindness, the brake, an old ledger. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Wire } from '../../api/wire.ts';
import type { StoredDecision } from '../../core/decisions.ts';
import type { Page } from '../../core/ports.ts';
import type { Approval, AuditVerdict, Suppression } from '../../core/safety.ts';
import type { Run } from '../../core/types.ts';
import type { BrakeView, Explanation, NowView } from '../../core/views.ts';
import { Daemon, requireBuild } from './daemon.ts';
import type { ApiEvent } from './daemon-api.ts';
import { type Fleet, until, upFleet } from './harness.ts';
import type { Machine } from './machine.ts';

const names = ['a', 'b', 'c'];

/** Nothing but what a scenario is about may hold an action. */
const freely = `
    cooldown: 0s
    max_runs: 100 per 1h
    chronic: false
    demote: false
    before: false
    verify: { within: 15s, stays_ok: 1s }`;

function restarts(name: string, hosts: string, more = ''): string {
  return `
runbook: ${name}
hosts: [${hosts}]
every: 500ms
timeout: 2s
checks:
  running: { systemd_unit: worker, flapping: false }
actions:
  restart:
    when: { check: running, attempts: 2 }
    systemd_restart: worker
    sudo: true
    ${more}${freely}
`;
}

const limits = 'mode: auto, max_runs: 100 per 1h, max_runs_per_host: 100 per 1h';

type Closed = Wire<StoredDecision>['gates'][number];

let fleet: Fleet;
let daemon: Daemon;

beforeAll(async () => {
  requireBuild();
  fleet = await upFleet({ machines: names });
});

afterAll(async () => {
  await fleet.down();
});

/** Number of the newest event: what a scenario waits for comes after it. */
const newest = (): number => daemon.events.at(-1)?.id ?? 0;

/** The gate that held the action on the host, asked again at or after `sinceMs`. */
async function held(host: string, reason: string, sinceMs = 0): Promise<Closed> {
  return daemon.explained(
    until(`${host} is held by ${reason}`, async () => {
      const decision = (await daemon.decisions(host)).find(
        (each) => each.reason === reason && each.verdict === 'held' && Date.parse(each.lastAt) >= sinceMs,
      );
      return decision?.gates.find((each) => !each.passed);
    }),
  );
}

/** The first run that ends on the host after the event `afterId`. */
async function outcome(host: string, afterId: number): Promise<string> {
  const { data } = await daemon.waitFor(
    `a run on ${host} has ended`,
    (event) => event.type === 'action.ended' && event.host === host,
    45_000,
    afterId,
  );
  return String(data.status);
}

async function untilState(host: string, check: string, state: string): Promise<void> {
  await daemon.explained(
    until(`${check} of ${host} is ${state}`, async () => {
      const found = (await daemon.checks()).find((each) => each.host === host && each.check === check);
      return found?.status.state === state ? true : undefined;
    }),
  );
}

async function untilUnreachable(hosts: readonly string[]): Promise<void> {
  for (const host of hosts) {
    await daemon.explained(
      until(`${host} is unreachable`, async () =>
        (await daemon.host(host)).status.state === 'unreachable' ? true : undefined,
      ),
    );
  }
}

const isActive = async (machine: Machine): Promise<boolean> =>
  (await machine.exec('systemctl is-active worker')).code === 0;

async function expectWholeAudit(): Promise<void> {
  const { status, body } = await daemon.ask('GET', '/api/v1/audit/verify');
  expect(status).toBe(200);
  const verdict = body as Wire<AuditVerdict>;
  expect(verdict).toMatchObject({ ok: true });
  expect(verdict.entries).toBeGreaterThan(0);
}

describe('people and locks', () => {
  /** Both machines of a role want it at the first failure. */
  const reboots = `
runbook: lost
hosts: [b, c]
every: 500ms
timeout: 2s
checks:
  running: { systemd_unit: flaky, flapping: false }
actions:
  reboot:
    when: { check: running, attempts: 2 }
    reboot: { back_within: 1m }
    guard: { max_concurrent: 1, per: role }
    min_uptime: 0s
    sudo: true${freely}
`;

  beforeAll(async () => {
    daemon = await Daemon.start({
      fleet,
      labels: '{ role: web }',
      runbooks: [restarts('worker', 'a, b'), restarts('asking', 'c', 'mode: approve'), reboots],
      settings: `remediation: { ${limits}, brake: false, self_doubt: { changed_min: 1000 } }`,
    });
    await daemon.settled(15_000);
  });

  afterAll(async () => {
    await daemon.close();
  });

  test('a unit that a person stopped stays stopped, and explain says so; one that was killed is healed', async () => {
    const machine = fleet.machine('a');
    await machine.stopUnit('worker');
    expect(await held('a', 'human_intent')).toMatchObject({ gate: 'human_intent' });
    // Asked again and again: the answer stays the same.
    await daemon.explained(
      until('the decision is repeated', async () =>
        (await daemon.decisions('a')).some((each) => each.reason === 'human_intent' && each.count > 2)
          ? true
          : undefined,
      ),
    );
    const { explanations } = await daemon.get<{ explanations: Wire<Explanation>[] }>(
      '/api/v1/explain?host=a&check=worker.running',
    );
    const explained = explanations[0];
    expect(explained).toMatchObject({ action: 'worker.restart', verdict: 'held', reason: 'human_intent' });
    const gate = explained?.gates.find((each) => each.gate === 'human_intent');
    expect(gate).toMatchObject({ passed: false, values: { signs: 1, sign: 'unit_stopped' } });
    expect(gate?.opens).toContain('the end of what a person does there');
    expect(await daemon.runs('a')).toEqual([]);
    expect(await isActive(machine)).toBe(false);

    await machine.must('systemctl start worker');
    await untilState('a', 'worker.running', 'ok');
    const from = newest();
    await machine.crashUnit('worker');
    expect(await outcome('a', from)).toBe('verified');
    // At the boot, by the person, by the daemon.
    expect(await machine.startCount('worker')).toBe(3);
  });

  test('a hold on the machine holds until it is taken away, also right after a repair', async () => {
    const machine = fleet.machine('a');
    const before = await machine.startCount('worker');
    const from = newest();
    const fromMs = Date.now();
    await machine.must('mkdir -p /run/mendd && touch /run/mendd/hold');
    await machine.crashUnit('worker');
    const gate = await held('a', 'human_intent', fromMs);
    expect(gate.values).toMatchObject({ sign: 'lock_file' });
    expect(gate.opens).toContain('/run/mendd/hold');
    expect(await machine.startCount('worker')).toBe(before);
    await machine.must('rm /run/mendd/hold');
    expect(await outcome('a', from)).toBe('verified');
    expect(await machine.startCount('worker')).toBe(before + 1);
  });

  test('a downtime holds, and its end lets it act', async () => {
    const machine = fleet.machine('a');
    const laid = await daemon.ask('POST', '/api/v1/downtimes', {
      match: { hosts: ['a'] },
      reason: 'moving a disk',
      for: '1h',
    });
    expect(laid.status).toBe(200);
    const { id } = laid.body as Wire<Suppression>;
    const from = newest();
    await machine.crashUnit('worker');
    expect(await held('a', 'in_downtime')).toMatchObject({
      gate: 'downtime',
      values: { id, because: 'moving a disk' },
    });
    expect(await isActive(machine)).toBe(false);
    expect((await daemon.ask('DELETE', `/api/v1/suppressions/${id}`)).status).toBe(200);
    expect(await outcome('a', from)).toBe('verified');
  });

  test('a run waits for a yes to what was read; a yes after the recovery is refused', async () => {
    const machine = fleet.machine('c');
    const before = await machine.startCount('worker');
    let from = newest();
    await machine.crashUnit('worker');
    const asked = await question(from);
    await held('c', 'approval_wanted');
    expect(await daemon.ask('POST', asked.path, {})).toMatchObject({ status: 428 });
    const wrong = await daemon.ask('POST', asked.path, {}, { 'if-match': '"0123456789abcdef"' });
    expect(wrong).toMatchObject({ status: 412 });
    expect(await daemon.runs('c')).toEqual([]);
    expect(await machine.startCount('worker')).toBe(before);
    const yes = await daemon.ask('POST', asked.path, { reason: 'go on' }, { 'if-match': asked.tag });
    expect(yes).toMatchObject({ status: 200, body: { status: 'approved' } });
    expect(await outcome('c', from)).toBe('verified');
    expect((await daemon.runs('c')).map((run) => run.id)).toEqual([asked.id]);
    expect(await machine.startCount('worker')).toBe(before + 1);

    await untilState('c', 'asking.running', 'ok');
    from = newest();
    await machine.crashUnit('worker');
    const late = await question(from);
    await machine.must('systemctl start worker');
    await untilState('c', 'asking.running', 'ok');
    const refused = await daemon.ask('POST', late.path, {}, { 'if-match': late.tag });
    expect(refused).toMatchObject({ status: 409, body: { code: 'lapsed' } });
    expect((await daemon.runs('c')).map((run) => run.id)).toEqual([asked.id]);
    expect(await machine.startCount('worker')).toBe(before + 2);
  });

  test('two machines of a role that want a reboot at once get it one after the other', async () => {
    const both = [fleet.machine('b'), fleet.machine('c')];
    await Promise.all(both.map((machine) => machine.breakFlaky()));
    const ended = async (host: string) =>
      daemon.waitFor(
        `the reboot of ${host} has ended`,
        ({ type, host: name, data }) =>
          type === 'action.ended' && name === host && data.action === 'lost.reboot',
        60_000,
      );
    expect((await Promise.all([ended('b'), ended('c')])).map(({ data }) => data.status)).toEqual([
      'verified',
      'verified',
    ]);
    const spans = (await daemon.runs())
      .filter((run) => run.kind === 'reboot')
      .toSorted((one, other) => one.decidedAt.localeCompare(other.decidedAt))
      .map((run): [string, string] => [run.decidedAt, run.endedAt ?? '']);
    expect(spans).toHaveLength(2);
    expect(spans[1]?.[0].localeCompare(spans[0]?.[1] ?? '')).toBeGreaterThanOrEqual(0);
    expect(await Promise.all(both.map((machine) => machine.bootCount()))).toEqual([2, 2]);
    // The second one wanted it meanwhile; without that this test would prove nothing.
    const waited = [...(await daemon.decisions('b')), ...(await daemon.decisions('c'))];
    expect(waited.map((each) => each.reason)).toContain('group_busy');
    await daemon.settled(20_000);
    await expectWholeAudit();
  });
});

describe('blindness, mass failure, an old ledger', () => {
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
    daemon = await Daemon.start({
      fleet,
      runbooks: [restarts('worker', '"*"'), machines],
      settings: `remediation:
  { ${limits}, brake: { unhealthy_above: 30%, min_unhealthy: 2, release: auto after 3s }, self_doubt: { changed_within: 2s } }`,
    });
    await daemon.settled(15_000);
  });

  afterAll(async () => {
    await daemon.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test('two of three workers that die at once brake everything until the rule lets go', async () => {
    const fromMs = Date.now();
    const from = newest();
    await Promise.all(['a', 'b'].map((name) => fleet.machine(name).crashUnit('worker')));
    await brakeEvent('brake.engaged', from);
    await held('a', 'brake_on', fromMs);
    await held('b', 'brake_on', fromMs);
    expect(await brakeOf('fleet')).toMatchObject({ on: true, unhealthy: 2, hosts: 3, allowed: 1 });
    expect(await openedSince(fromMs)).toEqual([]);

    await fleet.machine('b').must('systemctl start worker');
    const released = await brakeEvent('brake.released', from);
    expect(released.data).toMatchObject({ by: 'the rule' });
    expect(await outcome('a', from)).toBe('verified');
    const runs = await openedSince(fromMs);
    expect(runs.map((run) => run.host)).toEqual(['a']);
    expect(Date.parse(runs[0]?.decidedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(released.at));
    await daemon.settled(15_000);
  });

  test('a person takes the brake off, and both are healed', async () => {
    const fromMs = Date.now();
    const from = newest();
    await Promise.all(['a', 'b'].map((name) => fleet.machine(name).crashUnit('worker')));
    await brakeEvent('brake.engaged', from);
    await untilState('a', 'worker.running', 'critical');
    await untilState('b', 'worker.running', 'critical');
    expect(await openedSince(fromMs)).toEqual([]);
    const released = await daemon.ask('POST', '/api/v1/brakes/fleet/release', { reason: 'a known bug' });
    expect(released).toMatchObject({ status: 200, body: { on: false } });
    expect(await Promise.all([outcome('a', from), outcome('b', from)])).toEqual(['verified', 'verified']);
    await daemon.settled(15_000);
  });

  test('when all machines are cut off at once nothing is done; what is broken is healed when they are back', async () => {
    const fromMs = Date.now();
    const from = newest();
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
    expect(await openedSince(fromMs)).toEqual([]);
    expect(switched()).toEqual([]);

    await Promise.all(fleet.machines.map((machine) => machine.reconnect()));
    expect(await outcome('a', from)).toBe('verified');
    expect((await openedSince(fromMs)).map((run) => [run.host, run.action])).toEqual([
      ['a', 'worker.restart'],
    ]);
    expect(switched()).toEqual([]);
    await daemon.settled(20_000);
  });

  test('one dead machine among others is switched on once, from here', async () => {
    const from = newest();
    const machine = fleet.machine('c');
    await machine.kill();
    await daemon.explained(until('it was switched on', () => (switched().length > 0 ? true : undefined)));
    await machine.start();
    expect(await outcome('c', from)).toBe('verified');
    expect(switched()).toEqual(['c']);
    await daemon.settled(20_000);
  });

  test('an old copy of the ledger only watches until a person re-arms it', async () => {
    const machine = fleet.machine('a');
    const files = ['mendd.db', 'mendd-ledger.db'];
    await expectWholeAudit();
    await daemon.stop();
    for (const file of files) cpSync(join(daemon.dir, file), join(dir, file));
    await daemon.start();
    let from = newest();
    await machine.crashUnit('worker');
    expect(await outcome('a', from)).toBe('verified');
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
    expect(await held('a', 'ledger_not_trusted')).toMatchObject({
      gate: 'rearm',
      values: { trusted: false, cause: 'restored' },
    });
    await untilState('a', 'worker.running', 'critical');
    const { automation } = await daemon.get<Wire<NowView>>('/api/v1/now');
    expect(automation.quarantine).toMatchObject({ cause: 'restored' });
    expect(await openedSince(fromMs)).toEqual([]);
    expect(await machine.startCount('worker')).toBe(starts);

    expect(await daemon.ask('POST', '/api/v1/rearm', { reason: 'looked' })).toMatchObject({ status: 200 });
    expect(await outcome('a', from)).toBe('verified');
    expect(await machine.startCount('worker')).toBe(starts + 1);
    await expectWholeAudit();
  });
});

async function question(afterId: number): Promise<{ id: string; path: string; tag: string }> {
  const { runId } = await daemon.waitFor(
    'a person is asked',
    (e) => e.type === 'approval.asked',
    20_000,
    afterId,
  );
  if (runId === undefined) throw new Error('a question without the id of its run');
  const path = `/api/v1/approvals/${encodeURIComponent(runId)}`;
  const { headers, body } = await daemon.ask('GET', path);
  expect(body).toMatchObject({ status: 'waiting', host: 'c', action: 'asking.restart' });
  expect((body as Wire<Approval>).command).toContain('worker');
  return { id: runId, path: `${path}/approve`, tag: headers.etag ?? '' };
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
  return daemon.waitFor(type, (event) => event.type === type, 30_000, afterId);
}

async function openedSince(afterMs: number): Promise<Wire<Run>[]> {
  return (await daemon.runs()).filter((run) => Date.parse(run.decidedAt) >= afterMs);
}
