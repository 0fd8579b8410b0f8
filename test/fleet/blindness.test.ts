/** What the daemon cannot see it does not judge, and what does not answer does not hold up the rest. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectTimeoutMs, Daemon, requireBuild } from './daemon.ts';
import { type Fleet, until, upFleet } from './harness.ts';

const everyMs = 1_000;
const timeoutMs = 2_000;
/**
 * In which a machine that went silent is hard unreachable: an answer to a keepalive is awaited (12 s, after one that was just
 * given), then three logins run into their limit, put off by at most 1, 2 and 4 s and each begun by a check. The rest is for a
 * slow machine.
 */
const unreachableWithinMs = 12_000 + 10_000 + 3 * (connectTimeoutMs + everyMs) + 7_000 + 10_000;

const runbook = `
runbook: worker
hosts: [cut, hung-*, stranger, well]
every: ${everyMs}ms
timeout: ${timeoutMs}ms
max_attempts: 3
checks:
  running: { systemd_unit: worker }
  load: { plugin: check_load, args: [-w, "1000,1000,1000", -c, "2000,2000,2000"] }
  disk: { disk: / }
  sshd: { process: sshd }
actions:
  restart:
    when: { check: running, attempts: 2 }
    systemd_restart: worker
    sudo: true
    verify: { within: 10s, stays_ok: 1s }
`;

let fleet: Fleet;
let daemon: Daemon;

beforeAll(async () => {
  requireBuild();
  fleet = await upFleet({ machines: ['cut', 'hung-1', 'hung-2', 'stranger', 'well'] });
  daemon = await Daemon.start({
    fleet,
    runbooks: [runbook],
    settings: 'remediation: { mode: auto, max_runs: 50 per 1h }\nscheduler: { max_concurrent: 6 }',
  });
  await daemon.settled();
});

afterAll(async () => {
  await daemon.close();
  await fleet.down();
});

async function unreachable(host: string): Promise<string> {
  const hardStage = async (): Promise<string | undefined> => {
    const { status } = await daemon.host(host);
    return status.state === 'unreachable' && status.type === 'hard' ? status.failure?.stage : undefined;
  };
  return daemon.explained(until(`${host} is unreachable`, hardStage, unreachableWithinMs));
}

test('a machine cut off is unreachable, and nothing is done until it can be seen again', async () => {
  const machine = fleet.machine('cut');
  await machine.cutOff();
  await machine.crashUnit('worker');
  await unreachable('cut');
  const mine = (await daemon.checks()).filter((check) => check.host === 'cut');
  // Checks keep what was last known, marked stale: silence is no verdict.
  expect(mine.map((check) => [check.status.state, check.stale])).toEqual(mine.map(() => ['ok', true]));
  expect(await daemon.runs('cut')).toEqual([]);
  expect(await machine.guardStarts()).toEqual([]);
  expect(await machine.startCount('worker')).toBe(1);

  await machine.reconnect();
  await daemon.waitFor(
    'the crashed worker is mended once it is seen',
    (event) => event.type === 'action.ended' && event.host === 'cut' && event.data.status === 'verified',
  );
  expect(await machine.startCount('worker')).toBe(2);
});

test('a hung machine frees its slots in time, and the checks of the others stay on time', async () => {
  const [one, other] = [fleet.machine('hung-1'), fleet.machine('hung-2')];
  const oneHungMs = Date.now();
  await one.hang();
  await unreachable('hung-1');
  expect(await longestGap('well', oneHungMs)).toBeLessThan(2 * everyMs);

  // Two hung machines could take every slot there is: the rest goes on only because slots are freed.
  const bothHungMs = Date.now();
  await other.hang();
  await unreachable('hung-2');
  await freshResults('well', 8, bothHungMs);
  expect(await longestGap('well', bothHungMs)).toBeLessThan(timeoutMs + connectTimeoutMs + 2 * everyMs);
  expect([...(await daemon.runs('hung-1')), ...(await daemon.runs('hung-2'))]).toEqual([]);

  await Promise.all([one.unhang(), other.unhang()]);
  const backMs = Date.now();
  await freshResults('hung-1', 3, backMs);
  await freshResults('hung-2', 3, backMs);
  expect([await one.startCount('worker'), await other.startCount('worker')]).toEqual([1, 1]);
});

async function freshResults(host: string, count: number, sinceMs: number): Promise<void> {
  await daemon.explained(
    until(`${count} results of ${host}`, async () =>
      (await startTimes(host, sinceMs)).length >= count ? true : undefined,
    ),
  );
}

/** Between two results of the worker's check, or since the last one. Milliseconds. */
async function longestGap(host: string, sinceMs: number): Promise<number> {
  const times = [sinceMs, ...(await startTimes(host, sinceMs)), Date.now()];
  return Math.max(...times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0)));
}

async function startTimes(host: string, sinceMs: number): Promise<number[]> {
  const results = await daemon.results(host, 'worker.running');
  return results
    .map((result) => Date.parse(result.startedAt))
    .filter((atMs) => atMs >= sinceMs)
    .sort((a, b) => a - b);
}

test('a changed host key is refused, told, and leads to no action', async () => {
  const machine = fleet.machine('stranger');
  await machine.changeHostKey();
  await machine.crashUnit('worker');
  expect(await unreachable('stranger')).toBe('host_key');
  await daemon.waitFor(
    'the change is an event',
    (event) => event.type === 'host_key.changed' && event.host === 'stranger',
  );
  expect(await daemon.runs('stranger')).toEqual([]);
  expect(await machine.startCount('worker')).toBe(1);
});
