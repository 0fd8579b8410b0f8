/**
 * Owns which checks wait, host by host and by priority, and how many slots each host has left. Reads no clock, and starts nothing.
 */
import { DueQueue } from './due-queue.ts';

/** A verification, or what a person asked for; then a problem that is still soft, or a check that was shed; then the rest. */
export const priorities = ['urgent', 'soon', 'routine'] as const;
export type Priority = (typeof priorities)[number];

/** More than any time in milliseconds. */
const farAway = 1e15;

interface Line {
  host: string;
  /** By priority. */
  waiting: Record<Priority, Set<string>>;
  taken: number;
}

export class HostLines {
  readonly #slotsPerHost: number;
  readonly #lines = new Map<string, Line>();
  readonly #place = new Map<string, { line: Line; priority: Priority }>();
  /** Hosts with a free slot and something to do, first come first served. */
  readonly #ready = sets<Line>();
  /** All but the urgent ones: the youngest first, routine ones before others. */
  readonly #young = new DueQueue();

  constructor(slotsPerHost: number) {
    this.#slotsPerHost = slotsPerHost;
  }

  get size(): number {
    return this.#place.size;
  }

  /** Takes out the one that was due last; none of the urgent ones. */
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
    if (priority !== 'urgent') this.#young.set(key, (priority === 'soon' ? farAway : 0) - dueMs);
    if (line.taken < this.#slotsPerHost) this.#ready[priority].add(line);
  }

  remove(key: string): void {
    const place = this.#place.get(key);
    if (place === undefined) return;
    const { line, priority } = place;
    this.#place.delete(key);
    this.#young.delete(key);
    line.waiting[priority].delete(key);
    if (line.waiting[priority].size === 0) this.#ready[priority].delete(line);
    this.#forget(line);
  }

  clear(): void {
    for (const key of this.#place.keys()) this.remove(key);
  }

  /** The host whose turn it is, what waits there in order of priority, and its free slots. */
  next(): { host: string; keys: string[]; free: number } | undefined {
    for (const priority of priorities) {
      const [line] = this.#ready[priority];
      if (line === undefined) continue;
      const keys = priorities.flatMap((each) => [...line.waiting[each]]);
      return { host: line.host, keys, free: this.#slotsPerHost - line.taken };
    }
    return undefined;
  }

  take(host: string, slots: number): void {
    const line = this.#line(host);
    line.taken += slots;
    if (line.taken >= this.#slotsPerHost)
      for (const priority of priorities) this.#ready[priority].delete(line);
  }

  release(host: string): void {
    const line = this.#line(host);
    line.taken -= 1;
    if (line.taken < this.#slotsPerHost)
      for (const priority of priorities) if (line.waiting[priority].size > 0) this.#ready[priority].add(line);
    this.#forget(line);
  }

  #line(host: string): Line {
    const known = this.#lines.get(host);
    if (known !== undefined) return known;
    const line = { host, waiting: sets<string>(), taken: 0 };
    this.#lines.set(host, line);
    return line;
  }

  #forget(line: Line): void {
    const isIdle = line.taken === 0 && priorities.every((priority) => line.waiting[priority].size === 0);
    if (isIdle) this.#lines.delete(line.host);
  }
}

function sets<T>(): Record<Priority, Set<T>> {
  return { urgent: new Set(), soon: new Set(), routine: new Set() };
}
