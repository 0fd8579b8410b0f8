/**
 * Owns swapping the definitions: everything that can fail happens before anything running is touched, and bad definitions
 * change nothing.
 */
import { diffDefinitions } from '../config/diff.ts';
import { loadDefinitions } from '../config/load.ts';
import { formatProblem } from '../config/problems.ts';
import type { Definitions } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { DaemonPort } from '../core/views.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import { Seldom } from './seldom.ts';

/** Of a refused reload, in the audit. */
const recordedProblems = 20;
/** Characters. */
const recordedLength = 500;
/** Milliseconds. */
const refusalRecordedEveryMs = 3_600_000;

export interface ReloadOptions {
  configFile: string;
  clock: Clock;
  log: Log;
  history: History;
  coordinator: Coordinator;
  current: () => Definitions;
  /** Throws MenddError, before anything is touched, when the new keys cannot be used. */
  swap: (definitions: Definitions) => void;
}

export interface ReloadState {
  loadedAtMs: number;
  ok: boolean;
  problems: string[];
}

/** Keys that are read once at start and differ from what was read then. */
function needsRestart(before: Definitions, after: Definitions): string[] {
  const { store, api, log, scheduler, ssh } = before.daemon;
  const pairs: [string, unknown, unknown][] = [
    ['store.path', store.path, after.daemon.store.path],
    ['api', api, after.daemon.api],
    ['log', log, after.daemon.log],
    ['scheduler', scheduler, after.daemon.scheduler],
    ['ssh.guard_directory', ssh.guardDirectory, after.daemon.ssh.guardDirectory],
  ];
  return pairs.filter(([, a, b]) => JSON.stringify(a) !== JSON.stringify(b)).map(([key]) => key);
}

export class Reloader {
  readonly #options: ReloadOptions;
  readonly #atStart: Definitions;
  readonly #refusals: Seldom;
  #state: ReloadState;

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#atStart = options.current();
    this.#refusals = new Seldom(options.clock, refusalRecordedEveryMs);
    this.#state = { loadedAtMs: options.clock.nowMs(), ok: true, problems: [] };
  }

  get state(): ReloadState {
    return this.#state;
  }

  reload(by: string): ReturnType<DaemonPort['reload']> {
    const { current, history, log, clock } = this.#options;
    const before = current();
    const loaded = this.#loadAndSwap();
    if (Array.isArray(loaded)) {
      this.#state = { ...this.#state, ok: false, problems: loaded };
      history.add('definitions.rejected', { data: { by, problems: loaded } });
      log.error({ by, problems: loaded }, 'reload: refused, the old definitions stay');
      this.#auditRefusal(by, loaded);
      return { ok: false, revision: before.revision, problems: loaded, restart: [] };
    }
    const { revision } = loaded;
    const changes = diffDefinitions(before, loaded);
    this.#state = { loadedAtMs: clock.nowMs(), ok: true, problems: [] };
    history.add('definitions.reloaded', { data: { by, revision, changes } });
    this.#audit(by, 'definitions.reloaded', { revision, changes });
    log.info({ by, revision, changes }, 'reload: done');
    const restart = needsRestart(this.#atStart, loaded);
    if (restart.length > 0) log.warn({ keys: restart }, 'reload: these keys take effect at the next start');
    return { ok: true, revision, problems: [], restart };
  }

  /** Once for each set of problems in an hour; the first of them show which mistake it was. */
  #auditRefusal(by: string, problems: readonly string[]): void {
    if (!this.#refusals.isNews(JSON.stringify([by, problems]))) return;
    const first = problems.slice(0, recordedProblems).map((each) => each.slice(0, recordedLength));
    this.#audit(by, 'definitions.rejected', { count: problems.length, problems: first });
  }

  /** They are in force already, or refused: a chain that cannot be written is told, and that stands. */
  #audit(by: string, event: string, body: Record<string, unknown>): void {
    const { coordinator, history, clock } = this.#options;
    const actor = by === 'signal' ? 'daemon' : `person:${by}`;
    try {
      coordinator.audit({ atMs: clock.nowMs(), kind: 'definitions', actor, event, body });
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
    }
  }

  /** The new definitions, in force; or every problem, and nothing changed. */
  #loadAndSwap(): Definitions | string[] {
    try {
      const loaded = loadDefinitions({ configFile: this.#options.configFile });
      if (!loaded.ok) return loaded.problems.map(formatProblem);
      this.#options.swap(loaded.definitions);
      return loaded.definitions;
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      return [`${error.message} ${error.hint}`];
    }
  }
}
