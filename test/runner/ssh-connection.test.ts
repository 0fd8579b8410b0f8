/** A connection's age in bytes. That a gigabyte came is told to it by the test: to send one takes too long. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { OpensshProgram } from '../../runner/openssh-program.ts';
import { createLogins } from '../../runner/ssh-auth.ts';
import type { SshConnection } from '../../runner/ssh-connection.ts';
import { SshPool } from '../../runner/ssh-pool.ts';
import { runOverSsh } from '../../runner/ssh-runner.ts';
import { realClock as clock, request, sshConfig, sshHost } from '../support/runner.ts';
import { removeSshd, startSshd } from '../support/sshd.ts';

const mebibyte = 1024 ** 2;

test('a connection that brought 1 GiB is replaced, and what runs on it runs to its end', async () => {
  const sshd = await startSshd();
  const config = sshConfig(sshd);
  const pool = new SshPool({
    config,
    clock,
    logins: createLogins(config, undefined),
    openssh: new OpensshProgram(clock, undefined),
    random: () => 0,
    hosts: () => undefined,
    onHostKeyChange: () => undefined,
    log: () => undefined,
  });
  const host = sshHost(sshd);
  const connected = async (): Promise<SshConnection> => {
    const answer = await pool.get(host, 'check', 5_000);
    if (answer.kind !== 'connection') throw new Error(answer.kind);
    return answer.connection;
  };
  const run = (script: string) => runOverSsh(pool, host, request(host, script), 5_000, clock);
  try {
    const first = await connected();
    const go = join(sshd.directory, 'go');
    const running = run(`until [ -e ${go} ]; do sleep 0.05; done; echo fine`);
    await vi.waitFor(() => expect(first.active).toBe(1), 5_000);
    first.heard(1023 * mebibyte);
    expect(await connected()).toBe(first);
    first.heard(mebibyte);
    const second = await connected();
    expect(second).not.toBe(first);
    expect(await run('echo next')).toMatchObject({ kind: 'exited', stdout: 'next\n' });
    expect(pool.connections().open).toBe(2);
    writeFileSync(go, '');
    expect(await running).toMatchObject({ kind: 'exited', stdout: 'fine\n' });
    await vi.waitFor(() => expect(pool.connections().open).toBe(1), 5_000);
    expect(first.ended).toMatchObject({ stage: 'lost' });
    expect(await connected()).toBe(second);
  } finally {
    pool.close();
    await removeSshd(sshd);
  }
});
