/** A fleet of ten in which one host's rung may act at this moment; cases change one thing and look at what the gates say. */
import { Census } from '../../core/census.ts';
import type { GateName, GateVerdict, Reason } from '../../core/decisions.ts';
import type { ActionDefinition, HostPlan, LadderDefinition } from '../../core/definitions.ts';
import { initialHostState } from '../../core/engine.ts';
import type { FleetView, GateContext } from '../../core/fleet-view.ts';
import type { HostEngineState, HostFacts } from '../../core/reduction.ts';
import type { RemediationConfig } from '../../core/remediation-config.ts';
import type { Approval, BrakeState, GroupKey } from '../../core/safety.ts';
import type { CheckStatus, HostStatus, RunSummary } from '../../core/types.ts';
import { actionOf, checkOf, ladderOf, planOf, remediationOf } from '../support/definitions.ts';
import { wholeDefinitions } from '../support/whole-definitions.ts';

export const nowMs = 1_700_000_000_000;
export const minuteMs = 60_000;
export const hourMs = 3_600_000;
/** Start of the problem of web-1. */
export const sinceMs = nowMs - minuteMs;

export interface World {
  plan: HostPlan;
  rung: ActionDefinition;
  trigger: LadderDefinition['trigger'];
  check: CheckStatus;
  hostStatus: HostStatus;
  runs: RunSummary[];
  approvals: Approval[];
  facts: Record<string, HostFacts>;
  fleet: Partial<FleetView>;
  remediation: Partial<RemediationConfig>;
  /** web-2 to web-10, all well. */
  others: Map<string, HostEngineState>;
  brakes: BrakeState[];
  /** Newest answers of the others. */
  askedAtMs: number;
  /** False: the census has not heard of web-1's newest result. */
  counted: boolean;
  unasked?: string;
}

export interface GateCase {
  gate: GateName;
  given: string;
  change: (world: World) => void;
  /** Absent: this gate and all others are open. */
  reason?: Reason;
  values?: GateVerdict['values'];
  opens?: string;
  opensAtMs?: number;
}

export const restart = actionOf(
  'restart',
  { kind: 'systemd_restart', unit: 'worker' },
  {
    humanIntent: true,
    minUptimeMs: 10 * minuteMs,
    chronic: { runs: 2, perMs: 24 * hourMs },
    guard: { per: 'role', maxConcurrent: 2, minHealthyPercent: 55 },
  },
);
export const page = actionOf('page', { kind: 'notify', to: 'oncall' });

export function planOfHost(index: number): HostPlan {
  const plan = planOf([checkOf('running')], [ladderOf([restart])], `web-${index}`);
  return { ...plan, host: { ...plan.host, labels: { role: 'web' } } };
}

export function runOf(more: Partial<RunSummary> = {}): RunSummary {
  const { action = restart.id, episode = 'e', attempt = 1, host = 'web-1' } = more;
  return {
    id: `${host}~${action}~${episode}~${attempt}`,
    host,
    ladder: restart.id,
    action,
    kind: 'systemd_restart',
    episode,
    attempt,
    status: 'verified',
    decidedAtMs: nowMs - 2 * hourMs,
    dispatchedAtMs: nowMs - 2 * hourMs,
    endedAtMs: nowMs - 2 * hourMs,
    ...more,
  };
}

/** An open run on another host. */
export function openRun(host: string): RunSummary {
  const { endedAtMs: _open, ...run } = runOf({ host, status: 'dispatched' });
  return run;
}

export function other(world: World, index: number, more: Partial<HostEngineState>): void {
  const state = world.others.get(`web-${index}`);
  if (state !== undefined) world.others.set(`web-${index}`, { ...state, ...more });
}

/** Makes hosts web-2, web-3 ... unreachable. */
export function unhealthy(world: World, count: number): void {
  for (let index = 2; index < 2 + count; index += 1) {
    const failure = { stage: 'connect' as const, message: 'refused', hint: '', sent: false };
    const host: HostStatus = {
      state: 'unreachable',
      type: 'soft',
      attempt: 1,
      sinceMs,
      attemptAtMs: nowMs,
      failure,
    };
    other(world, index, { host });
  }
}

export function label(world: World, labels: Record<string, string>): void {
  world.plan = { ...world.plan, host: { ...world.plan.host, labels } };
}

function healthyState(plan: HostPlan): HostEngineState {
  const bare = initialHostState(plan, nowMs - hourMs);
  const lastResult = {
    state: 'ok' as const,
    text: '',
    longText: '',
    perfdata: [],
    startedAtMs: nowMs - 1,
    durationMs: 1,
  };
  const ok = Object.entries(bare.checks).map(([id, check]) => [
    id,
    { ...check, state: 'ok' as const, lastResult },
  ]);
  const state: HostEngineState = { ...bare, checks: Object.fromEntries(ok) };
  return {
    ...state,
    host: { state: 'up', type: 'hard', attempt: 0, sinceMs: nowMs - hourMs, lastSeenAtMs: nowMs - 1 },
  };
}

function openWorld(): World {
  const plan = planOfHost(1);
  const [check] = Object.values(healthyState(plan).checks);
  if (check === undefined) throw new Error('no check');
  const lastResult = {
    state: 'critical' as const,
    text: '',
    longText: '',
    perfdata: [],
    startedAtMs: nowMs - 5,
    durationMs: 5,
  };
  return {
    plan,
    rung: restart,
    trigger: ladderOf([restart]).trigger,
    check: { ...check, state: 'critical', problemResults: 2, problemSinceMs: sinceMs, sinceMs, lastResult },
    hostStatus: healthyState(plan).host,
    runs: [],
    approvals: [],
    facts: { [restart.id]: { bootId: 'b', uptimeSec: 3600, people: [], atMs: nowMs } },
    fleet: {},
    remediation: {
      maxRuns: { runs: 8, perMs: hourMs },
      maxConcurrent: 4,
      maxRunsPerHost: { runs: 3, perMs: hourMs },
      groups: [{ label: 'role', maxRuns: { runs: 6, perMs: hourMs }, maxConcurrent: 3 }],
      brake: {
        unhealthyAbovePercent: 30,
        minUnhealthy: 2,
        label: 'role',
        release: { kind: 'auto', afterMs: 10 * minuteMs },
      },
    },
    others: new Map(
      [2, 3, 4, 5, 6, 7, 8, 9, 10].map((index) => [`web-${index}`, healthyState(planOfHost(index))]),
    ),
    brakes: [],
    askedAtMs: nowMs - 1,
    counted: true,
  };
}

export const runId = `web-1~${restart.id}~${sinceMs.toString(36)}~1`;

export function contextFor(change: (world: World) => void): Omit<GateContext, 'factsWanted'> {
  const world = openWorld();
  change(world);
  const ladder: LadderDefinition = { ...ladderOf([world.rung]), trigger: world.trigger };
  const plan = { ...world.plan, ladders: [ladder] };
  const plans = new Map([
    [plan.host.name, plan],
    ...[...world.others.keys()].map((name) => [name, planNamed(name, plan)] as const),
  ]);
  const own: HostEngineState = {
    host: world.hostStatus,
    checks: { [world.trigger.check]: world.check },
    runs: world.runs,
    approvals: world.approvals,
    facts: world.facts,
  };
  const states = new Map([['web-1', world.counted ? own : healthyState(plan)], ...world.others]);
  const remediation = remediationOf(world.remediation);
  const census = new Census();
  census.reset(wholeDefinitions(plans.values(), remediation), states, nowMs);
  for (const [name, state] of states) {
    const each = plans.get(name);
    if (each !== undefined) census.update(each, state, nowMs, world.askedAtMs);
  }
  for (const brake of world.brakes) census.setBrake(brake.scope, brake);
  return {
    nowMs,
    host: 'web-1',
    plan,
    ladder,
    check: world.check,
    hostStatus: world.hostStatus,
    hostRuns: world.runs,
    approvals: world.approvals,
    facts: world.facts,
    fleet: {
      mode: 'auto',
      canaryAtMs: 0,
      freshSinceMs: nowMs - hourMs,
      limits: remediation,
      groups: census.groups,
      suppressions: new Map(),
      caps: new Map(),
      states,
      plans,
      ...world.fleet,
    },
    rung: world.rung,
    runId,
    factsKeepMs: 5_000,
    ...(world.unasked === undefined ? {} : { unasked: world.unasked }),
  };
}

function planNamed(name: string, { ladders }: HostPlan): HostPlan {
  return { ...planOfHost(Number(name.replace('web-', ''))), ladders };
}

export function brakeOf(scope: GroupKey, more: Partial<BrakeState> = {}): BrakeState {
  return { scope, cause: 'mass_failure', sinceMs, unhealthy: 4, hosts: 10, allowed: 3, ...more };
}

export function approvalOf(more: Partial<Approval> = {}): Approval {
  return {
    id: runId,
    host: 'web-1',
    ladder: restart.id,
    action: restart.id,
    episode: sinceMs.toString(36),
    attempt: 1,
    check: 'app.running',
    command: 'true',
    reason: 'approval_wanted',
    gates: [],
    createdAtMs: sinceMs,
    expiresAtMs: nowMs + minuteMs,
    status: 'waiting',
    tag: 't',
    ...more,
  };
}
