/**
 * Answers "why, and what next" for one ladder on one host at one moment, with the same gates that decide. Changes nothing.
 */

import type { LadderContext } from './fleet-view.ts';
import { type LadderStanding, type RungStanding, standingOf, unsentRuns } from './ladder.ts';
import { decideRung } from './remediation.ts';
import { isOpen } from './types.ts';
import type { Explanation } from './views.ts';

/** What the target said at the last decision is told, though the next one will ask again. Milliseconds. */
const factsToldMs = 600_000;

export function explainLadder(context: LadderContext, actionId?: string): Explanation {
  const { check, ladder, nowMs } = context;
  const standing = standingOf(context);
  const asked = standing.rungs.find((rung) => rung.action.id === actionId);
  const rung = asked ?? standing.next ?? standing.rungs.at(-1);
  if (rung === undefined) throw new Error(`ladder ${ladder.id} has no rungs`);
  const { decision } = decideRung(context, standing, rung, factsToldMs);
  const quiet = check.state === 'ok' || check.state === 'pending';
  const gaveUp = !quiet && asked === undefined && standing.next === undefined;
  const answer = quiet
    ? { verdict: 'nothing' as const, reason: 'no_problem' as const }
    : gaveUp
      ? { verdict: 'gave_up' as const, reason: 'gave_up' as const }
      : { verdict: decision.verdict, reason: decision.reason };
  const closed = decision.gates.filter((gate) => !gate.passed);
  const known = closed.length > 0 && closed.every((gate) => gate.opensAtMs !== undefined);
  return {
    host: context.host,
    ladder: ladder.id,
    action: rung.action.id,
    check: ladder.trigger.check,
    atMs: nowMs,
    ...answer,
    gates: decision.gates,
    rungs: standing.rungs.map((each) => ({
      action: each.action.id,
      kind: each.action.effect.kind,
      ...tellRung(each, standing, quiet),
    })),
    ...(known ? { earliestMs: Math.max(...closed.map((gate) => gate.opensAtMs ?? 0)) } : {}),
  };
}

function tellRung(
  rung: RungStanding,
  standing: LadderStanding,
  quiet: boolean,
): Pick<Explanation['rungs'][number], 'status' | 'why'> {
  const open = rung.runs.find(isOpen);
  if (open !== undefined) return { status: 'running', why: `${open.id} is ${open.status}` };
  if (rung.exhausted !== undefined) return { status: 'exhausted', why: rung.exhausted };
  const unsent = unsentRuns(rung.runs);
  const last = unsent.at(-1);
  if (last !== undefined && !quiet) {
    const times = unsent.length === 1 ? 'once' : `${unsent.length} times`;
    return { status: 'next', why: `came to nothing ${times}, last: ${last.outcome ?? last.status}` };
  }
  if (quiet) return { status: 'waiting', why: 'there is no problem' };
  if (rung === standing.next) return { status: 'next', why: 'its gates are asked at each result' };
  return { status: 'waiting', why: 'the rungs before it come first' };
}
