import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { RealDaemon } from '../support/real-daemon.ts';

let daemon: RealDaemon | undefined;

afterEach(async () => {
  await daemon?.remove();
  daemon = undefined;
});

/** A worker is a file; `up` is what a restart makes. One of the test's own does not help, and is not waited for as long. */
function runbook(files: { up: string; log: string }, restart?: string): string {
  const own = `echo start >> ${files.log}; touch ${files.up}`;
  return `runbook: workers
hosts: [web-1]
every: 1s
checks:
  running:
    run: test -e ${files.up} && echo running || { echo "down | up=0"; exit 2; }
    max_attempts: 2
    timeout: 10s
actions:
  restart:
    when: { check: running, state: [critical], attempts: 2 }
    run: |
      ${restart ?? own}
    verify: { within: ${restart === undefined ? '15s' : '4s'}, stays_ok: 1s }
    cooldown: 1s
    max_runs: 3 per 1h
  second:
    after: restart
    run: touch ${files.up}
    verify: { within: 15s, stays_ok: 1s }
`;
}

async function prepared(
  restart?: string,
  options: Parameters<typeof RealDaemon.prepare>[1] = {},
): Promise<{ daemon: RealDaemon; files: { up: string; log: string } }> {
  daemon = await RealDaemon.prepare('', options);
  const files = { up: join(daemon.directory, 'up'), log: join(daemon.directory, 'starts') };
  writeFileSync(files.up, '');
  daemon.write('runbooks/worker.yaml', runbook(files, restart));
  return { daemon, files };
}

const toState = (state: string) => (event: { data: Record<string, unknown> }) => event.data['to'] === state;
const ended = (status: string) => (event: { data: Record<string, unknown> }) =>
  event.data['status'] === status;

test('a dead worker is noticed, restarted over SSH, and verified', async () => {
  const { daemon: d, files } = await prepared();
  await d.start();
  await d.event('state.changed', toState('ok'));
  rmSync(files.up);
  await d.event('state.changed', toState('critical'));
  const done = await d.event('action.ended', ended('verified'));
  const run = await d.run(done.runId);
  expect(run).toMatchObject({
    id: done.runId,
    status: 'verified',
    action: 'workers.restart',
    decidedBy: 'rule',
    exitCode: 0,
  });
  expect(readFileSync(files.log, 'utf8')).toBe('start\n');
  expect(run?.gates.every((gate) => gate.passed)).toBe(true);
  expect(d.events.map((event) => event.type).filter((type) => type.startsWith('action.'))).toEqual([
    'action.intended',
    'action.started',
    'action.ended',
  ]);
});

test('a restart that does not help climbs to the next rung', async () => {
  const { daemon: d, files } = await prepared('true');
  await d.start();
  await d.event('state.changed', toState('ok'));
  rmSync(files.up);
  await d.event('action.ended', ended('not_verified'));
  const healed = await d.event('action.ended', ended('verified'));
  expect(healed.data['action']).toBe('workers.second');
});

test('an action that fails is not run twice in one episode', async () => {
  const { daemon: d, files } = await prepared('echo broken >&2; exit 7');
  await d.start();
  await d.event('state.changed', toState('ok'));
  rmSync(files.up);
  await d.event('action.ended', ended('verified'));
  const runs = await d.runs();
  expect(runs.map((run) => [run.action, run.status]).toReversed()).toEqual([
    ['workers.restart', 'failed'],
    ['workers.second', 'verified'],
  ]);
  expect(await d.run(runs.at(-1)?.id)).toMatchObject({ exitCode: 7, stderr: 'broken\n' });
});

test('an sshd that is gone makes the host unreachable, never the check critical, and nothing acts', async () => {
  const { daemon: d } = await prepared();
  await d.start();
  await d.event('state.changed', toState('ok'));
  await d.sshd.stop();
  const seen = await d.event('host.changed', toState('unreachable'));
  expect(String(seen.data['text'])).toMatch(/connect|lost/);
  const [host] = (await d.get<{ items: { status: { state: string } }[] }>('/api/v1/hosts')).items;
  expect(host?.status.state).toBe('unreachable');
  const [check] = (await d.get<{ items: { stale: boolean; status: { state: string } }[] }>('/api/v1/checks'))
    .items;
  expect(check).toMatchObject({ stale: true, status: { state: 'ok' } });
  await d.sshd.start();
  await d.event('host.changed', (event) => event.data['to'] === 'up' && event.id > seen.id);
  expect(await d.runs()).toEqual([]);
});

test('observe: it says what it would do and does nothing', async () => {
  const { daemon: d, files } = await prepared();
  await d.start(true);
  await d.event('state.changed', toState('ok'));
  rmSync(files.up);
  const decided = await d.event('decision.made', (event) => event.data['verdict'] === 'would_act');
  expect(decided.data).toMatchObject({ reason: 'observe_mode', action: 'workers.restart' });
  expect(await d.runs()).toEqual([]);
  expect(existsSync(files.log)).toBe(false);
});

test('pause holds a repair, survives a restart of the daemon, and resume lets it go', async () => {
  const { daemon: d, files } = await prepared();
  await d.start();
  await d.event('state.changed', toState('ok'));
  d.app.daemon.pause({ by: 'ann', reason: 'maintenance' });
  rmSync(files.up);
  await d.event('decision.made', (event) => event.data['reason'] === 'paused');
  await d.stop();
  d.events.length = 0;
  await d.start();
  expect(d.app.daemon.now().automation.paused).toMatchObject({ by: 'ann', reason: 'maintenance' });
  await vi.waitFor(async () =>
    expect(
      (await d.get<{ items: { status: { state: string; problemResults: number } }[] }>('/api/v1/checks'))
        .items[0]?.status.problemResults,
    ).toBeGreaterThan(3),
  );
  expect(await d.runs()).toEqual([]);
  d.app.daemon.resume('ann');
  await d.event('action.ended', ended('verified'));
});

test('a reload with a problem changes nothing; a good one keeps the state of what did not change', async () => {
  const { daemon: d, files } = await prepared();
  await d.start();
  await d.event('state.changed', toState('ok'));
  const before = d.app.daemon.definitions().revision;
  d.write('runbooks/extra.yaml', 'runbook: extra\nhosts: [web-9]\nchecks: { a: { rum: "true" } }\n');
  const refused = await d.app.daemon.reload({ by: 'test' });
  expect(refused.ok).toBe(false);
  expect(refused.problems.join('\n')).toMatch(/runbooks\/extra\.yaml:\d+:\d+:/);
  expect(d.app.daemon.definitions().revision).toBe(before);
  expect(d.app.daemon.now().definitions).toMatchObject({ lastReloadOk: false });
  d.write(
    'runbooks/extra.yaml',
    'runbook: extra\nhosts: [web-1]\nchecks: { a: { run: "echo fine", every: 1s } }\n',
  );
  const since = d.app.daemon.checks()[0]?.status.sinceMs;
  expect(await d.app.daemon.reload({ by: 'test' })).toMatchObject({ ok: true, problems: [] });
  await d.event('state.changed', (event) => event.check === 'extra.a');
  expect(d.app.daemon.checks().find((check) => check.check === 'workers.running')?.status.sinceMs).toBe(
    since,
  );
  expect(existsSync(files.log)).toBe(false);
});

test('stop lets a run that was sent end, and records it', async () => {
  const { daemon: d, files } = await prepared('sleep 2; true');
  await d.start();
  await d.event('state.changed', toState('ok'));
  rmSync(files.up);
  await d.event('action.started');
  await d.stop();
  d.events.length = 0;
  await d.start();
  const listed = (await d.runs()).find((each) => each.action === 'workers.restart');
  const run = await d.run(listed?.id);
  expect(['verifying', 'not_verified']).toContain(run?.status);
  expect(run?.exitCode).toBe(0);
});

test('what explain says is what was decided', async () => {
  const { daemon: d, files } = await prepared();
  await d.start(true);
  await d.event('state.changed', toState('ok'));
  rmSync(files.up);
  await d.event('decision.made', (event) => event.data['verdict'] === 'would_act');
  const [told] = d.app.daemon.explain('web-1', 'workers.running');
  expect(told).toMatchObject({ verdict: 'would_act', reason: 'observe_mode', action: 'workers.restart' });
  const stored = await d.get<{ items: { verdict: string; count: number }[] }>('/api/v1/decisions');
  expect(stored.items[0]?.verdict).toBe('would_act');
});
