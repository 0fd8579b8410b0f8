/**
 * Joins the deciding half of a daemon, the one that runs, with a past in place of hosts, network, ledger and people: it decides as ever,
 * and what it does goes nowhere. Nothing here judges what a result means.
 */
import type { WebhookOutcome } from '../actions/webhook.ts';
import type { Decision } from '../core/decisions.ts';
import type { Definitions } from '../core/definitions.ts';
import type { Coordinator } from '../core/ports.ts';
import { summaryOf } from '../core/runs.ts';
import type { RunSummary } from '../core/types.ts';
import { openPlayedLedger } from '../store/played.ts';
import type { RecordedSign } from '../store/recorded.ts';
import { AuditExport } from './audit.ts';
import { createHealing, type Healing } from './healing.ts';
import { Housekeeping } from './housekeeping.ts';
import { createLog } from './log.ts';
import { ReplayClock } from './replay-clock.ts';
import {
  type RecordedRuns,
  ReplayGuard,
  replayCondition,
  replayRunner,
  replayStore,
} from './replay-ports.ts';

/** Messages that are taken for delivered at once. */
const delivered = 500;

export interface ReplayDaemonOptions {
  definitions: Definitions;
  /** Wall time at which it starts. */
  beginsAtMs: number;
  runs: RecordedRuns;
  signs: readonly RecordedSign[];
  /** Fills the ledger, before anything reads it. */
  restore: (ledger: Coordinator) => void;
  onDecision: (decision: Decision) => void;
}

export interface ReplayDaemon {
  clock: ReplayClock;
  coordinator: Coordinator;
  healing: Healing;
  guard: ReplayGuard;
  /** Runs that it sent, in that order. */
  sent: RunSummary[];
  /** Causes of doubts that were recorded as begun and not as ended. */
  doubted: Set<string>;
  close(): Promise<void>;
}

export function createReplayDaemon(options: ReplayDaemonOptions): ReplayDaemon {
  const { definitions, beginsAtMs, runs, signs, onDecision } = options;
  const clock = new ReplayClock(beginsAtMs);
  const guard = new ReplayGuard(clock, runs, signs);
  const sent: RunSummary[] = [];
  const doubted = new Set<string>();
  const coordinator = listening(openPlayedLedger(beginsAtMs), sent);
  options.restore(coordinator);
  const common = { clock, coordinator, log: createLog('silent'), store: replayStore(onDecision) };
  const healing = createHealing({
    ...common,
    definitions,
    observe: false,
    runner: replayRunner(clock),
    guard,
    network: { look: (rule) => Promise.resolve(replayCondition(rule, doubted)) },
    post: () => Promise.resolve<WebhookOutcome>({ ok: true, status: 0, text: '', answer: '' }),
    checkSoon: () => undefined,
    onMessageQueued: () => undefined,
    onRunEnded: () => undefined,
  });
  const housekeeping = new Housekeeping({
    ...common,
    ...healing,
    outbox: { pump: () => Promise.resolve(deliverAll(coordinator, clock.nowMs())) },
    auditExport: new AuditExport({ ...common, webhook: () => undefined }),
    heartbeat: { turn: () => Promise.resolve(), stop: () => undefined },
  });
  housekeeping.start();
  return {
    clock,
    coordinator,
    healing,
    guard,
    sent,
    doubted,
    async close() {
      await housekeeping.stop();
      healing.observer.stop();
      healing.askTarget.stop();
      healing.selfDoubt.stop();
      healing.history.close();
      coordinator.close();
    },
  };
}

/** Every run comes by here just before its first byte would leave. */
function listening(coordinator: Coordinator, sent: RunSummary[]): Coordinator {
  return {
    ...coordinator,
    dispatched(runId, atMs) {
      coordinator.dispatched(runId, atMs);
      const run = coordinator.get(runId);
      if (run !== undefined) sent.push(summaryOf(run));
    },
  };
}

function deliverAll(coordinator: Coordinator, nowMs: number): void {
  for (const { id } of coordinator.dueMessages(nowMs, delivered)) coordinator.messageSent(id, nowMs);
}
