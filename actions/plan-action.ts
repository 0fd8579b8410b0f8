/**
 * Owns the one switch over action kinds: from a definition to what the daemon has to carry out, and to the text
 * that stands in the intent. It runs nothing.
 */
import type { ActionDefinition, HookDefinition, Secret } from '../core/definitions.ts';
import { planCommand } from './command.ts';
import { planNotify } from './notify.ts';
import { describeReboot, planReboot } from './reboot.ts';
import { planSystemdRestart } from './systemd-restart.ts';
import { planWebhook } from './webhook.ts';

/** Runs on the target under the guard; the exit code ends the sending, checks judge the effect. */
export interface GuardedPlan {
  kind: 'guarded';
  script: string;
  /** systemd unit whose InvocationID must still be the one that was seen. */
  unit?: string;
}

export interface RebootPlan {
  kind: 'reboot';
  script: string;
  backWithinMs: number;
  /** Before the reboot; when it fails there is none. */
  drain?: HookDefinition;
  /** When the host is back. */
  undrain?: HookDefinition;
}

export interface HttpPlan {
  kind: 'http';
  url: Secret;
  method: 'POST' | 'PUT';
}

export interface MessagePlan {
  kind: 'message';
  /** Name of the notify target. */
  to: string;
}

export type EffectPlan = GuardedPlan | RebootPlan | HttpPlan | MessagePlan;

type Effect = Pick<ActionDefinition, 'effect'>;

export function planEffect({ effect }: Effect): EffectPlan {
  switch (effect.kind) {
    case 'command':
      return planCommand(effect);
    case 'systemd_restart':
      return planSystemdRestart(effect);
    case 'reboot':
      return planReboot(effect);
    case 'webhook':
      return planWebhook(effect);
    case 'notify':
    default:
      return planNotify(effect);
  }
}

/** The exact command that will run, or what takes its place. The address of a webhook is a secret and stays one. */
export function describeEffect(action: Effect): string {
  const plan = planEffect(action);
  switch (plan.kind) {
    case 'guarded':
      return plan.script;
    case 'reboot':
      return describeReboot(plan);
    case 'http':
      return `${plan.method} ${String(plan.url)}`;
    case 'message':
    default:
      return `notify ${plan.to}`;
  }
}
