/** A whole daemon in this process: real store on a temporary file, real API, real sshd; definitions are files. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';
import { formatProblem } from '../../config/problems.ts';
import type { EventType } from '../../core/event-types.ts';
import type { Run, StoredEvent } from '../../core/types.ts';
import { type App, startApp } from '../../daemon/app.ts';
import { systemClock } from '../../daemon/clock.ts';
import { createLog } from '../../daemon/log.ts';
import { removeSshd, type Sshd, startSshd } from './sshd.ts';

export class RealDaemon {
  readonly directory: string;
  readonly configFile: string;
  readonly sshd: Sshd;
  readonly events: StoredEvent[] = [];
  #app: App | undefined;

  private constructor(sshd: Sshd) {
    this.sshd = sshd;
    this.directory = mkdtempSync(join(tmpdir(), 'mendd-daemon-'));
    this.configFile = join(this.directory, 'mendd.yaml');
    for (const name of ['hosts', 'runbooks', 'plugins', 'state']) mkdirSync(join(this.directory, name));
  }

  /** Hosts `web-1`, `web-2`, ... are one real sshd; the runbook is what the test is about. */
  static async prepare(
    runbook: string,
    options: { daemon?: string; hosts?: number; storePath?: string } = {},
  ): Promise<RealDaemon> {
    const daemon = new RealDaemon(await startSshd());
    const { sshd } = daemon;
    const identity = join(daemon.directory, 'id');
    writeFileSync(identity, sshd.identity);
    chmodSync(identity, 0o600);
    daemon.write(
      'mendd.yaml',
      `definitions: { path: . }
store: { path: ${options.storePath ?? './state/mendd.db'} }
ssh: { user: ${sshd.user}, identity: "\${file:./id}", known_hosts: ${sshd.knownHosts}, guard_directory: ${daemon.path('guard')}, connect_timeout: 20s }
api: { listen: "127.0.0.1:0" }
log: { level: error }
${options.daemon ?? 'remediation: { mode: auto }\n'}`,
    );
    const hosts = Array.from(
      { length: options.hosts ?? 1 },
      (_, i) => `  web-${i + 1}: { address: ${sshd.address}, port: ${sshd.port} }\n`,
    );
    daemon.write('hosts/all.yaml', `hosts:\n${hosts.join('')}`);
    daemon.write('runbooks/worker.yaml', runbook);
    return daemon;
  }

  get app(): App {
    if (this.#app === undefined) throw new Error('the daemon is not started');
    return this.#app;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  async start(observe = false): Promise<this> {
    const loaded = loadDefinitions({ configFile: this.configFile });
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    this.#app = await startApp({
      configFile: this.configFile,
      observe,
      ...loaded,
      clock: systemClock,
      log: createLog('silent'),
      random: Math.random,
    });
    this.#app.daemon.onEvent((event) => this.events.push(event));
    return this;
  }

  async stop(): Promise<void> {
    await this.#app?.stop();
    this.#app = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    await removeSshd(this.sshd);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Waits for an event that fits; fails after the deadline with what was seen. */
  async event(type: EventType, fits: (event: StoredEvent) => boolean = () => true): Promise<StoredEvent> {
    return vi.waitFor(
      () => {
        const found = this.events.find((event) => event.type === type && fits(event));
        expect(
          found,
          `${type} among ${JSON.stringify(this.events.map((event) => [event.type, event.data]))}`,
        ).toBeDefined();
        return found as StoredEvent;
      },
      { interval: 20 },
    );
  }

  async get<T>(path: string): Promise<T> {
    const { host, port } = this.app.address;
    const response = await fetch(`http://${host}:${port}${path}`);
    return (await response.json()) as T;
  }

  /** One run with its gates and output. */
  async run(id: string | undefined): Promise<Run> {
    return this.get<Run>(`/api/v1/runs/${encodeURIComponent(id ?? '')}`);
  }

  async runs(): Promise<Run[]> {
    return (await this.get<{ items: Run[] }>('/api/v1/runs')).items;
  }
}
