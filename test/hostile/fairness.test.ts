/** A host that sends much at once is read a little at a time, so that others get their turn in between. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { generateKeyPair } from '../../runner/embedded-host.ts';
import { HostKeys } from '../../runner/host-keys.ts';
import { connectSsh } from '../../runner/ssh-connect.ts';
import { SshConnection } from '../../runner/ssh-connection.ts';
import { hostileKey, hostileSsh } from '../support/hostile-ssh.ts';
import { realClock } from '../support/runner.ts';

test('what waits is not read all at once', async () => {
  const bytes = 2 * 1024 * 1024;
  const server = await hostileSsh({
    onExec(accept) {
      const channel = accept();
      channel.end(Buffer.alloc(bytes));
    },
  });
  const directory = mkdtempSync(join(tmpdir(), 'mendd-fair-'));
  const known = join(directory, 'known_hosts');
  writeFileSync(known, `[127.0.0.1]:${server.port} ${hostileKey.public}\n`);
  const socket = connect(server.port, '127.0.0.1');
  const key = ssh2.utils.parseKey(generateKeyPair().privateKey);
  if (key instanceof Error) throw key;
  const connection = await connectSsh({
    address: '127.0.0.1',
    port: server.port,
    user: 'ops',
    auth: [{ type: 'publickey', username: 'ops', key }],
    hostKeys: new HostKeys(known, 'strict'),
    limitMs: 10_000,
    maxSessions: 10,
    clock: realClock,
    forward: () => Promise.resolve(socket),
    turn: () => Promise.resolve(),
    onHostKeyChange: () => undefined,
    signal: new AbortController().signal,
  });
  try {
    if (!(connection instanceof SshConnection)) throw new Error(connection.message);
    let inTurn = 0;
    let most = 0;
    socket.on('data', (chunk: Buffer) => {
      if (inTurn === 0) setImmediate(() => (inTurn = 0));
      inTurn += chunk.length;
      most = Math.max(most, inTurn);
    });
    const opened = await connection.open('true');
    if (opened.kind !== 'open') throw new Error(opened.kind);
    opened.channel.resume();
    await once(opened.channel, 'close');
    expect(most).toBeGreaterThanOrEqual(65_536);
    expect(most, 'bytes read in one turn').toBeLessThanOrEqual(4 * 65_536);
  } finally {
    socket.destroy();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
