/** Makes up the definitions of a simulated fleet: hosts in racks, ladders of every kind, limits of every kind. */
import type { ActionDefinition, Definitions, HostPlan, LadderDefinition } from '../../core/definitions.ts';
import type { RemediationConfig } from '../../core/remediation-config.ts';
import type { Mode } from '../../core/safety.ts';
import { actionOf, checkOf, ladderOf, planOf, remediationOf } from '../support/definitions.ts';
import { wholeDefinitions } from '../support/whole-definitions.ts';
import type { Random } from './random.ts';

const minuteMs = 60_000;

function modeOf(random: Random): Mode {
  return random.weighted<Mode>([
    ['auto', 32],
    ['approve', 4],
    ['propose', 1],
    ['observe', 1],
  ]);
}

function rungsOf(random: Random): ActionDefinition[] {
  const verify = { withinMs: random.pick([6_000, 12_000]), staysOkMs: random.pick([0, 0, 4_000]) };
  const some = (share: number): boolean => random.chance(share);
  const common = (): Partial<ActionDefinition> => ({
    verify,
    mode: some(0.8) ? 'auto' : random.pick(['approve', 'approve', 'propose', 'observe'] as const),
    approveWithinMs: random.between(20, 90) * 1_000,
    cooldownMs: random.pick([0, 5_000, 30_000]),
    timeoutMs: random.between(5, 20) * 1_000,
    maxRuns: { runs: random.between(1, 3), perMs: random.between(2, 10) * minuteMs },
    evidence: some(0.3) ? { kind: 'command', run: 'ps' } : { kind: 'none' },
    requireEvidence: some(0.1),
    humanIntent: some(0.4),
    minUptimeMs: some(0.2) ? minuteMs : 0,
    chronic: some(0.2) ? { runs: 2, perMs: 10 * minuteMs } : null,
    demote: some(0.3) ? { failures: random.between(2, 3), recurrences: 3 } : null,
    ...(some(0.3) ? { guard: { per: 'rack', maxConcurrent: random.between(1, 2) } } : {}),
    enabled: some(0.95),
  });
  const hook = (run: string) => ({
    run,
    runOn: { kind: random.pick(['target', 'local'] as const) },
    timeoutMs: 5_000,
  });
  const kill = actionOf('kill', { kind: 'command', run: 'pkill worker' }, common());
  const restart = actionOf('restart', { kind: 'systemd_restart', unit: 'worker' }, common());
  const reboot = actionOf(
    'reboot',
    {
      kind: 'reboot',
      backWithinMs: 40_000,
      command: 'systemctl reboot',
      ...(some(0.5) ? { drain: hook('drain') } : {}),
      ...(some(0.5) ? { undrain: hook('undrain') } : {}),
    },
    {
      ...common(),
      guard: {
        per: some(0.9) ? 'rack' : 'floor',
        maxConcurrent: 1,
        minHealthyPercent: random.pick([30, 50, 70]),
      },
    },
  );
  const rebootAlone = some(0.25);
  const page = actionOf('page', { kind: 'notify', to: 'oncall' });
  return [
    ...(some(0.4) ? [kill] : []),
    ...(rebootAlone ? [] : [restart]),
    ...(rebootAlone || some(0.6) ? [reboot] : []),
    ...(some(0.7) ? [page] : []),
  ];
}

function laddersOf(random: Random): LadderDefinition[] {
  const states = ['critical', 'unknown'] as const;
  const own = ladderOf(rungsOf(random), {
    states,
    attempts: random.between(1, 2),
    forMs: random.pick([0, 0, 0, 6_000]),
  });
  const power = actionOf(
    'power',
    { kind: 'command', run: 'ipmitool power cycle' },
    { runOn: { kind: 'local' }, verify: { withinMs: 60_000, staysOkMs: 0 }, timeoutMs: 10_000 },
  );
  const follow = actionOf('after', { kind: 'command', run: 'warm-up' }, { timeoutMs: 5_000 });
  return [
    own,
    ...(random.chance(0.5) ? [ladderOf([power], { check: 'host', states: ['critical'], attempts: 2 })] : []),
    ...(random.chance(0.3) ? [ladderOf([follow], { on: 'recovery' })] : []),
  ];
}

function remediation(random: Random): RemediationConfig {
  const some = (share: number): boolean => random.chance(share);
  return remediationOf({
    mode: modeOf(random),
    maxRuns: { runs: random.between(4, 40), perMs: random.between(2, 10) * minuteMs },
    maxConcurrent: random.between(1, 6),
    maxRunsPerHost: { runs: random.between(2, 6), perMs: 10 * minuteMs },
    groups: some(0.5)
      ? [
          {
            label: 'rack',
            maxConcurrent: random.between(1, 3),
            maxRuns: { runs: random.between(2, 8), perMs: 5 * minuteMs },
          },
        ]
      : [],
    brake: some(0.65)
      ? {
          unhealthyAbovePercent: random.pick([10, 30, 60]),
          minUnhealthy: random.between(2, 7),
          ...(some(0.5) ? { label: 'rack' } : {}),
          release: some(0.8) ? { kind: 'auto', afterMs: random.pick([5_000, 20_000]) } : { kind: 'person' },
        }
      : null,
    selfDoubt: {
      stallMs: 2_000,
      canaries: some(0.6) ? [{ host: 'gateway', port: 53 }] : [],
      gateway: false,
      dns: [],
      everyMs: 5_000,
      changedAbovePercent: random.pick([30, 50, 100]),
      changedWithinMs: 10_000,
      changedMin: random.pick([8, 1_000_000]),
    },
    humanIntent: { lockFiles: [], ...(some(0.2) ? { loginWithinMs: 60_000 } : {}) },
    page: 'oncall',
  });
}

/** Time between two results of one check, milliseconds. */
export const checkEveryMs = 4_000;

/** Mostly small fleets: what goes wrong shows there as well, and sooner. */
export function simulatedDefinitions(random: Random): Definitions {
  const size = random.weighted([
    [random.between(5, 9), 60],
    [random.between(20, 60), 2],
    [random.between(100, 300), 0.5],
  ]);
  const racks = random.between(2, 3);
  const timing = { kind: 'interval' as const, everyMs: checkEveryMs };
  const running = checkOf('running', {
    timing,
    retryEveryMs: 1_500,
    maxAttempts: 2,
    probe: { kind: 'systemd_unit', unit: 'worker' },
    flapping: random.chance(0.5) ? { low: 5, high: 30 } : null,
  });
  const ladders = laddersOf(random);
  const plans = Array.from({ length: size }, (_, index): HostPlan => {
    const plan = planOf([running], ladders, `h${index}`);
    const labels = { rack: `r${index % racks}`, floor: `f${index % 2}` };
    const parents = index > 4 && index % 5 === 0 ? ['h1'] : [];
    return { ...plan, host: { ...plan.host, labels, parents } };
  });
  return withRunbook(wholeDefinitions(plans, remediation(random)));
}

function withRunbook(definitions: Definitions): Definitions {
  const { daemon } = definitions;
  return {
    ...definitions,
    daemon: { ...daemon, scheduler: { maxConcurrent: 60, maxPerHost: 2, queueLimit: 1_000 } },
  };
}

/** The same fleet as somebody edited it: hosts, ladders and rungs gone or new, another mode, other limits. */
export function editedDefinitions(before: Definitions, revision: string, random: Random): Definitions {
  const isGone = (): boolean => random.chance(0.05);
  const dropped = random.chance(0.4)
    ? random.pick(['app.reboot', 'app.restart', 'app.kill', 'app.power'])
    : '';
  const plans = [...before.byHost.values()].flatMap((plan): HostPlan[] => {
    if (isGone()) return [];
    const ladders = plan.ladders.flatMap((ladder): LadderDefinition[] => {
      const rungs = ladder.rungs.filter(({ id }) => id !== dropped);
      const [first] = rungs;
      return first === undefined ? [] : [{ ...ladder, id: first.id, rungs }];
    });
    return [{ ...plan, ladders }];
  });
  const limits = random.chance(0.5)
    ? remediation(random)
    : { ...before.daemon.remediation, mode: modeOf(random) };
  return { ...withRunbook(wholeDefinitions(plans, limits)), revision };
}
