/**
 * One life of the daemon, from its start on given files to its end: the real parts over a real store, with a simulated world to reach.
 * It can be killed between any two calls of the store: what stood on the disk at that moment is what the next life begins with.
 */
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeEffect } from '../../actions/plan-action.ts';
import type { Definitions } from '../../core/definitions.ts';
import { MenddError } from '../../core/errors.ts';
import type { GuardRequest, TargetGuard } from '../../core/guard-port.ts';
import type { Clock, Coordinator, Runner, RunOutcome, Store, Target } from '../../core/ports.ts';
import { retryInMs } from '../../core/schedule.ts';
import type { DaemonPort } from '../../core/views.ts';
import { AuditExport } from '../../daemon/audit.ts';
import { createDaemonPort } from '../../daemon/daemon-port.ts';
import { createHealing, type Healing } from '../../daemon/healing.ts';
import { Housekeeping } from '../../daemon/housekeeping.ts';
import { createLog } from '../../daemon/log.ts';
import { Scheduler } from '../../daemon/scheduler.ts';
import { openStores } from '../../store/open.ts';
import type { Invariants } from './invariants.ts';
import type { LedgerModel } from './ledger-model.ts';
import type { Random } from './random.ts';
import type { SimulatedClock } from './simulated-clock.ts';
import { type Machine, opsBox, type World } from './world.ts';

const log = createLog('silent');

export interface LifeOptions {
  directory: string;
  definitions: Definitions;
  clock: SimulatedClock;
  random: Random;
  world: World;
  model: LedgerModel;
  invariants: Invariants;
  tell: (line: string) => void;
  /** The disk: `full` takes no writes, `gone` answers nothing. */
  disk: () => 'well' | 'full' | 'gone';
}

const ledgerWrites = new Set<string>([
  'claim',
  'dispatched',
  'advance',
  'askApproval',
  'settleApproval',
  'saveBrake',
  'clearBrake',
  'saveTrust',
  'setQuarantine',
  'addSuppression',
  'endSuppression',
  'audit',
  'pause',
  'resume',
  'enqueue',
  'messageSent',
]);
const storeWrites = new Set<string>(['save', 'saveDecision', 'addEvent', 'forget']);
type AnyFunction = (...args: unknown[]) => unknown;

function isCallable(member: unknown): member is AnyFunction {
  return typeof member === 'function';
}

const never = new Promise<never>(() => undefined);

export class Life {
  readonly clock: Clock;
  readonly store: Store;
  readonly coordinator: Coordinator;
  readonly healing: Healing;
  readonly port: DaemonPort;
  /** What the disk held when it was killed. */
  remains: string | undefined;
  /** Killed at this point: so many more beginnings and ends of calls that write the ledger. */
  killIn = Infinity;
  /** Transitions that the reducer gave to the history in this life, and that the store acknowledged. */
  emitted = 0;
  acknowledged = 0;
  readonly #options: LifeOptions;
  readonly #stores: { store: Store; coordinator: Coordinator };
  readonly #scheduler: Scheduler;
  readonly #housekeeping: Housekeeping;
  #isOver = false;

  constructor(options: LifeOptions) {
    this.#options = options;
    const { definitions, directory } = options;
    this.clock = options.clock.of(() => this.#isOver);
    const { clock } = this;
    this.#stores = openStores({
      path: join(directory, 'mendd.db'),
      nowMs: clock.nowMs(),
      warn: (sentence) => options.tell(sentence),
    });
    this.store = this.#watched(this.#stores.store, storeWrites);
    this.coordinator = this.#watched(this.#stores.coordinator, ledgerWrites);
    const common = { clock, log, store: this.store, coordinator: this.coordinator };
    this.#scheduler = new Scheduler({
      clock,
      limits: definitions.daemon.scheduler,
      run: ({ host, check }) => this.#check(host, check.id),
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
      runner: this.#runner(),
      guard: this.#guard(),
      network: { look: ({ canaries }) => this.#look(canaries.length) },
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
    this.#housekeeping = new Housekeeping({ ...common, ...this.healing, outbox, auditExport });
    this.port = createDaemonPort({
      ...this.healing,
      clock,
      version: 'simulated',
      coordinator: this.coordinator,
      scheduler: this.#scheduler,
      views: {} as never,
      reloader: {} as never,
      describe: describeEffect,
      health: () => ({ ready: true, problems: [] }),
      stats: () => ({}) as never,
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  start(): void {
    const { fleet, history, messages, observer } = this.healing;
    history.add('daemon.started', { data: {} });
    this.#scheduler.update(fleet.definitions.byHost);
    messages.oweAll();
    observer.takeUp(true);
    this.#housekeeping.start();
  }

  swap(definitions: Definitions): void {
    this.healing.fleet.swap(definitions);
    this.#scheduler.update(definitions.byHost);
  }

  /** kill -9: nothing reaches it and nothing leaves it from now on. */
  kill(where: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { directory, tell } = this.#options;
    tell(`killed ${where}`);
    this.remains = `${directory}+`;
    mkdirSync(this.remains);
    for (const name of ['mendd.db', 'mendd-ledger.db']) {
      for (const part of [name, `${name}-wal`, `${name}.mark`]) {
        const from = join(directory, part);
        if (existsSync(from)) copyFileSync(from, join(this.remains, part));
      }
    }
  }

  /** As on SIGTERM, without a limit of time. */
  async stop(): Promise<void> {
    const { history, observer, askTarget, selfDoubt, runs } = this.healing;
    history.add('daemon.stopping');
    observer.stop();
    askTarget.stop();
    selfDoubt.stop();
    await Promise.all([this.#housekeeping.stop(), this.#scheduler.stop(), runs.stop()]);
  }

  /** The files of a killed one are thrown away. */
  bury(): void {
    this.#isOver = true;
    this.#stores.store.close();
    this.#stores.coordinator.close();
    if (this.remains !== undefined) rmSync(this.#options.directory, { recursive: true });
  }

  /** The same port, which fails as the disk does, tells the model what it acknowledged, and may be the last thing called. */
  #watched<T extends object>(port: T, writes: ReadonlySet<string>): T {
    const entries = Object.entries(port).map(([name, member]: [string, unknown]) => {
      if (!isCallable(member)) return [name, member];
      return [name, (...args: unknown[]): unknown => this.#call(port, name, member, args, writes.has(name))];
    });
    return Object.fromEntries(entries) as T;
  }

  #call(
    port: object,
    name: string,
    member: (...args: never[]) => unknown,
    args: unknown[],
    isWrite: boolean,
  ): unknown {
    const { disk } = this.#options;
    const state = this.#isOver ? 'well' : disk();
    if (state === 'gone' || (state === 'full' && isWrite))
      throw new MenddError('STORE_UNUSABLE', `the disk is ${state}`);
    const isPoint = ledgerWrites.has(name);
    if (isPoint) this.#point(`before ${name}`);
    const result: unknown = Reflect.apply(member, port, args);
    if (isWrite && !this.#isOver) this.#acknowledge(name, args, result);
    if (isPoint) this.#point(`after ${name}`);
    return result;
  }

  #point(where: string): void {
    this.killIn -= 1;
    if (this.killIn <= 0) this.kill(where);
  }

  #acknowledge(name: string, args: unknown[], result: unknown): void {
    const { model, invariants } = this.#options;
    if (name === 'save') {
      const [change] = args as Parameters<Store['save']>;
      model.saved(change);
      this.acknowledged += change.transitions.length;
    } else if (name === 'saveDecision') {
      invariants.decided(...(args as Parameters<Store['saveDecision']>));
    } else if (name === 'forget') {
      model.forgot(...(args as Parameters<Store['forget']>));
    } else invariants.recorded(this, name, args, result);
  }

  #pump(): Promise<void> {
    if (this.#options.disk() !== 'well') return Promise.resolve();
    for (const { id } of this.coordinator.dueMessages(this.clock.nowMs(), 20))
      this.coordinator.messageSent(id, this.clock.nowMs());
    return Promise.resolve();
  }

  // ---------------------------------------------------------------- what it reaches

  #machine(target: Target): Machine {
    return this.#options.world.machine(target.kind === 'local' ? opsBox : target.host.name);
  }

  /** Waits in the world; resolves only while it lives. */
  async #wait(ms: number): Promise<void> {
    if (this.#isOver) return never;
    await this.#options.clock.wait(ms);
    if (this.#isOver) await never;
  }

  async #look(canaries: number): Promise<{ canaries?: { asked: number; answered: number } }> {
    const { world, random } = this.#options;
    await this.#wait(random.between(5, 50));
    const isDown = world.canariesDown || world.cutOff;
    return canaries === 0 ? {} : { canaries: { asked: canaries, answered: isDown ? 0 : canaries } };
  }

  async #check(host: string, check: string): Promise<void> {
    const { world, random } = this.#options;
    const machine = world.machine(host);
    const startedAtMs = this.clock.nowMs();
    const beganAtMs = this.clock.monotonicMs();
    await this.#wait(random.between(10, 200));
    const failure = world.failureOf(machine);
    this.#options.invariants.asked(host, beganAtMs);
    if (failure !== undefined) {
      await this.#wait(random.between(200, 2_000));
      this.healing.fleet.apply(host, { kind: 'unreachable', failure });
      return;
    }
    const state = world.checkState(machine);
    const result = { state, text: state, longText: '', perfdata: [], startedAtMs, durationMs: 1 };
    this.healing.fleet.apply(host, { kind: 'result', check, result, viaHost: true });
  }

  #runner(): Runner {
    return {
      run: async ({ target }): Promise<RunOutcome> => {
        const { world, random } = this.#options;
        const startedAtMs = this.clock.nowMs();
        await this.#wait(random.between(50, 1_500));
        const failure = world.failureOf(this.#machine(target));
        if (failure !== undefined) return { kind: 'unreachable', failure, startedAtMs, durationMs: 1 };
        const [exitCode, stdout] = random.chance(world.faults / 3) ? [1, ''] : [0, 'evidence'];
        return { kind: 'exited', exitCode, stdout, stderr: '', truncated: false, startedAtMs, durationMs: 1 };
      },
      update: () => undefined,
      connections: () => ({ open: 0, connecting: 0, waiting: 0 }),
      close: () => Promise.resolve(),
    };
  }

  #guard(): TargetGuard {
    const { world, random } = this.#options;
    return {
      run: (request) => this.#send(request),
      inspect: async (target, id) => {
        const machine = this.#machine(target);
        await this.#wait(random.between(20, 300));
        const failure = world.failureOf(machine);
        return failure === undefined ? world.inspect(machine, id) : { kind: 'unreachable', failure };
      },
      facts: async (target, { unit, people } = {}) => {
        const machine = this.#machine(target);
        await this.#wait(random.between(20, 600));
        const failure = world.failureOf(machine);
        if (failure !== undefined) return { kind: 'unreachable', failure };
        return {
          kind: 'facts',
          bootId: world.bootId(machine),
          uptimeSec: world.uptimeSec(machine),
          ...(unit === undefined ? {} : { invocationId: `i${machine.invocation}` }),
          ...(machine.fenceSeen === 0 ? {} : { fenceSeen: machine.fenceSeen }),
          ...(people === undefined ? {} : { people: machine.people }),
        };
      },
    };
  }

  async #send(request: GuardRequest): ReturnType<TargetGuard['run']> {
    const { world, random, clock, invariants, tell } = this.#options;
    const machine = this.#machine(request.target);
    await this.#wait(random.between(20, 1_000));
    const failure = world.failureOf(machine);
    if (failure !== undefined) return { kind: 'not_sent', reason: failure.message };
    const reason = request.beforeSend();
    if (this.#isOver) return never;
    if (reason !== undefined) return { kind: 'not_sent', reason };
    const { id } = request.intent;
    invariants.sent(this, request.intent, machine.name);
    const way = random.chance(world.faults)
      ? random.pick(['lost before', 'lost after', 'late', 'twice'] as const)
      : 'straight';
    tell(`sent ${id} to ${machine.name}${way === 'straight' ? '' : `: ${way}`}`);
    if (way === 'lost before') return this.#lost(random.between(100, 5_000));
    await clock.wait(way === 'late' ? random.between(5_000, 60_000) : random.between(5, 100));
    if (world.failureOf(machine) !== undefined) return this.#lost(1_000);
    const answer = world.arrive(machine, request);
    if (way === 'twice')
      void clock.wait(random.between(1, 20_000)).then(() => world.arrive(machine, request));
    if (way === 'lost after' || way === 'late') return this.#lost(random.between(10, 3_000));
    const outcome = await answer;
    await this.#wait(random.between(5, 50));
    return world.failureOf(machine, true) === undefined ? outcome : this.#lost(100);
  }

  async #lost(afterMs: number): ReturnType<TargetGuard['run']> {
    await this.#wait(afterMs);
    return { kind: 'unknown', failure: { stage: 'lost', message: 'connection lost', hint: 'h', sent: true } };
  }
}
