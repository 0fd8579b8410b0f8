/** Ladders, runs and messages for the tests of actions/. */

import { problemMessage, recoveryMessage } from '../../actions/message.ts';
import type {
  ActionDefinition,
  EffectDefinition,
  LadderDefinition,
  NotifyTarget,
  Secret,
} from '../../core/definitions.ts';
import type { OutboxMessage } from '../../core/ports.ts';
import type { CheckStatus, Run } from '../../core/types.ts';

export const nightMs = Date.parse('2026-11-21T02:14:00Z');
export const minuteMs = 60_000;

export function secretOf(text: string): Secret {
  return { reveal: () => text, toString: () => '<secret>', toJSON: () => '<secret>' };
}

export function actionOf(
  name: string,
  effect: EffectDefinition,
  changes: Partial<ActionDefinition> = {},
): ActionDefinition {
  return {
    id: `queue-workers.${name}`,
    runbook: 'queue-workers',
    name,
    effect,
    enabled: true,
    mode: 'auto',
    approveWithinMs: 1_800_000,
    timeoutMs: 60_000,
    runOn: { kind: 'target' },
    verify: { withinMs: 30_000, staysOkMs: 60_000 },
    cooldownMs: 300_000,
    maxRuns: { runs: 3, perMs: 3_600_000 },
    evidence: { kind: 'none' },
    requireEvidence: false,
    minUptimeMs: 0,
    humanIntent: false,
    chronic: null,
    demote: null,
    env: {},
    source: { file: 'queue.yaml', line: 1, column: 1 },
    ...changes,
  };
}

export const ladder: LadderDefinition = {
  id: 'queue-workers.restart',
  runbook: 'queue-workers',
  trigger: {
    check: 'queue-workers.running',
    on: 'problem',
    states: ['critical'],
    attempts: 2,
    forMs: 0,
  },
  rungs: [
    actionOf('restart', { kind: 'systemd_restart', unit: 'queue-worker' }),
    actionOf('reboot', { kind: 'reboot', backWithinMs: 600_000, command: 'systemctl reboot' }),
    actionOf('page', { kind: 'notify', to: 'oncall' }),
  ],
};

export function statusOf(changes: Partial<CheckStatus> = {}): CheckStatus {
  const flap = {
    ring: [],
    last: 'critical' as const,
    percent: 0,
    flapping: false,
    percentWithoutActions: 0,
    flappingWithoutActions: false,
  };
  return {
    state: 'critical',
    type: 'hard',
    attempt: 3,
    problemResults: 9,
    problemSinceMs: nightMs,
    sinceMs: nightMs,
    lastHardState: 'critical',
    flap,
    lastResult: {
      state: 'critical',
      text: 'queue-worker failed, exit-code 1',
      longText: '',
      perfdata: [],
      startedAtMs: nightMs,
      durationMs: 5,
    },
    ...changes,
  };
}

export function runOf(name: string, changes: Partial<Run> = {}): Run {
  return {
    id: `web-1~queue-workers.${name}~x~1`,
    host: 'web-1',
    ladder: ladder.id,
    action: `queue-workers.${name}`,
    kind: name === 'reboot' ? 'reboot' : 'systemd_restart',
    episode: 'x',
    attempt: 1,
    decidedAtMs: nightMs + minuteMs,
    notAfterMs: nightMs + 2 * minuteMs,
    fence: 1,
    decidedBy: 'rule',
    reason: 'running is critical',
    command: `systemctl ${name}`,
    revision: 'r1',
    gates: [],
    preconditions: {},
    shard: 7,
    status: 'not_verified',
    dispatchedAtMs: nightMs + minuteMs,
    endedAtMs: nightMs + 2 * minuteMs,
    exitCode: 0,
    outcome: 'the check was not OK within 30 s',
    events: [],
    ...changes,
  };
}

export function outboxMessage(changes: Partial<OutboxMessage> = {}): OutboxMessage {
  return {
    id: 1,
    key: 'web-1~queue-workers.page~x~1',
    target: 'oncall',
    kind: 'problem',
    host: 'web-1',
    ladder: ladder.id,
    body: { subject: '[mendd] web-1 queue-workers: gave up after restart', text: 'it needs you\n.dot\n' },
    createdAtMs: nightMs,
    attempts: 0,
    nextAttemptAtMs: nightMs,
    status: 'pending',
    ...changes,
  };
}

export function webhookTarget(
  url: string,
  changes: Partial<Extract<NotifyTarget, { kind: 'webhook' }>> = {},
): NotifyTarget {
  return {
    kind: 'webhook',
    name: 'oncall',
    url: secretOf(url),
    format: 'mendd',
    allowPrivate: true,
    ...changes,
  };
}

/** A problem and its recovery as daemon/messages.ts queues them. */
export function problemAndRecovery(changes: Partial<CheckStatus> = {}): {
  problem: OutboxMessage;
  recovery: OutboxMessage;
} {
  const body = problemMessage({
    host: 'web-1',
    ladder,
    nowMs: nightMs + 5 * minuteMs,
    status: statusOf(changes),
    tried: [runOf('restart')],
  });
  const problem = outboxMessage({ body });
  const recovered = recoveryMessage({
    host: 'web-1',
    ladder,
    nowMs: nightMs + 9 * minuteMs,
    status: statusOf({ state: 'ok', sinceMs: nightMs + 8 * minuteMs }),
    problem,
  });
  const key = `${problem.key}~recovery`;
  return { problem, recovery: outboxMessage({ id: 2, key, kind: 'recovery', body: recovered }) };
}

/** What a plugin may print to trouble whoever reads it. */
export const hostileText =
  '<script>alert(1)</script> \u001b[31mred\u001b[0m \u202eevil\u202c <!channel> @here *bold* `code` ``` [x](http://evil.example) &amp; \u0000\u0007 :fire:';
