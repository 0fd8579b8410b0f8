import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Runner } from '../../core/ports.ts';
import type { PluginUploader } from '../../runner/plugin-upload-port.ts';
import { expectKind, makeRunner, request, sshConfig, sshHost } from '../support/runner.ts';
import { removeSshd, type Sshd, startSshd } from '../support/sshd.ts';

const plugin = { path: '/definitions/plugins/check_x', sha256: 'b'.repeat(64), bytes: 10 };
let sshd: Sshd;
let runner: Runner;
let path: string;
let known: Set<string>;

/** Uploads once per key, as the real one does, to a place the test can look at. */
const uploader: PluginUploader = {
  async ensure({ hostKey, run }) {
    if (known.has(hostKey)) return { kind: 'ready', path };
    const outcome = await run(`cat >${path} && chmod 700 ${path}`, '#!/bin/sh\necho "plugin $*"\n');
    if (outcome.kind !== 'exited' || outcome.exitCode !== 0) return outcome;
    known.add(hostKey);
    return { kind: 'ready', path };
  },
  forget: (hostKey) => void known.delete(hostKey),
};

beforeAll(async () => {
  sshd = await startSshd();
  mkdirSync(join(sshd.directory, 'p'));
  path = join(sshd.directory, 'p', 'check x');
  runner = makeRunner(sshConfig(sshd), {
    plugins: { ensure: (asked) => uploader.ensure(asked), forget: (...asked) => uploader.forget(...asked) },
  });
});
beforeEach(() => {
  known = new Set();
  path = join(sshd.directory, 'p', 'check_x');
  rmSync(path, { force: true });
});
afterAll(async () => {
  await runner?.close();
  await removeSshd(sshd);
});

const run = () => runner.run(request(sshHost(sshd), '"$MENDD_PLUGIN" -w 1', { plugin }));

test('a plugin is brought to the host once and its path is exported', async () => {
  expect(expectKind(await run(), 'exited').stdout).toBe('plugin -w 1\n');
  expect(expectKind(await run(), 'exited').stdout).toBe('plugin -w 1\n');
  expect([...known]).toEqual([`web-1 ${sshd.user}@127.0.0.1:${sshd.port} `]);
});

test('a plugin that the host lost is brought again', async () => {
  await run();
  rmSync(path);
  expect(expectKind(await run(), 'exited').stdout).toBe('plugin -w 1\n');
});

test('an upload that fails is the outcome of the run, and nothing is sent', async () => {
  path = '/nonexistent/check_x';
  const beforeSend = vi.fn<() => undefined>(() => undefined);
  const outcome = await runner.run(request(sshHost(sshd), '"$MENDD_PLUGIN"', { plugin, beforeSend }));
  expect(expectKind(outcome, 'exited').exitCode).not.toBe(0);
  expect(beforeSend).not.toHaveBeenCalled();
});

test('without an uploader a plugin is not sent', async () => {
  const bare = makeRunner(sshConfig(sshd));
  expectKind(await bare.run(request(sshHost(sshd), 'x', { plugin })), 'not_sent');
  await bare.close();
});
