/** A reboot with hooks on a real machine: drained on the ops box, proved by another boot id, undrained; no reboot without a drain. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Daemon, requireBuild } from './daemon.ts';
import { type Fleet, until, upFleet } from './harness.ts';

const dir = mkdtempSync(join(tmpdir(), 'mendd-fleet-reboot-'));
const pool = join(dir, 'pool');

/** `end` is the exit code of the drain. */
function runbook(name: string, end: number): string {
  return `
runbook: ${name}
hosts: [${name}]
every: 500ms
max_attempts: 3
checks:
  running: { systemd_unit: flaky, flapping: false }
actions:
  reboot:
    when: { check: running, attempts: 1 }
    reboot:
      back_within: 1m
      drain: { run: 'echo "drain $MENDD_HOST" >>${pool}; exit ${end}', run_on: local, timeout: 10s }
      undrain: { run: 'echo "undrain $MENDD_HOST" >>${pool}', run_on: local, timeout: 10s }
    sudo: true
    min_uptime: 0s
    human_intent: false
    verify: { within: 20s, stays_ok: 1s }
    cooldown: 0s
    max_runs: 1 per 1h
`;
}

let fleet: Fleet;
let daemon: Daemon;

beforeAll(async () => {
  requireBuild();
  writeFileSync(pool, '');
  fleet = await upFleet({ machines: ['drains', 'refuses'] });
  daemon = await Daemon.start({
    fleet,
    runbooks: [runbook('drains', 0), runbook('refuses', 1)],
    settings: 'remediation: { mode: auto, max_runs: 50 per 1h, max_concurrent: 5, brake: false }',
  });
  await daemon.settled();
});

afterAll(async () => {
  await daemon.close();
  await fleet.down();
  rmSync(dir, { recursive: true, force: true });
});

function told(host: string): string[] {
  return readFileSync(pool, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith(` ${host}`));
}

async function ended(host: string): Promise<string> {
  const event = await daemon.waitFor(
    `the reboot of ${host} has ended`,
    ({ type, host: name }) => type === 'action.ended' && name === host,
    120_000,
  );
  return String(event.data.status);
}

test('a drained machine reboots once, is proved to be back, verified, and undrained', async () => {
  const machine = fleet.machine('drains');
  const before = await machine.bootId();
  await machine.breakFlaky();
  expect(await ended('drains')).toBe('verified');
  expect(await machine.bootId()).not.toBe(before);
  expect(await machine.bootCount()).toBe(2);
  await until('it is undrained', () => (told('drains').length === 2 ? true : undefined));
  expect(told('drains')).toEqual(['drain drains', 'undrain drains']);
});

test('a machine that cannot be drained is not rebooted, and what was begun is undone', async () => {
  const machine = fleet.machine('refuses');
  const before = await machine.bootId();
  await machine.breakFlaky();
  expect(await ended('refuses')).toBe('failed');
  await until('it is undrained', () => (told('refuses').length === 2 ? true : undefined));
  expect(told('refuses')).toEqual(['drain refuses', 'undrain refuses']);
  expect(await machine.bootId()).toBe(before);
});
