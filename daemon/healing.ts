/**
 * Joins the parts that conclude, act and tell: from an event of a host to what is recorded, done and said. Knows neither how
 * hosts are reached nor when checks run; those are handed in.
 */
import { evidenceScript } from '../actions/evidence.ts';
import { describeEffect, planEffect } from '../actions/plan-action.ts';
import { sendWebhook } from '../actions/webhook.ts';
import { Census } from '../core/census.ts';
import type { Definitions } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { TargetGuard } from '../core/guard-port.ts';
import type { Clock, Coordinator, Runner, Store } from '../core/ports.ts';
import type { Doubt } from '../core/safety.ts';
import type { Run } from '../core/types.ts';
import { ActionRuns } from './action-run.ts';
import { Approvals } from './approvals.ts';
import { AskTarget } from './ask-target.ts';
import { AuditWatch } from './audit-watch.ts';
import { Brakes } from './brakes.ts';
import { deliverEffect } from './deliver-effect.ts';
import { carryOut } from './effects.ts';
import { Fleet } from './fleet.ts';
import { History } from './history.ts';
import type { Log } from './log.ts';
import { Messages } from './messages.ts';
import type { NetworkProbe } from './network-probe.ts';
import * as notices from './notices.ts';
import { RunObserver } from './observe-run.ts';
import { RebootRuns } from './reboot-run.ts';
import { Recorder } from './recorder.ts';
import { RunJournal } from './run-journal.ts';
import { SelfDoubt } from './self-doubt.ts';
import { questionEnd } from './settled-questions.ts';
import { Suppressions } from './suppressions.ts';
import { createTold } from './told.ts';
import { Trust } from './trust.ts';

export interface HealingOptions {
  clock: Clock;
  log: Log;
  store: Store;
  coordinator: Coordinator;
  definitions: Definitions;
  observe: boolean;
  runner: Runner;
  guard: TargetGuard;
  /** Looks at the ops box's own network. */
  network: NetworkProbe;
  /** Carries out webhook actions; `sendWebhook` without it. */
  post?: typeof sendWebhook;
  /** Asks for a result of a check out of turn. */
  checkSoon: (host: string, check: string, delayMs?: number) => void;
  onMessageQueued: () => void;
  onRunEnded: (run: Run) => void;
}

export interface Healing {
  history: History;
  fleet: Fleet;
  journal: RunJournal;
  messages: Messages;
  observer: RunObserver;
  runs: ActionRuns;
  selfDoubt: SelfDoubt;
  brakes: Brakes;
  suppressions: Suppressions;
  approvals: Approvals;
  askTarget: AskTarget;
  trust: Trust;
  auditWatch: AuditWatch;
  recorder: Recorder;
  told: ReturnType<typeof createTold>;
}

/** Errors: MenddError when the ledger cannot be read. */
export function createHealing(options: HealingOptions): Healing {
  const { clock, log, store, coordinator, definitions, observe, runner, guard, network, checkSoon } = options;
  const { post = sendWebhook } = options;
  const common = { clock, log, store, coordinator, describe: describeEffect };
  const history = new History(store, clock, log);
  const recorder = new Recorder({ clock, coordinator, history });
  const census = new Census();
  const caps = new Map(coordinator.trust().map((cap) => [cap.action, cap]));
  const suppressions = new Suppressions(coordinator);
  suppressions.refresh(definitions, clock.nowMs());
  const current = { definitions };
  const doubted = (isNew: boolean, doubt: Doubt): void => {
    history.add(isNew ? 'doubt.began' : 'doubt.ended', { data: { ...doubt } });
    log.warn({ ...doubt.values }, `self-doubt ${isNew ? 'began' : 'ended'}: ${doubt.cause}`);
    if (isNew) notices.doubt(messages, doubt);
  };
  const selfDoubt = new SelfDoubt({
    clock,
    rule: () => current.definitions.daemon.remediation.selfDoubt,
    groups: () => census.groups,
    probe: network,
    onBegan: (doubt) => doubted(true, doubt),
    onEnded: (doubt) => doubted(false, doubt),
    onClockJump: (jumpMs) => {
      log.warn({ jumpMs }, 'the wall clock jumped: nothing acts before fresh results');
      fleet.clampTimes();
      brakes.forgetTimes();
      suppressions.forgetTimes();
      messages.forgetTimes();
      attempt(history, () => suppressions.refresh(current.definitions, clock.nowMs()));
      attempt(history, () => observer.takeUp(true));
    },
  });
  const brakes = new Brakes({
    ...common,
    history,
    recorder,
    census,
    definitions: () => current.definitions,
    onOver: (belowSinceMs) => selfDoubt.distrustBefore(belowSinceMs),
    onChange: (brake, isOn, by) =>
      isOn ? notices.brakeOn(messages, brake) : notices.brakeOff(messages, brake, by),
  });
  const fleet: Fleet = new Fleet({
    ...common,
    history,
    definitions,
    observe,
    census,
    brakes,
    selfDoubt,
    suppressions,
    caps,
    onSwap: (next) => {
      current.definitions = next;
    },
    onEffect: (host, effect) =>
      carryOut({ fleet, runs, journal, messages, history, approvals, askTarget, checkSoon }, host, effect),
  });
  const trust: Trust = new Trust({
    ...common,
    history,
    recorder,
    caps,
    fleet,
    onDemoted: (cap) => notices.demoted(messages, cap),
  });
  const journal: RunJournal = new RunJournal({
    ...common,
    fleet,
    history,
    checkSoon,
    onEnded: (run) => {
      reboots.settle(run);
      options.onRunEnded(run);
      attempt(history, () => trust.judge(run));
    },
  });
  const messages: Messages = new Messages({ ...common, fleet, history, onQueued: options.onMessageQueued });
  history.onEvent(({ type, data }) => {
    if (type === 'inventory.held') notices.inventoryHeld(messages, data);
  });
  const approvals = new Approvals({
    ...common,
    history,
    fleet,
    questionOf: (approval) => messages.question(approval),
    endOf: (approval) => questionEnd({ ...common, fleet }, approval, notices.settled(approval)),
    onQueued: options.onMessageQueued,
  });
  const auditWatch = new AuditWatch({
    ...common,
    history,
    onBroken: (seq, problem) => notices.auditBroken(messages, seq, problem),
  });
  const askTarget = new AskTarget({ ...common, guard, fleet, history, onForeignFence: distrust });
  const reboots: RebootRuns = new RebootRuns({
    ...common,
    guard,
    fleet,
    history,
    journal,
    runs: () => runs,
    onStillDrained: (run, why) => notices.stillDrained(messages, run, why),
  });
  const observer: RunObserver = new RunObserver({
    ...common,
    guard,
    fleet,
    history,
    journal,
    reboots,
    runs: () => runs,
    deliver: (run, action) => deliverEffect({ fleet, messages, post }, run, action, planEffect(action)),
  });
  const runs: ActionRuns = new ActionRuns({
    ...common,
    runner,
    guard,
    fleet,
    history,
    journal,
    reboots,
    plan: planEffect,
    evidence: evidenceScript,
    observe: (run, action) => observer.observe(run, action),
    deliver: (run, action, plan) => deliverEffect({ fleet, messages, post }, run, action, plan),
    onForeignFence: distrust,
  });

  /** A host remembers a daemon that this ledger does not: it is an old copy, or not the only one. */
  function distrust(host: string, fenceSeen: number): void {
    if (fleet.quarantine !== undefined) return;
    const text = `${host} was told what to do by a daemon (fence ${fenceSeen}) that this ledger does not know.`;
    const quarantine = { cause: 'restored' as const, sinceMs: clock.nowMs(), text };
    attempt(history, () => fleet.distrust(quarantine));
    const body = { host, fenceSeen };
    recorder.record({ kind: 'decision', actor: 'rule', event: 'ledger.distrusted', body });
    history.add('store.quarantined', { host, data: { ...quarantine } });
    log.error({ host, fenceSeen }, `the ledger is not trusted: ${text}`);
    notices.quarantined(messages, quarantine);
  }

  return {
    history,
    fleet,
    journal,
    messages,
    observer,
    runs,
    selfDoubt,
    brakes,
    suppressions,
    approvals,
    askTarget,
    trust,
    auditWatch,
    recorder,
    told: createTold({ clock, store, history, fleet }),
  };
}

/** An unusable ledger stops what is done here, not the daemon. */
function attempt(history: History, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof MenddError)) throw error;
    history.failed(error);
  }
}
