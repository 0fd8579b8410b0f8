/**
 * One life of the daemon, from its start on given files to its end: the real parts over a real store, with a simulated world to reach.
 * It can be killed between any two calls of the store: what stood on the disk at that moment is what the next life begins with.
 */
import { describeEffect } from '../../actions/plan-action.ts';
import type { Definitions } from '../../core/definitions.ts';
import { failuresOf } from '../../core/host-status.ts';
import type { Clock, Coordinator, Store } from '../../core/ports.ts';
import { retryInMs } from '../../core/schedule.ts';
import type { DaemonPort } from '../../core/views.ts';
import { AuditExport } from '../../daemon/audit.ts';
import { createDaemonPort } from '../../daemon/daemon-port.ts';
import { createHealing, type Healing } from '../../daemon/healing.ts';
import { Housekeeping } from '../../daemon/housekeeping.ts';
import { createLog } from '../../daemon/log.ts';
import { Scheduler } from '../../daemon/scheduler.ts';
import { tellUntold } from '../../daemon/untold.ts';
import { openStores, type Stores } from '../../store/open.ts';
import type { HistoryModel } from './history-model.ts';
import type { Invariants } from './invariants.ts';
import type { LedgerModel } from './ledger-model.ts';
import type { Random } from './random.ts';
import { Reach } from './reach.ts';
import type { SimulatedClock } from './simulated-clock.ts';
import type { StoreFiles } from './store-files.ts';
import { type DiskState, ledgerWrites, storeWrites, watched } from './watched-port.ts';
import type { World } from './world.ts';

const log = createLog('silent');
/** Moments at which a run is decided or moves: most kills aim at these. */
const moments: ReadonlySet<string> = new Set([
  'claim',
  'dispatched',
  'advance',
  'askApproval',
  'settleApproval',
]);

export interface LifeOptions {
  files: StoreFiles;
  definitions: Definitions;
  clock: SimulatedClock;
  random: Random;
  world: World;
  ledger: LedgerModel;
  history: HistoryModel;
  invariants: Invariants;
  tell: (line: string) => void;
  disk: () => DiskState;
  /** Killed; `at`: which kind of moment it was. */
  onKilled: (remains: StoreFiles, at: KillMoment) => void;
}

export type KillMoment = 'with a run open' | 'at a decision' | 'between rounds' | 'in the opening';

/** How this life is to end. */
export interface Doom {
  /** At this moment of a run, counted from now. */
  moments: number;
  /** Or so long after it, when a run is still open then. */
  afterMs: number;
}

export class Life {
  readonly clock: Clock;
  readonly store: Store;
  readonly coordinator: Coordinator;
  readonly healing: Healing;
  readonly port: DaemonPort;
  /** What the disk held when it was killed. */
  remains: StoreFiles | undefined;
  doom: Doom | undefined;
  /** Transitions that the reducer gave to the history in this life, and that the store acknowledged. */
  emitted = 0;
  acknowledged = 0;
  readonly recovered: readonly string[];
  readonly #options: LifeOptions;
  readonly #stores: Stores;
  readonly #scheduler: Scheduler;
  readonly #housekeeping: Housekeeping;
  #isOver = false;

  constructor(options: LifeOptions) {
    this.#options = options;
    const { definitions } = options;
    this.clock = options.clock.of(() => this.#isOver);
    const { clock } = this;
    this.#stores = openFiles(options);
    this.recovered = this.#stores.recovered ?? [];
    this.store = this.#watchedStore();
    this.coordinator = this.#watchedLedger();
    const reach = new Reach(this, options);
    const common = { clock, log, store: this.store, coordinator: this.coordinator };
    this.#scheduler = new Scheduler({
      clock,
      limits: definitions.daemon.scheduler,
      run: ({ host, check }) => reach.check(host, check.id),
      shares: ({ check }) => check.batch,
      troubled: (host) => failuresOf(this.healing.fleet.state(host)?.host) > 0,
      onShed: () => undefined,
      retryInMs: ({ host, check }) => {
        const status = this.healing.fleet.state(host)?.checks[check.id];
        return status === undefined ? undefined : retryInMs(status, check.retryEveryMs);
      },
    });
    this.healing = createHealing({
      ...common,
      definitions,
      observe: false,
      runner: reach.runner(),
      guard: reach.guard(),
      network: reach.network(),
      checkSoon: (host, check, delayMs) => this.#scheduler.soon(host, check, delayMs),
      onMessageQueued: () => undefined,
      onRunEnded: () => undefined,
    });
    const { history } = this.healing;
    const save = history.save.bind(history);
    history.save = (change) => {
      this.emitted += change.transitions.length;
      save(change);
    };
    const auditExport = new AuditExport({ ...common, webhook: () => undefined });
    const outbox = { pump: () => this.#pump() } as never;
    const heartbeat = { turn: () => Promise.resolve(), stop: () => undefined };
    this.#housekeeping = new Housekeeping({ ...common, ...this.healing, outbox, auditExport, heartbeat });
    this.port = createDaemonPort({
      ...this.healing,
      clock,
      version: 'simulated',
      coordinator: this.coordinator,
      scheduler: this.#scheduler,
      views: {} as never,
      reloader: {} as never,
      outside: {} as never,
      facts: {} as never,
      describe: describeEffect,
      health: () => ({ ready: true, problems: [] }),
      stats: () => ({}) as never,
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  start(): void {
    const { fleet, history, observer } = this.healing;
    history.add('daemon.started', { data: {} });
    this.#scheduler.update(fleet.definitions.byHost);
    tellUntold({ ...this.healing, clock: this.clock, store: this.store, coordinator: this.coordinator });
    observer.takeUp(true);
    this.#housekeeping.start();
  }

  swap(definitions: Definitions): void {
    this.healing.fleet.swap(definitions);
    this.#scheduler.update(definitions.byHost);
  }

  /** kill -9: nothing reaches it and nothing leaves it from now on. */
  kill(where: string, at: KillMoment = this.#hasOpenRuns ? 'with a run open' : 'between rounds'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { files, tell, onKilled } = this.#options;
    tell(`killed ${where}`);
    this.remains = files.copied();
    onKilled(this.remains, at);
  }

  get #hasOpenRuns(): boolean {
    return this.#options.ledger.open.length > 0;
  }

  /** As on SIGTERM, without a limit of time. */
  async stop(): Promise<void> {
    const { history, observer, askTarget, selfDoubt, runs } = this.healing;
    history.add('daemon.stopping');
    observer.stop();
    askTarget.stop();
    selfDoubt.stop();
    await Promise.all([this.#housekeeping.stop(), this.#scheduler.stop(), runs.stop()]);
    if (!this.#isOver) history.close();
  }

  /** The files of a killed one are thrown away. */
  bury(): void {
    this.#isOver = true;
    this.#stores.store.close();
    this.#stores.coordinator.close();
    if (this.remains !== undefined) this.#options.files.remove();
  }

  #watchedStore(): Store {
    const { store } = this.#stores;
    let inBatch: (() => void)[] | undefined;
    const port = watched(store, storeWrites, {
      disk: () => this.#disk(),
      after: (name, args) => {
        const written = (): void => this.#written(name, args);
        if (inBatch === undefined) written();
        else inBatch.push(written);
      },
    });
    return {
      ...port,
      batch: (work) => {
        const all = (inBatch = []);
        try {
          const result = port.batch(work);
          for (const written of all as (() => void)[]) written();
          return result;
        } finally {
          inBatch = undefined;
        }
      },
    };
  }

  #written(name: string, args: readonly unknown[]): void {
    if (this.#isOver) return;
    const { history, invariants, files } = this.#options;
    if (name === 'save') {
      const [change] = args as Parameters<Store['save']>;
      history.saved(change, files.position());
      this.acknowledged += change.transitions.length;
    } else if (name === 'saveDecision') {
      invariants.decided(...(args as Parameters<Store['saveDecision']>));
    } else if (name === 'forget') {
      history.forgot(...(args as Parameters<Store['forget']>), files.position());
    }
  }

  #watchedLedger(): Coordinator {
    return watched(this.#stores.coordinator, ledgerWrites, {
      disk: () => this.#disk(),
      before: (name) => this.point(`before ${name}`, moments.has(name)),
      after: (name, args, result) => {
        if (!this.#isOver) this.#options.invariants.recorded(this, name, args, result);
        this.point(`after ${name}`, moments.has(name));
      },
    });
  }

  /** What a dead one still does to its old files is nobody's matter. */
  #disk(): DiskState {
    return this.#isOver ? 'well' : this.#options.disk();
  }

  /** It may end here; not between rounds. */
  point(where: string, isDecision = false): void {
    const { doom } = this;
    if (doom === undefined || this.#isOver) return;
    const isOpen = this.#hasOpenRuns;
    if (!isOpen && !isDecision) return;
    doom.moments -= 1;
    if (doom.moments > 0) return;
    this.doom = undefined;
    if (doom.afterMs === 0) return this.kill(where, isOpen ? 'with a run open' : 'at a decision');
    this.#options.clock.after(doom.afterMs, () => {
      if (this.#hasOpenRuns) this.kill('while a run is open');
      else if (!this.#isOver) this.doom = { moments: 1, afterMs: 0 };
    });
  }

  #pump(): Promise<void> {
    if (this.#options.disk() !== 'well') return Promise.resolve();
    for (const { id } of this.coordinator.dueMessages(this.clock.nowMs(), 20))
      this.coordinator.messageSent(id, this.clock.nowMs());
    return Promise.resolve();
  }
}

/** Errors: as `openStores`. */
export function openFiles({ files, clock, tell }: Pick<LifeOptions, 'files' | 'clock' | 'tell'>): Stores {
  return openStores({ path: files.path, nowMs: clock.wallMs, warn: tell });
}
