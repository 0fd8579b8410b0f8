/**
 * Carries out the actions that do not run on a target: webhooks, and messages to people through the outbox.
 */
import type { EffectPlan } from '../actions/plan-action.ts';
import type { sendWebhook } from '../actions/webhook.ts';
import type { ActionDefinition } from '../core/definitions.ts';
import type { Run } from '../core/types.ts';
import type { DeliveryOutcome } from './action-run.ts';
import type { Fleet } from './fleet.ts';
import type { Messages } from './messages.ts';

export async function deliverEffect(
  parts: { fleet: Fleet; messages: Messages; post: typeof sendWebhook },
  run: Run,
  action: ActionDefinition,
  plan: EffectPlan,
): Promise<DeliveryOutcome> {
  const ladder = parts.fleet.plan(run.host)?.ladders.find((each) => each.id === run.ladder);
  if (plan.kind === 'message') {
    if (ladder === undefined) return { status: 'failed', outcome: 'its definition is gone' };
    parts.messages.tell(run.host, ladder, run.episode, plan.to, run.id);
    return { status: 'done', outcome: `queued for ${plan.to}` };
  }
  if (plan.kind !== 'http') throw new Error(`${plan.kind} actions run on a target`);
  const { host, id, reason, command } = run;
  const body = {
    host,
    run: id,
    action: action.id,
    ladder: run.ladder,
    reason,
    command,
    decidedAtMs: run.decidedAtMs,
  };
  const { url, method } = plan;
  const sent = await parts.post({ url, method, body, timeoutMs: action.timeoutMs, idempotencyKey: id });
  if (sent.ok) return { status: 'verifying', outcome: `HTTP ${sent.status}` };
  // It may have arrived: the check decides, and it is not sent again.
  return { status: sent.maybeArrived ? 'verifying' : 'failed', outcome: sent.error };
}
