/**
 * Owns which checks wait, host by host and by priority, and how many slots each host has left: a troubled one, which was not reached the
 * last time, has one, and all of these have a share of the slots. Reads no clock, and starts nothing.
 */
import { DueQueue } from './due-queue.ts';

/** A verification, or what a person asked for; then a problem that is still soft, or a check that was shed; then the rest. */
export const priorities = ['urgent', 'soon', 'routine'] as const;
export type Priority = (typeof priorities)[number];

/** More than any time in milliseconds. */
const farAway = 1e15;

/** Of so many slots troubled hosts hold one at most; of so many starts one is theirs. */
const troubledShare = 2;
type Crowd = 'sound' | 'troubled';

interface LineLimits {
  maxConcurrent: number;
  maxPerHost: number;
}

interface Line {
  host: string;
  crowd: Crowd;
  /** By priority. */
  waiting: Record<Priority, Set<string>>;
  taken: number;
}

export class HostLines {
  readonly #limits: LineLimits;
  /** Whether the host was not reached the last time. */
  readonly #isTroubled: (host: string) => boolean;
  readonly #lines = new Map<string, Line>();
  readonly #place = new Map<string, { line: Line; priority: Priority }>();
  /** Hosts with a free slot and something to do, in turn. */
  readonly #ready = { sound: sets<Line>(), troubled: sets<Line>() };
  /** All but the urgent ones: the youngest first, those of troubled hosts before others, routine ones before others. */
  readonly #young = new DueQueue();
  /** Slots of troubled hosts. */
  #troubledTaken = 0;
  #lastTurn: Crowd = 'sound';

  constructor(limits: LineLimits, isTroubled: (host: string) => boolean) {
    this.#limits = limits;
    this.#isTroubled = isTroubled;
  }

  get size(): number {
    return this.#place.size;
  }

  /** Takes out the one that was due last, of a troubled host if there is one; none of the urgent ones. */
  takeYoungest(): string | undefined {
    const key = this.#young.first(Infinity);
    if (key !== undefined) this.remove(key);
    return key;
  }

  has(key: string): boolean {
    return this.#place.has(key);
  }

  /** What waits already only moves up. */
  add(host: string, key: string, priority: Priority, dueMs: number): void {
    const known = this.#place.get(key);
    if (known !== undefined && priorities.indexOf(known.priority) <= priorities.indexOf(priority)) return;
    this.remove(key);
    const line = this.#line(host);
    line.waiting[priority].add(key);
    this.#place.set(key, { line, priority });
    if (priority !== 'urgent') {
      const rank = (priority === 'soon' ? 1 : 0) + (line.crowd === 'sound' ? 2 : 0);
      this.#young.set(key, rank * farAway - dueMs);
    }
    this.#settle(line);
  }

  remove(key: string): void {
    const place = this.#place.get(key);
    if (place === undefined) return;
    const { line, priority } = place;
    this.#place.delete(key);
    this.#young.delete(key);
    line.waiting[priority].delete(key);
    this.#settle(line);
  }

  clear(): void {
    for (const key of this.#place.keys()) this.remove(key);
  }

  /** The host whose turn it is, what waits there in order of priority, and its free slots. */
  next(): { host: string; keys: string[]; free: number } | undefined {
    const hasRoom = this.#troubledTaken * troubledShare < this.#limits.maxConcurrent;
    const crowds: Crowd[] = this.#lastTurn === 'sound' ? ['troubled', 'sound'] : ['sound', 'troubled'];
    for (const priority of priorities) {
      for (const crowd of crowds) {
        const [line] = crowd === 'sound' || hasRoom ? this.#ready[crowd][priority] : [];
        if (line === undefined) continue;
        const keys = priorities.flatMap((each) => [...line.waiting[each]]);
        return { host: line.host, keys, free: this.#slotsOf(line) - line.taken };
      }
    }
    return undefined;
  }

  take(host: string, slots: number): void {
    const line = this.#line(host);
    this.#lastTurn = line.crowd;
    // What is left there waits behind the others.
    for (const priority of priorities) this.#ready[line.crowd][priority].delete(line);
    this.#settle(line, slots);
  }

  release(host: string): void {
    this.#settle(this.#line(host), -1);
  }

  #slotsOf({ crowd }: Line): number {
    return crowd === 'troubled' ? 1 : this.#limits.maxPerHost;
  }

  /** Puts it where it belongs, after it changed: by so many slots that it holds `more`, for one. */
  #settle(line: Line, more = 0): void {
    if (line.crowd === 'troubled') this.#troubledTaken -= line.taken;
    line.taken += more;
    const crowd = this.#isTroubled(line.host) ? 'troubled' : 'sound';
    if (crowd !== line.crowd) this.#move(line, crowd);
    if (crowd === 'troubled') this.#troubledTaken += line.taken;
    const isFree = line.taken < this.#slotsOf(line);
    let isIdle = line.taken === 0;
    for (const priority of priorities) {
      const ready = this.#ready[crowd][priority];
      const waits = line.waiting[priority].size > 0;
      if (isFree && waits) ready.add(line);
      else ready.delete(line);
      isIdle &&= !waits;
    }
    if (isIdle) this.#lines.delete(line.host);
  }

  #move(line: Line, crowd: Crowd): void {
    const ranks = crowd === 'sound' ? 2 : -2;
    for (const priority of priorities) {
      this.#ready[line.crowd][priority].delete(line);
      for (const key of line.waiting[priority]) {
        const youth = this.#young.dueOf(key);
        if (youth !== undefined) this.#young.set(key, youth + ranks * farAway);
      }
    }
    line.crowd = crowd;
  }

  #line(host: string): Line {
    const known = this.#lines.get(host);
    if (known !== undefined) return known;
    const crowd = this.#isTroubled(host) ? 'troubled' : 'sound';
    const line: Line = { host, crowd, waiting: sets<string>(), taken: 0 };
    this.#lines.set(host, line);
    return line;
  }
}

function sets<T>(): Record<Priority, Set<T>> {
  return { urgent: new Set(), soon: new Set(), routine: new Set() };
}
