/**
 * An SSH host inside this process, for `mendd demo` and for tests: ssh2's server on loopback in front of a small
 * machine (runner/embedded-host-machine.ts). It is told apart from a real host by nothing but its address; it must
 * never listen on anything but loopback, because what logs in runs commands as this user.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { AuthContext, Connection, ParsedKey, ServerChannel } from 'ssh2';
import ssh2 from 'ssh2';
import { createMachine, type MachineCounts } from './embedded-host-machine.ts';

export interface EmbeddedHostOptions {
  name: string;
  /** Public key text that may log in, as any user. */
  authorizedKey: string;
  /** An existing private directory, best a temporary one; removed by its owner after `close`. */
  directory: string;
  /** Private host key text; a new ed25519 key when absent. */
  hostKey?: string;
  /** How long a reboot takes. Default 1,500 ms. */
  downMs?: number;
}

export interface EmbeddedHostEvents {
  /** A command was asked for. */
  exec: [command: string];
  /** It goes down. */
  reboot: [];
  /** It is reachable again. */
  booted: [bootId: string];
}

export interface EmbeddedHost {
  readonly name: string;
  readonly address: '127.0.0.1';
  readonly port: number;
  /** A line of known_hosts. */
  readonly hostKeyLine: string;
  bootId(): string;
  /** What really happened on it, for stories and for tests. */
  counts(): MachineCounts & { execs: number; connections: number };
  workerState(): 'active' | 'failed' | 'inactive';
  /** `crash`: a restart mends it. `broken`: restarts seem to work and do not, until a reboot. */
  breakWorker(kind: 'crash' | 'broken'): void;
  /** While on, the worker is found in the other state each time its state is asked. */
  setWorkerFlapping(on: boolean): void;
  /** As if the power was cut: resolves when it answers again. */
  reboot(): Promise<void>;
  on<E extends keyof EmbeddedHostEvents>(
    event: E,
    listener: (...data: EmbeddedHostEvents[E]) => void,
  ): () => void;
  close(): Promise<void>;
}

const address = '127.0.0.1';
/** ssh2 1.17 writes one ed25519 key in about 200 so that it cannot read it back (14 of 3,000). */
const keyAttempts = 10;
/** What a script and its input may weigh. */
const inputLimitBytes = 16 * 1024 * 1024;
const watchEveryMs = 50;
/** After a command's exit: how long its output may take when a background child keeps the stream open. */
const trailingMs = 200;

export async function startEmbeddedHost(options: EmbeddedHostOptions): Promise<EmbeddedHost> {
  const { name, downMs = 1_500 } = options;
  const hostKey = options.hostKey ?? generateKeyPair().privateKey;
  const authorizedKey = parsed(options.authorizedKey);
  const machine = createMachine(name, options.directory);
  const events = new EventEmitter<EmbeddedHostEvents>();
  const sockets = new Set<Socket>();
  const children = new Set<ChildProcess>();
  let execs = 0;
  let connections = 0;
  let closed = false;
  let restarting: Promise<void> | undefined;

  const run = (command: string, channel: ServerChannel): void => {
    execs += 1;
    events.emit('exec', command);
    machine.tick();
    translatedCommand(command, channel, machine.translate, (text, input, more) => {
      const child = spawn('/bin/sh', ['-c', text], {
        cwd: machine.home,
        env: { ...machine.env },
        detached: true,
        stdio: 'pipe',
      });
      children.add(child);
      child.once('exit', () => children.delete(child));
      connect(child, channel, input, more);
    });
  };

  const ssh = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    // Dropped connections and scans are the client's business; what a client sees of it is tested there.
    client.on('error', () => client.end());
    serve(client, authorizedKey, run);
  });
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    ssh.injectSocket(socket);
  });

  const goDown = async (): Promise<void> => {
    const ended = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of sockets) socket.destroy();
    for (const child of children) child.kill('SIGKILL');
    machine.halt();
    await ended;
  };

  const cycle = async (): Promise<void> => {
    events.emit('reboot');
    await goDown();
    await new Promise((resolve) => {
      setTimeout(resolve, downMs);
    });
    if (closed) return;
    await machine.boot();
    await listen(server, port);
    events.emit('booted', machine.bootId());
  };
  const reboot = (): Promise<void> => {
    restarting ??= cycle().finally(() => {
      restarting = undefined;
    });
    return restarting;
  };

  await machine.boot();
  const port = await listen(server, 0);
  const watch = setInterval(() => {
    if (!restarting && machine.rebootRequested()) void reboot();
  }, watchEveryMs);
  watch.unref();

  const publicKey = parsed(hostKey);
  return {
    name,
    address,
    port,
    hostKeyLine: `[${address}]:${port} ${publicKey.type} ${publicKey.getPublicSSH().toString('base64')}`,
    bootId: machine.bootId,
    counts: () => ({ ...machine.counts(), execs, connections }),
    workerState: machine.workerState,
    breakWorker: machine.breakWorker,
    setWorkerFlapping: machine.setWorkerFlapping,
    reboot,
    on(event, listener) {
      events.on(event, listener as never);
      return () => events.off(event, listener as never);
    },
    async close() {
      closed = true;
      clearInterval(watch);
      await restarting;
      if (server.listening) await goDown();
    },
  };
}

/** A new ed25519 key pair for logins, in the texts that `authorizedKey` and `ssh.identity` take. */
export function generateKeyPair(
  generate: () => { private: string; public: string } = () => ssh2.utils.generateKeyPairSync('ed25519'),
): { publicKey: string; privateKey: string } {
  for (let attempt = 0; attempt < keyAttempts; attempt += 1) {
    const pair = generate();
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) {
      return { publicKey: pair.public, privateKey: pair.private };
    }
  }
  throw new Error(`none of ${keyAttempts} generated keys could be read again`);
}

function parsed(key: string): ParsedKey {
  const found = ssh2.utils.parseKey(key);
  const first = Array.isArray(found) ? found[0] : found;
  if (first === undefined || first instanceof Error) {
    throw new Error(`an embedded host cannot read its key: ${first?.message ?? 'it is empty'}`);
  }
  return first;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      const bound = server.address();
      resolve(bound !== null && typeof bound === 'object' ? bound.port : port);
    });
  });
}

function serve(
  client: Connection,
  key: ParsedKey,
  run: (command: string, channel: ServerChannel) => void,
): void {
  client.on('authentication', (context) =>
    allowed(context, key) ? context.accept() : context.reject(['publickey']),
  );
  client.on('session', (accept) => {
    const session = accept();
    session.on('env', (acceptEnv) => acceptEnv?.());
    session.on('exec', (acceptExec, _reject, { command }) => run(command, acceptExec()));
  });
}

/** The first question of a client is whether the key would do; only the second one is signed. */
function allowed(context: AuthContext, key: ParsedKey): boolean {
  if (context.method !== 'publickey' || !context.key.data.equals(key.getPublicSSH())) return false;
  if (!context.signature) return true;
  // The types hide that a malformed signature comes back as an Error.
  const verdict: unknown = key.verify(context.blob ?? '', context.signature, context.hashAlgo);
  return verdict === true;
}

/** mendd's own runner sends scripts through standard input: the whole of it, or its first bytes. */
const wholeInput = /^exec (?:.* )?\/bin\/sh -s$/;
const firstBytes = /\bdd bs=1 count=(\d+)\b/;
/** How the text of a batch ends (check-batch-script.ts). What follows it is no script, and the input stays open. */
const batchEnd = '\nexit 0\n}\n';

/** Waits for the input when the script is in it; any other command starts at once. */
function translatedCommand(
  command: string,
  channel: ServerChannel,
  translate: (script: string) => string,
  start: (command: string, input?: Buffer, more?: ServerChannel) => void,
): void {
  const count = firstBytes.exec(command);
  if (!count && !wholeInput.test(command)) return start(translate(command));
  const chunks: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > inputLimitBytes) return channel.close();
    chunks.push(chunk);
    if (count || !Buffer.concat(chunks.slice(-2)).toString('latin1').endsWith(batchEnd)) return;
    channel.off('data', take).off('end', takeAll);
    start(command, Buffer.from(translate(Buffer.concat(chunks).toString())), channel);
  };
  const takeAll = (): void => {
    const input = Buffer.concat(chunks);
    const scriptBytes = count ? Number(count[1]) : input.length;
    const script = Buffer.from(translate(input.toString('utf8', 0, scriptBytes)));
    start(
      command.replace(firstBytes, `dd bs=1 count=${script.length}`),
      Buffer.concat([script, input.subarray(scriptBytes)]),
    );
  };
  channel.on('data', take).once('end', takeAll);
}

function connect(
  child: ChildProcess,
  channel: ServerChannel,
  input: Buffer | undefined,
  more = input === undefined ? channel : undefined,
): void {
  const { stdin, stdout, stderr } = child;
  // EPIPE and the like: a side that is gone needs no bytes.
  for (const stream of [stdin, stdout, stderr, channel]) stream?.on('error', () => undefined);
  if (input) stdin?.write(input);
  if (more === undefined) stdin?.end();
  else if (stdin) more.pipe(stdin);
  stdout?.pipe(channel, { end: false });
  stderr?.pipe(channel.stderr, { end: false });
  let done = false;
  const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (done) return;
    done = true;
    if (code === null) channel.exit((signal ?? 'SIGKILL').slice(3));
    else channel.exit(code);
    channel.end();
  };
  child.once('error', () => finish(127, null));
  child.once('close', finish);
  child.once('exit', (code, signal) => {
    setTimeout(finish, trailingMs, code, signal).unref();
  });
}
