/**
 * Owns the private directory of this process for control sockets and key files, and removes those that crashed ones left
 * behind, ending their masters. It starts no program.
 */
import { lstatSync, mkdtempSync, readdirSync, rmSync, type Stats, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Clock } from '../core/ports.ts';
import { terminateMaster } from './openssh-mux.ts';

const prefix = 'mendd-ssh-';
/** Somebody listens here as long as the directory is in use: better than a process id, which containers repeat. */
const ownerName = 'owner';
/** A directory without an owner that is younger is just being made. */
const makingMs = 60_000;
const terminateLimitMs = 1_000;
/** sun_path of the BSDs, less the 17 characters that ssh adds while it makes a socket. */
const pathLimitBytes = 104 - 1 - 17;

export class PrivateDirectory {
  readonly #path: string;
  readonly #owner: Server;
  readonly #keys = new Map<string, string>();
  #next = 0;

  private constructor(path: string, owner: Server) {
    this.#path = path;
    this.#owner = owner;
  }

  /** Errors: resolves with why none could be made. */
  static async open(environment: NodeJS.ProcessEnv, clock: Clock): Promise<PrivateDirectory | Error> {
    let trouble = new Error('there is no directory for its sockets');
    for (const base of bases(environment)) {
      try {
        // Mode 0700, by definition of mkdtemp.
        const path = mkdtempSync(join(base, prefix));
        if (Buffer.byteLength(join(path, 'c999999')) > pathLimitBytes) {
          rmSync(path, { recursive: true, force: true });
          trouble = new Error(`the path ${path} is too long for a socket`);
          continue;
        }
        const directory = new PrivateDirectory(path, await listen(join(path, ownerName)));
        await removeLeftovers(base, clock).catch(ignoreFileTrouble);
        return directory;
      } catch (error) {
        trouble = error as Error;
      }
    }
    return trouble;
  }

  /** A path for a socket, never given twice. */
  socketPath(): string {
    this.#next += 1;
    return join(this.#path, `c${this.#next}`);
  }

  /** A file with this text that nobody else can read; the same one for the same text. */
  keyFile(text: string): string {
    const known = this.#keys.get(text);
    if (known !== undefined) return known;
    this.#next += 1;
    const path = join(this.#path, `k${this.#next}`);
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
    this.#keys.set(text, path);
    return path;
  }

  /** Removes the keys that are written already; those still needed are written again. */
  forgetKeys(): void {
    for (const path of this.#keys.values()) rmSync(path, { force: true });
    this.#keys.clear();
  }

  async close(): Promise<void> {
    rmSync(this.#path, { recursive: true, force: true });
    await new Promise((resolve) => {
      this.#owner.close(resolve);
    });
  }
}

/** Where to look for room, best first: what is in memory and ours alone. */
function bases(environment: NodeJS.ProcessEnv): string[] {
  const own = environment['RUNTIME_DIRECTORY']?.split(delimiter)[0];
  const root = process.getuid?.() === 0 ? '/run' : undefined;
  return [own, environment['XDG_RUNTIME_DIR'], root, tmpdir()].filter(
    (base) => base !== undefined && base !== '',
  ) as string[];
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    // It holds a place, not the process.
    server.unref();
    server.listen(path, () => resolve(server));
  });
}

/** Another one may remove the same at the same time, and what cannot be removed harms nobody. */
function ignoreFileTrouble(error: unknown): void {
  if (!(error instanceof Error && 'syscall' in error)) throw error;
}

/** Those of this user only; nobody else's are touched, nor entered. */
async function removeLeftovers(base: string, clock: Clock): Promise<void> {
  for (const name of readdirSync(base)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(base, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found?.isDirectory() || found.uid !== process.getuid?.()) continue;
    if (await inUse(path, found, clock)) continue;
    const masters = readdirSync(path).filter((each) => each.startsWith('c'));
    await Promise.all(masters.map((each) => terminateMaster(join(path, each), clock, terminateLimitMs)));
    rmSync(path, { recursive: true, force: true });
  }
}

function inUse(path: string, found: Stats, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(join(path, ownerName));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // Refused: its owner is dead. Missing: it was never made, or is about to be.
      if (error.code === 'ECONNREFUSED') resolve(false);
      else resolve(error.code !== 'ENOENT' || clock.nowMs() - found.mtimeMs < makingMs);
    });
  });
}
