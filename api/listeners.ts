/**
 * Where the API can be reached: a port, with TLS or without, and a socket in the file system. Owns the limits of connections; what is
 * asked over them is not its affair.
 */
import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { MenddError } from '../core/errors.ts';
import type { Certificate } from './certificate.ts';

const limits = {
  connections: 1_000,
  headerBytes: 16_384,
  headers: 100,
  headersMs: 10_000,
  /** Until the whole request has arrived. */
  requestMs: 30_000,
  /** How often the two limits above are looked at. */
  checkMs: 5_000,
  /** Silence on a connection; the heartbeat of a stream is shorter. */
  connectionMs: 60_000,
  keepAliveMs: 5_000,
  handshakeMs: 10_000,
} as const;

const httpOptions = {
  headersTimeout: limits.headersMs,
  maxHeaderSize: limits.headerBytes,
  connectionsCheckingInterval: limits.checkMs,
  requestTimeout: limits.requestMs,
  keepAliveTimeout: limits.keepAliveMs,
};

/** Of a socket, in bytes. Source: unix(7). */
const longestPath = 107;
/** Whoever may open the socket may read. */
const othersNothing = 0o117;

export class Listeners {
  readonly #certificate: Certificate | undefined;
  readonly #encrypted: TlsServer[] = [];
  readonly #ofSocket = new WeakSet<Socket>();
  #socketServer: Server | undefined;

  constructor(certificate?: Certificate) {
    this.#certificate = certificate;
  }

  get tls(): boolean {
    return this.#certificate !== undefined;
  }

  /** A server for a port; fastify makes a second one for the other address of `localhost`. */
  create(handler: RequestListener): Server {
    if (this.#certificate === undefined) return limited(createPlainServer(httpOptions, handler));
    const options = { ...httpOptions, ...this.#certificate.pair, handshakeTimeout: limits.handshakeMs };
    const server = createTlsServer(options, handler);
    this.#encrypted.push(server);
    return limited(server);
  }

  /** From now on new certificates are taken, by connections made after that. */
  start(): void {
    this.#certificate?.watch((pair) => {
      for (const server of this.#encrypted) server.setSecureContext(pair);
    });
  }

  /** Whether it came by the socket in the file system. */
  isLocal(socket: Socket): boolean {
    return this.#ofSocket.has(socket);
  }

  /**
   * Listens on a socket in the file system, readable and writable for its owner and group. One that a dead daemon left is replaced.
   * Errors: MenddError PORT_IN_USE when somebody answers there, LISTEN_FAILED.
   */
  async listenOn(
    path: string,
    handler: RequestListener,
    onBroken: (error: Error, socket: Socket) => void,
  ): Promise<void> {
    await removeStale(path);
    const server = limited(createPlainServer(httpOptions, handler));
    server.on('connection', (socket: Socket) => this.#ofSocket.add(socket));
    server.on('clientError', onBroken);
    const before = process.umask(othersNothing);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        // It is made within this call, with the mask of this moment.
        server.listen(path, resolve);
        process.umask(before);
      });
    } catch (error) {
      throw listenFailure(error, path);
    } finally {
      process.umask(before);
    }
    this.#socketServer = server;
  }

  /** Takes no more, and resolves when all answers over the socket are out; its file goes. */
  async close(): Promise<void> {
    this.#certificate?.stop();
    const server = this.#socketServer;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
    });
  }

  closeAllConnections(): void {
    this.#socketServer?.closeAllConnections();
  }
}

function limited<S extends Server>(server: S): S {
  server.maxConnections = limits.connections;
  server.maxHeadersCount = limits.headers;
  server.setTimeout(limits.connectionMs);
  return server;
}

async function removeStale(path: string): Promise<void> {
  // The system would cut it silently.
  if (Buffer.byteLength(path) > longestPath)
    throw new MenddError('LISTEN_FAILED', `${path} is too long; a socket has ${longestPath} bytes.`);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    if (existsSync(dirname(path))) return;
    throw new MenddError('LISTEN_FAILED', `${path} is in a directory that does not exist.`);
  }
  if (!found.isSocket()) throw new MenddError('LISTEN_FAILED', `${path} is there, and is no socket.`);
  if (await answers(path)) throw new MenddError('PORT_IN_USE', `${path} is answered by another program.`);
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(listenFailure(error, path));
    });
  });
}

const causes: Record<string, string> = {
  EADDRNOTAVAIL: 'is not an address of this machine',
  EACCES: 'needs rights that mendd does not have',
  ENOTFOUND: 'is not a name that resolves',
  EAI_AGAIN: 'is a name that cannot be resolved now',
  ERR_SOCKET_BAD_PORT: 'is not a port',
};

/** `where`: an address with its port, or a path. */
export function listenFailure(error: unknown, where: string): unknown {
  const code = (error as { code?: string }).code ?? '';
  if (code === 'EADDRINUSE')
    return new MenddError('PORT_IN_USE', `${where} is taken by another program.`, { cause: error });
  const cause = causes[code];
  if (cause === undefined) return error;
  return new MenddError('LISTEN_FAILED', `${where} ${cause}.`, { cause: error });
}
