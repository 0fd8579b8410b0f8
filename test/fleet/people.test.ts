/** People and locks that keep the daemon from acting, on real machines: stopped units, holds, downtimes, questions, a role. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Wire } from '../../api/wire.ts';
import type { Approval, Suppression } from '../../core/safety.ts';
import type { Explanation } from '../../core/views.ts';
import { Daemon, requireBuild } from './daemon.ts';
import { type Fleet, patienceMs, until, upFleet } from './harness.ts';
import { expectWholeAudit, held, isActive, newest, outcome, untilState } from './restraint.ts';
import { freely, restarts, unlimited } from './runbooks.ts';

let fleet: Fleet;
let daemon: Daemon;

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
  requireBuild();
  fleet = await upFleet({ machines: ['a', 'b', 'c'] });
  daemon = await Daemon.start({
    fleet,
    labels: '{ role: web }',
    runbooks: [restarts('worker', 'a, b'), restarts('asking', 'c', { more: 'mode: approve' }), reboots],
    settings: `remediation: { ${unlimited}, brake: false, self_doubt: { changed_min: 1000 } }`,
  });
  await daemon.settled();
});

afterAll(async () => {
  await daemon.close();
  await fleet.down();
});

test('a unit that a person stopped stays stopped, and explain says so; one that was killed is healed', async () => {
  const machine = fleet.machine('a');
  await machine.stopUnit('worker');
  expect(await held(daemon, 'a', 'human_intent')).toMatchObject({ gate: 'human_intent' });
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
  await untilState(daemon, 'a', 'worker.running', 'ok');
  const from = newest(daemon);
  await machine.crashUnit('worker');
  expect(await outcome(daemon, 'a', from)).toBe('verified');
  // At the boot, by the person, by the daemon.
  expect(await machine.startCount('worker')).toBe(3);
});

test('a hold on the machine holds until it is taken away, also right after a repair', async () => {
  const machine = fleet.machine('a');
  const before = await machine.startCount('worker');
  const from = newest(daemon);
  const fromMs = Date.now();
  await machine.must('mkdir -p /run/mendd && touch /run/mendd/hold');
  await machine.crashUnit('worker');
  const gate = await held(daemon, 'a', 'human_intent', fromMs);
  expect(gate.values).toMatchObject({ sign: 'lock_file' });
  expect(gate.opens).toContain('/run/mendd/hold');
  expect(await machine.startCount('worker')).toBe(before);
  await machine.must('rm /run/mendd/hold');
  expect(await outcome(daemon, 'a', from)).toBe('verified');
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
  const from = newest(daemon);
  await machine.crashUnit('worker');
  expect(await held(daemon, 'a', 'in_downtime')).toMatchObject({
    gate: 'downtime',
    values: { id, because: 'moving a disk' },
  });
  expect(await isActive(machine)).toBe(false);
  expect((await daemon.ask('DELETE', `/api/v1/suppressions/${id}`)).status).toBe(200);
  expect(await outcome(daemon, 'a', from)).toBe('verified');
});

test('a run waits for a yes to what was read; a yes after the recovery is refused', async () => {
  const machine = fleet.machine('c');
  const before = await machine.startCount('worker');
  let from = newest(daemon);
  await machine.crashUnit('worker');
  const asked = await question(from);
  await held(daemon, 'c', 'approval_wanted');
  expect(await daemon.ask('POST', asked.path, {})).toMatchObject({ status: 428 });
  const wrong = await daemon.ask('POST', asked.path, {}, { 'if-match': '"0123456789abcdef"' });
  expect(wrong).toMatchObject({ status: 412 });
  expect(await daemon.runs('c')).toEqual([]);
  expect(await machine.startCount('worker')).toBe(before);
  const yes = await daemon.ask('POST', asked.path, { reason: 'go on' }, { 'if-match': asked.tag });
  expect(yes).toMatchObject({ status: 200, body: { status: 'approved' } });
  expect(await outcome(daemon, 'c', from)).toBe('verified');
  expect((await daemon.runs('c')).map((run) => run.id)).toEqual([asked.id]);
  expect(await machine.startCount('worker')).toBe(before + 1);

  await untilState(daemon, 'c', 'asking.running', 'ok');
  from = newest(daemon);
  await machine.crashUnit('worker');
  const late = await question(from);
  await machine.must('systemctl start worker');
  await untilState(daemon, 'c', 'asking.running', 'ok');
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
      120_000,
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
  await daemon.settled();
  await expectWholeAudit(daemon);
});

async function question(afterId: number): Promise<{ id: string; path: string; tag: string }> {
  const { runId } = await daemon.waitFor(
    'a person is asked',
    (e) => e.type === 'approval.asked',
    patienceMs,
    afterId,
  );
  if (runId === undefined) throw new Error('a question without the id of its run');
  const path = `/api/v1/approvals/${encodeURIComponent(runId)}`;
  const { headers, body } = await daemon.ask('GET', path);
  expect(body).toMatchObject({ status: 'waiting', host: 'c', action: 'asking.restart' });
  expect((body as Wire<Approval>).command).toContain('worker');
  return { id: runId, path: `${path}/approve`, tag: headers.etag ?? '' };
}
