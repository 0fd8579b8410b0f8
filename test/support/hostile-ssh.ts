/** Servers that misbehave at every stage of an SSH session, for tests; nothing here is polite on purpose. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Connection, ServerChannel, ServerConfig, Session } from 'ssh2';
import ssh2 from 'ssh2';
import { generateKeyPair } from '../../runner/embedded-host.ts';

export interface HostileServer {
  address: string;
  port: number;
  /** Client connections that are still open on this side. */
  sockets: () => number;
  /** Exec requests that arrived. */
  execs: string[];
  /** Cuts all connections, without a word. */
  cut(): void;
  close(): Promise<void>;
}

/** A plain TCP server: `onSocket` says and does what it likes. */
export async function hostileTcp(onSocket: (socket: Socket) => void): Promise<HostileServer> {
  const server = createServer();
  return listen(
    server,
    (socket) => {
      // Unread input would hide the client's end of the connection.
      socket.resume();
      onSocket(socket);
    },
    [],
  );
}

export interface HostilePlay {
  server?: Partial<ServerConfig>;
  onConnection?: (connection: Connection) => void;
  /** Answers to authentication; accepts when absent. */
  onAuth?: (accept: () => void, reject: () => void, connection: Connection) => void;
  /** A new session; accepts when absent. Returns false to say that it dealt with it. */
  onSession?: (accept: () => Session, reject: () => void, count: number) => boolean;
  /** An exec after the first, which is answered as the client's probe expects. */
  onExec: (accept: () => ServerChannel, reject: () => void, connection: Connection, count: number) => void;
  /** Answers the probe otherwise. */
  onProbe?: (accept: () => ServerChannel, connection: Connection) => void;
}

/** Key pair of all such servers. */
const { privateKey, publicKey } = generateKeyPair();
export const hostileKey = { private: privateKey, public: publicKey };

/** Speaks SSH properly up to the stage where `play` takes over. */
export async function hostileSsh(play: HostilePlay): Promise<HostileServer> {
  const execs: string[] = [];
  const server = new ssh2.Server({ hostKeys: [hostileKey.private], ...play.server }, (connection) => {
    let sessions = 0;
    let count = 0;
    connection.on('error', () => undefined);
    play.onConnection?.(connection);
    connection.on('authentication', (context) => {
      const accept = (): void => context.accept();
      if (play.onAuth) play.onAuth(accept, () => context.reject(), connection);
      else accept();
    });
    connection.on('session', (accept, reject) => {
      sessions += 1;
      if (play.onSession && !play.onSession(accept, reject, sessions)) return;
      const session = accept();
      session.on('exec', (acceptExec, rejectExec, { command }) => {
        execs.push(command);
        count += 1;
        if (count > 1) play.onExec(acceptExec, rejectExec, connection, count - 1);
        else if (play.onProbe) play.onProbe(acceptExec, connection);
        else answerProbe(acceptExec());
      });
    });
  });
  return listen(server, () => undefined, execs);
}

function answerProbe(channel: ServerChannel): void {
  channel.on('data', () => undefined);
  channel.once('end', () => {
    channel.write('\nmendd-host-answers:timeout\n');
    channel.exit(0);
    channel.end();
  });
}

async function listen(
  server: Server,
  onSocket: (socket: Socket) => void,
  execs: string[],
): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  // ssh2's Server wraps a net.Server, whose sockets are seen only there.
  const net = (server as { _srv?: Server })._srv ?? server;
  net.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve());
  });
  const { port } = net.address() as AddressInfo;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: '127.0.0.1',
    port,
    execs,
    sockets: () => sockets.size,
    cut,
    async close() {
      cut();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
