/**
 * The numbers of the daemon in Prometheus's text format, read afresh for each scrape. Names are a contract with
 * dashboards and alerts: add, never rename.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Clock } from '../core/ports.ts';
import { modes, type Outcomes } from '../core/safety.ts';
import type { CheckState } from '../core/types.ts';
import type { DaemonPort, NowView } from '../core/views.ts';
import type { EventStreams } from './event-streams.ts';
import { hostStates } from './shapes.ts';

const stateNumbers: Record<CheckState, number> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

/** Over how long the success of actions is told, and how often it is counted anew. Milliseconds. */
const outcomesMs = 30 * 86_400_000;
const outcomesEveryMs = 300_000;

export class Metrics {
  readonly #registry = new Registry();
  readonly #daemon: DaemonPort;
  readonly #streams: EventStreams;
  readonly #clock: Clock;
  #outcomes: { countedAtMs: number; items: readonly Outcomes[] } | undefined;

  constructor(daemon: DaemonPort, streams: EventStreams, clock: Clock) {
    this.#daemon = daemon;
    this.#clock = clock;
    this.#streams = streams;
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text of one scrape. */
  async render(): Promise<string> {
    this.#readChecks();
    this.#readWork();
    const now = this.#daemon.now();
    this.#readRestraint(now);
    this.#readDaemon(now);
    return this.#registry.metrics();
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Gauge<T> {
    const known = this.#registry.getSingleMetric(name) as Gauge<T> | undefined;
    const gauge = known ?? new Gauge({ name, help, labelNames, registers: [this.#registry] });
    gauge.reset();
    return gauge;
  }

  /** A counter whose total the daemon keeps; it is set anew at each scrape. */
  #counter<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> {
    const known = this.#registry.getSingleMetric(name) as Counter<T> | undefined;
    const counter = known ?? new Counter({ name, help, labelNames, registers: [this.#registry] });
    counter.reset();
    return counter;
  }

  #readChecks(): void {
    const state = this.#gauge(
      'mendd_check_state',
      'State of a check: 0 ok, 1 warning, 2 critical, 3 unknown; absent before the first result',
      ['host', 'check'],
    );
    const stale = this.#gauge(
      'mendd_check_stale',
      '1 when the state is old: no result for three intervals, or the host cannot be asked',
      ['host', 'check'],
    );
    for (const { host, check, status, stale: isStale } of this.#daemon.checks()) {
      if (status.state !== 'pending') state.set({ host, check }, stateNumbers[status.state]);
      stale.set({ host, check }, Number(isStale));
    }
    const hosts = this.#gauge('mendd_hosts', 'Hosts by whether they can be asked', ['state']);
    for (const name of hostStates) hosts.set({ state: name }, 0);
    for (const host of this.#daemon.hosts()) hosts.inc({ state: host.status.state });
  }

  #readWork(): void {
    const stats = this.#daemon.stats();
    this.#counter('mendd_checks_total', 'Checks run since the start').inc(stats.checksRun);
    const shed = this.#counter('mendd_checks_shed_total', 'Checks not run, by reason', ['reason']);
    for (const [reason, value] of Object.entries(stats.checksShed)) shed.inc({ reason }, value);
    this.#gauge('mendd_checks_running', 'Checks that run now').set(stats.checksRunning);
    this.#gauge('mendd_checks_queued', 'Checks that are due and wait for a slot').set(stats.checksQueued);
    this.#gauge('mendd_scheduler_lag_seconds', 'How late the scheduler started its newest check').set(
      stats.schedulerLagMs / 1000,
    );
    const lateness = this.#gauge(
      'mendd_check_lateness_seconds',
      'From when a check was due to its start, over the last one to two minutes',
      ['quantile'],
    );
    const { p50Ms, p99Ms, maxMs } = stats.checkLateness;
    lateness.set({ quantile: '0.5' }, p50Ms / 1000);
    lateness.set({ quantile: '0.99' }, p99Ms / 1000);
    lateness.set({ quantile: '1' }, maxMs / 1000);
    const actions = this.#counter('mendd_actions_total', 'Runs of actions by their outcome', [
      'action',
      'outcome',
    ]);
    for (const { action, outcome, count } of stats.actions) actions.inc({ action, outcome }, count);
    const suppressed = this.#counter('mendd_actions_suppressed_total', 'Decisions not to act, by reason', [
      'reason',
    ]);
    for (const [reason, value] of Object.entries(stats.suppressed)) suppressed.inc({ reason }, value);
    const connections = this.#gauge('mendd_ssh_connections', 'SSH connections by state', ['state']);
    for (const [state, value] of Object.entries(stats.connections)) connections.set({ state }, value);
  }

  #readRestraint({ automation }: NowView): void {
    const stats = this.#daemon.stats();
    const on = this.#gauge('mendd_brake_on', '1 while the brake of a group holds all actions in it', [
      'scope',
    ]);
    for (const brake of this.#daemon.brakes()) on.set({ scope: brake.scope }, Number(brake.on));
    this.#gauge('mendd_self_doubt', '1 while mendd does not trust its own eyes').set(Number(stats.inDoubt));
    this.#gauge('mendd_rearm_needed', '1 while the ledger is not trusted and a person must re-arm').set(
      Number(automation.quarantine !== undefined),
    );
    this.#gauge('mendd_approvals_waiting', 'Questions that wait for a person').set(stats.approvalsWaiting);
    this.#gauge('mendd_audit_broken', '1 when an entry of the audit is not as it was written').set(
      Number(stats.auditBroken),
    );
    this.#gauge('mendd_actions_demoted', 'Actions that lost trust').set(automation.demoted.length);
    const mode = this.#gauge('mendd_automation_mode', '1 for the mode of the daemon', ['mode']);
    for (const name of modes) mode.set({ mode: name }, Number(name === automation.mode));
    const success = this.#gauge(
      'mendd_action_success_ratio',
      'Share of judged runs of the last 30 days that were verified; counted every five minutes',
      ['action'],
    );
    for (const { action, successRate } of this.#countedOutcomes())
      if (successRate !== undefined) success.set({ action }, successRate);
  }

  /** A month of runs is too much to count at each scrape. */
  #countedOutcomes(): readonly Outcomes[] {
    const nowMs = this.#clock.monotonicMs();
    if (this.#outcomes === undefined || nowMs - this.#outcomes.countedAtMs >= outcomesEveryMs) {
      const sinceMs = this.#clock.nowMs() - outcomesMs;
      this.#outcomes = { countedAtMs: nowMs, items: this.#daemon.outcomes({ sinceMs, perHost: false }) };
    }
    return this.#outcomes.items;
  }

  #readDaemon(now: NowView): void {
    this.#gauge('mendd_automation_paused', '1 while actions are paused').set(
      Number(now.automation.paused !== undefined),
    );
    this.#gauge('mendd_config_last_reload_successful', '1 when the newest definitions were accepted').set(
      Number(now.definitions.lastReloadOk),
    );
    this.#gauge('mendd_ready', '1 when /readyz answers 200').set(Number(this.#daemon.health().ready));
    this.#gauge('mendd_event_streams', 'Open event streams').set(this.#streams.open);
    this.#counter('mendd_event_streams_dropped_total', 'Event streams ended because of a slow reader').inc(
      this.#streams.dropped,
    );
    this.#gauge('mendd_build_info', 'Always 1; the version is the label', ['version']).set(
      { version: this.#daemon.version },
      1,
    );
  }
}
