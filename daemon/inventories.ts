/**
 * Owns the sources of hosts that the definitions name: asks each on its schedule, keeps what it told over failures and
 * restarts, and tells when the hosts in force have changed. What it tells is never judged here to be less than it was
 * because a source failed.
 */
import { createHash } from 'node:crypto';
import type { Secret } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { InventoryView, OutsideWaiting } from '../core/outside-port.ts';
import type { Clock, Store } from '../core/ports.ts';
import type { FoundHost, InventorySource, InventoryState } from '../core/sources.ts';
import type { History } from './history.ts';
import { type Asked, askFile, askInventory } from './inventory-ask.ts';
import { hear, type InventoryMemory } from './inventory-memory.ts';
import { difference, type Entry, isSame, quoted, viewOf } from './inventory-view.ts';
import type { Log } from './log.ts';

export interface InventoriesOptions {
  clock: Clock;
  log: Log;
  /** In [0, 1). */
  random: () => number;
  store: Pick<Store, 'loadHeard' | 'putHeard' | 'removeHeard'>;
  history: Pick<History, 'add' | 'failed'>;
  /** The hosts in force have changed: the definitions want to be resolved again. Several changes come as one. */
  onChange: () => void;
  ask?: typeof askInventory;
}

/** Sources asked at once. */
const parallel = 4;
/** A failure is tried again after so long, or after `every` when that is sooner. Milliseconds. */
const againMs = 60_000;
/** Part of an interval by which it is shorter or longer, so that sources do not march in step. */
const jitter = 0.1;
/** What told nothing new is written anew this often, for its age. Milliseconds. */
const writeEveryMs = 300_000;
/** Changes of several sources that come together are one. Milliseconds. */
const changeWaitMs = 250;

export class Inventories {
  readonly #options: InventoriesOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ending = new AbortController();
  readonly #asking = new Set<Promise<void>>();
  #cancelTimer: (() => void) | undefined;
  #cancelChange: (() => void) | undefined;
  #started = false;

  constructor(options: InventoriesOptions) {
    this.#options = options;
  }

  /** What resolving definitions needs, by the name of the source. */
  states(): Map<string, InventoryState> {
    const states = new Map<string, InventoryState>();
    for (const [name, { memory, problem }] of this.#entries) {
      if (memory === undefined) continue;
      const { hosts, heardAtMs } = memory;
      states.set(name, { hosts, heardAtMs, ...(problem === undefined ? {} : { problem }) });
    }
    return states;
  }

  /**
   * The sources of new definitions. One that was changed is asked at once; what it told until then stays. Files are read
   * before this returns.
   */
  update(sources: readonly InventorySource[], directory: string): void {
    const names = new Set(sources.map(({ name }) => name));
    for (const name of this.#entries.keys()) if (!names.has(name)) this.#forget(name);
    const stored = this.#stored(sources.filter(({ name }) => !this.#entries.has(name)));
    const nowMs = this.#options.clock.monotonicMs();
    for (const source of sources) {
      const known = this.#entries.get(source.name);
      const isChanged = known === undefined || askedBy(known.source) !== askedBy(source);
      const entry = known ?? newEntry(source, directory, stored.get(source.name));
      this.#entries.set(source.name, Object.assign(entry, { source, directory }));
      if (!isChanged) continue;
      entry.dueAtMs = nowMs;
      this.#readFile(entry);
    }
    this.#arm();
  }

  /** Reads the files among the sources now, since a person who reloads has changed them. */
  refreshFiles(): void {
    for (const entry of this.#entries.values()) this.#readFile(entry);
  }

  start(): void {
    this.#started = true;
    this.#arm();
  }

  /** Ends what is being asked. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#cancelTimer?.();
    this.#cancelChange?.();
    this.#ending.abort();
    await Promise.all(this.#asking);
  }

  views(): InventoryView[] {
    return [...this.#entries.values()].map(viewOf);
  }

  held(): OutsideWaiting['heldInventories'] {
    return [...this.#entries.values()].flatMap(({ source: { name }, waiting }) => {
      if (waiting === undefined) return [];
      const { sinceMs, vanished, of } = waiting.held;
      return [{ name, sinceMs, vanished: vanished.length, of }];
    });
  }

  /** Lets the hosts go that the held answer lacks; undefined when none is held, or another. */
  accept(name: string, tag: string): InventoryView | undefined {
    const entry = this.#entries.get(name);
    if (entry?.waiting === undefined || entry.waiting.held.tag !== tag) return undefined;
    this.#hear(entry, entry.waiting.told, true);
    return viewOf(entry);
  }

  #readFile(entry: Entry): void {
    const { from, format, everyMs } = entry.source;
    if (from.kind !== 'file') return;
    entry.dueAtMs = this.#options.clock.monotonicMs() + everyMs;
    this.#take(entry, askFile(from.path, format));
  }

  #stored(sources: readonly InventorySource[]): Map<string, InventoryMemory> {
    if (sources.length === 0) return new Map();
    return new Map(
      this.#options.store.loadHeard('inventory').map(({ name, body }) => [name, body as InventoryMemory]),
    );
  }

  #forget(name: string): void {
    this.#entries.delete(name);
    this.#write(() => this.#options.store.removeHeard('inventory', name));
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (!this.#started) return;
    const idle = [...this.#entries.values()].filter(({ isAsked }) => !isAsked);
    if (idle.length === 0 || this.#asking.size >= parallel) return;
    const dueAtMs = Math.min(...idle.map((entry) => entry.dueAtMs));
    const { clock } = this.#options;
    this.#cancelTimer = clock.after(Math.max(0, dueAtMs - clock.monotonicMs()), () => this.#turn());
  }

  #turn(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const due = [...this.#entries.values()].filter(({ isAsked, dueAtMs }) => !isAsked && dueAtMs <= nowMs);
    for (const entry of due.sort((a, b) => a.dueAtMs - b.dueAtMs).slice(0, parallel - this.#asking.size)) {
      const asking = this.#ask(entry).finally(() => {
        this.#asking.delete(asking);
        this.#arm();
      });
      this.#asking.add(asking);
    }
    this.#arm();
  }

  async #ask(entry: Entry): Promise<void> {
    const { clock, random, ask = askInventory } = this.#options;
    const { source, directory, http } = entry;
    entry.isAsked = true;
    const context = { clock, directory, signal: this.#ending.signal };
    const asked = await ask(source, { ...context, ...(http === undefined ? {} : { memory: http }) });
    entry.isAsked = false;
    const everyMs = asked.ok ? source.everyMs : Math.min(source.everyMs, againMs);
    entry.dueAtMs = clock.monotonicMs() + everyMs * (1 - jitter + 2 * jitter * random());
    const isCurrent = this.#entries.get(source.name) === entry && askedBy(entry.source) === askedBy(source);
    if (this.#ending.signal.aborted || !isCurrent) return;
    this.#take(entry, asked);
  }

  #take(entry: Entry, asked: Asked): void {
    if (!asked.ok) {
      this.#trouble(entry, asked.problem);
      return;
    }
    entry.warnings = asked.warnings;
    if (asked.memory === undefined) delete entry.http;
    else entry.http = asked.memory;
    this.#hear(entry, asked.hosts, false);
  }

  #hear(entry: Entry, told: readonly FoundHost[], isAccepted: boolean): void {
    const { clock, log, history } = this.#options;
    const { source, memory: before } = entry;
    const { memory, held } = hear(before, told, source, clock.nowMs(), isAccepted);
    entry.memory = memory;
    if (held === undefined) {
      delete entry.waiting;
      this.#wellAgain(entry);
    } else {
      const sinceMs = entry.waiting?.held.tag === held.tag ? entry.waiting.held.sinceMs : held.sinceMs;
      const isNews = entry.waiting?.held.tag !== held.tag;
      entry.waiting = { held: { ...held, sinceMs }, told };
      entry.problem = `${held.vanished.length} of ${held.of} hosts vanished at once, and are kept; to let them go: mendd inventory accept ${quoted(source.name)}`;
      if (isNews) {
        const data = { inventory: source.name, vanished: held.vanished.length, of: held.of, tag: held.tag };
        log.warn(data, 'too many hosts of an inventory vanished at once; they are kept');
        history.add('inventory.held', { data });
      }
    }
    const changed = before === undefined || !isSame(before.hosts, memory.hosts);
    const isDue =
      clock.monotonicMs() - entry.writtenAtMs >= writeEveryMs || !isSame(before?.gone, memory.gone);
    if (changed || isDue) {
      entry.writtenAtMs = clock.monotonicMs();
      const heard = { kind: 'inventory' as const, name: source.name, atMs: memory.heardAtMs, body: memory };
      this.#write(() => this.#options.store.putHeard(heard));
    }
    if (!changed) return;
    const data = { inventory: source.name, ...difference(before?.hosts ?? [], memory.hosts) };
    log.info(data, 'the hosts of an inventory changed');
    history.add('inventory.changed', { data });
    this.#tellChange();
  }

  #trouble(entry: Entry, problem: string): void {
    const { log, history } = this.#options;
    const isNews = entry.problem !== problem;
    entry.problem = problem;
    if (!isNews) return;
    const data = { inventory: entry.source.name, problem };
    log.warn(data, 'an inventory told nothing new; what it told before stays');
    history.add('inventory.failed', { data });
  }

  #wellAgain(entry: Entry): void {
    if (entry.problem === undefined) return;
    delete entry.problem;
    this.#options.history.add('inventory.recovered', { data: { inventory: entry.source.name } });
  }

  #tellChange(): void {
    const { clock, onChange } = this.#options;
    if (this.#cancelChange !== undefined) return;
    this.#cancelChange = clock.after(changeWaitMs, () => {
      this.#cancelChange = undefined;
      onChange();
    });
  }

  #write(work: () => void): void {
    try {
      work();
    } catch (error) {
      // Kept for the next start alone; what is in force is in memory.
      if (!(error instanceof MenddError)) throw error;
      this.#options.history.failed(error);
    }
  }
}

function newEntry(source: InventorySource, directory: string, memory: InventoryMemory | undefined): Entry {
  const unasked = { warnings: [], dueAtMs: 0, isAsked: false, writtenAtMs: 0 };
  return { source, directory, ...unasked, ...(memory === undefined ? {} : { memory }) };
}

/** All that another answer may come of. Of a URL, which may be a secret, only that it is there. */
function askedBy({ from, format }: InventorySource): string {
  return JSON.stringify([from.kind === 'http' ? { ...from, url: digestOf(from.url) } : from, format]);
}

function digestOf(url: Secret): string {
  return createHash('sha256').update(url.reveal()).digest('hex');
}
