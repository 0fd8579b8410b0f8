/**
 * Finds out what became of a run that was sent, by looking at the target only: after a lost connection, while a machine
 * reboots, and after a restart of the daemon. It never sends the action again.
 */
import { isSameBoot, judgeReboot } from '../actions/reboot.ts';
import type { ActionDefinition, HostDefinition } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { GuardRecord, TargetGuard } from '../core/guard-port.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import { actionOf } from '../core/runs.ts';
import type { Run, RunStatus } from '../core/types.ts';
import type { ActionRuns, DeliveryOutcome } from './action-run.ts';
import { targetOf } from './check-run.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import { type RebootRuns, rebootBegins } from './reboot-run.ts';
import type { RunJournal } from './run-journal.ts';
import { WakeUps } from './wake-ups.ts';

/** Between two looks: 1 s at first, doubling. Milliseconds. */
const firstLookMs = 1_000;
const longestLookMs = 15_000;
/** A reboot takes a second at best: looking more often than this shows nothing new. Milliseconds. */
const rebootLookMs = 2_000;
/** When the definition is gone meanwhile. Milliseconds. */
const defaultBackWithinMs = 600_000;

const gone = 'its definition is gone';

export interface ObserveOptions {
  clock: Clock;
  coordinator: Coordinator;
  guard: TargetGuard;
  fleet: Fleet;
  history: History;
  journal: RunJournal;
  reboots: RebootRuns;
  runs: () => ActionRuns;
  /** Queues a message; once it stands in the outbox, again does nothing. */
  deliver: (run: Run, action: ActionDefinition) => Promise<DeliveryOutcome>;
}

export class RunObserver {
  readonly #options: ObserveOptions;
  readonly #wakeUps: WakeUps;

  constructor(options: ObserveOptions) {
    this.#options = options;
    this.#wakeUps = new WakeUps(options.clock);
  }

  /** Ends every wait; what is unresolved stays open in the ledger for the next start. */
  stop(): void {
    this.#wakeUps.stop();
    this.#options.reboots.stop();
  }

  /**
   * Takes up runs that nobody carries: after a start, and after the ledger could not be written for a while. Verification
   * that was under way at a start begins anew, since only fresh results are evidence.
   */
  takeUp(isStart: boolean): void {
    const { coordinator, fleet, journal, runs, reboots } = this.#options;
    reboots.takeUp();
    for (const run of coordinator.open()) {
      if (runs().isActive(run.id)) continue;
      const action = this.#actionOf(run);
      if (run.status !== 'verifying') runs().adopt(run.id, () => this.#takeUp(run));
      else if (action === undefined)
        journal.conclude(run.id, 'inconclusive', `${gone}: nothing is left to verify by`);
      else if (isStart) journal.verify(run.id, action, 'the daemon started again: verification begins anew');
      else fleet.moved(run);
    }
  }

  async #takeUp(run: Run): Promise<void> {
    const { journal, history, reboots } = this.#options;
    try {
      if (run.status === 'intended') {
        journal.conclude(run.id, 'cancelled', 'the daemon stopped before anything was sent');
      } else if (run.kind === 'notify') {
        await this.#deliverAgain(run);
      } else {
        const lost = 'the daemon stopped after it was sent; what became of it is looked up on the target';
        const known = run.status === 'dispatched' ? journal.unknown(run.id, lost) : run;
        const action = this.#actionOf(run);
        await (run.step === 'drain' ? reboots.resume(known, action) : this.observe(known, action));
      }
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
    }
  }

  /** `dispatched` says that it was about to be queued, not that it was. */
  async #deliverAgain(run: Run): Promise<void> {
    const { deliver, journal } = this.#options;
    const action = this.#actionOf(run);
    if (action === undefined) return journal.conclude(run.id, 'inconclusive', gone);
    const { status, outcome } = await deliver(run, action);
    journal.conclude(run.id, status, outcome);
  }

  #actionOf(run: Run): ActionDefinition | undefined {
    const plan = this.#options.fleet.plan(run.host);
    return plan === undefined ? undefined : actionOf(run, plan)?.action;
  }

  /** Looks until it is clear, the run is closed by a person, or the daemon stops. */
  async observe(run: Run, action: ActionDefinition | undefined): Promise<void> {
    const { clock } = this.#options;
    // The wall clock is asked once; from then on time passes on the one that never jumps.
    const sentBeforeMs = Math.max(0, clock.nowMs() - sentAtMs(run));
    const beganMs = clock.monotonicMs();
    for (let look = 0; !this.#wakeUps.stopped; look += 1) {
      const elapsedMs = (): number => sentBeforeMs + clock.monotonicMs() - beganMs;
      const current = this.#options.coordinator.get(run.id);
      if (current === undefined || (current.status !== 'dispatched' && current.status !== 'unknown')) return;
      const host = this.#options.fleet.definitions.hosts.get(run.host);
      if (host === undefined) {
        this.#options.journal.conclude(run.id, 'inconclusive', `${gone}: it cannot be looked up`);
        return;
      }
      const settled =
        run.kind === 'reboot'
          ? await this.#lookAtReboot(current, host, action, elapsedMs)
          : await this.#lookAtRecord(current, host, action);
      if (settled) return;
      await this.#wakeUps.wait(
        run.kind === 'reboot' ? rebootLookMs : Math.min(longestLookMs, firstLookMs * 2 ** look),
      );
    }
  }

  async #lookAtReboot(
    run: Run,
    host: HostDefinition,
    action: ActionDefinition | undefined,
    elapsedMs: () => number,
  ): Promise<boolean> {
    const sudo = action?.sudo;
    const facts = await this.#options.guard.facts(targetOf(host), sudo === undefined ? {} : { sudo });
    if (facts.kind === 'facts' && isSameBoot(facts.bootId, run.preconditions.bootId) === true) {
      // Still the same boot: perhaps the command never arrived, which only the guard's record tells.
      const record = await this.#options.guard.inspect(targetOf(host), run.id, action?.sudo);
      if (record.kind === 'absent' && action?.blocked === undefined)
        return this.#judgeRecord(run, action, record);
    }
    const effect = action?.effect;
    const judgement = judgeReboot({
      bootIdBefore: run.preconditions.bootId,
      seen: facts.kind === 'facts' ? facts : undefined,
      elapsedMs: elapsedMs(),
      backWithinMs: effect?.kind === 'reboot' ? effect.backWithinMs : defaultBackWithinMs,
    });
    if (judgement.kind === 'waiting') return false;
    if (judgement.kind === 'returned') this.#proceed(run, action, judgement.reason);
    else {
      if (judgement.kind === 'never_returned') this.#options.reboots.forgoUndrain(run, action);
      this.#options.journal.conclude(run.id, 'failed', judgement.reason);
    }
    return true;
  }

  async #lookAtRecord(
    run: Run,
    host: HostDefinition,
    action: ActionDefinition | undefined,
  ): Promise<boolean> {
    const target = targetOf(action?.runOn.kind === 'local' ? undefined : host);
    if (run.kind === 'webhook') {
      this.#proceed(run, action, 'whether the request arrived cannot be looked up');
      return true;
    }
    const record = await this.#options.guard.inspect(target, run.id, action?.sudo);
    return this.#judgeRecord(run, action, record);
  }

  #judgeRecord(run: Run, action: ActionDefinition | undefined, record: GuardRecord): boolean {
    const end = (status: RunStatus, outcome: string): true => {
      this.#options.journal.conclude(run.id, status, outcome);
      return true;
    };
    switch (record.kind) {
      case 'unreachable':
      case 'running':
        return false;
      case 'absent':
        if (action?.blocked !== undefined) {
          // Where and as whom it ran is not known any more: it may have been looked for in another place.
          this.#proceed(
            run,
            action,
            'no record of it was found where it could be looked for; the check decides',
          );
          return true;
        }
        if (isSameBoot(record.bootId, run.preconditions.bootId) === true) {
          // A copy that is still on its way is refused from now on: asking marked the intent as seen.
          return end('cancelled', 'the target has no record of it: it never arrived');
        }
        this.#proceed(run, action, 'the target booted since and its record is gone; the check decides');
        return true;
      case 'interrupted':
        return end('failed', 'the target started it and it was interrupted before it ended');
      case 'finished':
        if (record.exitCode !== 0)
          return end('failed', `the target's record says exit code ${record.exitCode}`);
        this.#proceed(run, action, "the target's record says exit code 0");
        return true;
    }
  }

  #proceed(run: Run, action: ActionDefinition | undefined, outcome: string): void {
    if (action === undefined) this.#options.journal.conclude(run.id, 'inconclusive', `${outcome}; ${gone}`);
    else this.#options.journal.verify(run.id, action, outcome);
  }
}

/** A reboot is sent after its drain. Wall time. */
function sentAtMs({ events, dispatchedAtMs, decidedAtMs }: Run): number {
  const reboot = events.findLast(({ status, text }) => status === 'step' && text === rebootBegins);
  return reboot?.atMs ?? dispatchedAtMs ?? decidedAtMs;
}
