import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { binDir, planOf, runScript, scriptOf, temporaryDir } from './machine.ts';

function pluginDir(name: string, text: string, mode = 0o755): string {
  const dir = join(temporaryDir(), "plug in's");
  mkdirSync(dir);
  writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(dir, name), mode);
  return dir;
}

const probe = { kind: 'plugin', plugin: 'check_queue', args: ['-w', "a b'c $HOME", ''] } as const;

test('a command runs as written and is read as a plugin', async () => {
  const plan = planOf({ kind: 'command', run: "echo 'a  b'; exit 2" });
  expect(plan).toEqual({ kind: 'command', script: "echo 'a  b'; exit 2" });
});

test('an uploaded plugin gets its arguments untouched and its exit code comes through', async () => {
  const file = { path: '/definitions/plugins/check_queue', sha256: 'ab', bytes: 3 };
  const plan = planOf({ ...probe, file });
  expect(plan).toMatchObject({ plugin: file });
  const dir = pluginDir('check_queue', `printf '<%s>' "$@"; exit 2`);
  const outcome = await runScript(scriptOf(plan), { plugin: join(dir, 'check_queue') });
  expect(outcome).toMatchObject({ exitCode: 2, stdout: "<-w><a b'c $HOME><>" });
});

test('the first directory that has it as an executable wins', async () => {
  const notExecutable = pluginDir('check_queue', 'echo wrong', 0o644);
  const first = pluginDir('check_queue', `printf '<%s>' first "$@"; exit 1`);
  const second = pluginDir('check_queue', 'echo second');
  const plan = planOf(probe, {}, ['/nowhere', notExecutable, first, second]);
  const outcome = await runScript(scriptOf(plan));
  expect(outcome).toMatchObject({ exitCode: 1, stdout: "<first><-w><a b'c $HOME><>" });
});

test('a directory of the same name is not a plugin', async () => {
  const dir = temporaryDir();
  mkdirSync(join(dir, 'check_queue'));
  const outcome = await runScript(scriptOf(planOf(probe, {}, [dir])));
  expect(outcome.exitCode).toBe(127);
});

test('PATH is searched last', async () => {
  const path = binDir({ check_queue: 'echo from path; exit 1' });
  const outcome = await runScript(scriptOf(planOf(probe, {}, ['/nowhere'])), { path });
  expect(outcome).toMatchObject({ exitCode: 1, stdout: 'from path\n' });
});

test('a missing plugin is 127 and names every place', async () => {
  const outcome = await runScript(scriptOf(planOf(probe)), { path: '/nowhere' });
  expect(outcome.exitCode).toBe(127);
  expect(outcome.stdout).toMatch(
    /^plugin check_queue not found; searched \/usr\/lib\/nagios\/plugins .*\/usr\/libexec\/monitoring-plugins and PATH\n$/,
  );
});

test('a word of the shell itself is not a plugin', async () => {
  const outcome = await runScript(scriptOf(planOf({ kind: 'plugin', plugin: 'true', args: [] })), {
    path: '/nowhere',
  });
  expect(outcome.exitCode).toBe(127);
});

test('a path is taken as it is', async () => {
  const dir = pluginDir('check_x', 'echo here; exit 3');
  const plan = planOf({ kind: 'plugin', plugin: join(dir, 'check_x'), args: [] });
  expect(await runScript(scriptOf(plan))).toMatchObject({ exitCode: 3, stdout: 'here\n' });
});
