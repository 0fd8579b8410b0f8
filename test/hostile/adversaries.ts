/** The hostile hosts of the matrix: raw TCP servers, ssh2's Server, relays in front of it, and real sshd with odd settings. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Connection, ServerChannel } from 'ssh2';
import {
  type HostilePlay,
  type HostileServer,
  hostileKey,
  hostileSsh,
  hostileTcp,
} from '../support/hostile-ssh.ts';
import { removeSshd, type SshdOptions, startSshd } from '../support/sshd.ts';
import type { Adversary } from './matrix.ts';

/** For sshd: what it would choose with ssh costs ten times the CPU, which is not what is tested. */
export const cheapKeys = 'KexAlgorithms curve25519-sha256';

const keyLine = (port: number, key = hostileKey.public): string => `[127.0.0.1]:${port} ${key}\n`;

function adversary(server: HostileServer, known = keyLine(server.port)): Adversary {
  return { port: server.port, known, sockets: server.sockets, close: () => server.close() };
}

/** Speaks raw TCP. */
export const tcp = (onSocket: (socket: Socket) => void) => async (): Promise<Adversary> =>
  adversary(await hostileTcp(onSocket));

export const says = (text: string | Uint8Array) => tcp((socket) => socket.write(text));
export const saysAndHangsUp = (text: string | Uint8Array) => tcp((socket) => socket.end(text));

/** As fast as it is read, without end. */
export const flood =
  (text: string | Uint8Array) =>
  (socket: Pick<Socket, 'write' | 'on' | 'destroyed'>): void => {
    const push = (): void => {
      while (!socket.destroyed && socket.write(text));
    };
    socket.on('drain', push);
    push();
  };

/** Does what it is asked: reads the command and answers `fine`. */
export function answer(accept: () => ServerChannel, exitCode = 0): void {
  const channel = accept();
  channel.resume();
  channel.once('end', () => {
    channel.write('fine\n');
    channel.exit(exitCode);
    channel.end();
  });
}

/** Speaks SSH, and well where `play` says nothing. */
export const ssh = (play: Partial<HostilePlay>) => async (): Promise<Adversary> =>
  adversary(await hostileSsh({ onExec: (accept) => answer(accept), ...play }));

/** An exec after the probe. */
export const exec = (onExec: HostilePlay['onExec']) => ssh({ onExec });

/** After the input was read whole: the moment at which a real command runs. */
export const run = (act: (channel: ServerChannel, connection: Connection) => void) =>
  exec((accept, _, connection) => {
    const channel = accept();
    channel.resume();
    channel.once('end', () => act(channel, connection));
  });

/** With other lines in known_hosts. */
export const knownAs = (lines: (port: number) => string) => async (): Promise<Adversary> => {
  const server = await hostileSsh({ onExec: (accept) => answer(accept) });
  return adversary(server, lines(server.port));
};

/** What no public API lets a server do. */
export interface Wire {
  channelOpenFail: (sender: number, reason: number, description: string) => void;
  channelOpenConfirm: (remote: number, local: number, window: number, packet: number) => void;
  channelWindowAdjust: (channel: number, bytes: number) => void;
  channelEOF: (channel: number) => void;
  channelFailure: (channel: number) => void;
  channelClose: (channel: number) => void;
  exitStatus: (channel: number, code: number) => void;
  exitSignal: (channel: number, name: string, dumped: boolean, message: string) => void;
  disconnect: (reason: number) => void;
  rekey: () => void;
  requestFailure: () => void;
  ping: () => void;
  forwardedTcpip: (channel: number, window: number, packet: number, data: object) => void;
}
export const wire = (connection: Connection): Wire =>
  (connection as unknown as { _protocol: Wire })._protocol;
export const socketOf = (connection: Connection): Socket =>
  (connection as unknown as { _sock: Socket })._sock;
export const channelId = (channel: ServerChannel): number =>
  (channel as unknown as { outgoing: { id: number } }).outgoing.id;

/** Between us and a server that behaves. `onServer` and `onClient` see each piece and pass it on or not. */
export function relay(
  play: (client: Socket, server: Socket, count: number) => void,
  server: Partial<HostilePlay> = {},
): () => Promise<Adversary> {
  return async () => {
    const behind = await hostileSsh({ onExec: (accept) => answer(accept), ...server });
    let count = 0;
    const front = await hostileTcp((client) => {
      count += 1;
      const through = connect(behind.port, '127.0.0.1');
      through.on('error', () => undefined);
      client.once('close', () => through.destroy());
      through.once('close', () => client.destroy());
      play(client, through, count);
    });
    return {
      port: front.port,
      known: keyLine(front.port),
      sockets: front.sockets,
      async close() {
        await front.close();
        await behind.close();
      },
    };
  };
}

/** Passes everything on. */
export function pass(client: Socket, server: Socket): void {
  client.pipe(server);
  server.pipe(client);
}

/** A real sshd that lets the matrix in. `shell`: what stands for the login shell, as sh text that gets `$SSH_ORIGINAL_COMMAND`. */
export function sshd(options: SshdOptions & { shell?: string; files?: Record<string, string> } = {}) {
  return async (authorized: string): Promise<Adversary> => {
    const server = await startSshd({
      ...options,
      // Of two lines for one thing the first counts.
      config: [
        ...(options.config ?? []),
        ...(options.shell ? [`ForceCommand ${options.shell}`] : []),
        cheapKeys,
      ],
    });
    for (const [name, text] of Object.entries(options.files ?? {})) {
      writeFileSync(join(server.directory, name), text, { mode: 0o755 });
    }
    writeFileSync(join(server.directory, 'authorized_keys'), authorized);
    return {
      port: server.port,
      user: server.user,
      known: readFileSync(server.knownHosts, 'utf8'),
      close: () => removeSshd(server),
    };
  };
}
