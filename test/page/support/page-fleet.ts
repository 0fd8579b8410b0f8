/**
 * The world that the page is tested in: SSH hosts inside the test's process, definitions in a git repository, a pager, and the
 * built daemon as a process of its own. It breaks and heals; what the page says of it is judged by the tests.
 */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import type { Scope } from '../../../core/types.ts';
import { type EmbeddedHost, generateKeyPair, startEmbeddedHost } from '../../../runner/embedded-host.ts';
import { openLedgerBeside, openStores, type Stores } from '../../../store/open.ts';
import { Repository } from '../../sources/git-repository.ts';
import { type HttpServerFixture, startHttpServer } from '../../support/http-server.ts';
import { assertBuilt, type Served, serve } from '../../support/mendd.ts';
import { daemonFile, definitionFiles, type HostName, hostNames, type Verdict } from './page-definitions.ts';

export type PersonScope = Extract<Scope, 'read' | 'ack' | 'act' | 'admin'>;

const root = fileURLToPath(new URL('../../..', import.meta.url));

export class PageFleet {
  readonly directory: string;
  readonly repository: Repository;
  readonly hosts: Readonly<Record<HostName, EmbeddedHost>>;
  readonly pager: HttpServerFixture;
  #served: Served | undefined;
  readonly #tokens = new Map<PersonScope, string>();
  readonly #ends: (() => Promise<void> | void)[];

  private constructor(
    directory: string,
    repository: Repository,
    hosts: Record<HostName, EmbeddedHost>,
    pager: HttpServerFixture,
    ends: (() => Promise<void> | void)[],
  ) {
    this.directory = directory;
    this.repository = repository;
    this.hosts = hosts;
    this.pager = pager;
    this.#ends = ends;
  }

  /** Everything is up and every check has had its first result. `brake`: as the daemon's file has it. */
  static async start(brake = 'false'): Promise<PageFleet> {
    assertBuilt();
    assertPageBuilt();
    const directory = mkdtempSync(join(tmpdir(), 'mendd-page-'));
    const ends: (() => Promise<void> | void)[] = [];
    const key = generateKeyPair();
    const started = await Promise.all(
      hostNames.map(async (name) => {
        mkdirSync(join(directory, name));
        return startEmbeddedHost({ name, authorizedKey: key.publicKey, directory: join(directory, name) });
      }),
    );
    const hosts = Object.fromEntries(started.map((host) => [host.name, host])) as Record<
      HostName,
      EmbeddedHost
    >;
    const pager = await startHttpServer((_request, response) => response.end());
    const repository = new Repository((end) => ends.push(end));
    const fleet = new PageFleet(directory, repository, hosts, pager, ends);
    fleet.#write('id', key.privateKey);
    fleet.#write('known_hosts', started.map((host) => `${host.hostKeyLine}\n`).join(''));
    fleet.#write('mendd.yaml', daemonFile(repository.url, pager.url, brake));
    repository.push(definitionFiles(started), 'Watch the first hosts');
    fleet.say('db-1', 'space', 'ok');
    fleet.say('db-1', 'hostile', 'ok');
    await fleet.serve();
    return fleet;
  }

  async serve(): Promise<void> {
    this.#served = await serve(join(this.directory, 'mendd.yaml'), (end) => this.#ends.push(end));
    await this.until('every check has a result', async () => {
      const { items } = await this.get<{ items: { status: { state: string } }[] }>('/api/v1/checks');
      expect(items.length).toBeGreaterThan(0);
      expect(items.filter(({ status }) => status.state === 'pending')).toEqual([]);
    });
  }

  /** `http://127.0.0.1:PORT` */
  get url(): string {
    return this.#running.api;
  }

  get log(): string {
    return this.#running.log();
  }

  get #running(): Served {
    if (this.#served === undefined) throw new Error('the daemon is not started');
    return this.#served;
  }

  /** Stops answering, as a hung machine does; the connections stay open. */
  freeze(): void {
    this.#running.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#running.child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.#served?.stop();
  }

  /** Writes into the databases while the daemon is not running. */
  async meanwhile(write: (stores: Stores) => void): Promise<void> {
    await this.stop();
    const stores = openStores({ path: join(this.directory, 'state/mendd.db'), nowMs: Date.now() });
    try {
      write(stores);
    } finally {
      stores.store.close();
      stores.coordinator.close();
    }
    await this.serve();
  }

  async remove(): Promise<void> {
    await this.stop();
    await Promise.all([...Object.values(this.hosts).map((host) => host.close()), this.pager.close()]);
    for (const end of this.#ends) await end();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** The secret of a token of that scope; its name is that of the scope. */
  token(scope: PersonScope): string {
    const known = this.#tokens.get(scope);
    if (known !== undefined) return known;
    const ledger = openLedgerBeside(join(this.directory, 'state/mendd.db'), Date.now());
    const { secret } = ledger.createToken({ name: `the ${scope}`, scopes: [scope], nowMs: Date.now() });
    ledger.close();
    this.#tokens.set(scope, secret);
    return secret;
  }

  /** From the next result on the check `name` of the host tells this. */
  say(host: HostName, name: string, verdict: Verdict, output?: string | Buffer): void {
    const home = join(this.directory, host, 'home');
    if (output !== undefined) writeFileSync(join(home, `${name}.output`), output);
    // In one step: a check that reads meanwhile must not find it empty.
    writeFileSync(join(home, `${name}.new`), `${verdict}\n`);
    renameSync(join(home, `${name}.new`), join(home, name));
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}${path}`, {
      headers: { authorization: `Bearer ${this.token('read')}` },
    });
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.token('admin')}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(body),
    });
  }

  /** Waits until `look` no longer throws; the deadline's message begins with what was awaited. */
  async until(what: string, look: () => Promise<void>, deadlineMs = 40_000): Promise<void> {
    try {
      await vi.waitFor(look, { timeout: deadlineMs, interval: 50 });
    } catch (error) {
      throw new Error(`did not happen within ${deadlineMs / 1000} s: ${what}`, { cause: error });
    }
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text, { mode: 0o600 });
  }
}

/** The page of another build than the sources would prove nothing. */
function assertPageBuilt(): void {
  const built = statSync(join(root, 'dist/dashboard/index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newer = (readdirSync(join(root, 'dashboard'), { recursive: true }) as string[]).find(
    (name) =>
      statSync(join(root, 'dashboard', name)).isFile() &&
      statSync(join(root, 'dashboard', name)).mtimeMs > built,
  );
  if (newer !== undefined)
    throw new Error(`dist/dashboard is older than dashboard/${newer}: run \`npm run build\` first`);
}
