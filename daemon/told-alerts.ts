/**
 * Keeps the alerts that fire at others (Prometheus, Alertmanager) and answers for the checks that look at them. An alert that no check
 * looks at is not kept. Which host an alert is of is in daemon/alert-hosts.ts.
 */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AlertProbe, CheckDefinition, HostDefinition } from '../core/definitions.ts';
import { formatDuration } from '../core/duration.ts';
import { MenddError } from '../core/errors.ts';
import { printable } from '../core/plugin-output.ts';
import type { AlertAnswer, ToldAlert } from '../core/told-port.ts';
import type { CheckResult, CheckState } from '../core/types.ts';
import type { Rejected } from '../core/views.ts';
import { AlertHosts, type AlertTarget, fits } from './alert-hosts.ts';
import type { ToldSources } from './told-results.ts';

/** An alert that concerns a host. Wall times. */
interface Kept {
  labels: ToldAlert['labels'];
  summary: string;
  sinceMs: number;
  heardAtMs: number;
  endsAtMs?: number;
  /** Without an end it fires so long, unless its check says otherwise. */
  holdMs: number;
}

/** Of all hosts together. */
const keptLimit = 10_000;
const waitingLimit = 5_000;
const slice = 50;
/** Those that are kept are told again within it when they still fire; a start does not end them before. Milliseconds. */
const graceMs = 300_000;
const summaryChars = 500;
/** Named in the text of a check; the others are counted. */
const namedAlerts = 3;

const worst: readonly CheckState[] = ['critical', 'unknown', 'warning'];
const mildSeverities: readonly string[] = ['warning', 'warn', 'info', 'none'];

export class ToldAlerts {
  readonly #sources: ToldSources;
  readonly #hosts = new AlertHosts();
  /** By host, then by its labels. */
  readonly #kept = new Map<string, Map<string, Kept>>();
  #size = 0;
  #waiting = 0;
  #told = 0;
  #unmatched = 0;

  /** Errors: MenddError when the store cannot be read. */
  constructor(sources: ToldSources) {
    this.#sources = sources;
    const nowMs = sources.clock.nowMs();
    for (const { name, body } of sources.store.loadHeard('alert')) {
      const [host = '', id = ''] = name.split('\n');
      const { endsAtMs, ...alert } = body as Kept;
      const ends = endsAtMs === undefined ? {} : { endsAtMs: Math.max(endsAtMs, nowMs + graceMs) };
      this.#put(host, id, { ...alert, heardAtMs: nowMs, ...ends });
    }
  }

  counts(): { alertsFiring: number; alertsTold: number; alertsUnmatched: number } {
    return { alertsFiring: this.#size, alertsTold: this.#told, alertsUnmatched: this.#unmatched };
  }

  look(host: HostDefinition, check: CheckDefinition): CheckResult {
    const nowMs = this.#sources.clock.nowMs();
    const { probe } = check;
    if (probe.kind !== 'alert') throw new Error(`${check.id} looks at no alerts`);
    this.#sweep(host.name, nowMs);
    const firing = [...(this.#kept.get(host.name)?.values() ?? [])].filter(
      (alert) => this.#concerns(alert, host.name, check) && isFiring(alert, probe, nowMs),
    );
    return resultOfAlerts(firing, probe, nowMs);
  }

  /** In the order they are told. */
  async tell(
    alerts: readonly ToldAlert[],
    holdMs: number,
    isDry: boolean,
  ): Promise<AlertAnswer[] | Rejected> {
    const busy = this.#waiting + alerts.length > waitingLimit;
    const problem = busy ? 'More is told at once than can be taken.' : this.#sources.history.problem;
    if (problem !== undefined)
      return { kind: 'rejected', status: 503, code: busy ? 'busy' : 'store_unusable', message: problem };
    this.#waiting += alerts.length;
    const touched = new Map<string, AlertTarget>();
    try {
      const answers: AlertAnswer[] = [];
      for (const [index, alert] of alerts.entries()) {
        if (index > 0 && index % slice === 0) await nextTurn();
        const { targets, answer } = this.#judge(alert);
        answers.push(isDry ? answer : this.#take(alert, holdMs, targets, answer));
        if (!isDry) for (const target of targets) touched.set(`${target.host}\n${target.check.id}`, target);
      }
      return answers;
    } finally {
      this.#waiting -= alerts.length;
      // Once for each check, however many alerts it has.
      for (const target of touched.values()) this.#conclude(target);
    }
  }

  #judge({ labels, endsAtMs }: ToldAlert): { targets: AlertTarget[]; answer: AlertAnswer } {
    const { clock, fleet } = this.#sources;
    const { targets, problem } = this.#hosts.targetsOf(fleet.definitions, labels);
    const answer: AlertAnswer = {
      alert: labels['alertname'] ?? '',
      status: endsAtMs !== undefined && endsAtMs <= clock.nowMs() ? 'resolved' : 'firing',
      checks: targets.map(({ host, check }) => `${host}/${check.id}`),
      ...(problem === undefined || targets.length > 0 ? {} : { problem }),
    };
    return { targets, answer };
  }

  #take(alert: ToldAlert, holdMs: number, targets: readonly AlertTarget[], answer: AlertAnswer): AlertAnswer {
    const nowMs = this.#sources.clock.nowMs();
    this.#told += 1;
    if (targets.length === 0) this.#unmatched += 1;
    const id = idOf(alert.labels);
    for (const host of new Set(targets.map((target) => target.host))) {
      const before = this.#kept.get(host)?.get(id);
      if (answer.status === 'resolved') this.#remove(host, id);
      else if (before !== undefined || this.#hasRoom(nowMs))
        this.#keep(host, id, keptOf(alert, holdMs, nowMs), before);
      else return { ...answer, checks: [], problem: `${keptLimit} alerts are kept, which is the most` };
    }
    return answer;
  }

  #hasRoom(nowMs: number): boolean {
    if (this.#size < keptLimit) return true;
    for (const host of this.#kept.keys()) this.#sweep(host, nowMs);
    return this.#size < keptLimit;
  }

  /** At once where it changes the state; how things stand is looked at in any case from time to time. */
  #conclude({ host, check }: AlertTarget): void {
    const { fleet } = this.#sources;
    const plan = fleet.plan(host);
    if (plan === undefined) return;
    const result = this.look(plan.host, check);
    if (result.state === fleet.state(host)?.checks[check.id]?.state) return;
    fleet.apply(host, { kind: 'result', check: check.id, result, viaHost: false });
  }

  #concerns({ labels }: Kept, host: string, check: CheckDefinition): boolean {
    const { targets } = this.#hosts.targetsOf(this.#sources.fleet.definitions, labels);
    return targets.some((target) => target.host === host && target.check.id === check.id);
  }

  /** Forgets what no check looks at any more. */
  #sweep(host: string, nowMs: number): void {
    const checks = this.#sources.fleet.plan(host)?.checks ?? [];
    const probes = checks.flatMap(({ probe }) => (probe.kind === 'alert' ? [probe] : []));
    for (const [id, alert] of this.#kept.get(host) ?? []) {
      const isWanted = probes.some(
        (probe) => fits(probe.match, alert.labels) && isFiring(alert, probe, nowMs),
      );
      if (!isWanted) this.#remove(host, id);
    }
  }

  #keep(host: string, id: string, alert: Kept, before: Kept | undefined): void {
    const kept =
      before === undefined ? alert : { ...alert, sinceMs: Math.min(alert.sinceMs, before.sinceMs) };
    this.#put(host, id, kept);
    // That it was told again need not be known after a start.
    if (before !== undefined && before.summary === kept.summary && before.holdMs === kept.holdMs) return;
    const { store } = this.#sources;
    this.#write(() =>
      store.putHeard({ kind: 'alert', name: `${host}\n${id}`, atMs: kept.heardAtMs, body: kept }),
    );
  }

  #put(host: string, id: string, alert: Kept): void {
    const own = this.#kept.get(host) ?? new Map<string, Kept>();
    if (!own.has(id)) this.#size += 1;
    own.set(id, alert);
    this.#kept.set(host, own);
  }

  #remove(host: string, id: string): void {
    const own = this.#kept.get(host);
    if (own?.delete(id) !== true) return;
    this.#size -= 1;
    if (own.size === 0) this.#kept.delete(host);
    this.#write(() => this.#sources.store.removeHeard('alert', `${host}\n${id}`));
  }

  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      this.#sources.history.failed(error);
    }
  }
}

function keptOf(
  { labels, annotations, startsAtMs, endsAtMs }: ToldAlert,
  holdMs: number,
  nowMs: number,
): Kept {
  const { summary, description, message } = annotations;
  return {
    labels,
    summary: (summary ?? description ?? message ?? '').slice(0, summaryChars),
    sinceMs: Math.min(startsAtMs ?? nowMs, nowMs),
    heardAtMs: nowMs,
    ...(endsAtMs === undefined ? {} : { endsAtMs }),
    holdMs,
  };
}

function idOf(labels: ToldAlert['labels']): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url');
}

function isFiring({ endsAtMs, heardAtMs, holdMs }: Kept, { resolveMs }: AlertProbe, nowMs: number): boolean {
  return nowMs < (endsAtMs ?? heardAtMs + (resolveMs ?? holdMs));
}

function stateOf({ labels }: Kept, { state }: AlertProbe): CheckState {
  return state ?? (mildSeverities.includes(labels['severity']?.toLowerCase() ?? '') ? 'warning' : 'critical');
}

function resultOfAlerts(firing: readonly Kept[], probe: AlertProbe, nowMs: number): CheckResult {
  const sorted = firing.toSorted(
    (a, b) => worst.indexOf(stateOf(a, probe)) - worst.indexOf(stateOf(b, probe)) || a.sinceMs - b.sinceMs,
  );
  const [first] = sorted;
  const words = sorted.map(({ labels, summary, sinceMs }) => {
    const since = formatDuration(Math.floor((nowMs - sinceMs) / 60_000) * 60_000);
    return `${labels['alertname'] ?? 'alert'}${summary === '' ? '' : `: ${summary}`} (for ${since})`;
  });
  const more = words.length - namedAlerts;
  const text = `${words.slice(0, namedAlerts).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  return {
    state: first === undefined ? 'ok' : stateOf(first, probe),
    text: first === undefined ? 'no such alert fires' : printable(text).replaceAll(/\s+/g, ' '),
    longText: words.length > namedAlerts ? printable(words.slice(0, 100).join('\n')) : '',
    perfdata: [{ label: 'alerts', value: words.length, uom: '', warn: '', crit: '', min: 0, max: null }],
    startedAtMs: nowMs,
    durationMs: 0,
  };
}
