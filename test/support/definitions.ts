/** Small whole definitions for tests of the core and the daemon. */
import type {
  ActionDefinition,
  CheckDefinition,
  EffectDefinition,
  HostPlan,
  LadderDefinition,
} from '../../core/definitions.ts';
import type { RemediationConfig } from '../../core/remediation-config.ts';

const source = { file: 'test.yaml', line: 1, column: 1 };

export function checkOf(name: string, more: Partial<CheckDefinition> = {}): CheckDefinition {
  return {
    id: `app.${name}`,
    runbook: 'app',
    name,
    probe: { kind: 'command', run: 'true' },
    timing: { kind: 'interval', everyMs: 10_000 },
    timeoutMs: 5_000,
    maxAttempts: 2,
    runOn: { kind: 'target' },
    exitMap: {},
    dependsOn: [],
    flapping: { low: 5, high: 20 },
    env: {},
    batch: true,
    source,
    ...more,
  };
}

export function actionOf(
  name: string,
  effect: EffectDefinition,
  more: Partial<ActionDefinition> = {},
): ActionDefinition {
  return {
    id: `app.${name}`,
    runbook: 'app',
    name,
    effect,
    enabled: true,
    mode: 'auto',
    approveWithinMs: 1_800_000,
    timeoutMs: 60_000,
    runOn: { kind: 'target' },
    verify: { withinMs: 30_000, staysOkMs: 20_000 },
    cooldownMs: 300_000,
    maxRuns: { runs: 3, perMs: 3_600_000 },
    evidence: { kind: 'none' },
    requireEvidence: false,
    minUptimeMs: 0,
    humanIntent: false,
    chronic: null,
    demote: null,
    env: {},
    source,
    ...more,
  };
}

export const restart = actionOf('restart', { kind: 'systemd_restart', unit: 'worker' });
export const reboot = actionOf(
  'reboot',
  { kind: 'reboot', backWithinMs: 600_000, command: 'systemctl reboot' },
  { maxRuns: { runs: 1, perMs: 21_600_000 } },
);
export const page = actionOf('page', { kind: 'notify', to: 'oncall' });

export function ladderOf(
  rungs: ActionDefinition[],
  more: Partial<LadderDefinition['trigger']> = {},
): LadderDefinition {
  const [first] = rungs;
  if (first === undefined) throw new Error('a ladder needs a rung');
  const trigger = {
    check: 'app.running',
    on: 'problem' as const,
    forMs: 0,
    states: ['warning', 'critical', 'unknown'] as const,
    attempts: 2,
    ...more,
  };
  return { id: first.id, runbook: 'app', trigger, rungs };
}

export function planOf(checks: CheckDefinition[], ladders: LadderDefinition[], name = 'web-1'): HostPlan {
  return {
    host: {
      name,
      transport: 'ssh',
      batch: true,
      address: '127.0.0.1',
      port: 22,
      user: 'mendd',
      labels: {},
      zone: 'default',
      parents: [],
      vars: {},
      origin: 'hosts',
    },
    checks,
    ladders,
  };
}

/** Nothing beside the two fleet limits restrains. */
export function remediationOf(more: Partial<RemediationConfig> = {}): RemediationConfig {
  return {
    mode: 'auto',
    maxRuns: { runs: 20, perMs: 3_600_000 },
    maxConcurrent: 5,
    maxRunsPerHost: { runs: 100, perMs: 3_600_000 },
    groups: [],
    brake: null,
    selfDoubt: {
      stallMs: 2_000,
      canaries: [],
      gateway: false,
      dns: [],
      everyMs: 10_000,
      changedAbovePercent: 100,
      changedWithinMs: 60_000,
      changedMin: 1_000_000,
    },
    humanIntent: { lockFiles: [] },
    ...more,
  };
}
