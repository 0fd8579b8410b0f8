/**
 * One seed: a fleet, a daemon that dies and comes back, a network, a disk, a clock and a person, all moved by one stream of chance.
 * After every event what must hold is looked at. The same seed goes the same way.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Definitions } from '../../core/definitions.ts';
import { type Books, calmBreach, restartBreach } from './agreement.ts';
import { Chaos } from './chaos.ts';
import { Life } from './daemon-life.ts';
import { Deaths } from './deaths.ts';
import { Figures } from './figures.ts';
import { HistoryModel } from './history-model.ts';
import { Invariants } from './invariants.ts';
import { LedgerModel } from './ledger-model.ts';
import { Random } from './random.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { simulatedDefinitions } from './simulated-definitions.ts';
import { StoreFiles } from './store-files.ts';
import type { DiskState } from './watched-port.ts';
import { World, type WorldOptions } from './world.ts';

/** Trouble for so long, then calm for at most so long: a reboot without its definition is given 600 s. Milliseconds of the simulation. */
const troubleMs = 165_000;
const calmMs = 700_000;
/** Lines of a trace that a report shows. */
const shownLines = 70;

export interface Outcome {
  seed: number;
  figures: Figures;
  /** Fingerprint of the whole trace. */
  trace: string;
}

export class Simulation {
  readonly seed: number;
  readonly random: Random;
  readonly clock = new SimulatedClock();
  readonly figures = new Figures();
  readonly ledger = new LedgerModel(this.figures);
  readonly history = new HistoryModel();
  readonly world: World;
  readonly invariants: Invariants;
  readonly tell = (line: string): void => this.#tell(line);
  definitions: Definitions;
  disk: DiskState = 'well';
  life: Life | undefined;
  isCalm = false;
  readonly #deaths = new Deaths(this);
  readonly #root: string;
  readonly #hash = createHash('sha256');
  readonly #lines: string[] = [];
  #files: StoreFiles;
  #lives = 0;
  #stopped: Life | undefined;
  #latestMs = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.random = new Random(seed);
    this.definitions = simulatedDefinitions(this.random);
    const { clock, random, figures, tell, ledger } = this;
    const onExecuted: WorldOptions['onExecuted'] = (machine, intent) => this.invariants.runs(machine, intent);
    const names = this.definitions.byHost.keys();
    this.world = new World({ clock, random, figures, tell, onExecuted }, names);
    this.invariants = new Invariants({ clock, ledger, figures, world: () => this.world });
    this.#root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mendd-simulation-'));
    this.#files = new StoreFiles(join(this.#root, 'store'));
  }

  #tell(line: string): void {
    const whole = `${(this.clock.monotonicMs / 1_000).toFixed(3).padStart(8)} ${line.replaceAll(this.#root, '')}`;
    this.#hash.update(`${whole}\n`);
    this.#lines.push(whole);
    if (this.#lines.length > 4 * shownLines) this.#lines.splice(0, 2 * shownLines);
  }

  /** Errors: the first breach, with the seed, how to see it again and the end of the trace. */
  async run(): Promise<Outcome> {
    // A real daemon would end by it.
    const onRejection = (error: unknown): void => {
      this.invariants.breach ??= new Error('a promise of the daemon was rejected', { cause: error });
    };
    process.on('unhandledRejection', onRejection);
    try {
      this.begin();
      new Chaos(this).start(troubleMs);
      while (this.clock.monotonicMs < troubleMs) await this.#event(troubleMs);
      await this.#calmDown();
      this.figures.count('hosts', this.world.machines.size - 1);
      return { seed: this.seed, figures: this.figures, trace: this.#hash.digest('hex') };
    } catch (error) {
      throw new Error(this.#report(error), { cause: error });
    } finally {
      process.off('unhandledRejection', onRejection);
      this.life?.bury();
      rmSync(this.#root, { recursive: true });
    }
  }

  #report(error: unknown): string {
    const what =
      error instanceof Error
        ? `${error.message}${error.cause instanceof Error ? `: ${error.cause.stack ?? ''}` : ''}`
        : String(error);
    return [
      `seed ${this.seed}: ${what}`,
      `again: npm run simulate -- --seeds 1 --from ${this.seed}`,
      ...this.#lines.slice(-shownLines),
    ].join('\n');
  }

  /** A daemon on what the last one left; later when the disk does not let it. */
  begin(): void {
    if (this.life !== undefined) return;
    if (this.disk !== 'well') return void this.clock.after(1_000, () => this.begin());
    this.invariants.upset();
    this.#files = this.#deaths.inOpening(this.#files);
    const { definitions, clock, random, world, ledger, history, invariants, tell } = this;
    const life = new Life({
      files: this.#files,
      definitions,
      clock,
      random,
      world,
      ledger,
      history,
      invariants,
      tell,
      disk: () => this.disk,
      onKilled: (remains, at) => this.#deaths.died(remains, at),
    });
    this.#lives += 1;
    this.figures.count('lives');
    this.life = life;
    tell(`life ${this.#lives} begins under fence ${life.coordinator.fence}`);
    this.#mustNot(restartBreach(life, this.#books()));
    this.#deaths.arm(life);
    life.start();
  }

  #books(): Books {
    return { ledger: this.ledger, history: this.history, latestMs: this.#latestMs };
  }

  #mustNot(breach: string | undefined): void {
    this.invariants.must(breach === undefined, () => breach ?? '');
  }

  /** SIGTERM: it gets some time. */
  terminate(): void {
    const { life } = this;
    if (life === undefined) return;
    this.tell('SIGTERM');
    const cancel = this.clock.after(30_000, () => life.kill('after SIGTERM'));
    void life.stop().then(() => {
      cancel();
      if (this.life === life && !life.isOver) this.#stopped = life;
    });
  }

  async #event(untilMs: number): Promise<void> {
    this.clock.step(untilMs);
    this.#latestMs = Math.max(this.#latestMs, this.clock.wallMs);
    this.figures.count(this.isCalm ? 'events calm' : 'events trouble');
    await drained();
    if (this.invariants.breach !== undefined) throw this.invariants.breach;
    const { life } = this;
    if (life?.remains === undefined && this.#stopped === undefined) return;
    await drained();
    this.tell(life?.remains === undefined ? 'it stopped' : 'it is dead');
    life?.bury();
    if (life?.remains !== undefined) this.#files = life.remains;
    this.life = undefined;
    this.#stopped = undefined;
    this.clock.after(this.random.between(100, 1_200), () => this.begin());
  }

  /** Everything is well again, but perhaps for one host: nothing may stay open elsewhere. */
  async #calmDown(): Promise<void> {
    const { world, random, clock, ledger, invariants } = this;
    this.isCalm = true;
    this.disk = 'well';
    world.calm();
    const lost = random.chance(0.3) ? random.pick([...world.machines.keys()].slice(1)) : undefined;
    if (lost !== undefined) world.machine(lost).cut = true;
    this.tell(`calm${lost === undefined ? '' : `, but ${lost} stays cut off`}`);
    if (this.life !== undefined) this.life.doom = undefined;
    const isReachable = (host: string): boolean => host !== lost;
    const beganMs = clock.monotonicMs;
    for (let idleMs = beganMs; clock.monotonicMs - beganMs < calmMs; ) {
      await this.#event(beganMs + calmMs);
      const isOpen = ledger.open.some(({ intent }) => isReachable(intent.host));
      if (isOpen || this.life === undefined) idleMs = clock.monotonicMs;
      if (clock.monotonicMs - idleMs > 4_000) break;
    }
    if (this.life === undefined) throw new Error('no daemon came back');
    this.#mustNot(calmBreach(this.life, this.#books(), isReachable));
    if (invariants.breach !== undefined) throw invariants.breach;
  }
}

/** Every promise that can settle has settled. */
function drained(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
