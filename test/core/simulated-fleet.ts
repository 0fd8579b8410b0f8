/** Several simulated hosts that share one census and its brakes, asked in turn as the scheduler does; a second is the smallest step. */
import { stepBrake } from '../../core/brake.ts';
import { Census } from '../../core/census.ts';
import type { HostPlan } from '../../core/definitions.ts';
import type { FleetView } from '../../core/fleet-view.ts';
import type { HostEngineState } from '../../core/reduction.ts';
import type { RemediationConfig } from '../../core/remediation-config.ts';
import type { CheckState, RunSummary } from '../../core/types.ts';
import { remediationOf } from '../support/definitions.ts';
import { wholeDefinitions } from '../support/whole-definitions.ts';
import { SimulatedHost } from './simulated-host.ts';

/** How a host is in truth; `cut`: it cannot be reached. */
export type Truth = CheckState | 'cut';

export class SimulatedFleet {
  nowMs = 1_700_000_000_000;
  readonly startedAtMs = this.nowMs;
  readonly census = new Census();
  readonly hosts = new Map<string, SimulatedHost>();
  readonly states = new Map<string, HostEngineState>();
  /** `+` or `-`, the scope, and the second at which it happened. */
  readonly brakes: string[] = [];
  /** Repairs that reached a target, in order. */
  readonly sent: RunSummary[] = [];
  view: Partial<FleetView> = {};
  /** Of a check of a host at present. */
  truth: (host: string, check: string) => Truth = () => 'ok';
  readonly #plans: Map<string, HostPlan>;
  readonly #remediation: RemediationConfig;
  readonly #dueMs = new Map<string, number>();

  constructor(plans: readonly HostPlan[], remediation: Partial<RemediationConfig> = {}) {
    this.#plans = new Map(plans.map((plan) => [plan.host.name, plan]));
    this.#remediation = remediationOf(remediation);
    this.census.reset(wholeDefinitions(plans, this.#remediation), this.states, this.nowMs);
    for (const [index, plan] of plans.entries()) {
      const host = new SimulatedHost(plan, {}, this.census);
      this.hosts.set(plan.host.name, host);
      this.states.set(plan.host.name, host.state);
      for (const { id, timing } of plan.checks) {
        const everyMs = timing.kind === 'interval' ? timing.everyMs : 0;
        // Spread over the interval, on whole seconds.
        const offsetMs = Math.floor((everyMs * index) / plans.length / 1_000) * 1_000;
        this.#dueMs.set(`${plan.host.name} ${id}`, this.nowMs + 1_000 + offsetMs);
      }
    }
  }

  host(name: string): SimulatedHost {
    const host = this.hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  get second(): number {
    return (this.nowMs - this.startedAtMs) / 1_000;
  }

  /** Every run of all hosts. */
  get runs(): RunSummary[] {
    return [...this.hosts.values()].flatMap((host) => [...host.ledger.values()]);
  }

  pass(durationMs: number): this {
    const untilMs = this.nowMs + durationMs;
    while (this.nowMs < untilMs) {
      this.nowMs += 1_000;
      for (const [name, host] of this.hosts) this.#step(name, host);
    }
    return this;
  }

  #step(name: string, host: SimulatedHost): void {
    this.#send(host);
    for (const check of host.plan.checks) {
      const key = `${name} ${check.id}`;
      if (this.nowMs < (this.#dueMs.get(key) ?? 0)) continue;
      const truth = this.truth(name, check.id);
      this.#drive(host, () => (truth === 'cut' ? host.cutOff() : host.result(truth, check.id)));
      const everyMs = check.timing.kind === 'interval' ? check.timing.everyMs : 86_400_000;
      const isSoft = host.state.checks[check.id]?.type === 'soft';
      this.#dueMs.set(key, this.nowMs + ((isSoft ? check.retryEveryMs : undefined) ?? everyMs));
    }
    if (this.second % 5 === 0 && host.openRun !== undefined)
      this.#drive(host, () => host.apply({ kind: 'tick' }));
  }

  /** What was decided at an earlier second leaves now. */
  #send(host: SimulatedHost): void {
    for (let run = host.openRun; run?.status === 'intended'; run = host.openRun) {
      if (run.decidedAtMs >= this.nowMs) return;
      const { kind } = run;
      if (kind !== 'notify') this.sent.push(run);
      this.#drive(host, () => host.move('dispatched').move(kind === 'notify' ? 'done' : 'verifying'));
    }
  }

  #drive(host: SimulatedHost, work: () => unknown): void {
    host.nowMs = this.nowMs;
    host.fleet = {
      mode: 'auto',
      canaryAtMs: 0,
      freshSinceMs: this.startedAtMs,
      limits: this.#remediation,
      groups: this.census.groups,
      suppressions: new Map(),
      caps: new Map(),
      states: this.states,
      plans: this.#plans,
      ...this.view,
    };
    work();
    this.states.set(host.plan.host.name, host.state);
    this.#stepBrakes();
  }

  #stepBrakes(): void {
    const { brake: rule, maxRuns, groups } = this.#remediation;
    if (rule === null) return;
    for (const group of this.census.groups.values()) {
      const label = group.key.split('=')[0];
      if (group.key !== 'fleet' && label !== rule.label) continue;
      const budget = group.key === 'fleet' ? maxRuns : groups.find((each) => each.label === label)?.maxRuns;
      const wasOn = group.brake !== undefined;
      const next = stepBrake(group, rule, budget, this.nowMs);
      this.census.setBrake(group.key, next);
      if (wasOn !== (next !== undefined)) this.brakes.push(`${wasOn ? '-' : '+'}${group.key}@${this.second}`);
    }
  }
}
