/** What a history must hold, as told by what it acknowledged; can go back to an earlier moment, as a power cut does. */
import { isDeepStrictEqual } from 'node:util';
import type { Store, StoreChange } from '../../core/ports.ts';
import type { Healing } from '../../daemon/healing.ts';
import type { LogPosition } from './store-files.ts';

interface Step {
  at: LogPosition;
  undo: () => void;
}

export class HistoryModel {
  readonly #checks = new Map<string, string>();
  readonly #hosts = new Map<string, string>();
  #steps: Step[] = [];
  /** Acknowledged over all lives, without what a power cut took back. */
  transitions = 0;

  /** `at`: where the log ended afterwards. */
  saved({ host, check, checkStatus, hostStatus, transitions }: StoreChange, at: LogPosition): void {
    const undo = [
      ...(checkStatus === undefined
        ? []
        : [set(this.#checks, `${host}\n${check ?? ''}`, JSON.stringify(checkStatus))]),
      ...(hostStatus === undefined ? [] : [set(this.#hosts, host, JSON.stringify(hostStatus))]),
    ];
    this.transitions += transitions.length;
    this.#step(at, () => {
      for (const each of undo) each();
      this.transitions -= transitions.length;
    });
  }

  forgot({ hosts, checks }: Parameters<Store['forget']>[0], at: LogPosition): void {
    const undo = [
      ...[...this.#checks.keys()].filter((key) => !checks.has(key)).map((key) => set(this.#checks, key)),
      ...[...this.#hosts.keys()].filter((host) => !hosts.has(host)).map((host) => set(this.#hosts, host)),
    ];
    this.#step(at, () => {
      for (const each of undo) each();
    });
  }

  #step(at: LogPosition, undo: () => void): void {
    // A log that was begun anew: all of the old one is in the database, and synced.
    if (this.#steps.at(-1)?.at.salt !== at.salt) this.#steps = [];
    this.#steps.push({ at, undo });
  }

  /** What was written after that is gone. */
  rewind(to: LogPosition): number {
    let lost = 0;
    for (let last = this.#steps.at(-1); last !== undefined; last = this.#steps.at(-1)) {
      if (last.at.salt !== to.salt || last.at.frames <= to.frames) break;
      last.undo();
      this.#steps.pop();
      lost += 1;
    }
    return lost;
  }

  /** In what a daemon that just began knows the hosts otherwise; undefined: in nothing. */
  differs({ fleet }: Pick<Healing, 'fleet'>): string | undefined {
    for (const [host, state] of fleet.states()) {
      const hostDiffers = differs(host, state.host, this.#hosts.get(host));
      if (hostDiffers !== undefined) return hostDiffers;
      for (const [check, status] of Object.entries(state.checks)) {
        const found = differs(`${host} ${check}`, status, this.#checks.get(`${host}\n${check}`));
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }
}

function differs(what: string, now: unknown, known: string | undefined): string | undefined {
  const shown = JSON.stringify(now);
  if (known === undefined || shown === known || isDeepStrictEqual(JSON.parse(shown), JSON.parse(known)))
    return undefined;
  return `${what} is ${shown} and was ${known}`;
}

/** Without a value it is deleted. Returns what makes it undone. */
function set(map: Map<string, string>, key: string, value?: string): () => void {
  const before = map.get(key);
  const put = (to: string | undefined): void => {
    if (to === undefined) map.delete(key);
    else map.set(key, to);
  };
  put(value);
  return () => put(before);
}
