/**
 * What stands in a replay for the hosts, the network and the history: answers come from what was recorded, and nothing is sent or
 * written anywhere. Decides nothing.
 */
import type { GateVerdict } from '../core/decisions.ts';
import type {
  FactsQuestion,
  GuardOutcome,
  GuardRequest,
  HumanSign,
  TargetGuard,
} from '../core/guard-port.ts';
import type { Clock, Runner, Store, Target } from '../core/ports.ts';
import type { SelfDoubtRule } from '../core/remediation-config.ts';
import type { Doubt } from '../core/safety.ts';
import type { OwnCondition } from '../core/self-doubt.ts';
import type { Run, RunSummary } from '../core/types.ts';
import type { RecordedSign } from '../store/recorded.ts';

/** An event that followed the same result is at most so far from it. Milliseconds. */
export const sameMs = 5_000;
/** Long enough for every `min_uptime`. Seconds. */
const longUpSec = 315_360_000;
/** A host that was asked so near to it told what it told. Milliseconds. */
const nearMs = 60_000;

type Past = Pick<RunSummary, 'host' | 'action' | 'episode' | 'decidedAtMs'>;

/** The recorded run of the same action on the same host that was about the same problem, the nearest in time. */
export function counterpartOf<T extends Past>(run: Past, recorded: readonly T[]): T | undefined {
  const sinceMs = Number.parseInt(run.episode, 36);
  const distanceMs = (other: Past): number => Math.abs(other.decidedAtMs - run.decidedAtMs);
  return recorded
    .filter(
      (other) =>
        other.host === run.host &&
        other.action === run.action &&
        Math.abs(Number.parseInt(other.episode, 36) - sinceMs) <= sameMs,
    )
    .toSorted((a, b) => distanceMs(a) - distanceMs(b))[0];
}

/** Recorded runs by host, oldest first. */
export type RecordedRuns = ReadonlyMap<string, readonly Run[]>;

export class ReplayGuard implements TargetGuard {
  readonly #clock: Clock;
  readonly #runs: RecordedRuns;
  readonly #signs = new Map<string, RecordedSign[]>();
  /** Reboots that were played, by host. */
  readonly #boots = new Map<string, number>();
  /** Questions to hosts that nobody asked them then. */
  unknownFacts = 0;

  constructor(clock: Clock, runs: RecordedRuns, signs: readonly RecordedSign[]) {
    this.#clock = clock;
    this.#runs = runs;
    for (const sign of signs) this.#signs.set(sign.host, [...(this.#signs.get(sign.host) ?? []), sign]);
  }

  facts(target: Target, question?: FactsQuestion): ReturnType<TargetGuard['facts']> {
    const host = nameOf(target);
    const nowMs = this.#clock.nowMs();
    const isNear = (fromMs: number, untilMs: number): boolean =>
      nowMs >= fromMs - sameMs && nowMs <= untilMs + sameMs;
    const signs = (this.#signs.get(host) ?? []).filter(({ fromMs, untilMs }) => isNear(fromMs, untilMs));
    const wasAsked = (this.#runs.get(host) ?? []).some(
      ({ decidedAtMs }) => Math.abs(decidedAtMs - nowMs) <= nearMs,
    );
    if (question?.people !== undefined && signs.length === 0 && !wasAsked) this.unknownFacts += 1;
    const people = signs.flatMap((sign) => signOf(sign));
    const upMs = signs.flatMap((sign) => uptimeOf(sign)).at(-1);
    return Promise.resolve({
      kind: 'facts',
      bootId: `boot-${this.#boots.get(host) ?? 0}`,
      uptimeSec: upMs === undefined ? longUpSec : upMs / 1000,
      ...(question?.people === undefined ? {} : { people }),
    });
  }

  /** As the recorded run of the same problem went; one that history does not know is taken to have ended with 0 at once. */
  async run({ intent, timeoutMs, beforeSend }: GuardRequest): Promise<GuardOutcome> {
    const past = counterpartOf(intent, this.#runs.get(intent.host) ?? []);
    const cancelled = past?.status === 'cancelled';
    const notSent = { kind: 'not_sent', reason: 'as it was recorded' } as const;
    if (cancelled && past.dispatchedAtMs === undefined) return notSent;
    const reason = beforeSend();
    if (reason !== undefined) return { kind: 'not_sent', reason };
    const none = { stdout: '', stderr: '' };
    // A reboot that failed after its command had not came back, or did not go down.
    const exitCode = past?.status === 'failed' ? (past.exitCode ?? 1) : 0;
    const lastedMs = past === undefined ? 0 : tookOf(past);
    if (intent.kind === 'reboot' && exitCode === 0 && !cancelled) {
      if (past?.status !== 'failed') this.#clock.after(lastedMs, () => this.#boot(intent.host));
      return { kind: 'ran', exitCode, ...none, truncated: false, durationMs: 0 };
    }
    await new Promise<void>((resolve) => this.#clock.after(Math.min(lastedMs, timeoutMs), resolve));
    // It was sent and never arrived.
    if (cancelled) return notSent;
    if (past?.status === 'refused')
      return { kind: 'refused', reason: 'unusable', message: 'as it was recorded' };
    if (lastedMs > timeoutMs) return { kind: 'timed_out', limitMs: timeoutMs, ...none };
    return { kind: 'ran', exitCode, ...none, truncated: false, durationMs: lastedMs };
  }

  #boot(host: string): void {
    this.#boots.set(host, (this.#boots.get(host) ?? 0) + 1);
  }

  inspect(target: Target): ReturnType<TargetGuard['inspect']> {
    const bootId = `boot-${this.#boots.get(nameOf(target)) ?? 0}`;
    return Promise.resolve({ kind: 'finished', bootId, exitCode: 0, stdout: '', stderr: '' });
  }
}

function nameOf(target: Target): string {
  return target.kind === 'local' ? '' : target.host.name;
}

/** From the sending to the moment from which it was verified, or over. */
function tookOf({ dispatchedAtMs, endedAtMs, events }: Run): number {
  const endMs = events.find(({ status }) => status === 'verifying')?.atMs ?? endedAtMs;
  return dispatchedAtMs === undefined || endMs === undefined ? 0 : Math.max(0, endMs - dispatchedAtMs);
}

function valuesOf({ gates, reason }: RecordedSign): GateVerdict['values'] {
  const verdicts = JSON.parse(gates) as GateVerdict[];
  return verdicts.find((gate) => gate.reason === reason)?.values ?? {};
}

function signOf(sign: RecordedSign): HumanSign[] {
  if (sign.reason !== 'human_intent') return [];
  return [{ kind: (valuesOf(sign)['sign'] as HumanSign['kind']) ?? 'login', text: 'as it was recorded' }];
}

function uptimeOf(sign: RecordedSign): number[] {
  const upMs = sign.reason === 'booted_lately' ? valuesOf(sign)['upMs'] : undefined;
  return typeof upMs === 'number' ? [upMs] : [];
}

/** Gathers and asks nothing. */
export function replayRunner(clock: Clock): Runner {
  return {
    run: () =>
      Promise.resolve({
        kind: 'exited',
        exitCode: 0,
        stdout: 'a replay gathers no evidence',
        stderr: '',
        truncated: false,
        startedAtMs: clock.nowMs(),
        durationMs: 0,
      }),
    update: () => undefined,
    connections: () => ({ open: 0, connecting: 0, waiting: 0, evicted: 0, turnedAway: 0 }),
    batches: () => ({ execs: 0, checks: 0, again: 0 }),
    close: () => Promise.resolve(),
  };
}

/** The own network was well, but for what was doubted then. */
export function replayCondition(
  { canaries, dns, gateway }: SelfDoubtRule,
  doubted: ReadonlySet<string>,
): OwnCondition {
  const asked = (count: number, cause: Doubt['cause']): { asked: number; answered: number } => ({
    asked: count,
    answered: doubted.has(cause) ? 0 : count,
  });
  return {
    ...(gateway ? { gatewayUp: !doubted.has('network_down') } : {}),
    ...(canaries.length === 0 ? {} : { canaries: asked(canaries.length, 'canaries_down') }),
    ...(dns.length === 0 ? {} : { dns: asked(dns.length, 'dns_down') }),
  };
}

function noPage(): { items: [] } {
  return { items: [] };
}

/** Keeps nothing but what it is given to keep: the decisions. */
export function replayStore(onDecision: (decision: Parameters<Store['saveDecision']>[0]) => void): Store {
  let events = 0;
  return {
    loadChecks: () => [],
    loadHosts: () => [],
    save: () => [],
    batch: (work) => work(),
    saveDecision(decision) {
      onDecision(decision);
      return { ...decision, id: 0, count: 2, lastAtMs: decision.atMs };
    },
    addEvent(event) {
      events += 1;
      return { ...event, id: events };
    },
    forget: () => undefined,
    transitions: noPage,
    results: noPage,
    decisions: noPage,
    rollups: () => [],
    eventsAfter: () => [],
    lastEventId: () => events,
    putHeard: () => undefined,
    removeHeard: () => undefined,
    loadHeard: () => [],
    prune: () => false,
    backup: () => Promise.resolve(),
    close: () => undefined,
  };
}
