/**
 * The daemon under test: the built program with definitions of its own, in the ops namespace of a fleet. Starts, kills and
 * asks it, and waits for what it tells.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Wire } from '../../api/wire.ts';
import type { StoredDecision } from '../../core/decisions.ts';
import type { Page } from '../../core/ports.ts';
import type { CheckResult, Run } from '../../core/types.ts';
import type { CheckView, HostView } from '../../core/views.ts';
import { type ApiAnswer, type ApiEvent, apiPort, DaemonApi } from './daemon-api.ts';
import { type Fleet, patienceMs, until } from './harness.ts';

/** MENDD_PROGRAM tests another build, such as an installed package. */
const program =
  process.env.MENDD_PROGRAM ?? fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export const connectTimeoutMs = 3_000;

export interface DaemonRequest {
  fleet: Fleet;
  /** YAML of one runbook each. */
  runbooks: readonly string[];
  /** YAML of where the definitions come from, in place of the runbooks. */
  definitions?: string;
  /** YAML that is added to the daemon file. */
  settings?: string;
  /** YAML map of labels that every machine has. */
  labels?: string;
}

export class Daemon {
  /** Holds its files, the store among them. */
  readonly dir: string;
  readonly #configFile: string;
  readonly #fleet: Fleet;
  readonly #api: DaemonApi;
  readonly #events: ApiEvent[] = [];
  readonly #listeners = new Set<(event: ApiEvent) => void>();
  #child: ChildProcess | undefined;
  #secret: string | undefined;
  /** Wall time; what is older was written by the daemon before. */
  lastStartMs = 0;

  private constructor(fleet: Fleet, api: DaemonApi, dir: string) {
    this.#fleet = fleet;
    this.#api = api;
    this.dir = dir;
    this.#configFile = join(dir, 'mendd.yaml');
  }

  /** Writes the definitions, starts the daemon and returns when it is ready. */
  static async start(request: DaemonRequest): Promise<Daemon> {
    const dir = mkdtempSync(join(tmpdir(), 'mendd-fleet-daemon-'));
    writeDefinitions(dir, request);
    const daemon = new Daemon(request.fleet, await DaemonApi.open(request.fleet), dir);
    await daemon.start();
    return daemon;
  }

  /** `answers`: it lives; it is never ready while its ledger is not trusted. */
  async start(state: 'ready' | 'answers' = 'ready'): Promise<void> {
    const log = openSync(join(this.dir, 'daemon.log'), 'a');
    const argv = [process.execPath, program, 'serve', '--config', this.#configFile];
    this.lastStartMs = Date.now();
    const child = this.#fleet.spawnInOps(argv, { stdio: ['ignore', log, log] });
    this.#child = child;
    const probe = state === 'ready' ? '/readyz' : '/api/v1/now';
    await until(`the daemon ${state === 'ready' ? 'is ready' : state}`, async () => {
      if (child.exitCode !== null)
        throw new Error(`the daemon ended with ${child.exitCode}\n${this.logTail()}`);
      return this.#api.get(probe).then(
        () => true,
        () => undefined,
      );
    });
    await this.#api.follow(this.#events.at(-1)?.id ?? 0, (event) => {
      this.#events.push(event);
      for (const listener of this.#listeners) listener(event);
    });
  }

  /** No warning, no chance to write anything; returns when it is gone. */
  async kill9(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** As `systemctl stop` would. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Ends everything, removes its files. Call it before the fleet goes down. */
  async close(): Promise<void> {
    await this.kill9();
    this.#api.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Everything told so far, over all starts. */
  get events(): readonly ApiEvent[] {
    return this.#events;
  }

  /** An older history was put back: its numbers begin again below those told so far. */
  forgetEvents(): void {
    this.#events.length = 0;
  }

  /** Called within milliseconds of what happened. Returns a function that ends it. */
  onEvent(listener: (event: ApiEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first event that fits, past ones included. Limits: `withinMs`, then throws with all there is to know. */
  async waitFor(
    what: string,
    fits: (event: ApiEvent) => boolean,
    withinMs = patienceMs,
    afterId = 0,
  ): Promise<ApiEvent> {
    return this.explained(
      until(what, () => this.#events.find((event) => event.id > afterId && fits(event)), withinMs),
    );
  }

  /** Adds the story so far to a failure. */
  async explained<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const runs = await this.runs().catch(() => []);
      const told = runs.map((run) => `${run.id}: ${run.status}: ${run.outcome ?? ''}`).join('\n');
      throw new Error(`${String(error)}\n--- runs\n${told}\n--- log\n${this.logTail()}`, { cause: error });
    }
  }

  get<T>(path: string): Promise<T> {
    return this.#api.get<T>(path);
  }

  /** As a person who may do everything; refusals are answers too. */
  async ask(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer> {
    this.#secret ??= this.#createToken();
    return this.#api.send(method, path, { ...headers, authorization: `Bearer ${this.#secret}` }, body);
  }

  #createToken(): string {
    const argv = ['token', 'create', '--name', 'tester', '--scope', 'admin', '--config', this.#configFile];
    const made = spawnSync(process.execPath, [program, ...argv], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`no token: ${made.stderr}`);
    return made.stdout.trim();
  }

  /** Newest first; lists leave the story out, `run` has it. */
  async runs(host?: string): Promise<Wire<Run>[]> {
    const filter = host === undefined ? '' : `&host=${host}`;
    return (await this.get<Page<Wire<Run>>>(`/api/v1/runs?limit=500${filter}`)).items;
  }

  run(id: string): Promise<Wire<Run>> {
    return this.get(`/api/v1/runs/${encodeURIComponent(id)}`);
  }

  async checks(): Promise<Wire<CheckView>[]> {
    return (await this.get<Page<Wire<CheckView>>>('/api/v1/checks?limit=500')).items;
  }

  async host(name: string): Promise<Wire<HostView>> {
    return this.get(`/api/v1/hosts/${name}`);
  }

  async results(host: string, check: string): Promise<Wire<CheckResult>[]> {
    const path = `/api/v1/checks/${host}/${check}/history?limit=500`;
    return (await this.get<Page<Wire<CheckResult>>>(path)).items;
  }

  async decisions(host: string): Promise<Wire<StoredDecision>[]> {
    return (await this.get<Page<Wire<StoredDecision>>>(`/api/v1/decisions?host=${host}&limit=500`)).items;
  }

  /** Until every check was asked again from now on and is OK, and no run is open. */
  async settled(): Promise<void> {
    const fromMs = Date.now();
    const isSettled = async () => {
      const [checks, runs] = [await this.checks(), await this.runs()];
      const calm = checks.every(
        ({ status }) =>
          status.state === 'ok' && Date.parse(status.lastResult?.startedAt ?? '1970-01-01') >= fromMs,
      );
      return calm && runs.every((run) => run.endedAt !== undefined) ? true : undefined;
    };
    await this.explained(until('all checks OK and no open run', isSettled));
  }

  logTail(): string {
    return readFileSync(join(this.dir, 'daemon.log'), 'utf8').split('\n').slice(-60).join('\n');
  }
}

/** `mendd.yaml` and the directory it names, as a person would write them. */
function writeDefinitions(
  dir: string,
  {
    fleet,
    runbooks,
    definitions: source = '{ path: ./definitions }',
    settings = '',
    labels = '{}',
  }: DaemonRequest,
): void {
  const definitions = join(dir, 'definitions');
  mkdirSync(join(definitions, 'hosts'), { recursive: true });
  mkdirSync(join(definitions, 'runbooks'));
  const hosts = fleet.machines.map(({ name, address }) => `  ${name}: { address: ${address} }\n`);
  writeFileSync(
    join(definitions, 'hosts/fleet.yaml'),
    `defaults: { labels: ${labels} }\nhosts:\n${hosts.join('')}`,
  );
  for (const [index, text] of runbooks.entries())
    writeFileSync(join(definitions, `runbooks/${index + 1}.yaml`), text);
  writeFileSync(
    join(dir, 'mendd.yaml'),
    `
definitions: ${source}
store: { path: ./mendd.db }
ssh:
  user: mendd
  identity: \${file:${fleet.identityFile}}
  known_hosts: ${fleet.knownHostsFile}
  connect_timeout: ${connectTimeoutMs}ms
api: { listen: "127.0.0.1:${apiPort}" }
${settings}`,
  );
}

/** Fails at once with what to do, where a scenario would fail late and strangely. */
export function requireBuild(): void {
  const answer = spawnSync(process.execPath, [program, '--help'], { encoding: 'utf8' });
  if (answer.status !== 0) throw new Error(`build first, npm run build: ${answer.stderr}`);
}
