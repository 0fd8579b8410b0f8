/**
 * Joins the parts: every port meets its implementation here, and nowhere else. Reads top to bottom in the order things are
 * made; what each part does is in its own file.
 */
import { createDeliverer } from '../actions/deliver.ts';
import { evidenceScript } from '../actions/evidence.ts';
import { createOutbox } from '../actions/outbox.ts';
import { describeEffect, planEffect } from '../actions/plan-action.ts';
import { createApi } from '../api/server.ts';
import { createPlanCheck } from '../checks/plan-check.ts';
import type { Definitions } from '../core/definitions.ts';
import type { Clock, Coordinator, PlanCheck, Runner, Store } from '../core/ports.ts';
import { retryInMs } from '../core/schedule.ts';
import type { DaemonPort, Health } from '../core/views.ts';
import { createPluginUploader } from '../runner/plugin-upload.ts';
import { createRunner } from '../runner/runner.ts';
import { createTargetGuard } from '../runner/target-guard.ts';
import { openStores } from '../store/open.ts';
import { ActionRuns } from './action-run.ts';
import { runCheck } from './check-run.ts';
import { createDaemonPort } from './daemon-port.ts';
import { deliverEffect } from './deliver-effect.ts';
import { carryOut } from './effects.ts';
import { Fleet } from './fleet.ts';
import { History } from './history.ts';
import { Housekeeping } from './housekeeping.ts';
import type { Log } from './log.ts';
import { Messages } from './messages.ts';
import { RunObserver } from './observe-run.ts';
import { Reloader } from './reload.ts';
import { RunJournal } from './run-journal.ts';
import { type Job, Scheduler, type ShedReason } from './scheduler.ts';
import { Tally } from './tally.ts';
import { version } from './version.ts';
import { Views } from './views.ts';

export interface AppOptions {
  configFile: string;
  observe: boolean;
  definitions: Definitions;
  clock: Clock;
  log: Log;
  /** In [0, 1). */
  random: () => number;
}

/** How long a stop waits for runs and checks; twice this stays below systemd's 90 s. Milliseconds. */
const stopWithinMs = 30_000;
/** A scheduler this late means the process no longer does its work. Milliseconds. */
const deadAfterMs = 30_000;

/** Errors: MenddError when the store, the keys or the API address cannot be used; then nothing was started. */
export async function startApp(options: AppOptions): Promise<App> {
  const stores = openStores({ path: options.definitions.daemon.store.path, nowMs: options.clock.nowMs() });
  try {
    const app = new App(options, stores);
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
  readonly #history: History;
  readonly #tally = new Tally();
  readonly #runner: Runner;
  readonly #fleet: Fleet;
  readonly #scheduler: Scheduler;
  readonly #messages: Messages;
  readonly #observer: RunObserver;
  readonly #journal: RunJournal;
  readonly #runs: ActionRuns;
  readonly #reloader: Reloader;
  readonly #housekeeping: Housekeeping;
  readonly #api: ReturnType<typeof createApi>;
  #planCheck: PlanCheck;
  #address = { host: '', port: 0 };

  constructor(options: AppOptions, stores: { store: Store; coordinator: Coordinator }) {
    const { clock, log, random, definitions } = options;
    const { store, coordinator } = stores;
    const common = { clock, log, store, coordinator };
    this.#options = options;
    this.#store = store;
    this.#coordinator = coordinator;
    const history = new History(store, clock, log);
    this.#history = history;
    this.#planCheck = this.#plannerOf(definitions);
    const fleet = new Fleet({
      ...common,
      history,
      definitions,
      observe: options.observe,
      onEffect: (host, effect) => carryOut(this.#effectParts(), host, effect),
    });
    this.#fleet = fleet;
    const runner = createRunner({
      config: definitions.daemon.ssh,
      clock,
      random,
      plugins: createPluginUploader(),
      hosts: (name) => fleet.definitions.hosts.get(name),
      onHostKeyChange: (host, change) => history.add('host_key.changed', { host, data: { ...change } }),
    });
    this.#runner = runner;
    const { guardDirectory: directory } = definitions.daemon.ssh;
    const guard = createTargetGuard(runner, directory === undefined ? {} : { directory });
    const scheduler = new Scheduler({
      clock,
      limits: definitions.daemon.scheduler,
      run: (job) => this.#check(job),
      onShed: (job, reason) => this.#shed(job, reason),
      retryInMs: ({ host, check }) => {
        const status = fleet.state(host)?.checks[check.id];
        return status === undefined ? undefined : retryInMs(status, check.retryEveryMs);
      },
      onCronProblem: (message) => log.warn({ message }, 'calendar schedule'),
    });
    this.#scheduler = scheduler;
    const messages = new Messages({ ...common, fleet, onQueued: () => this.#housekeeping.pumpSoon() });
    this.#messages = messages;
    const journal = new RunJournal({
      ...common,
      fleet,
      history,
      checkSoon: (host, check) => scheduler.soon(host, check),
      onEnded: (run) => this.#tally.ended(run.action, run.status),
    });
    this.#journal = journal;
    const observer = new RunObserver({ ...common, guard, fleet, history, journal, runs: () => this.#runs });
    this.#observer = observer;
    this.#runs = new ActionRuns({
      ...common,
      runner,
      guard,
      fleet,
      history,
      journal,
      plan: planEffect,
      describe: describeEffect,
      evidence: evidenceScript,
      observe: (run, action) => observer.observe(run, action),
      deliver: (run, action, plan) => deliverEffect({ fleet, messages }, run, action, plan),
    });
    this.#reloader = new Reloader({
      configFile: options.configFile,
      clock,
      log,
      history,
      current: () => fleet.definitions,
      swap: (next) => this.#swap(next),
    });
    const outbox = createOutbox({
      coordinator,
      clock,
      random,
      deliver: createDeliverer({ targets: () => fleet.definitions.daemon.notify }),
      onEvent: (type, event) => history.add(type, event),
    });
    this.#housekeeping = new Housekeeping({ ...common, fleet, history, outbox, observer });
    const views = new Views({
      clock,
      fleet,
      coordinator,
      nextDueAtMs: (host, check) => scheduler.nextDueAtMs(host, check),
      reload: () => this.#reloader.state,
    });
    this.daemon = createDaemonPort({
      ...common,
      version,
      fleet,
      history,
      scheduler,
      views,
      describe: describeEffect,
      runs: this.#runs,
      journal,
      reloader: this.#reloader,
      health: () => this.#health(),
      stats: () =>
        this.#tally.stats({ scheduler: scheduler.stats(), fleet, connections: runner.connections() }),
    });
    this.#api = createApi({ daemon: this.daemon, history: store, runs: coordinator, clock, log });
  }

  /** Where the API listens. */
  get address(): { host: string; port: number } {
    return this.#address;
  }

  /** Errors: MenddError PORT_IN_USE. */
  async start(): Promise<void> {
    const { definitions, log } = this.#options;
    this.#address = await this.#api.listen(definitions.daemon.api.host, definitions.daemon.api.port);
    const { revision } = definitions;
    this.#history.add('daemon.started', { data: { version, revision, mode: this.#fleet.mode } });
    log.info(
      { ...this.#address, revision, mode: this.#fleet.mode, hosts: definitions.hosts.size },
      'started',
    );
    this.#observer.takeUp(true);
    this.#scheduler.update(definitions.byHost);
    this.#housekeeping.start();
  }

  /** Why the process should be taken for dead; undefined when it is well. */
  livenessProblem(): string | undefined {
    const lateMs = this.#scheduler.overdueMs();
    return lateMs > deadAfterMs ? `the scheduler is ${Math.round(lateMs / 1000)} s late` : undefined;
  }

  /** Schedules nothing new, lets what runs end within a deadline, and leaves the rest recorded as it stands. */
  async stop(): Promise<void> {
    this.#history.add('daemon.stopping');
    this.#observer.stop();
    const idle = Promise.all([this.#housekeeping.stop(), this.#scheduler.stop(), this.#runs.stop()]);
    await within(this.#options.clock, stopWithinMs, idle);
    await this.#api.close();
    await within(this.#options.clock, stopWithinMs, this.#runner.close());
    await within(this.#options.clock, stopWithinMs, idle);
    this.#store.close();
    this.#coordinator.close();
  }

  #plannerOf(definitions: Definitions): PlanCheck {
    return createPlanCheck({ pluginDirs: definitions.daemon.ssh.pluginDirs, clock: this.#options.clock });
  }

  #effectParts(): Parameters<typeof carryOut>[0] {
    return {
      fleet: this.#fleet,
      runs: this.#runs,
      journal: this.#journal,
      messages: this.#messages,
      history: this.#history,
      scheduler: this.#scheduler,
      housekeeping: this.#housekeeping,
    };
  }

  async #check({ host, check }: Job): Promise<void> {
    const target = this.#fleet.definitions.hosts.get(host);
    if (target === undefined) return;
    this.#tally.checkRun();
    const parts = {
      runner: this.#runner,
      planCheck: this.#planCheck,
      definitions: () => this.#fleet.definitions,
      apply: (...event: Parameters<Fleet['apply']>) => this.#fleet.apply(...event),
      onNotAsked: (reason: string) =>
        this.#options.log.debug({ host, check: check.id, reason }, 'check not asked'),
    };
    await runCheck(parts, target, check);
  }

  #shed({ host, check }: Job, reason: ShedReason): void {
    if (this.#tally.shed(reason))
      this.#history.add('check.shed', { host, check: check.id, data: { reason } });
  }

  /** The runner goes first: it alone can refuse, and then nothing was touched. */
  #swap(next: Definitions): void {
    this.#runner.update(next);
    this.#planCheck = this.#plannerOf(next);
    this.#fleet.swap(next);
    this.#scheduler.update(next.byHost);
  }

  #health(): Health {
    const { problem } = this.#history;
    const late = this.livenessProblem();
    const problems = [
      ...(problem === undefined ? [] : [`store: ${problem}`]),
      ...(this.#coordinator.stillValid() ? [] : ['a newer daemon took over this store']),
      ...(late === undefined ? [] : [late]),
    ];
    return { ready: problems.length === 0, problems };
  }
}

async function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = clock.after(limitMs, resolve);
    void work.finally(() => {
      cancel();
      resolve();
    });
  });
}
