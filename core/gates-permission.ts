/** Gates about whether anything may act at all: what people and the daemon's own condition allow. */
import { fleetKey } from './census.ts';
import type { ActionDefinition } from './definitions.ts';
import { hostCheck } from './definitions.ts';
import { type FleetView, type Gate, type LadderContext, pass, stop } from './fleet-view.ts';
import { isMessage } from './ladder.ts';
import { type Mode, tightest } from './safety.ts';

/** Doubt that lasts must not keep people from being told. Milliseconds. */
const toldInDoubtAfterMs = 300_000;

/** How far a rung may go by itself at present. */
export function modeOf(rung: ActionDefinition, fleet: FleetView): Mode {
  return tightest(fleet.mode, rung.mode, fleet.caps.get(rung.id)?.mode ?? 'auto');
}

export const mode: Gate = ({ fleet, rung }) => {
  const cap = fleet.caps.get(rung.id);
  const values = { daemon: fleet.mode, action: rung.mode, trust: cap?.mode ?? 'auto' };
  const allowed = modeOf(rung, fleet);
  // Telling people is all that a proposal does; only observing is silent.
  if (allowed === 'auto' || allowed === 'approve' || (isMessage(rung) && allowed !== 'observe'))
    return pass(values);
  const opens =
    fleet.mode === allowed
      ? '`remediation.mode: auto` in mendd.yaml'
      : cap?.mode === allowed
        ? `\`mendd trust promote ${rung.id}\``
        : '`mode: auto` on the action';
  return stop(allowed === 'observe' ? 'observe_mode' : 'propose_mode', values, opens);
};

export const pause: Gate = ({ fleet, rung }) => {
  if (fleet.paused === undefined || isMessage(rung)) return pass({ paused: fleet.paused !== undefined });
  const { by, reason, untilMs } = fleet.paused;
  return stop('paused', { paused: true, by, because: reason }, '`mendd resume`', untilMs);
};

export const store: Gate = ({ fleet }) => {
  if (fleet.storeProblem === undefined) return pass({ writable: true });
  const values = { writable: false, problem: fleet.storeProblem };
  return stop('store_unwritable', values, 'a store that can be written');
};

export const rearm: Gate = ({ fleet: { quarantine }, rung }) => {
  if (quarantine === undefined || isMessage(rung)) return pass({ trusted: quarantine === undefined });
  const values = { trusted: false, cause: quarantine.cause, sinceMs: quarantine.sinceMs };
  return stop('ledger_not_trusted', values, '`mendd rearm`, when nothing that was sent can still be running');
};

export const enabled: Gate = ({ rung }) => {
  if (!rung.enabled) return stop('disabled', { enabled: false }, '`enabled: true` on the action');
  if (rung.blocked === undefined) return pass({ enabled: true });
  return stop('not_rendered', { enabled: true, problem: rung.blocked }, 'the value that the template needs');
};

export const selfDoubt: Gate = (context) => {
  const { fleet, rung, nowMs, ladder } = context;
  const { doubt } = fleet;
  if (doubt !== undefined && !(isMessage(rung) && nowMs - doubt.sinceMs >= toldInDoubtAfterMs)) {
    return stop('self_doubt', { cause: doubt.cause, sinceMs: doubt.sinceMs, ...doubt.values }, doubt.opens);
  }
  if (ladder.trigger.check !== hostCheck || ladder.trigger.on === 'recovery') return pass({ doubt: null });
  const sinceMs = context.check.problemSinceMs ?? nowMs;
  const proof = networkProof(context, sinceMs);
  if (proof !== undefined) return pass({ doubt: null, networkShownBy: proof });
  // The only host there is would be down unheard of.
  if (isMessage(rung) && nowMs - sinceMs >= toldInDoubtAfterMs)
    return pass({ doubt: null, networkShownBy: null });
  const opens = 'an answer of another host or of a canary (`remediation.self_doubt.canaries`)';
  return stop('self_doubt', { cause: 'nothing else was reached since', host: context.host }, opens);
};

/** Who answered since the host went away and is still there: without anyone it may be we who are cut off. */
function networkProof({ fleet, host, nowMs }: LadderContext, sinceMs: number): string | undefined {
  // What lies in the future is from before the clock was set back.
  const isProof = (atMs: number): boolean => atMs >= sinceMs && atMs <= nowMs;
  if (isProof(fleet.canaryAtMs)) return 'a canary';
  for (const name of fleet.groups.get(fleetKey)?.members.keys() ?? []) {
    if (name === host || fleet.plans.get(name)?.host.transport === 'local') continue;
    const other = fleet.states.get(name)?.host;
    if (other?.state === 'up' && isProof(other.lastSeenAtMs ?? 0)) return name;
  }
  return undefined;
}

export const approval: Gate = ({ fleet, rung, approvals, runId, nowMs }) => {
  if (modeOf(rung, fleet) !== 'approve' || isMessage(rung)) return pass({ needed: false });
  const asked = approvals.findLast((each) => each.id === runId);
  const opens = `\`mendd approve ${runId}\``;
  if (asked === undefined) return stop('approval_wanted', { needed: true, asked: false }, opens);
  const values = {
    needed: true,
    status: asked.status,
    by: asked.decidedBy ?? null,
    expiresAtMs: asked.expiresAtMs,
  };
  if (asked.status === 'rejected') return stop('approval_rejected', values, 'the next problem');
  if (asked.status === 'expired' || asked.status === 'lapsed' || nowMs >= asked.expiresAtMs)
    return stop('approval_expired', values, 'the next problem');
  return asked.status === 'approved' ? pass(values) : stop('approval_wanted', values, opens);
};
