/**
 * Carries out what the reducer asked for. An unusable ledger stops the effect, not the daemon.
 */

import { MenddError } from '../core/errors.ts';
import type { Effect } from '../core/reduction.ts';
import { actionOf } from '../core/runs.ts';
import { troubleOf } from '../core/trouble.ts';
import type { ActionRuns } from './action-run.ts';
import type { Approvals } from './approvals.ts';
import type { AskTarget } from './ask-target.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import type { Messages } from './messages.ts';
import type { RunJournal } from './run-journal.ts';

/** While a run is verified its check runs at most this often; a short window asks more often. Milliseconds. */
const longestVerifyPauseMs = 10_000;
const shortestVerifyPauseMs = 500;
/** Results wanted within each verification window. */
const verifyResults = 5;

export interface EffectParts {
  fleet: Fleet;
  approvals: Approvals;
  askTarget: AskTarget;
  runs: ActionRuns;
  journal: RunJournal;
  messages: Messages;
  history: History;
  checkSoon: (host: string, check: string, delayMs?: number) => void;
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
  const { fleet, runs, journal, messages } = parts;
  switch (effect.kind) {
    case 'act': {
      const target = fleet.definitions.hosts.get(host);
      const { check } = effect.decision;
      const state = fleet.state(host);
      const trouble = state && troubleOf(state, check);
      const reason = `${check} is ${trouble?.state ?? 'gone'}`;
      const asked = state?.approvals.find(({ id, status }) => id === effect.run.id && status === 'approved');
      const approval = asked === undefined ? {} : { approval: asked };
      if (target !== undefined)
        runs.start({ host: target, ...effect, ...approval, decidedBy: 'rule', reason });
      return;
    }
    case 'ask':
      parts.approvals.ask(host, effect);
      return;
    case 'propose':
      messages.proposed(host, effect);
      return;
    case 'probe':
      parts.askTarget.ask(host, effect.ladder, effect.action);
      return;
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
      parts.checkSoon(host, effect.check, verifyPauseMs(fleet, host, effect.check));
  }
}

/** How long to wait before a check is asked again for a run that is being verified; 0 when there is none. */
function verifyPauseMs(fleet: Fleet, host: string, check: string): number {
  const plan = fleet.plan(host);
  const runs = fleet.state(host)?.runs.filter((run) => run.status === 'verifying') ?? [];
  const rules = runs.flatMap((run) => {
    const found = plan && actionOf(run, plan);
    return found?.ladder.trigger.check === check ? [found.action.verify] : [];
  });
  const windowsMs = rules.flatMap((rule) => [rule.withinMs, rule.staysOkMs]).filter((ms) => ms > 0);
  if (windowsMs.length === 0) return 0;
  return Math.min(
    longestVerifyPauseMs,
    Math.max(shortestVerifyPauseMs, Math.min(...windowsMs) / verifyResults),
  );
}
