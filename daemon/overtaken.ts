/** Tells what happened between the decision to act and the sending that would have made it another decision. Changes nothing. */
import { isDeepStrictEqual } from 'node:util';
import type { GateName } from '../core/decisions.ts';
import type { ActionDefinition, HostDefinition } from '../core/definitions.ts';
import { askGates } from '../core/gates.ts';
import { contextOf } from '../core/ladder-context.ts';
import { actionOf } from '../core/runs.ts';
import type { Fleet } from './fleet.ts';
import type { Order } from './intent.ts';

/** What may close at any moment. The others were open at the decision and close by the run itself, or by newer results alone. */
const changeable: readonly GateName[] = [
  'mode',
  'pause',
  'store',
  'rearm',
  'enabled',
  'self_doubt',
  'downtime',
  'acknowledgement',
  'silence',
  'quorum',
  'brake',
  'approval',
];
/** Of these, the ones that bind a person's own command too. */
const binding: readonly GateName[] = ['pause', 'store', 'rearm', 'enabled'];

/** A sentence, or undefined when the decision still holds. */
export function overtaken(fleet: Fleet, order: Order, nowMs: number): string | undefined {
  const { host, run, decidedBy } = order;
  const [plan, state] = [fleet.plan(host.name), fleet.state(host.name)];
  const known = plan && actionOf(run, plan);
  const context = plan && state && known && contextOf(state, plan, known.ladder, fleet.view(), nowMs);
  if (plan === undefined || known === undefined || context === undefined) return 'its definition is gone';
  const isRule = decidedBy === 'rule';
  const gates = isRule ? changeable : binding;
  const verdicts = askGates({ ...context, rung: known.action, runId: run.id, factsKeepMs: Infinity });
  // Others that were not asked yet do not unmake a decision that did not wait for them, nor does a budget that it took the last of.
  const closed = verdicts.find(
    ({ gate, passed, reason, values }) =>
      !passed && gates.includes(gate) && reason !== 'round_pending' && values['cause'] !== 'budget_spent',
  );
  if (closed !== undefined) {
    const opens = closed.opens === undefined ? '' : `; it opens by ${closed.opens}`;
    return `the gate \`${closed.gate}\` closed meanwhile (${closed.reason ?? 'no reason'})${opens}`;
  }
  if (!isDeepStrictEqual(sentOf(order.action), sentOf(known.action)))
    return 'its definition changed meanwhile; what it does now is decided anew';
  if (!isDeepStrictEqual(wayTo(host), wayTo(plan.host))) return 'the way to its host changed meanwhile';
  if (!isRule) return undefined;
  const { state: now } = context.check;
  if (known.ladder.trigger.on === 'recovery')
    return now === 'ok' || now === 'pending' ? undefined : 'the problem is back';
  return now === 'ok' ? 'the check turned OK meanwhile' : undefined;
}

/** What is sent, and as whom. */
function sentOf({ effect, runOn, sudo, env }: ActionDefinition): unknown {
  return { effect, runOn, sudo, env };
}

function wayTo({ transport, address, port, user, jump }: HostDefinition): unknown {
  return { transport, address, port, user, jump };
}
