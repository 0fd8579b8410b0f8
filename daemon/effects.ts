/**
 * Carries out what the reducer asked for. An unusable ledger stops the effect, not the daemon.
 */

import { MenddError } from '../core/errors.ts';
import type { Effect } from '../core/reduction.ts';
import type { ActionRuns } from './action-run.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { Messages } from './messages.ts';
import type { RunJournal } from './run-journal.ts';
import type { Scheduler } from './scheduler.ts';

export interface EffectParts {
  fleet: Fleet;
  runs: ActionRuns;
  journal: RunJournal;
  messages: Messages;
  history: History;
  scheduler: Scheduler;
  housekeeping: Housekeeping;
}

export function carryOut(parts: EffectParts, host: string, effect: Effect): void {
  try {
    perform(parts, host, effect);
  } catch (error) {
    if (!(error instanceof MenddError)) throw error;
    parts.history.failed(error);
  }
}

function perform(parts: EffectParts, host: string, effect: Effect): void {
  const { fleet, runs, journal, messages, scheduler, housekeeping } = parts;
  switch (effect.kind) {
    case 'act': {
      const target = fleet.definitions.hosts.get(host);
      const { check } = effect.decision;
      const reason = `${check} is ${fleet.state(host)?.checks[check]?.state ?? 'gone'}`;
      if (target !== undefined) runs.start({ host: target, ...effect, decidedBy: 'rule', reason });
      return;
    }
    case 'verify':
      if (effect.judgement.kind === 'ended') {
        journal.conclude(effect.runId, effect.judgement.status, effect.judgement.outcome);
      } else if (effect.judgement.okSinceMs !== undefined) {
        journal.advance(effect.runId, { verifyOkSinceMs: effect.judgement.okSinceMs });
      }
      return;
    case 'recovered':
      messages.recovered(host, effect.ladder);
      return;
    case 'gave_up':
      messages.gaveUp(host, effect.ladder, effect.episode);
      return;
    case 'check_soon':
      scheduler.soon(host, effect.check, housekeeping.verifyPauseMs(host, effect.check));
  }
}
