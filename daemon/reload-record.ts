/**
 * Owns what is told of reloads: the log, events, the audit, a message. What is tried again and again by itself is told once an hour.
 */
import { planSummary } from '../config/plan-definitions.ts';
import type { DefinitionsPlan } from '../core/definitions-plan.ts';
import { MenddError } from '../core/errors.ts';
import type { EventType } from '../core/event-types.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { HeldReload } from '../core/views.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import type { Messages } from './messages.ts';
import { definitionsHeld } from './notices.ts';
import { Seldom } from './seldom.ts';

export interface RecordOptions {
  clock: Clock;
  log: Log;
  history: History;
  coordinator: Coordinator;
  messages: Pick<Messages, 'notice'>;
}

/** Of a refused reload, in the audit. */
const recordedProblems = 20;
/** Characters. */
const recordedLength = 500;
/** Milliseconds. */
const toldAgainMs = 3_600_000;

/** What the daemon does by itself; everybody else is a person. */
const ownActors: readonly string[] = ['signal', 'git', 'inventory', 'facts', 'registration'];

export class ReloadRecord {
  readonly #options: RecordOptions;
  readonly #seldom: Seldom;

  constructor(options: RecordOptions) {
    this.#options = options;
    this.#seldom = new Seldom(options.clock, toldAgainMs);
  }

  /** `event`: what led to it, when it was no mere reload; `confirmed`: why it would have been held. */
  loaded(
    by: string,
    plan: DefinitionsPlan,
    more: { commit?: string; event?: EventType; reason?: string; confirmed?: readonly string[] },
  ): void {
    const { log } = this.#options;
    const { event = 'definitions.reloaded', ...about } = more;
    const told = { by, revision: plan.to, ...about, changes: planSummary(plan) };
    this.#add(event, told);
    log.info(told, 'reload: done');
    if (plan.restart.length > 0)
      log.warn({ keys: plan.restart }, 'reload: these keys take effect at the next start');
  }

  refused(by: string, problems: readonly string[], commit: string | undefined): void {
    const isNews = this.#seldom.isNews(JSON.stringify([by, problems]));
    const about = { by, ...(commit === undefined ? {} : { commit }) };
    if (isNews || !isOwn(by)) {
      this.#options.history.add('definitions.rejected', { data: { ...about, problems } });
      this.#options.log.error({ ...about, problems }, 'reload: refused, the old definitions stay');
    }
    // The first of them show which mistake it was.
    const first = problems.slice(0, recordedProblems).map((each) => each.slice(0, recordedLength));
    if (isNews) this.#audit('definitions.rejected', { ...about, count: problems.length, problems: first });
  }

  held(by: string, held: HeldReload, plan: DefinitionsPlan): void {
    if (!this.#seldom.isNews(JSON.stringify([by, held]))) return;
    const { history, log, messages } = this.#options;
    const told = { by, ...held, changes: planSummary(plan) };
    history.add('definitions.held', { data: told });
    log.warn(told, 'reload: held until a person confirms it');
    this.#audit('definitions.held', { by, ...held });
    definitionsHeld(messages, held);
  }

  resumed(by: string, reason: string): void {
    this.#add('definitions.resumed', { by, reason });
  }

  #add(event: EventType, data: Record<string, unknown> & { by: string }): void {
    this.#options.history.add(event, { data });
    this.#audit(event, data);
  }

  /** They are in force already, or refused: a chain that cannot be written is told, and that stands. */
  #audit(event: string, { by, ...body }: Record<string, unknown> & { by: string }): void {
    const { coordinator, history, clock } = this.#options;
    const actor = isOwn(by) ? 'daemon' : `person:${by}`;
    try {
      coordinator.audit({ atMs: clock.nowMs(), kind: 'definitions', actor, event, body });
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
    }
  }
}

function isOwn(by: string): boolean {
  return ownActors.includes(by);
}
