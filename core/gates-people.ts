/** Gates about people: what they asked to be left alone, and where they are at work. */

import type { Reason } from './decisions.ts';
import { formatDuration } from './duration.ts';
import { type Gate, type GateAnswer, type GateContext, pass, stop } from './fleet-view.ts';
import type { HostFacts } from './reduction.ts';
import type { ActiveSuppression } from './safety.ts';
import { coverOf } from './suppression.ts';

function suppressed(
  { fleet, host, ladder, check, nowMs }: GateContext,
  kind: ActiveSuppression['kind'],
  reason: Reason,
  opens: string,
): GateAnswer {
  const active = fleet.suppressions.get(host) ?? [];
  const cover = coverOf(kind, active, ladder.trigger.check, check, nowMs);
  if (cover === undefined) return pass({ by: null });
  const { suppression, untilMs } = cover;
  const values = { id: suppression.id, by: suppression.by, because: suppression.reason };
  return stop(reason, values, opens, untilMs);
}

export const downtime: Gate = (context) =>
  suppressed(context, 'downtime', 'in_downtime', 'the end of the downtime');

export const acknowledgement: Gate = (context) =>
  suppressed(
    context,
    'acknowledgement',
    'acknowledged',
    'another problem, or the acknowledgement taken back',
  );

export const silence: Gate = (context) =>
  suppressed(context, 'silence', 'silenced', 'the end of the silence');

/** Asking costs a session on the target, so it is done last, when nothing else stands in the way. */
function factsFor(
  { rung, facts, check, nowMs, factsWanted, factsKeepMs }: GateContext,
  judge: (known: HostFacts) => GateAnswer,
): GateAnswer {
  const known = facts[rung.id];
  // What was seen before the problem began says nothing about who is at work now.
  const isFresh =
    known !== undefined &&
    nowMs - (known.heardAtMs ?? known.atMs) <= factsKeepMs &&
    nowMs >= known.atMs &&
    known.atMs >= (check.problemSinceMs ?? 0);
  if (isFresh) return judge(known);
  if (factsWanted) return stop('facts_pending', { known: false }, 'an answer of the target');
  return pass({ known: false });
}

export const humanIntent: Gate = (context) => {
  if (!context.rung.humanIntent) return pass({ asked: false });
  return factsFor(context, ({ people = [] }) => {
    const [first] = people;
    if (first === undefined) return pass({ signs: 0 });
    const values = {
      signs: people.length,
      sign: first.kind,
      seen: people.map(({ text }) => text).join('; '),
    };
    return stop('human_intent', values, `the end of what a person does there: ${first.text}`);
  });
};

export const minUptime: Gate = (context) => {
  const { minUptimeMs } = context.rung;
  if (minUptimeMs === 0) return pass({ neededMs: 0 });
  return factsFor(context, ({ uptimeSec, atMs }) => {
    const upMs = Math.floor(uptimeSec * 1000);
    const values = { upMs, neededMs: minUptimeMs };
    if (upMs >= minUptimeMs) return pass(values);
    const opens = `${formatDuration(Math.ceil((minUptimeMs - upMs) / 1000) * 1000)} more of uptime`;
    return stop('booted_lately', values, opens, atMs + minUptimeMs - upMs);
  });
};
