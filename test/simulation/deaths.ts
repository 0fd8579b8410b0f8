/** When the daemon dies: mostly while a run is under way, again while it takes up what it left, and seldom between two rounds. */
import { type KillMoment, type Life, openFiles } from './daemon-life.ts';
import { lookBeforeCall } from './opening-kill.ts';
import type { Simulation } from './simulation.ts';
import type { StoreFiles } from './store-files.ts';

/** Deaths in a row before it is left alone for a while. */
const longestRow = 14;
/** A few more calls than an opening makes. */
const openingCalls = 90;

export class Deaths {
  readonly #simulation: Simulation;
  #inRow = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** A life begins. */
  arm(life: Life): void {
    const { random, clock, ledger, isCalm } = this.#simulation;
    if (isCalm) return;
    const isRow = this.#inRow > 0 && this.#inRow < longestRow && ledger.open.length > 0;
    if (isRow && random.chance(0.95)) {
      life.doom = { moments: random.between(1, 6), afterMs: 0 };
      return;
    }
    this.#inRow = 0;
    // Long enough for a round of fresh results, and for something to come of it.
    clock.after(random.between(4_000, 12_000), () => {
      if (life.isOver || this.#simulation.isCalm) return;
      if (random.chance(0.08)) return life.kill('between two events');
      const isLater = random.chance(0.25);
      life.doom = {
        moments: random.between(1, isLater ? 3 : 12),
        afterMs: isLater ? random.between(10, 6_000) : 0,
      };
    });
  }

  /** What is left of the files when it died at that moment. */
  died(remains: StoreFiles, at: KillMoment): void {
    const { random, figures, history, tell } = this.#simulation;
    this.#inRow += 1;
    figures.count(`kills ${at}`);
    if (!random.chance(0.15)) return;
    figures.count('kills by power loss');
    const end = remains.cutPower(random);
    const lost = end === undefined ? 0 : history.rewind(end);
    if (lost > 0) figures.count('changes of the history lost', lost);
    tell(`with the power: ${lost} changes of the history are gone`);
  }

  /** Dies while it opens its store, or goes on; the files of the next. */
  inOpening(files: StoreFiles): StoreFiles {
    const { random, clock, isCalm, figures } = this.#simulation;
    if (isCalm || !random.chance(0.08)) return files;
    const call = random.between(1, openingCalls);
    let remains: StoreFiles | undefined;
    const look = (): void => {
      remains = files.copied();
    };
    const tell = (line: string): void => this.#simulation.tell(line);
    lookBeforeCall(call, look, () => {
      const { store, coordinator } = openFiles({ files, clock, tell });
      if (remains === undefined) look();
      store.close();
      coordinator.close();
    });
    tell(`killed in the opening, before call ${call}`);
    figures.count('kills in the opening');
    files.remove();
    return remains ?? files;
  }
}
