/**
 * The numbers of the daemon in Prometheus's text format, read afresh for each scrape. Names are a contract with
 * dashboards and alerts: add, never rename.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { MenddError } from '../core/errors.ts';
import type { FactsCounts } from '../core/facts-port.ts';
import type { NowView } from '../core/now-view.ts';
import type { Clock } from '../core/ports.ts';
import { modes, type Outcomes } from '../core/safety.ts';
import type { DaemonPort, Stats } from '../core/views.ts';
import { checkLines } from './check-metrics.ts';
import type { EventStreams } from './event-streams.ts';
import { readMessages } from './message-metrics.ts';
import { Scrape } from './scrape.ts';
import { hostStates } from './shapes.ts';
import { readHeartbeats, readTold } from './told-metrics.ts';

/** Over how long the success of actions is told, and how often it is counted anew. Milliseconds. */
const outcomesMs = 30 * 86_400_000;
const outcomesEveryMs = 300_000;

/**
 * They are made by a timer of 10 ms, and waking up for it would be most of what an idle daemon costs. The loop's delay at the
 * scrape itself stays, and so does how late checks start. The timer cannot be left out, but put off: milliseconds.
 */
const loopStatistics = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];
const neverMs = 2 ** 31 - 1;
/** Gauges with the name of a counter, which promtool complains about; each is told by its type as well. */
const misnamed = ['handles', 'requests', 'resources'];

export class Metrics {
  /** Of the process itself; the others are made anew for each scrape, so that what cannot be read is absent and not old. */
  readonly #process = new Registry();
  readonly #daemon: DaemonPort;
  readonly #streams: EventStreams;
  readonly #clock: Clock;
  #outcomes: { countedAtMs: number; items: readonly Outcomes[] } | undefined;

  constructor(daemon: DaemonPort, streams: EventStreams, clock: Clock) {
    this.#daemon = daemon;
    this.#clock = clock;
    this.#streams = streams;
    collectDefaultMetrics({ register: this.#process, eventLoopMonitoringPrecision: neverMs });
    for (const name of loopStatistics)
      this.#process.removeSingleMetric(`nodejs_eventloop_lag_${name}_seconds`);
    for (const name of misnamed) this.#process.removeSingleMetric(`nodejs_active_${name}_total`);
  }

  get contentType(): string {
    return this.#process.contentType;
  }

  /** The text of one scrape; without what a store that cannot be read would tell. */
  async render(): Promise<Buffer> {
    const daemon = this.#daemon;
    const scrape = new Scrape();
    const { lines: checks, leftOut } = await checkLines(daemon);
    scrape.leave(leftOut);
    readHosts(scrape, daemon);
    readSelf(scrape, daemon, this.#streams);
    const unread = [
      reads(
        () => daemon.stats(),
        (stats) => readWork(scrape, stats),
      ),
      reads(
        () => daemon.now(),
        (now) => readAutomation(scrape, now),
      ),
      reads(
        () => daemon.brakes(),
        (brakes) => readBrakes(scrape, brakes),
      ),
      reads(
        () => daemon.facts.counts(),
        (counts) => readFacts(scrape, counts),
      ),
      reads(
        () => ({ counts: daemon.notify.counts(), trouble: daemon.notify.trouble() }),
        ({ counts, trouble }) => readMessages(scrape, counts, trouble, this.#clock.nowMs()),
      ),
      reads(
        () => daemon.outside,
        (outside) => readOutside(scrape, outside, this.#clock.nowMs()),
      ),
      reads(
        () => daemon.demoted(),
        ({ length }) => scrape.gauge('mendd_actions_demoted', 'Actions that lost trust').set(length),
      ),
      reads(
        () => daemon.health(),
        ({ ready }) => scrape.gauge('mendd_ready', '1 when /readyz answers 200').set(Number(ready)),
      ),
      reads(
        () => this.#countedOutcomes(),
        (outcomes) => readOutcomes(scrape, outcomes),
      ),
      reads(
        () => daemon.told.counts(),
        (counts) => readTold(scrape, counts),
      ),
    ].filter((isRead) => !isRead).length;
    scrape
      .gauge('mendd_scrape_errors', 'Parts of this scrape that could not be read and are absent')
      .set(unread);
    scrape
      .gauge('mendd_scrape_series_left_out', 'Series of this scrape that are above a limit and absent')
      .set(scrape.leftOut);
    const others = await Registry.merge([this.#process, scrape.registry]).metrics();
    return Buffer.concat([...checks, Buffer.from(others + scrape.text)]);
  }

  /** A month of runs is too much to count at each scrape. Errors: MenddError. */
  #countedOutcomes(): readonly Outcomes[] {
    const nowMs = this.#clock.monotonicMs();
    if (this.#outcomes === undefined || nowMs - this.#outcomes.countedAtMs >= outcomesEveryMs) {
      const sinceMs = this.#clock.nowMs() - outcomesMs;
      this.#outcomes = { countedAtMs: nowMs, items: this.#daemon.outcomes({ sinceMs, perHost: false }) };
    }
    return this.#outcomes.items;
  }
}

/** False when the store kept it from being read. */
function reads<T>(read: () => T, write: (value: T) => void): boolean {
  try {
    write(read());
    return true;
  } catch (error) {
    if (!(error instanceof MenddError)) throw error;
    return false;
  }
}

function readHosts(scrape: Scrape, daemon: DaemonPort): void {
  const hosts = scrape.gauge('mendd_hosts', 'Hosts by whether they can be asked', ['state']);
  const counts = new Map<string, number>(hostStates.map((state) => [state, 0]));
  for (const { status } of daemon.hosts()) counts.set(status.state, (counts.get(status.state) ?? 0) + 1);
  for (const [state, count] of counts) hosts.set({ state }, count);
}

function readWork(scrape: Scrape, stats: Stats): void {
  scrape.counter('mendd_checks_total', 'Checks run since the start').inc(stats.checksRun);
  const shed = scrape.counter('mendd_checks_shed_total', 'Checks not run, by reason', ['reason']);
  for (const [reason, value] of Object.entries(stats.checksShed)) shed.inc({ reason }, value);
  scrape.gauge('mendd_checks_running', 'Checks that run now').set(stats.checksRunning);
  scrape.gauge('mendd_checks_queued', 'Checks that are due and wait for a slot').set(stats.checksQueued);
  scrape
    .gauge('mendd_scheduler_lag_seconds', 'How late the scheduler started its newest check')
    .set(stats.schedulerLagMs / 1000);
  const { p50Ms, p99Ms, maxMs } = stats.checkLateness;
  scrape.quantiles(
    'mendd_check_lateness_seconds',
    'From when a check was due to its start, over the last one to two minutes',
    { '0.5': p50Ms / 1000, '0.99': p99Ms / 1000, '1': maxMs / 1000 },
  );
  const actions = scrape.counter('mendd_actions_total', 'Runs of actions by their outcome', [
    'action',
    'outcome',
  ]);
  for (const { action, outcome, count } of scrape.first(stats.actions))
    actions.inc({ action, outcome }, count);
  const suppressed = scrape.counter('mendd_actions_suppressed_total', 'Decisions not to act, by reason', [
    'reason',
  ]);
  for (const [reason, value] of Object.entries(stats.suppressed)) suppressed.inc({ reason }, value);
  const connections = scrape.gauge('mendd_ssh_connections', 'SSH connections by state', ['state']);
  const { evicted, turnedAway, ...open } = stats.connections;
  for (const [state, value] of Object.entries(open)) connections.set({ state }, value);
  scrape
    .counter('mendd_ssh_evictions_total', 'Idle connections closed to make room for another host')
    .inc(evicted);
  scrape
    .counter(
      'mendd_ssh_turned_away_total',
      'Logins that a crowded server did not begin; they are asked again',
    )
    .inc(turnedAway);
  const { execs, checks, again } = stats.batches;
  scrape.counter('mendd_batches_total', 'Execs that several checks of one host shared').inc(execs);
  scrape.counter('mendd_batched_checks_total', 'Checks that shared an exec').inc(checks);
  scrape
    .counter('mendd_batched_checks_alone_total', 'Of them, those that were then asked again alone')
    .inc(again);
  scrape.gauge('mendd_self_doubt', '1 while mendd does not trust its own eyes').set(Number(stats.inDoubt));
  scrape.gauge('mendd_approvals_waiting', 'Questions that wait for a person').set(stats.approvalsWaiting);
  scrape
    .gauge('mendd_audit_broken', '1 when an entry of the audit is not as it was written')
    .set(Number(stats.auditBroken));
  readHeartbeats(scrape, stats.heartbeats);
}

function readAutomation(scrape: Scrape, { automation, definitions }: NowView): void {
  scrape
    .gauge('mendd_rearm_needed', '1 while the ledger is not trusted and a person must re-arm')
    .set(Number(automation.quarantine !== undefined));
  scrape
    .gauge('mendd_automation_paused', '1 while actions are paused')
    .set(Number(automation.paused !== undefined));
  const mode = scrape.gauge('mendd_automation_mode', '1 for the mode of the daemon', ['mode']);
  for (const name of modes) mode.set({ mode: name }, Number(name === automation.mode));
  scrape
    .gauge('mendd_config_last_reload_successful', '1 when the newest definitions were accepted')
    .set(Number(definitions.lastReloadOk));
  scrape
    .gauge('mendd_config_last_reload_success_timestamp_seconds', 'When definitions were last accepted')
    .set(definitions.loadedAtMs / 1000);
  scrape
    .gauge('mendd_config_held', '1 while new definitions wait for a person')
    .set(Number(definitions.held !== undefined));
  scrape
    .gauge('mendd_config_rolled_back', '1 while a person holds the definitions at an earlier commit')
    .set(Number(definitions.rollback !== undefined));
  const { revision, commit = '' } = definitions;
  scrape
    .gauge('mendd_config_info', 'Always 1; the definitions in force are the labels', ['revision', 'commit'])
    .set({ revision, commit }, 1);
}

function readOutside(scrape: Scrape, outside: DaemonPort['outside'], nowMs: number): void {
  const label = ['inventory'] as const;
  const hosts = scrape.gauge('mendd_inventory_hosts', 'Hosts of an inventory in force', label);
  const gone = scrape.gauge(
    'mendd_inventory_gone',
    'Hosts that it no longer tells and that have not expired',
    label,
  );
  const age = scrape.gauge(
    'mendd_inventory_age_seconds',
    'Since its newest answer; absent before the first',
    label,
  );
  const problem = scrape.gauge(
    'mendd_inventory_problem',
    '1 while its newest attempt changed nothing',
    label,
  );
  for (const each of scrape.first(outside.inventories())) {
    const inventory = each.name;
    hosts.set({ inventory }, each.hosts.length);
    gone.set({ inventory }, each.gone.length);
    problem.set({ inventory }, Number(each.problem !== undefined));
    if (each.heardAtMs !== undefined) age.set({ inventory }, Math.max(0, nowMs - each.heardAtMs) / 1_000);
  }
  const waiting = outside
    .registrations()
    .filter(({ status }) => status === 'pending' || status === 'changed');
  scrape
    .gauge('mendd_registrations_waiting', 'Hosts that registered themselves and wait for a person')
    .set(waiting.length);
}

function readBrakes(scrape: Scrape, brakes: ReturnType<DaemonPort['brakes']>): void {
  const on = scrape.gauge('mendd_brake_on', '1 while the brake of a group holds all actions in it', [
    'scope',
  ]);
  for (const brake of scrape.first(brakes)) on.set({ scope: brake.scope }, Number(brake.on));
}

function readFacts(scrape: Scrape, { oldestAgeMs, problems }: FactsCounts): void {
  if (oldestAgeMs !== undefined)
    scrape.gauge('mendd_facts_age_seconds', 'Age of the oldest facts of a host').set(oldestAgeMs / 1000);
  scrape
    .gauge('mendd_facts_problems', 'Sources of facts of single hosts whose newest attempt told nothing')
    .set(problems);
}

function readOutcomes(scrape: Scrape, outcomes: readonly Outcomes[]): void {
  const success = scrape.gauge(
    'mendd_action_success_ratio',
    'Share of judged runs of the last 30 days that were verified; counted every five minutes',
    ['action'],
  );
  for (const { action, successRate } of scrape.first(outcomes))
    if (successRate !== undefined) success.set({ action }, successRate);
}

function readSelf(scrape: Scrape, { version }: DaemonPort, { open, dropped }: EventStreams): void {
  scrape.gauge('mendd_event_streams', 'Open event streams').set(open);
  scrape
    .counter(
      'mendd_event_streams_dropped_total',
      'Event streams ended by mendd: a slow reader, a token that ended, or a store that could not be read',
    )
    .inc(dropped);
  scrape.gauge('mendd_build_info', 'Always 1; the version is the label', ['version']).set({ version }, 1);
}
