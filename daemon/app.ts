/**
 * Joins the parts: every port meets its implementation here, and nowhere else. Reads top to bottom in the order things are
 * made; what each part does is in its own file.
 */
import { setMaxListeners } from 'node:events';
import { createDeliverer } from '../actions/deliver.ts';
import { createOutbox } from '../actions/outbox.ts';
import { describeEffect } from '../actions/plan-action.ts';
import { createApi } from '../api/server.ts';
import type { Definitions } from '../core/definitions.ts';
import { failuresOf } from '../core/host-status.ts';
import type { Clock, Coordinator, Runner, Store } from '../core/ports.ts';
import { retryInMs } from '../core/schedule.ts';
import type { DaemonPort } from '../core/views.ts';
import { createTargetGuard } from '../runner/target-guard.ts';
import { openStores, type Stores } from '../store/open.ts';
import { apiPlaces, listenAt } from './api-places.ts';
import { askingWith } from './asking.ts';
import { AuditExport } from './audit.ts';
import { type CheckRunOptions, runCheck, sharesExec } from './check-run.ts';
import { within } from './clock.ts';
import { createDaemonPort } from './daemon-port.ts';
import { Facts } from './facts.ts';
import { createFleetRunner } from './fleet-runner.ts';
import { createHealing, type Healing } from './healing.ts';
import { healthOf } from './health.ts';
import { Heartbeat } from './heartbeat.ts';
import { Housekeeping } from './housekeeping.ts';
import type { Resolved } from './judge-definitions.ts';
import { inKeptWorld } from './kept-world.ts';
import type { Log } from './log.ts';
import { createNetworkProbe } from './network-probe.ts';
import { Outside } from './outside.ts';
import { Reloader } from './reload.ts';
import { type Job, Scheduler, type ShedReason } from './scheduler.ts';
import { recordStart } from './start-record.ts';
import { Tally } from './tally.ts';
import { askUnblocked } from './unblocked.ts';
import { tellUntold } from './untold.ts';
import { version } from './version.ts';
import { Views } from './views.ts';

/** With what was resolved with the definitions; without it they stay what they are until the first reload. */
export interface AppOptions extends Partial<Resolved> {
  configFile: string;
  observe: boolean;
  definitions: Definitions;
  clock: Clock;
  log: Log;
  /** In [0, 1). */
  random: () => number;
}

/** How long a stop waits for runs and checks. Milliseconds. */
const stopWithinMs = 30_000;
/** How long it then waits for what was cut off; with the API's ten seconds all of it stays below a minute. Milliseconds. */
const cutOffWithinMs = 5_000;
/** A scheduler this late means the process no longer does its work. Milliseconds. */
const deadAfterMs = 30_000;

/** Errors: MenddError when the store, the keys or the API address cannot be used; then nothing was started. */
export async function startApp(options: AppOptions): Promise<App> {
  const { clock, log } = options;
  const stores = openStores({
    path: options.definitions.daemon.store.path,
    nowMs: clock.nowMs(),
    warn: (sentence) => log.warn(sentence),
  });
  try {
    const { definitions, read, factPaths, explainHost } = await inKeptWorld(options, stores);
    const resolved = read && factPaths && explainHost && { read, factPaths, explainHost };
    const app = new App({ ...options, definitions, ...resolved }, stores);
    await app.start();
    return app;
  } catch (error) {
    stores.store.close();
    stores.coordinator.close();
    throw error;
  }
}

export class App {
  readonly daemon: DaemonPort;
  readonly #options: AppOptions;
  readonly #store: Store;
  readonly #coordinator: Coordinator;
  readonly #tally: Tally;
  readonly #runner: Runner;
  readonly #scheduler: Scheduler;
  readonly #healing: Healing;
  readonly #reloader: Reloader;
  readonly #outside: Outside;
  readonly #facts: Facts;
  readonly #housekeeping: Housekeeping;
  readonly #api: ReturnType<typeof createApi>;
  readonly #ending = new AbortController();
  /** What had to be done to the files of the store, in sentences. */
  readonly #recovered: readonly string[];
  #address = { host: '', port: 0 };
  #asking: CheckRunOptions;

  constructor(options: AppOptions, stores: Stores) {
    const { clock, log, random, definitions, observe } = options;
    const { store, coordinator } = stores;
    const common = { clock, log, store, coordinator };
    // Every probe under way listens.
    setMaxListeners(0, this.#ending.signal);
    this.#options = options;
    this.#tally = new Tally(clock);
    this.#store = store;
    this.#coordinator = coordinator;
    this.#runner = createFleetRunner(options, () => this.#healing);
    this.#scheduler = this.#createScheduler();
    const { guardDirectory: directory } = definitions.daemon.ssh;
    this.#healing = createHealing({
      ...common,
      definitions,
      observe,
      runner: this.#runner,
      network: createNetworkProbe(),
      guard: createTargetGuard(this.#runner, directory === undefined ? {} : { directory }),
      checkSoon: (host, check, delayMs) => this.#scheduler.soon(host, check, delayMs),
      onMessageQueued: () => this.#housekeeping.pumpSoon(),
      onRunEnded: (run) => this.#tally.ended(run.action, run.status),
    });
    const { fleet, history } = this.#healing;
    this.#asking = this.#askingWith(definitions);
    this.#outside = new Outside({
      ...common,
      ...this.#healing,
      random,
      definitions: () => fleet.definitions,
      onChange: (by) => void this.#reloader.refresh(by),
    });
    this.#outside.update(definitions);
    this.#facts = this.#createFacts();
    this.#facts.update(definitions);
    this.#reloader = new Reloader({
      ...options,
      ...common,
      history,
      current: () => fleet.definitions,
      swap: (next) => this.#swap(next),
      messages: this.#healing.messages,
      world: () => ({ ...this.#outside.world(), facts: this.#facts.byHost() }),
    });
    const outbox = createOutbox({
      coordinator,
      clock,
      random,
      deliver: createDeliverer({ clock, targets: () => fleet.definitions.daemon.notify }),
      onEvent: (type, event) => history.add(type, event),
    });
    const webhook = () => fleet.definitions.daemon.remediation.auditWebhook;
    const auditExport = new AuditExport({ ...common, webhook });
    const isReady = () => this.daemon.health().ready;
    const heartbeat = new Heartbeat({ ...common, ...this.#healing, tally: this.#tally, isReady });
    this.#housekeeping = new Housekeeping({ ...common, ...this.#healing, outbox, auditExport, heartbeat });
    this.#recovered = stores.recovered ?? [];
    this.daemon = this.#createPort();
    this.#api = createApi({
      ...common,
      daemon: this.daemon,
      history: history.reader,
      runs: coordinator,
      ...apiPlaces(definitions.daemon.api),
    });
  }

  #createFacts(): Facts {
    const { fleet, history } = this.#healing;
    return new Facts({
      ...this.#options,
      store: this.#store,
      history,
      runner: this.#runner,
      isUnreachable: (host) => fleet.state(host)?.host.state === 'unreachable',
      watched: () => this.#reloader.resolved.factPaths ?? [],
      onChange: () => this.#reloader.refresh('facts'),
    });
  }

  #createScheduler(): Scheduler {
    const { clock, definitions } = this.#options;
    return new Scheduler({
      clock,
      limits: definitions.daemon.scheduler,
      run: (job, parallel) => this.#check(job, parallel),
      shares: ({ host, check }) => sharesExec(this.#healing.fleet.definitions.hosts.get(host), check),
      troubled: (host) => failuresOf(this.#healing.fleet.state(host)?.host) > 0,
      onStart: (latenessMs) => this.#tally.checkRun(latenessMs),
      onShed: (job, reason) => this.#shed(job, reason),
      retryInMs: ({ host, check }) => {
        const status = this.#healing.fleet.state(host)?.checks[check.id];
        return status === undefined ? undefined : retryInMs(status, check.retryEveryMs);
      },
    });
  }

  #createPort(): DaemonPort {
    const { clock } = this.#options;
    const healing = this.#healing;
    const coordinator = this.#coordinator;
    const scheduler = this.#scheduler;
    const nextDueAtMs = (host: string, check: string) => scheduler.nextDueAtMs(host, check);
    const views = new Views({ ...healing, clock, nextDueAtMs });
    return createDaemonPort({
      ...healing,
      clock,
      version,
      coordinator,
      scheduler,
      views,
      reloader: this.#reloader,
      outside: this.#outside,
      facts: this.#facts,
      describe: describeEffect,
      health: () => healthOf(healing, coordinator, this.livenessProblem()),
      stats: () =>
        this.#tally.stats({
          healing,
          scheduler: scheduler.stats(),
          connections: this.#runner.connections(),
          batches: this.#runner.batches(),
        }),
    });
  }

  /** Where the API listens. */
  get address(): { host: string; port: number } {
    return this.#address;
  }

  /** Errors: MenddError PORT_IN_USE. */
  async start(): Promise<void> {
    const { definitions, log, clock } = this.#options;
    this.#address = await listenAt(this.#api, definitions.daemon.api);
    const { revision } = definitions;
    log.info(
      { ...this.#address, revision, mode: this.#healing.fleet.mode, hosts: definitions.hosts.size },
      'started',
    );
    recordStart({ ...this.#healing, clock, log, coordinator: this.#coordinator, recovered: this.#recovered });
    this.#scheduler.update(definitions.byHost);
    tellUntold({ ...this.#healing, clock, store: this.#store, coordinator: this.#coordinator });
    // After the scheduler knows the checks: verification that begins anew asks for them at once.
    this.#healing.observer.takeUp(true);
    this.#housekeeping.start();
    this.#reloader.start();
    this.#outside.start();
    this.#facts.start();
  }

  /** Why the process should be taken for dead; undefined when it is well. */
  livenessProblem(): string | undefined {
    const lateMs = this.#scheduler.overdueMs();
    return lateMs > deadAfterMs ? `the scheduler is ${Math.round(lateMs / 1000)} s late` : undefined;
  }

  /** Schedules nothing new, lets what runs end within a deadline, and leaves the rest recorded as it stands. */
  async stop(): Promise<void> {
    this.#healing.history.add('daemon.stopping');
    this.#healing.observer.stop();
    this.#healing.askTarget.stop();
    this.#healing.selfDoubt.stop();
    const idle = Promise.all([
      this.#outside.stop(),
      this.#facts.stop(),
      this.#reloader.stop(),
      this.#housekeeping.stop(),
      this.#scheduler.stop(),
      this.#healing.runs.stop(),
    ]);
    await within(this.#options.clock, stopWithinMs, idle);
    // What is still under way is cut off from here on, and no longer believed.
    this.#ending.abort();
    await this.#api.close();
    await within(this.#options.clock, cutOffWithinMs, this.#runner.close());
    await within(this.#options.clock, cutOffWithinMs, idle);
    this.#healing.history.close();
    this.#store.close();
    this.#coordinator.close();
  }

  async #check({ host, check }: Job, parallel: number | undefined): Promise<void> {
    const target = this.#healing.fleet.definitions.hosts.get(host);
    if (target !== undefined) await runCheck(this.#asking, target, check, parallel);
  }

  #askingWith(definitions: Definitions): CheckRunOptions {
    const parts = { ...this.#options, ...this.#healing, runner: this.#runner, signal: this.#ending.signal };
    return askingWith(parts, definitions);
  }

  #shed({ host, check }: Job, reason: ShedReason): void {
    if (this.#tally.shed(reason))
      this.#healing.history.add('check.shed', { host, check: check.id, data: { reason } });
  }

  /** The runner goes first: it alone can refuse, and then nothing was touched. */
  async #swap(next: Definitions): Promise<void> {
    const { fleet } = this.#healing;
    const before = fleet.definitions;
    this.#runner.update(next);
    fleet.swap(next);
    this.#asking = this.#askingWith(next);
    await this.#scheduler.updateCalmly(next.byHost);
    this.#outside.update(next);
    this.#facts.update(next);
    askUnblocked(before, next, this.#scheduler, this.#options.random);
  }
}
