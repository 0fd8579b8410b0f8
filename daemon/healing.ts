/**
 * Joins the parts that conclude, act and tell: from an event of a host to what is recorded, done and said. Knows neither how
 * hosts are reached nor when checks run; those are handed in.
 */
import { evidenceScript } from '../actions/evidence.ts';
import { describeEffect, planEffect } from '../actions/plan-action.ts';
import type { Definitions } from '../core/definitions.ts';
import type { TargetGuard } from '../core/guard-port.ts';
import type { Clock, Coordinator, Runner, Store } from '../core/ports.ts';
import type { Run } from '../core/types.ts';
import { ActionRuns } from './action-run.ts';
import { deliverEffect } from './deliver-effect.ts';
import { carryOut } from './effects.ts';
import { Fleet } from './fleet.ts';
import { History } from './history.ts';
import type { Log } from './log.ts';
import { Messages } from './messages.ts';
import { RunObserver } from './observe-run.ts';
import { RunJournal } from './run-journal.ts';

export interface HealingOptions {
  clock: Clock;
  log: Log;
  store: Store;
  coordinator: Coordinator;
  definitions: Definitions;
  observe: boolean;
  runner: Runner;
  guard: TargetGuard;
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
}

export function createHealing(options: HealingOptions): Healing {
  const { clock, log, store, coordinator, definitions, observe, runner, guard, checkSoon } = options;
  const common = { clock, log, store, coordinator };
  const history = new History(store, clock, log);
  const fleet: Fleet = new Fleet({
    ...common,
    history,
    definitions,
    observe,
    onClockJump: (jumpMs) => {
      log.warn({ jumpMs }, 'the wall clock jumped: nothing acts before fresh results');
      observer.takeUp(true);
    },
    onEffect: (host, effect) =>
      carryOut({ fleet, runs, journal, messages, history, checkSoon }, host, effect),
  });
  const journal = new RunJournal({ ...common, fleet, history, checkSoon, onEnded: options.onRunEnded });
  const messages = new Messages({ ...common, fleet, onQueued: options.onMessageQueued });
  const observer = new RunObserver({
    ...common,
    guard,
    fleet,
    history,
    journal,
    runs: () => runs,
    deliver: (run, action) => deliverEffect({ fleet, messages }, run, action, planEffect(action)),
  });
  const runs: ActionRuns = new ActionRuns({
    ...common,
    runner,
    guard,
    fleet,
    history,
    journal,
    plan: planEffect,
    describe: describeEffect,
    evidence: evidenceScript,
    observe: (run, action) => observer.observe(run, action),
    deliver: (run, action, plan) => deliverEffect({ fleet, messages }, run, action, plan),
  });
  return { history, fleet, journal, messages, observer, runs };
}
