/**
 * Owns what hosts tell of themselves: asks each source on its schedule, keeps what it told over failures and restarts, and
 * tells when something that templates read has changed. Facts never lead to a result, a state or an action by themselves.
 */
import { setMaxListeners } from 'node:events';
import type { Definitions } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { FactsCounts, SourceFacts } from '../core/facts-port.ts';
import type { Clock, Runner, Store } from '../core/ports.ts';
import type { FactsByHost } from '../core/sources.ts';
import { DueQueue } from './due-queue.ts';
import { type AskedFacts, askFacts } from './facts-ask.ts';
import { FactChanges } from './facts-changes.ts';
import { type Entry, newEntry, viewOf, wantedBy } from './facts-entries.ts';
import { askedByOf, factsByHost, factsKey, type KeptFacts, keepFacts, loadKeptFacts } from './facts-kept.ts';
import { changedPaths } from './facts-paths.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import { Seldom } from './seldom.ts';

export interface FactsOptions {
  clock: Clock;
  log: Log;
  /** In [0, 1). */
  random: () => number;
  store: Pick<Store, 'loadHeard' | 'putHeard' | 'removeHeard'>;
  history: Pick<History, 'add' | 'failed' | 'onEvent'>;
  runner: Pick<Runner, 'run'>;
  isUnreachable: (host: string) => boolean;
  /** What templates of the definitions in force read: `facts.os.id` and the like. */
  watched: () => Iterable<string>;
  /** Resolves the definitions again; settles when that is done. */
  onChange: () => Promise<void>;
}

/** Sources asked at once, in all; checks go first. */
const parallel = 16;
/** Part of an interval by which it is shorter or longer. */
const jitter = 0.1;
/** A failure is tried again after so long, doubled each time, or after `every` when that is sooner. Milliseconds. */
const againMs = 60_000;
/** First questions are spread over so long for each host, and this at most. Milliseconds. */
const spreadPerHostMs = 10;
const longestSpreadMs = 60_000;
/** A host that is back is asked within so long, but not again within a minute. Milliseconds. */
const backSpreadMs = 2_000;
const notAgainMs = 60_000;
/** A host that cannot be asked, or is being asked for another source, is looked at again. Milliseconds. */
const lookAgainMs = 60_000;
const busyMs = 250;
/** What told nothing new is written anew this often, for its age. Milliseconds. */
const writeEveryMs = 300_000;
const toldAgainMs = 3_600_000;

export class Facts {
  readonly #options: FactsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #due = new DueQueue();
  readonly #asking = new Map<string, Promise<void>>();
  readonly #ending = new AbortController();
  readonly #changes: FactChanges;
  readonly #seldom: Seldom;
  /** Keys of what changed since definitions were last resolved with it. */
  readonly #unseen = new Set<string>();
  /** Names of all sources, the built-in one first. */
  #sources: readonly string[] = [];
  #isLoaded = false;
  #unlisten: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;
  #isStarted = false;

  constructor(options: FactsOptions) {
    // Every host that is being asked listens.
    setMaxListeners(0, this.#ending.signal);
    this.#options = options;
    this.#changes = new FactChanges(options);
    this.#seldom = new Seldom(options.clock, toldAgainMs);
  }

  /** What definitions are resolved with. */
  byHost(): FactsByHost {
    this.#unseen.clear();
    return factsByHost(
      [...this.#entries].map(([key, { heard, problem }]) => [
        key,
        heard && { ...heard, ...(problem === undefined ? {} : { problem }) },
      ]),
    );
  }

  /** The sources of new definitions. What hosts and sources told that are gone is forgotten. */
  update(definitions: Definitions): void {
    const wanted = new Map(wantedBy(definitions));
    const kept = this.#isLoaded ? new Map<string, KeptFacts>() : this.#kept();
    this.#isLoaded = true;
    this.#sources = ['builtin', ...definitions.facts.map(({ name }) => name)];
    // Also what the definitions lost while no daemon ran.
    const gone = [...this.#entries.keys(), ...kept.keys()].filter((key) => !wanted.has(key));
    for (const key of gone) this.#forget(key);
    // These definitions were resolved before, with what was known then.
    for (const key of [...gone, ...this.#unseen]) {
      const [host = '', source = ''] = key.split('\n');
      const path = source === 'builtin' ? 'facts' : `facts.${source}`;
      if (definitions.hosts.has(host)) this.#changes.add(host, [path], false);
    }
    const spreadMs = Math.min(longestSpreadMs, definitions.hosts.size * spreadPerHostMs);
    for (const [key, { host, source }] of wanted) {
      const askedBy = askedByOf(host, source.digest);
      const entry = this.#entries.get(key) ?? newEntry(host, source, kept.get(key));
      const isSame = this.#entries.has(key) && entry.askedBy === askedBy;
      this.#entries.set(key, Object.assign(entry, { host, source, askedBy }));
      if (entry.isAsked) continue;
      const dueMs = isSame
        ? this.#nowMs() + this.#jittered(source.everyMs)
        : this.#firstDueMs(entry, spreadMs);
      if (dueMs < (this.#due.dueOf(key) ?? Infinity)) this.#due.set(key, dueMs);
    }
    this.#arm();
  }

  start(): void {
    this.#isStarted = true;
    this.#changes.start();
    this.#unlisten = this.#options.history.onEvent(({ type, host, data }) => {
      if (type === 'host.changed' && host !== undefined && data['to'] === 'up') this.#isBack(host);
    });
    this.#arm();
  }

  /** Ends what is being asked. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#unlisten?.();
    this.#cancelTimer?.();
    this.#ending.abort();
    await Promise.all([...this.#asking.values(), this.#changes.stop()]);
  }

  of(host: string): SourceFacts[] {
    const nowMs = this.#options.clock.nowMs();
    return this.#keysOf(host).flatMap((key) => {
      const entry = this.#entries.get(key);
      return entry === undefined ? [] : [viewOf(entry, nowMs)];
    });
  }

  counts(): FactsCounts {
    const nowMs = this.#options.clock.nowMs();
    let oldestAgeMs: number | undefined;
    let problems = 0;
    for (const { heard, problem } of this.#entries.values()) {
      if (problem !== undefined) problems += 1;
      if (heard !== undefined) oldestAgeMs = Math.max(oldestAgeMs ?? 0, nowMs - heard.heardAtMs);
    }
    return { problems, ...(oldestAgeMs === undefined ? {} : { oldestAgeMs }) };
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #jittered(ms: number): number {
    return ms * (1 - jitter + 2 * jitter * this.#options.random());
  }

  /** Soon, or when what was kept is old enough; a clock that was set back keeps nobody waiting longer than that. */
  #firstDueMs({ heard, askedBy, source }: Entry, spreadMs: number): number {
    const { clock, random } = this.#options;
    const soonMs = random() * spreadMs;
    const ageMs = heard?.askedBy === askedBy ? clock.nowMs() - heard.heardAtMs : Infinity;
    const leftMs = ageMs < 0 ? 0 : Math.max(0, source.everyMs - ageMs);
    return this.#nowMs() + soonMs + leftMs;
  }

  #isBack(host: string): void {
    const { random } = this.#options;
    for (const key of this.#keysOf(host)) {
      const entry = this.#entries.get(key);
      if (entry === undefined || entry.isAsked) continue;
      const soonMs = Math.max(this.#nowMs() + random() * backSpreadMs, entry.askedAtMs + notAgainMs);
      if (soonMs < (this.#due.dueOf(key) ?? Infinity)) this.#due.set(key, soonMs);
    }
    this.#arm();
  }

  #keysOf(host: string): string[] {
    return this.#sources.map((name) => factsKey(host, name));
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (!this.#isStarted || this.#asking.size >= parallel) return;
    const dueMs = this.#due.nextDueMs();
    if (dueMs === undefined) return;
    const delayMs = Math.max(0, dueMs - this.#nowMs());
    this.#cancelTimer = this.#options.clock.after(delayMs, () => this.#turn());
  }

  #turn(): void {
    const nowMs = this.#nowMs();
    while (this.#asking.size < parallel) {
      const key = this.#due.take(nowMs);
      const entry = key === undefined ? undefined : this.#entries.get(key);
      if (key === undefined) break;
      if (entry === undefined) continue;
      const { host, source } = entry;
      if (source.own?.runOn !== 'local' && this.#options.isUnreachable(host.name))
        this.#due.set(key, nowMs + this.#jittered(Math.min(lookAgainMs, source.everyMs)));
      else if (this.#asking.has(host.name)) this.#due.set(key, nowMs + busyMs);
      else this.#begin(key, entry);
    }
    this.#arm();
  }

  #begin(key: string, entry: Entry): void {
    const { name } = entry.host;
    const asking = this.#ask(key, entry).finally(() => {
      this.#asking.delete(name);
      this.#arm();
    });
    this.#asking.set(name, asking);
  }

  async #ask(key: string, entry: Entry): Promise<void> {
    const { host, source, askedBy } = entry;
    entry.isAsked = true;
    entry.askedAtMs = this.#nowMs();
    let told: AskedFacts;
    try {
      told = await askFacts(this.#options.runner, host, source, this.#ending.signal);
    } finally {
      entry.isAsked = false;
    }
    if (this.#ending.signal.aborted || this.#entries.get(key) !== entry) return;
    if (entry.askedBy !== askedBy) {
      // Another program by now, which has not been asked.
      this.#due.set(key, this.#nowMs());
      return;
    }
    if (told.ok === true) this.#hear(key, entry, told);
    else this.#trouble(entry, told.ok === 'not_asked' ? told.reason : told.problem);
    const waitMs = Math.min(againMs * 2 ** Math.min(entry.failures - 1, 10), entry.source.everyMs);
    const everyMs = entry.failures > 0 ? waitMs : entry.source.everyMs;
    this.#due.set(key, this.#nowMs() + this.#jittered(everyMs));
  }

  #hear(key: string, entry: Entry, told: Extract<AskedFacts, { ok: true }>): void {
    const { clock, watched } = this.#options;
    const before = entry.heard?.values;
    entry.heard = { values: told.values, askedBy: entry.askedBy, heardAtMs: clock.nowMs() };
    entry.warnings = told.problems;
    entry.failures = 0;
    delete entry.problem;
    const isSame = before !== undefined && JSON.stringify(before) === JSON.stringify(told.values);
    if (!isSame || this.#nowMs() - entry.writtenAtMs >= writeEveryMs) this.#keep(key, entry, entry.heard);
    if (isSame) return;
    this.#unseen.add(key);
    const paths = changedPaths(watched(), entry.source.name, before, told.values);
    this.#changes.add(entry.host.name, paths, before === undefined);
  }

  /** What it told before stays. */
  #trouble(entry: Entry, problem: string): void {
    entry.problem = problem;
    entry.failures += 1;
    const { name } = entry.source;
    if (!this.#seldom.isNews(`${name} ${problem}`)) return;
    const about = { host: entry.host.name, source: name, problem };
    this.#options.log.warn(about, 'a host told no new facts; what it told before stays');
  }

  #kept(): Map<string, KeptFacts> {
    try {
      return loadKeptFacts(this.#options.store);
    } catch (error) {
      this.#failed(error);
      return new Map();
    }
  }

  #keep(key: string, entry: Entry, heard: KeptFacts): void {
    entry.writtenAtMs = this.#nowMs();
    try {
      keepFacts(this.#options.store, key, heard);
    } catch (error) {
      this.#failed(error);
    }
  }

  #forget(key: string): void {
    this.#entries.delete(key);
    this.#due.delete(key);
    try {
      this.#options.store.removeHeard('facts', key);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Kept for the next start alone; what is in force is in memory. */
  #failed(error: unknown): void {
    if (!(error instanceof MenddError)) throw error;
    this.#options.history.failed(error);
  }
}
