/** Views, runs and explanations with plausible content, for tests of what shows them. */

import type { Approval, AuditEntry, Outcomes, Suppression } from '../../core/safety.ts';
import type { CheckResult, CheckState, Run } from '../../core/types.ts';
import type { BrakeView, CheckView, Explanation, HostView } from '../../core/views.ts';

export const startMs = Date.UTC(2026, 2, 1, 2, 41);

export function hostView(name: string, more: Partial<HostView> = {}): HostView {
  return {
    name,
    address: '10.0.0.11',
    labels: { role: 'web' },
    status: { state: 'up', type: 'hard', attempt: 1, sinceMs: startMs, lastSeenAtMs: startMs },
    checks: { ok: 1, warning: 0, critical: 0, unknown: 0, pending: 0 },
    parents: [],
    ...more,
  };
}

export function resultOf(state: CheckState, text: string): CheckResult {
  const perfdata = [{ label: 'lag', value: 912, uom: 's', warn: '60', crit: '300', min: 0, max: null }];
  return { state, text, longText: '', perfdata, exitCode: 0, startedAtMs: startMs, durationMs: 12 };
}

export function checkView(host: string, check: string, state: CheckState, text = 'fine'): CheckView {
  return {
    host,
    check,
    kind: 'command',
    status: {
      state,
      type: 'hard',
      attempt: 3,
      problemResults: state === 'ok' ? 0 : 3,
      ...(state === 'ok' ? {} : { problemSinceMs: startMs - 60_000 }),
      sinceMs: startMs - 60_000,
      lastHardState: state,
      flap: {
        ring: [],
        last: state,
        percent: 0,
        flapping: false,
        percentWithoutActions: 0,
        flappingWithoutActions: false,
      },
      lastResult: resultOf(state, text),
    },
    stale: false,
    nextDueAtMs: startMs + 30_000,
    maxAttempts: 3,
  };
}

export function runOf(id: string, more: Partial<Run> = {}): Run {
  const episode = (startMs - 60_000).toString(36);
  return {
    id,
    host: 'web-1',
    ladder: 'app.restart',
    action: 'app.restart',
    kind: 'systemd_restart',
    episode,
    attempt: 1,
    decidedAtMs: startMs,
    notAfterMs: startMs + 60_000,
    fence: 1,
    decidedBy: 'rule',
    reason: 'critical for 2 results',
    command: 'systemctl restart worker',
    revision: 'abc',
    gates: [{ gate: 'pause', passed: true, values: { paused: false } }],
    preconditions: {},
    shard: 7,
    status: 'verifying',
    dispatchedAtMs: startMs + 1_000,
    events: [{ atMs: startMs, status: 'intended', text: 'decided' }],
    ...more,
  };
}

export function explanationOf(host: string, check: string): Explanation {
  return {
    host,
    ladder: 'app.restart',
    action: 'app.restart',
    check,
    atMs: startMs,
    verdict: 'held',
    reason: 'cooldown',
    gates: [
      {
        gate: 'cooldown',
        passed: false,
        reason: 'cooldown',
        values: { leftMs: 90_000 },
        opens: 'the cooldown ends',
        opensAtMs: startMs + 90_000,
      },
    ],
    rungs: [{ action: 'app.restart', kind: 'systemd_restart', status: 'next', why: 'cooldown' }],
    earliestMs: startMs + 90_000,
  };
}

export function approvalOf(id: string, more: Partial<Approval> = {}): Approval {
  return {
    id,
    host: 'web-1',
    ladder: 'app.restart',
    action: 'app.reboot',
    episode: (startMs - 60_000).toString(36),
    attempt: 1,
    check: 'app.running',
    command: 'systemctl reboot',
    reason: 'critical for 5m',
    gates: [
      {
        gate: 'quorum',
        passed: true,
        values: { group: 'role=web', healthyWithoutIt: 11, needed: 8, hosts: 12 },
      },
      { gate: 'fleet_budget', passed: true, values: { used: 3, limit: 20, perMs: 3_600_000 } },
    ],
    createdAtMs: startMs,
    expiresAtMs: startMs + 1_800_000,
    status: 'waiting',
    tag: 'tag-1',
    ...more,
  };
}

export function brakeOf(scope: string, on: boolean, more: Partial<BrakeView> = {}): BrakeView {
  const figures = { unhealthy: on ? 5 : 1, hosts: 12, allowed: 3 };
  const state = { scope, cause: 'mass_failure' as const, sinceMs: startMs - 120_000, ...figures };
  return {
    scope,
    on,
    ...figures,
    tag: `tag-${scope}-${on ? 'on' : 'off'}`,
    ...(on ? { state: { ...state, belowSinceMs: startMs - 60_000 }, releasesAtMs: startMs + 600_000 } : {}),
    ...more,
  };
}

export function silenceOf(
  id: string,
  more: Partial<Extract<Suppression, { kind: 'silence' }>> = {},
): Suppression {
  return {
    kind: 'silence',
    id,
    by: 'ann',
    reason: 'rack move',
    createdAtMs: startMs,
    origin: 'person',
    match: { hosts: ['web-*'], labels: {}, checks: [] },
    startsAtMs: 0,
    endsAtMs: startMs + 3_600_000,
    ...more,
  };
}

export function downtimeOf(
  id: string,
  window: Extract<Suppression, { kind: 'downtime' }>['window'],
): Suppression {
  return {
    kind: 'downtime',
    id,
    by: 'ops',
    reason: 'weekly patch',
    createdAtMs: 0,
    origin: 'definitions',
    match: { hosts: [], labels: { role: 'db' }, checks: ['app.*'] },
    window,
  };
}

export function acknowledgementOf(id: string, sticky = false): Suppression {
  return {
    kind: 'acknowledgement',
    id,
    by: 'bob',
    reason: 'disk is ordered',
    createdAtMs: startMs,
    origin: 'person',
    host: 'web-1',
    check: 'app.running',
    problemSinceMs: startMs - 60_000,
    state: 'critical',
    sticky,
  };
}

export function outcomesOf(action: string, host?: string): Outcomes {
  return {
    action,
    ...(host === undefined ? {} : { host }),
    runs: 10,
    verified: 7,
    notVerified: 1,
    failed: 1,
    inconclusive: 1,
    unknown: 0,
    successRate: 7 / 9,
    recurred: 2,
    recurrenceRate: 2 / 7,
    medianTimeToHealMs: 42_000.5,
    lastRunAtMs: startMs,
  };
}

export function auditOf(seq: number): AuditEntry {
  return {
    seq,
    atMs: startMs + seq,
    kind: 'command',
    actor: 'person:ann',
    event: 'automation.paused',
    body: { reason: 'drill', untilMs: startMs },
    previous: 'a'.repeat(64),
    hash: 'b'.repeat(64),
  };
}
