/**
 * The way of one action: facts, intent, evidence, dispatch, outcome, verification. The intent is durable before anything
 * leaves the box; what is uncertain afterwards is looked up on the target and never sent again.
 */
import { actionEnvironment } from '../actions/environment.ts';
import type { EffectPlan } from '../actions/plan-action.ts';
import type { ActionDefinition, HostDefinition } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { GuardOutcome, TargetGuard } from '../core/guard-port.ts';
import type { Clock, Coordinator, Target } from '../core/ports.ts';
import { type Intent, isOpen, type Preconditions, type Run } from '../core/types.ts';
import { targetOf } from './check-run.ts';
import { type EvidenceOptions, gatherEvidence } from './gather-evidence.ts';
import type { History } from './history.ts';
import { claimRefusals, intentOf, type Order, sendWithinMs, slotsOf } from './intent.ts';
import type { Log } from './log.ts';
import { overtaken } from './overtaken.ts';
import type { RebootRuns } from './reboot-run.ts';

const stopping = 'the daemon is stopping';

export interface ActionRunOptions extends EvidenceOptions {
  clock: Clock;
  coordinator: Coordinator;
  guard: TargetGuard;
  history: History;
  log: Log;
  plan: (action: ActionDefinition, host: HostDefinition) => EffectPlan;
  describe: (action: ActionDefinition, host: HostDefinition) => string;
  reboots: RebootRuns;
  /** The host has seen a fence that this ledger never raised: an old copy of it, or another daemon. */
  onForeignFence: (host: string, fenceSeen: number) => void;
  /** Looks at the target until it is clear what became of a run that was sent. */
  observe: (run: Run, action: ActionDefinition) => Promise<void>;
  /** Carries out the kinds that do not run on a target. */
  deliver: (run: Run, action: ActionDefinition, plan: EffectPlan) => Promise<DeliveryOutcome>;
}

export type DeliveryOutcome = { status: 'done' | 'verifying' | 'failed'; outcome: string };

export class ActionRuns {
  readonly #options: ActionRunOptions;
  readonly #active = new Map<string, Promise<void>>();
  readonly #proposed = new Map<string, Order>();
  readonly #cancelled = new Map<string, string>();
  #stopping = false;

  constructor(options: ActionRunOptions) {
    this.#options = options;
  }

  /** Starts the run in the background. */
  start(order: Order): void {
    if (this.#stopping) return this.#drop(order, stopping);
    this.#proposed.set(order.run.id, order);
    this.adopt(order.run.id, () => this.#run(order));
  }

  /** A run that is decided and under way, as it will be written. */
  proposed(runId: string): Run | undefined {
    const order = this.#proposed.get(runId);
    if (order === undefined) return undefined;
    return { ...this.#intentOf(order, {}), status: 'intended', events: [] };
  }

  /** Carries a run on in the background; one at a time for each run. */
  adopt(runId: string, carry: () => Promise<void>): void {
    if (this.#active.has(runId)) return;
    this.#active.set(
      runId,
      carry().finally(() => this.#active.delete(runId)),
    );
  }

  isActive(runId: string): boolean {
    return this.#active.has(runId);
  }

  /** A run that was not sent yet will not be. False when nothing of the kind is under way here. */
  cancel(runId: string, why: string): boolean {
    if (!this.#proposed.has(runId)) return false;
    this.#cancelled.set(runId, why);
    return true;
  }

  /** Nothing new is sent from now on; resolves when what was sent has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    while (this.#active.size > 0) await Promise.all(this.#active.values());
  }

  /** Resolves when nothing carries that run any more. */
  async over(runId: string): Promise<void> {
    await this.#active.get(runId);
  }

  async #run(order: Order): Promise<void> {
    const { run, action, host } = order;
    const { clock, coordinator, fleet, history, log, journal } = this.#options;
    const sendByMs = clock.monotonicMs() + sendWithinMs;
    let isClaimed = false;
    try {
      const plan = this.#options.plan(action, host);
      const preconditions = await this.#preconditions(order, plan);
      const unsendable = typeof preconditions === 'string' ? preconditions : undefined;
      const intent = this.#intentOf(order, typeof preconditions === 'string' ? {} : preconditions);
      const hostPlan = fleet.plan(host.name);
      if (hostPlan === undefined) return this.#drop(order, 'its definition is gone');
      if (order.approval !== undefined && order.approval.command !== intent.command)
        return this.#drop(order, 'another command was approved than would run now');
      // Asking took its time: what would not be sent any more takes no slot and is not asked for evidence.
      const stop = overtaken(fleet, order, clock.nowMs());
      if (stop !== undefined) return this.#drop(order, stop);
      const slots = slotsOf(order, fleet.definitions, hostPlan, clock.nowMs());
      const verdict = coordinator.claim(intent, slots);
      if (verdict.kind === 'refused') return this.#drop(order, unsendable ?? claimRefusals[verdict.reason]);
      isClaimed = true;
      history.add('action.intended', {
        host: host.name,
        runId: run.id,
        data: { action: action.id, reason: order.reason },
      });
      log.info({ run: run.id, reason: order.reason }, `${action.id} on ${host.name}: intended`);
      if (unsendable !== undefined) return journal.conclude(run.id, 'cancelled', unsendable);
      const blind = await gatherEvidence(this.#options, order, actionTarget(order));
      if (blind !== undefined) return journal.conclude(run.id, 'cancelled', blind);
      await this.#dispatch(order, plan, sendByMs);
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
      this.#drop(order, error.message, isClaimed);
    } finally {
      this.#proposed.delete(run.id);
      this.#cancelled.delete(run.id);
      const stored = this.#stored(run.id);
      if (stored !== undefined) fleet.moved(stored);
    }
  }

  #intentOf(order: Order, preconditions: Preconditions): Intent {
    const { clock, coordinator, fleet, describe } = this.#options;
    const command = describe(order.action, order.host);
    const { revision } = fleet.definitions;
    const { fence } = coordinator;
    return intentOf(order, { preconditions, command, fence, revision, nowMs: clock.nowMs() });
  }

  /** What must still hold on the target when the action arrives; a string says why it cannot be known. */
  async #preconditions(order: Order, plan: EffectPlan): Promise<Preconditions | string> {
    if (plan.kind !== 'guarded' && plan.kind !== 'reboot') return {};
    const unit = plan.kind === 'guarded' ? plan.unit : undefined;
    const { guard, coordinator, onForeignFence } = this.#options;
    const { sudo } = order.action;
    const question = { ...(unit === undefined ? {} : { unit }), ...(sudo === undefined ? {} : { sudo }) };
    const facts = await guard.facts(actionTarget(order), question);
    if (facts.kind === 'unreachable') return `the host cannot be asked: ${facts.failure.message}`;
    const { fenceSeen } = facts;
    if (fenceSeen !== undefined && !coordinator.knowsFence(fenceSeen)) {
      onForeignFence(order.host.name, fenceSeen);
      return `the host was acted upon under fence ${fenceSeen}, which this ledger never had: it is an old copy, or another daemon acts there`;
    }
    return {
      bootId: facts.bootId,
      notAfterUptimeSec: facts.uptimeSec + sendWithinMs / 1000,
      ...(unit === undefined || facts.invocationId === undefined
        ? {}
        : { unit, invocationId: facts.invocationId }),
    };
  }

  /** Undefined also while the ledger cannot be read: what it holds all the same is taken up later. */
  #stored(runId: string): Run | undefined {
    try {
      return this.#options.journal.get(runId);
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      this.#options.history.failed(error);
      return undefined;
    }
  }

  /** Ends a run that was never written: in memory only, with the reason in the history. */
  #drop(order: Order, why: string, isClaimed = false): void {
    const { fleet, history, log, clock } = this.#options;
    const isWritten = isClaimed || this.#stored(order.run.id) !== undefined;
    const what = isWritten ? 'interrupted, to be taken up later' : 'not started';
    log.warn({ run: order.run.id }, `${order.action.id} on ${order.host.name}: ${what}: ${why}`);
    if (isWritten) return;
    fleet.moved({ ...order.run, status: 'cancelled', endedAtMs: clock.nowMs(), outcome: why });
    const data = { action: order.action.id, status: 'cancelled', outcome: why };
    history.add('action.ended', { host: order.host.name, runId: order.run.id, data });
  }

  /** Asked just before the first byte leaves: a string stops it; otherwise `dispatched` is durable. */
  #lastWord(order: Order, sendByMs: number, write: () => void = () => undefined): string | undefined {
    return this.#stopReason(order, sendByMs, () => {
      this.#options.journal.dispatched(order.run.id);
      write();
    });
  }

  /** The same for what follows the first sending. */
  #nextWord(order: Order, sendByMs: number, write: () => void): string | undefined {
    const stored = this.#options.journal.get(order.run.id);
    return stored === undefined || !isOpen(stored)
      ? 'it was closed meanwhile'
      : this.#stopReason(order, sendByMs, write);
  }

  /** What is written is durable, or is the reason not to send. */
  #stopReason(order: Order, sendByMs: number, write: () => void): string | undefined {
    const { clock, coordinator, history, fleet } = this.#options;
    const isMessage = order.run.kind === 'notify';
    const cancelled = this.#cancelled.get(order.run.id);
    if (cancelled !== undefined) return cancelled;
    if (this.#stopping) return stopping;
    if (clock.monotonicMs() > sendByMs) return `${sendWithinMs / 1000} s passed since it was decided`;
    try {
      if (!coordinator.stillValid()) return 'a newer daemon took over';
      if (!isMessage && coordinator.paused(clock.nowMs()) !== undefined)
        return 'automation was paused meanwhile';
      const stop = overtaken(fleet, order, clock.nowMs());
      if (stop !== undefined) return stop;
      write();
      return undefined;
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
      return error.message;
    }
  }

  async #dispatch(order: Order, plan: EffectPlan, sendByMs: number): Promise<void> {
    const { run, action, host } = order;
    const { journal, guard, deliver, reboots } = this.#options;
    const intent = journal.get(run.id);
    if (intent === undefined) throw new Error(`run ${run.id} was claimed and is gone`);
    const beforeSend = (): string | undefined => this.#lastWord(order, sendByMs);
    if (plan.kind === 'reboot' && (plan.drain !== undefined || plan.undrain !== undefined)) {
      const outcome = await reboots.send(order, plan, {
        begin: (write) => this.#lastWord(order, sendByMs, write),
        goOn: (byMs, write) => this.#nextWord(order, byMs, write),
      });
      return outcome === undefined ? undefined : this.#conclude(order, outcome);
    }
    if (plan.kind === 'guarded' || plan.kind === 'reboot') {
      const outcome = await guard.run({
        target: actionTarget(order),
        intent,
        script: plan.script,
        timeoutMs: action.timeoutMs,
        env: { ...actionEnvironment(host, run.id), ...action.env },
        beforeSend,
        ...(action.sudo === undefined ? {} : { sudo: action.sudo }),
      });
      return this.#conclude(order, outcome);
    }
    const stop = beforeSend();
    if (stop !== undefined) return journal.conclude(run.id, 'cancelled', stop);
    const { status, outcome } = await deliver(intent, action, plan);
    if (status === 'verifying') journal.verify(run.id, action, outcome);
    else journal.conclude(run.id, status, outcome);
  }

  async #conclude(order: Order, outcome: GuardOutcome): Promise<void> {
    const { run, action } = order;
    const { journal } = this.#options;
    switch (outcome.kind) {
      case 'not_sent':
        return journal.conclude(run.id, 'cancelled', outcome.reason);
      case 'refused': {
        const why = `the target refused it (${outcome.reason}): ${outcome.message}`;
        return journal.conclude(run.id, 'refused', why);
      }
      case 'timed_out': {
        const { stdout, stderr, limitMs } = outcome;
        return journal.conclude(run.id, 'failed', `it ran longer than ${limitMs / 1000} s`, {
          stdout,
          stderr,
        });
      }
      case 'ran': {
        const { exitCode, stdout, stderr } = outcome;
        const output = { exitCode, stdout, stderr };
        if (exitCode !== 0) return journal.conclude(run.id, 'failed', `exit code ${exitCode}`, output);
        if (run.kind !== 'reboot') return journal.verify(run.id, action, 'exit code 0', output);
        return this.#options.observe(
          journal.note(run.id, 'step', 'the target accepted the reboot', output),
          action,
        );
      }
      case 'unknown': {
        const lost = `the connection was lost after it was sent: ${outcome.failure.message}`;
        const known =
          run.kind === 'reboot' ? journal.note(run.id, 'step', lost) : journal.unknown(run.id, lost);
        return this.#options.observe(known, action);
      }
    }
  }
}

function actionTarget(order: Order): Target {
  return targetOf(order.action.runOn.kind === 'local' ? undefined : order.host);
}
