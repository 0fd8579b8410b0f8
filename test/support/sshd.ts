/** Starts real OpenSSH servers on loopback for tests, with keys and configuration of their own; stops them by pid. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface Sshd {
  address: string;
  port: number;
  user: string;
  directory: string;
  /** Private key text that may log in. */
  identity: string;
  identityFile: string;
  /** known_hosts with this server's keys, for `address`. */
  knownHosts: string;
  /** Public host keys, as in `<type> <base64>`. */
  hostKeys: string[];
  /** File with all that the server said, by its LogLevel. */
  log: string;
  pid(): number;
  /** Pids of the sessions this server has open. */
  sessions(): number[];
  /** Ends the listener and all sessions. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Replaces the host keys; takes effect at the next start. */
  changeHostKeys(): void;
}

export interface SshdOptions {
  /** Also 127.x.y.z: one server then answers on the whole of 127.0.0.0/8. */
  listen?: string;
  /** Environment of sessions; HOME is an empty directory, so that nobody's start-up files take part. */
  env?: Record<string, string>;
  /** More lines of sshd_config. */
  config?: string[];
  hostKeyTypes?: ('ed25519' | 'rsa' | 'ecdsa')[];
}

const binary = '/usr/sbin/sshd';

/** Why a real sshd cannot run here; undefined when it can. */
export const sshdMissing: string | undefined = existsSync(binary)
  ? undefined
  : `no ${binary}: apt-get install openssh-server`;

export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  if (sshdMissing) throw new Error(sshdMissing);
  // sshd started by root insists on its privilege separation directory.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const directory = mkdtempSync(join(tmpdir(), 'mendd-sshd-'));
  const types = options.hostKeyTypes ?? ['ed25519'];
  const address = '127.0.0.1';
  const port = await freePort();
  const path = (name: string): string => join(directory, name);
  const user = userInfo().username;
  mkdirSync(path('home'));
  keygen(path('id'), 'ed25519');
  const makeHostKeys = (): void => {
    for (const type of types) {
      rmSync(path(`host_${type}`), { force: true });
      keygen(path(`host_${type}`), type);
    }
  };
  makeHostKeys();
  writeFileSync(path('log'), '');
  writeFileSync(path('authorized_keys'), readFileSync(path('id.pub')), { mode: 0o600 });
  const hostKeys = types.map((type) =>
    readFileSync(path(`host_${type}.pub`), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ')
      .trim(),
  );
  writeFileSync(path('known_hosts'), hostKeys.map((key) => `[${address}]:${port} ${key}\n`).join(''));
  writeFileSync(
    path('sshd_config'),
    [
      `ListenAddress ${options.listen ?? address}`,
      `Port ${port}`,
      ...types.map((type) => `HostKey ${path(`host_${type}`)}`),
      `AuthorizedKeysFile ${path('authorized_keys')}`,
      `PidFile ${path('pid')}`,
      'UsePAM no',
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'MaxStartups 200',
      'LogLevel ERROR',
      `SetEnv ${Object.entries({ HOME: path('home'), ...options.env })
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
      ...(options.config ?? []),
      '',
    ].join('\n'),
  );
  let child: ChildProcess | undefined;
  const server: Sshd = {
    address,
    port,
    user,
    directory,
    identity: readFileSync(path('id'), 'utf8'),
    identityFile: path('id'),
    knownHosts: path('known_hosts'),
    hostKeys,
    log: path('log'),
    pid: () => child?.pid ?? 0,
    sessions: () => descendants(child?.pid),
    changeHostKeys: makeHostKeys,
    async start() {
      const started = spawn(binary, ['-D', '-e', '-f', path('sshd_config')], {
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      });
      child = started;
      let log = '';
      started.stderr.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-4_000);
        appendFileSync(path('log'), text);
      });
      await accepting(
        address,
        port,
        () => started.exitCode ?? undefined,
        () => log,
      );
    },
    async stop() {
      const stopping = child;
      if (!stopping || stopping.exitCode !== null || stopping.signalCode !== null) return;
      const ended = new Promise((resolve) => stopping.once('exit', resolve));
      for (const pid of descendants(stopping.pid)) kill(pid);
      kill(stopping.pid ?? 0);
      await ended;
    },
  };
  chmodSync(directory, 0o755);
  await server.start();
  return server;
}

/** Stops the server and removes its files. */
export async function removeSshd(server: Sshd | undefined): Promise<void> {
  await server?.stop();
  if (server) rmSync(server.directory, { recursive: true, force: true });
}

export function keygen(file: string, type: 'ed25519' | 'rsa' | 'ecdsa', passphrase = ''): void {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', 'mendd-test', '-f', file]);
}

let lastPort = 10_000 + ((process.pid * 101) % 20_000);

/** Of the ports that no system gives out by itself, so that nobody else is given it before it is listened on. */
export async function freePort(): Promise<number> {
  for (;;) {
    lastPort = lastPort < 30_000 ? lastPort + 1 : 10_000;
    const port = lastPort;
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => {
      server.close(resolve);
    });
    return port;
  }
}

function kill(pid: number): void {
  if (pid <= 1) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** sshd's own processes only (listener's children and theirs named sshd), so that what they started stays. */
function descendants(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  const rows = execFileSync('ps', ['-e', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const found: number[] = [];
  const queue = [pid];
  for (let parent = queue.shift(); parent !== undefined; parent = queue.shift()) {
    for (const [child, ppid, name] of rows) {
      if (Number(ppid) !== parent || !name?.startsWith('sshd')) continue;
      found.push(Number(child));
      queue.push(Number(child));
    }
  }
  return found;
}

async function accepting(
  host: string,
  port: number,
  exited: () => number | undefined,
  log: () => string,
): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const ok = await new Promise<boolean>((resolve) => {
      const socket = connect(port, host);
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (ok) return;
    if (exited() !== undefined || performance.now() > deadline) {
      throw new Error(`sshd did not start: ${log() || `exit code ${exited()}`}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
