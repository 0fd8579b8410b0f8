/** Views, runs and explanations with plausible content, for tests of what shows them. */

import type { CheckResult, CheckState, Run } from '../../core/types.ts';
import type { CheckView, Explanation, HostView } from '../../core/views.ts';

export const startMs = Date.UTC(2026, 2, 1, 2, 41);

export function hostView(name: string, more: Partial<HostView> = {}): HostView {
  return {
    name,
    address: '10.0.0.11',
    labels: { role: 'web' },
    status: { state: 'up', type: 'hard', attempt: 1, sinceMs: startMs, lastSeenAtMs: startMs },
    checks: { ok: 1, warning: 0, critical: 0, unknown: 0, pending: 0 },
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
