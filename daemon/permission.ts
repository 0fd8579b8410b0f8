/**
 * Owns whether a ledger that can be used lets anything act, as of one look at the fleet. Reads the ledger when a gate asks first,
 * and not for each of the many results that come to nothing.
 */
import { MenddError } from '../core/errors.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { Pause } from '../core/types.ts';
import type { History } from './history.ts';

interface Seen {
  paused?: Pause | undefined;
  storeProblem?: string | undefined;
}

export interface PermissionOptions {
  clock: Clock;
  coordinator: Coordinator;
  history: History;
}

export class Permission {
  readonly #options: PermissionOptions;
  #seen: Seen | undefined;

  constructor(options: PermissionOptions) {
    this.#options = options;
  }

  get paused(): Pause | undefined {
    return this.#look().paused;
  }

  /** A ledger that cannot be read stops actions, never checks. */
  get storeProblem(): string | undefined {
    return this.#look().storeProblem;
  }

  #look(): Seen {
    const { clock, coordinator, history } = this.#options;
    try {
      this.#seen ??= { paused: coordinator.paused(clock.nowMs()), storeProblem: history.problem };
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
      this.#seen = { storeProblem: error.message };
    }
    return this.#seen;
  }
}
