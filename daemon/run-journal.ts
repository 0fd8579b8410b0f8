/**
 * Owns how a run moves on once it is written: the ledger first, then the reducer, the history, the log. Starts nothing.
 */
import type { ActionDefinition, LadderDefinition } from '../core/definitions.ts';
import type { Clock, Coordinator, RunChange } from '../core/ports.ts';
import { isOpen, type Run, type RunEvent, type RunStatus } from '../core/types.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';

export interface RunJournalOptions {
  clock: Clock;
  coordinator: Coordinator;
  fleet: Fleet;
  history: History;
  log: Log;
  checkSoon: (host: string, check: string) => void;
  onEnded: (run: Run) => void;
}

type More = Partial<Omit<RunChange, 'atMs' | 'status' | 'outcome' | 'event'>>;

/** All methods throw MenddError when the ledger cannot be written. */
export class RunJournal {
  readonly #options: RunJournalOptions;

  constructor(options: RunJournalOptions) {
    this.#options = options;
  }

  get(runId: string): Run | undefined {
    return this.#options.coordinator.get(runId);
  }

  /** Writes a change of a run and lets the reducer know. */
  advance(runId: string, change: Omit<RunChange, 'atMs'>): Run {
    const run = this.#options.coordinator.advance(runId, { ...change, atMs: this.#options.clock.nowMs() });
    this.#options.fleet.moved(run);
    return run;
  }

  /** Adds a line to the run's story. */
  note(runId: string, status: RunEvent['status'], text: string, more: More = {}): Run {
    return this.advance(runId, { ...more, event: { atMs: this.#options.clock.nowMs(), status, text } });
  }

  /** The last moment before sending: durable when it returns. */
  dispatched(runId: string): void {
    const { coordinator, clock, fleet, history } = this.#options;
    coordinator.dispatched(runId, clock.nowMs());
    const run = coordinator.get(runId);
    if (run === undefined) throw new Error(`run ${runId} is gone`);
    fleet.moved(run);
    history.add('action.started', { host: run.host, runId, data: { action: run.action } });
  }

  /** A person may close a run while it is looked up: it stays as it ended, and what comes later changes nothing. */
  #isOver(runId: string): boolean {
    const run = this.get(runId);
    return run !== undefined && !isOpen(run);
  }

  /** It was sent, and nothing tells what became of it. */
  unknown(runId: string, outcome: string): Run {
    const event = { atMs: this.#options.clock.nowMs(), status: 'unknown' as const, text: outcome };
    const run = this.advance(runId, { status: 'unknown', outcome, event });
    this.#tell(run, 'unknown', outcome);
    return run;
  }

  /** The action did its part: now the check must show that it helped. What follows a recovery has nothing left to mend. */
  verify(runId: string, action: ActionDefinition, outcome: string, more: More = {}): void {
    if (this.#isOver(runId)) return;
    const run = this.get(runId);
    if (run !== undefined && this.#ladderOf(run)?.trigger.on === 'recovery')
      return this.conclude(runId, 'done', outcome, more);
    const nowMs = this.#options.clock.nowMs();
    const event = { atMs: nowMs, status: 'verifying' as const, text: outcome };
    const verifyByMs = nowMs + action.verify.withinMs;
    const change = {
      ...more,
      status: 'verifying' as const,
      outcome,
      event,
      verifyByMs,
      verifyOkSinceMs: null,
    };
    this.#wantCheck(this.advance(runId, change));
  }

  /** Ends a run and tells everyone. */
  conclude(runId: string, status: RunStatus, outcome: string, more: More = {}): void {
    if (this.#isOver(runId)) return;
    const event = { atMs: this.#options.clock.nowMs(), status, text: outcome };
    const run = this.advance(runId, { ...more, status, outcome, event });
    this.tellEnd(run);
    if (run.kind !== 'notify') this.#wantCheck(run);
  }

  /** Of a run that has ended in the ledger. */
  tellEnd(run: Run): void {
    this.#tell(run, run.status, run.outcome ?? '');
    this.#options.onEnded(run);
  }

  #tell(run: Run, status: RunStatus, outcome: string): void {
    const { history, log } = this.#options;
    history.add('action.ended', {
      host: run.host,
      runId: run.id,
      data: { action: run.action, status, outcome },
    });
    log.info({ run: run.id, status }, `${run.action} on ${run.host}: ${status}: ${outcome}`);
  }

  #ladderOf(run: Run): LadderDefinition | undefined {
    return this.#options.fleet.plan(run.host)?.ladders.find((each) => each.id === run.ladder);
  }

  #wantCheck(run: Run): void {
    const ladder = this.#ladderOf(run);
    if (ladder !== undefined) this.#options.checkSoon(run.host, ladder.trigger.check);
  }
}
