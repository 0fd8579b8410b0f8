/**
 * The way of a reboot with hooks: drain, reboot, and undrain when the run has ended, each written down before its first byte
 * leaves. What a restart interrupts is looked up; a reboot is never sent after one. It does not judge whether the host is back.
 */
import type { RebootPlan } from '../actions/plan-action.ts';
import { isSameBoot } from '../actions/reboot.ts';
import type { ActionDefinition, HookDefinition, HostDefinition } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { GuardOutcome, TargetGuard } from '../core/guard-port.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import { actionOf } from '../core/runs.ts';
import { isOpen, type RebootStep, type Run } from '../core/types.ts';
import type { ActionRuns } from './action-run.ts';
import { targetOf } from './check-run.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import { type Order, sendWithinMs } from './intent.ts';
import {
  type HookEnd,
  isBusy,
  isSuccess,
  neverRan,
  outputOf,
  pauseMs,
  RebootHooks,
  sendsAgain,
  sentAgain,
  surroundings,
  wordsOf,
} from './reboot-hooks.ts';
import type { RunJournal } from './run-journal.ts';
import { WakeUps } from './wake-ups.ts';

/** A host that cannot be reached for so long after its run is left to people. Milliseconds. */
const undrainWithinMs = 3_600_000;
/** An undrain that so often did not arrive is left to people. */
const undrainSends = 10;
/** After a restart, ended runs so young are looked through for an undrain that is owed. Milliseconds. */
const owedSinceMs = 86_400_000;
export const rebootBegins = 'reboot: about to be sent';
/** Lines of the story that begin so end the undrain. */
const undrainEnds = 'undrain: ';

/** Something of the transaction began, and nothing says yet what became of the undrain. */
export function owesUndrain(run: Run): boolean {
  const isTold = run.events.some(({ status, text }) => status === 'step' && text.startsWith(undrainEnds));
  return run.step !== undefined && !isOpen(run) && !isTold;
}

/** Asked at the last moment before each sending; a string stops it. Otherwise what `write` writes is durable. */
export interface LastWords {
  /** For the first byte of the run: makes it `dispatched`. */
  begin: (write: () => void) => string | undefined;
  /** For what follows; `sendByMs` on the monotonic clock. */
  goOn: (sendByMs: number, write: () => void) => string | undefined;
}

export interface RebootOptions {
  clock: Clock;
  coordinator: Coordinator;
  guard: TargetGuard;
  fleet: Fleet;
  history: History;
  journal: RunJournal;
  runs: () => ActionRuns;
  /** An undrain failed or could not be sent: a person has to do it. */
  onStillDrained: (run: Run, why: string) => void;
}

export class RebootRuns {
  readonly #options: RebootOptions;
  readonly #wakeUps: WakeUps;
  readonly #hooks: RebootHooks;

  constructor(options: RebootOptions) {
    this.#options = options;
    this.#wakeUps = new WakeUps(options.clock);
    this.#hooks = new RebootHooks({ ...options, wakeUps: this.#wakeUps });
  }

  /** Ends every wait; what is owed is taken up at the next start. */
  stop(): void {
    this.#wakeUps.stop();
  }

  /** Drains and sends the reboot; undefined when the run ended before that. */
  async send(order: Order, plan: RebootPlan, words: LastWords): Promise<GuardOutcome | undefined> {
    const { drain } = plan;
    if (drain !== undefined && !(await this.#drain(order, drain, words))) return undefined;
    return this.#reboot(order, plan, words);
  }

  /** Ends a run whose daemon died while it drained: the reboot was not sent, and is not. */
  async resume(run: Run, action: ActionDefinition | undefined): Promise<void> {
    const host = this.#options.fleet.definitions.hosts.get(run.host);
    const drain = action?.effect.kind === 'reboot' ? action.effect.drain : undefined;
    let told = 'its definition is gone';
    if (host !== undefined && action !== undefined && drain !== undefined)
      told = wordsOf(await this.#hooks.lookUp(run, 'drain', host, action, drain));
    if (this.#wakeUps.stopped) return;
    const why = `interrupted before the reboot, which was not sent; drain: ${told}`;
    this.#options.journal.conclude(run.id, 'failed', why);
  }

  /** A host that never returned stays drained. To be called before its run ends. */
  forgoUndrain(run: Run, action: ActionDefinition | undefined): void {
    const hook = action?.effect.kind === 'reboot' ? action.effect.undrain : undefined;
    if (run.step !== undefined && hook !== undefined)
      this.#options.journal.note(run.id, 'step', `${undrainEnds}not sent: the host never returned`);
  }

  /** Starts the undrain of a run that ended, if one is owed. */
  settle(run: Run): void {
    if (!owesUndrain(run) || this.#wakeUps.stopped) return;
    const { runs, history } = this.#options;
    runs().adopt(`${run.id}~undrain`, async () => {
      try {
        // What carries the run may still be at the drain when a person closes it.
        await runs().over(run.id);
        await this.#undrain(run.id);
      } catch (error) {
        if (!(error instanceof MenddError)) throw error;
        history.failed(error);
      }
    });
  }

  /** Takes up what a daemon before owed, or what the ledger did not take. */
  takeUp(): void {
    const { coordinator, clock } = this.#options;
    // Asked every few seconds: whole runs are read of reboots alone.
    for (const { id, kind } of coordinator.summaries(clock.nowMs() - owedSinceMs)) {
      const run = kind === 'reboot' ? coordinator.get(id) : undefined;
      if (run !== undefined) this.settle(run);
    }
  }

  /** Whether the host is drained and the run goes on. */
  async #drain(
    { run: { id }, host, action }: Order,
    hook: HookDefinition,
    words: LastWords,
  ): Promise<boolean> {
    const { journal, clock } = this.#options;
    let run = this.#runOf(id);
    const sendByMs = clock.monotonicMs() + sendWithinMs;
    let hasBegun = false;
    const begin = (): void => {
      this.#begin(id, 'drain', 'drain: about to be sent');
      hasBegun = true;
    };
    const beforeSend = (): string | undefined =>
      hasBegun ? words.goOn(sendByMs, () => undefined) : words.begin(begin);
    let end: HookEnd;
    for (let turn = 0; ; turn += 1) {
      const outcome = await this.#hooks.send(run, 'drain', host, action, hook, beforeSend);
      if (outcome.kind === 'not_sent') {
        journal.conclude(id, 'cancelled', hasBegun ? `drain: not sent: ${outcome.reason}` : outcome.reason);
        return false;
      }
      end = outcome.kind === 'unknown' ? await this.#hooks.lookUp(run, 'drain', host, action, hook) : outcome;
      const isLost = neverRan(end, hook, run.preconditions.bootId);
      // On the ops box hooks of several hosts take turns.
      const isAgain = isBusy(end) || isLost;
      if (!isAgain || clock.monotonicMs() >= sendByMs || this.#wakeUps.stopped) break;
      if (isLost) run = journal.note(id, 'step', sentAgain('drain'));
      await this.#wakeUps.wait(pauseMs(turn));
    }
    if (end === undefined && this.#wakeUps.stopped) return false;
    const told = `drain: ${wordsOf(end)}`;
    if (!isSuccess(end)) {
      journal.conclude(id, 'failed', `${told}; the reboot was not sent`, outputOf(end));
      return false;
    }
    return isOpen(journal.note(id, 'step', told));
  }

  async #reboot(
    { run: { id }, host, action }: Order,
    plan: RebootPlan,
    words: LastWords,
  ): Promise<GuardOutcome | undefined> {
    const { journal, guard, clock } = this.#options;
    const run = this.#runOf(id);
    let { preconditions } = run;
    const sendByMs = clock.monotonicMs() + sendWithinMs;
    if (plan.drain !== undefined) {
      // Draining took its time: how long the target is up tells anew how late is too late.
      const facts = await guard.facts(targetOf(host), action.sudo === undefined ? {} : { sudo: action.sudo });
      const stop =
        facts.kind === 'unreachable'
          ? `the host cannot be asked: ${facts.failure.message}`
          : isSameBoot(facts.bootId, preconditions.bootId) === false
            ? 'the host booted meanwhile'
            : undefined;
      if (facts.kind === 'unreachable' || stop !== undefined) {
        journal.conclude(id, 'failed', `drained, and the reboot was not sent: ${stop ?? ''}`);
        return undefined;
      }
      preconditions = { ...preconditions, notAfterUptimeSec: facts.uptimeSec + sendWithinMs / 1000 };
    }
    return guard.run({
      target: targetOf(host),
      intent: { ...run, preconditions, notAfterMs: clock.nowMs() + sendWithinMs },
      script: plan.script,
      timeoutMs: action.timeoutMs,
      ...surroundings(run, host, action, { kind: 'target' }),
      beforeSend: () => {
        const begin = (): void => this.#begin(id, 'reboot', rebootBegins, { preconditions });
        return plan.drain === undefined ? words.begin(begin) : words.goOn(sendByMs, begin);
      },
    });
  }

  #begin(
    runId: string,
    step: RebootStep,
    text: string,
    more: Partial<Pick<Run, 'preconditions'>> = {},
  ): void {
    this.#options.journal.note(runId, 'step', text, { ...more, step });
  }

  async #undrain(runId: string): Promise<void> {
    const { journal, clock, coordinator, fleet } = this.#options;
    const giveUpAtMs = clock.monotonicMs() + undrainWithinMs;
    for (let attempt = 0; !this.#wakeUps.stopped && coordinator.stillValid(); attempt += 1) {
      const run = journal.get(runId);
      if (run === undefined || !owesUndrain(run)) return;
      const plan = fleet.plan(run.host);
      const action = plan && actionOf(run, plan)?.action;
      if (plan === undefined || action?.effect.kind !== 'reboot')
        return this.#endUndrain(run, 'not sent: its definition is gone', false);
      const { undrain } = action.effect;
      if (undrain === undefined) return;
      const outcome = await this.#tryUndrain(run, plan.host, action, undrain);
      if (this.#wakeUps.stopped) return;
      if (typeof outcome !== 'string') return this.#endUndrain(run, wordsOf(outcome), isSuccess(outcome));
      if (clock.monotonicMs() >= giveUpAtMs) return this.#endUndrain(run, `not sent: ${outcome}`, false);
      await this.#wakeUps.wait(pauseMs(attempt));
    }
  }

  /** A string says why to try again later. A copy that was sent already is refused by the guard and looked up; one that never ran goes out anew. */
  async #tryUndrain(
    run: Run,
    host: HostDefinition,
    action: ActionDefinition,
    hook: HookDefinition,
  ): Promise<HookEnd | string> {
    const { guard, coordinator, history } = this.#options;
    const facts = await guard.facts(targetOf(host));
    if (facts.kind === 'unreachable') return facts.failure.message;
    const outcome = await this.#hooks.send(run, 'undrain', host, action, hook, () => {
      if (this.#wakeUps.stopped) return 'the daemon is stopping';
      if (!coordinator.stillValid()) return 'a newer daemon took over';
      try {
        if (run.step !== 'undrain') this.#begin(run.id, 'undrain', 'the undrain is about to be sent');
        return undefined;
      } catch (error) {
        if (!(error instanceof MenddError)) throw error;
        history.failed(error);
        return error.message;
      }
    });
    if (outcome.kind === 'not_sent') return outcome.reason;
    if (isBusy(outcome)) return 'another action runs there';
    const isSent =
      outcome.kind === 'unknown' || (outcome.kind === 'refused' && outcome.reason === 'duplicate');
    if (!isSent) return outcome;
    const record = await this.#hooks.lookUp(run, 'undrain', host, action, hook);
    if (!neverRan(record, hook, facts.bootId) || sendsAgain(run, 'undrain') + 1 >= undrainSends)
      return record;
    this.#options.journal.note(run.id, 'step', sentAgain('undrain'));
    return wordsOf(record);
  }

  /** People first: once the story tells the end, no start looks at it again. */
  #endUndrain(run: Run, told: string, isDone: boolean): void {
    if (!isDone) this.#options.onStillDrained(run, told);
    this.#options.journal.note(run.id, 'step', `${undrainEnds}${told}`);
  }

  #runOf(runId: string): Run {
    const run = this.#options.journal.get(runId);
    if (run === undefined) throw new Error(`run ${runId} was claimed and is gone`);
    return run;
  }
}
