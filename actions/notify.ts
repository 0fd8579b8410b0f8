/** The `notify` action: one message to a person, through the outbox. What it says is actions/message.ts. */
import type { MessagePlan } from './plan-action.ts';

export function planNotify(effect: { to: string }): MessagePlan {
  return { kind: 'message', to: effect.to };
}
