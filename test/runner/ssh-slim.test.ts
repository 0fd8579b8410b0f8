/** What is let go of after the handshake is not missed: commands run on, and keys are made anew. */
import { once } from 'node:events';
import type { Client, Connection, ServerChannel } from 'ssh2';
import ssh2 from 'ssh2';
import { expect, onTestFinished, test } from 'vitest';
import { slim } from '../../runner/ssh-slim.ts';
import { type HostileServer, hostileSsh } from '../support/hostile-ssh.ts';

/** The private fields of ssh2 that `slim` is about. */
interface Wire {
  _offer: { lists: { all: Buffer } };
  _kex: { _keys: unknown; sessionID: Buffer };
  _remoteIdentRaw: Buffer;
  _decipher: { _tag?: Buffer };
  rekey: () => void;
}
const wireOf = (one: unknown): Wire => (one as { _protocol: Wire })._protocol;

const algorithms = { serverHostKey: ['ssh-ed25519'], kex: ['curve25519-sha256'] } as const;

async function serve(cipher: string, onConnection: (connection: Connection) => void): Promise<HostileServer> {
  const server = await hostileSsh({
    server: { algorithms: { cipher: [cipher] } } as object,
    onConnection,
    onProbe: (accept) => answer(accept()),
    onExec: (accept) => answer(accept()),
  });
  onTestFinished(() => server.close());
  return server;
}

function answer(channel: ServerChannel): void {
  channel.write('here');
  channel.exit(0);
  channel.end();
}

async function login({ address, port }: HostileServer): Promise<Client> {
  const client = new ssh2.Client();
  // The server goes first.
  client.on('error', () => undefined);
  client.connect({
    host: address,
    port,
    username: 'x',
    password: 'x',
    algorithms: { ...algorithms, kex: [...algorithms.kex], serverHostKey: [...algorithms.serverHostKey] },
  });
  await once(client, 'ready');
  return client;
}

async function run(client: Client): Promise<string> {
  return new Promise((resolve, reject) => {
    client.exec('x', (error, channel) => {
      if (error) return reject(error);
      let text = '';
      channel.on('data', (chunk: Buffer) => (text += chunk.toString()));
      channel.once('close', () => resolve(text));
    });
  });
}

test.each(['aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes128-ctr'])(
  'commands run, and new keys are made from either side, over %s',
  async (cipher) => {
    const far: Connection[] = [];
    const server = await serve(cipher, (connection) => far.push(connection));
    const [first, second] = [await login(server), await login(server)];
    const before = Buffer.from(wireOf(first)._kex.sessionID);
    for (const client of [first, second]) slim(client);
    const { _offer, _kex, _remoteIdentRaw, _decipher } = wireOf(second);
    expect(_offer).toBe(wireOf(first)._offer);
    expect(_kex._keys).toBeNull();
    for (const bytes of [_remoteIdentRaw, _kex.sessionID, ...(_decipher._tag ? [_decipher._tag] : [])])
      expect(bytes.buffer.byteLength).toBe(bytes.length);
    expect(await run(first)).toBe('here');
    for (const side of [far[0], first]) {
      // Both count those they did not ask for themselves, too.
      const rekeyed = once(far[0] as Connection, 'rekey');
      wireOf(side).rekey();
      await rekeyed;
      slim(first);
      expect(await run(first)).toBe('here');
    }
    expect(wireOf(first)._kex.sessionID).toEqual(before);
    expect(await run(second)).toBe('here');
  },
);

test('lists of other algorithms stay apart', async () => {
  const server = await serve('aes128-ctr', () => undefined);
  const [one, other] = [await login(server), await login(server)];
  wireOf(other)._offer.lists.all = Buffer.from('something else');
  for (const client of [one, other]) slim(client);
  expect(wireOf(one)._offer).not.toBe(wireOf(other)._offer);
});

test.each([
  {},
  { _protocol: undefined },
  { _protocol: {} },
  { _protocol: { _offer: {}, _kex: { _keys: 1 }, _remoteIdentRaw: 'text', _decipher: null } },
])('what is not there is left alone: %j', (client) => {
  const before = structuredClone(client);
  slim(client as never);
  expect(client).toEqual(before);
});
