import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryTree } from '../support/temporary-tree.ts';

const file = 'contrib/mendd.service';
const text = readFileSync(file, 'utf8');

function analyze(...args: string[]): string {
  const { error, status, stdout, stderr } = spawnSync('systemd-analyze', args, {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_COLORS: '0' },
  });
  if (error !== undefined)
    throw new Error('systemd-analyze is missing: apt-get install systemd (it needs no running systemd)', {
      cause: error,
    });
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  return stdout + stderr;
}

/** The value of the last such line that is no comment. */
function setting(name: string): string | undefined {
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].at(-1)?.[1];
}

test('its exposure is 2.0 or below', () => {
  const told = analyze('security', '--offline=yes', '--no-pager', file);
  const exposure = Number(/Overall exposure level for \S+: (\d+\.\d+)/.exec(told)?.[1]);
  expect(exposure).toBeGreaterThan(0);
  expect(exposure).toBeLessThanOrEqual(2);
});

test('systemd finds nothing wrong in it', () => {
  // verify insists that the program exists on this machine.
  const root = temporaryTree({});
  const copy = join(root, 'mendd.service');
  writeFileSync(copy, text.replace('/usr/bin/mendd', process.execPath));
  expect(analyze('verify', '--man=no', copy)).toBe('');
});

test('it says what the daemon relies on', () => {
  expect(setting('Type')).toBe('notify');
  // The messages come from systemd-notify, a child.
  expect(setting('NotifyAccess')).toBe('all');
  expect(setting('WatchdogSec')).toMatch(/^\d+s$/);
  expect(setting('ExecReload')).toContain('-HUP $MAINPID');
  expect(text).toMatch(/^Environment=TZ=UTC$/m);
  expect(setting('StateDirectory')).toBe('mendd');
  expect(setting('User')).toBe('mendd');
  expect(setting('NoNewPrivileges')).toBe('yes');
  expect(setting('ProtectSystem')).toBe('strict');
  // Node.js compiles at run time and dies of it.
  expect(setting('MemoryDenyWriteExecute')).toBeUndefined();
  // Secrets never stand in a unit: it is readable by everybody.
  expect(text).not.toMatch(/^SetCredential=/m);
  expect(text).toMatch(/^#LoadCredential=ssh_key:/m);
});

test('a stop leaves the daemon the time it may take, and a mistake of a person is not retried for ever', () => {
  expect(Number.parseInt(setting('TimeoutStopSec') ?? '', 10)).toBeGreaterThanOrEqual(90);
  for (const code of ['64', '65', '77', '78'])
    expect(setting('RestartPreventExitStatus')?.split(' ')).toContain(code);
  expect(setting('RestartPreventExitStatus')?.split(' ')).not.toContain('75');
});
