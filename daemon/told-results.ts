/**
 * Takes results that others tell of passive checks, and notices when none comes (the dead man's switch). What they lead to is
 * concluded where every result is. Remembers over a restart what the state of a check does not tell.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CheckDefinition, HostDefinition } from '../core/definitions.ts';
import { formatDuration } from '../core/duration.ts';
import { MenddError } from '../core/errors.ts';
import { resultOf } from '../core/exit-code.ts';
import { fullNames } from '../core/names.ts';
import type { Clock, Store } from '../core/ports.ts';
import type { ToldAnswer, ToldResult } from '../core/told-port.ts';
import type { CheckResult, CheckState } from '../core/types.ts';
import type { Rejected } from '../core/views.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';

export interface ToldSources {
  clock: Clock;
  store: Pick<Store, 'loadHeard' | 'putHeard' | 'removeHeard'>;
  history: History;
  fleet: Fleet;
}

/** What the check's own state does not tell. */
interface Memory {
  /** Wall time from which a result is waited for, where that is not the newest result. */
  sinceMs?: number;
  /** There was a result at `sinceMs`. */
  isHeard?: boolean;
  /** The sender's own, in place of the check's. */
  ttlMs?: number;
}

/** How far the sender's clock may be ahead. Milliseconds. */
const aheadMs = 60_000;
/** Older tells nothing of now, and the history keeps results nearly in order. Milliseconds. */
export const oldestMs = 45 * 60_000;
/** After a start senders get so much time before anything is overdue. Milliseconds. */
const graceMs = 600_000;
/** Of checks that are gone; an inventory may tell their host again. Milliseconds. */
const forgetAfterMs = 30 * 86_400_000;
/** Results that may wait for their turn, of all senders. */
const waitingLimit = 5_000;
/** Results between two moments at which others have their turn. */
const slice = 50;

const states: readonly CheckState[] = ['ok', 'warning', 'critical', 'unknown'];

export class ToldResults {
  readonly #sources: ToldSources;
  readonly #memory = new Map<string, Memory>();
  readonly #refused = new Map<string, number>();
  #accepted = 0;
  #waiting = 0;

  /** Errors: MenddError when the store cannot be read. */
  constructor(sources: ToldSources) {
    this.#sources = sources;
    const beforeMs = sources.clock.nowMs() - forgetAfterMs;
    for (const { name, body, atMs } of sources.store.loadHeard('told')) {
      const [host = '', check = ''] = name.split('\n');
      const isDefined = sources.fleet.plan(host)?.checks.some(({ id }) => id === check) === true;
      if (isDefined || atMs > beforeMs) this.#memory.set(name, body as Memory);
      else this.#remember(name, undefined);
    }
  }

  counts(): { accepted: number; refused: Record<string, number>; overdue: number } {
    const { fleet } = this.#sources;
    let overdue = 0;
    for (const [key, { isHeard }] of this.#memory) {
      const [host = '', check = ''] = key.split('\n');
      const isOver = fleet.state(host)?.checks[check]?.lastResult !== undefined;
      if (isHeard !== undefined && isOver) overdue += 1;
    }
    return { accepted: this.#accepted, refused: Object.fromEntries(this.#refused), overdue };
  }

  /** The result that says none came, once that is so; till then why there is none. */
  look({ name: host }: HostDefinition, check: CheckDefinition): CheckResult | string {
    const { clock, fleet } = this.#sources;
    const { probe } = check;
    if (probe.kind !== 'passive') throw new Error(`${check.id} is not passive`);
    const key = `${host}\n${check.id}`;
    const nowMs = clock.nowMs();
    const memory = this.#memory.get(key) ?? {};
    const last = fleet.state(host)?.checks[check.id]?.lastResult;
    const lastMs = last && last.startedAtMs + last.durationMs;
    const ttlMs = memory.ttlMs ?? probe.ttlMs;
    if (ttlMs === undefined) return 'it waits for a result, for as long as it takes';
    const isHeard = memory.isHeard ?? last !== undefined;
    // A clock that was set back must not put it off.
    const sinceMs = Math.min(memory.sinceMs ?? lastMs ?? nowMs, nowMs);
    if (lastMs === undefined && memory.sinceMs === undefined)
      this.#remember(key, { ...memory, sinceMs, isHeard: false });
    // Nobody could tell anything while no daemon ran.
    const dueMs = Math.max(sinceMs + ttlMs, fleet.startedAtMs + Math.min(ttlMs, graceMs));
    if (nowMs <= dueMs) return `a result is expected until ${new Date(dueMs).toISOString()}`;
    if (memory.sinceMs === undefined && lastMs !== undefined)
      this.#remember(key, { ...memory, sinceMs, isHeard: true });
    const waited = formatDuration(Math.floor((nowMs - sinceMs) / 60_000) * 60_000);
    const text = isHeard
      ? `no result for ${waited}, at the most ${formatDuration(ttlMs)} are allowed`
      : `no result yet, after ${waited}`;
    return { state: probe.state, text, longText: '', perfdata: [], startedAtMs: nowMs, durationMs: 0 };
  }

  /** In the order they are told. */
  async submit(results: readonly ToldResult[], isDry: boolean): Promise<ToldAnswer[] | Rejected> {
    const busy = this.#waiting + results.length > waitingLimit;
    const problem = busy ? 'More is told at once than can be taken.' : this.#sources.history.problem;
    if (problem !== undefined)
      return { kind: 'rejected', status: 503, code: busy ? 'busy' : 'store_unusable', message: problem };
    this.#waiting += results.length;
    let left = results.length;
    try {
      const answers: ToldAnswer[] = [];
      for (const [index, told] of results.entries()) {
        if (index > 0 && index % slice === 0) await nextTurn();
        answers.push(this.#take(told, isDry));
        this.#waiting -= 1;
        left -= 1;
      }
      return answers;
    } finally {
      this.#waiting -= left;
    }
  }

  #take(told: ToldResult, isDry: boolean): ToldAnswer {
    const judged = this.#judge(told);
    if (!('result' in judged)) {
      if (!isDry) this.#refused.set(judged.code ?? '', (this.#refused.get(judged.code ?? '') ?? 0) + 1);
      return judged;
    }
    const { host } = told;
    const { check, result } = judged;
    if (!isDry && !this.#isRepeat(host, check, result)) this.#apply(told, check, result);
    return { host, check: check.id, accepted: true };
  }

  #apply({ host, ttlMs }: ToldResult, check: CheckDefinition, result: CheckResult): void {
    const key = `${host}\n${check.id}`;
    this.#accepted += 1;
    const before = this.#memory.get(key);
    const next: Memory | undefined = ttlMs === undefined ? undefined : { ttlMs };
    const isSame = before?.sinceMs === undefined && before?.ttlMs === next?.ttlMs;
    if (!isSame) this.#remember(key, next);
    this.#sources.fleet.apply(host, { kind: 'result', check: check.id, result, viaHost: false });
  }

  /** What a sender tells again since it heard no answer counts once. */
  #isRepeat(host: string, { id }: CheckDefinition, result: CheckResult): boolean {
    const last = this.#sources.fleet.state(host)?.checks[id]?.lastResult;
    if (last === undefined || this.#memory.get(`${host}\n${id}`)?.sinceMs !== undefined) return false;
    const { startedAtMs, state, text } = result;
    return last.startedAtMs === startedAtMs && last.state === state && last.text === text;
  }

  #judge(told: ToldResult): ToldAnswer | { check: CheckDefinition; result: CheckResult } {
    const { host } = told;
    const refuse = (code: ToldAnswer['code'], problem: string, check = told.check): ToldAnswer => {
      return { host, check, accepted: false, ...(code === undefined ? {} : { code }), problem };
    };
    const plan = this.#sources.fleet.plan(host);
    if (plan === undefined) return refuse('host_unknown', `there is no host ${host}`);
    const names = fullNames(
      told.check,
      plan.checks.map(({ id }) => id),
    );
    const meant = plan.checks.filter(({ id }) => names.includes(id));
    const passive = meant.filter(({ probe }) => probe.kind === 'passive');
    const [check] = passive;
    if (meant.length === 0) return refuse('check_unknown', `${host} has no check ${told.check}`);
    if (check === undefined)
      return refuse('not_passive', `${meant[0]?.id ?? ''} is no passive check: mendd asks it itself`);
    if (passive.length > 1) {
      const ids = passive.map(({ id }) => id).join(' or ');
      return refuse('check_unknown', `${told.check} could be ${ids}; write the full name`);
    }
    const late = this.#judgeTime(told, check);
    return late === undefined ? { check, result: this.#read(told, check) } : refuse(...late, check.id);
  }

  #judgeTime(
    { host, atMs }: ToldResult,
    { id }: CheckDefinition,
  ): [code: ToldAnswer['code'], problem: string] | undefined {
    if (atMs === undefined) return undefined;
    const nowMs = this.#sources.clock.nowMs();
    if (atMs > nowMs + aheadMs)
      return ['from_the_future', `it is of ${formatDuration(atMs - nowMs)} from now; set the sender's clock`];
    if (atMs < nowMs - oldestMs)
      return ['too_old', `it is older than ${formatDuration(oldestMs)} and tells nothing of now`];
    const memory = this.#memory.get(`${host}\n${id}`);
    const last = this.#sources.fleet.state(host)?.checks[id]?.lastResult;
    const newestMs =
      memory?.sinceMs === undefined ? last?.startedAtMs : memory.isHeard ? memory.sinceMs : undefined;
    if (newestMs === undefined || atMs >= newestMs) return undefined;
    return ['older_than_newest', `there is one of ${new Date(newestMs).toISOString()} already`];
  }

  #read({ state, exitCode, output, atMs, durationMs = 0 }: ToldResult, check: CheckDefinition): CheckResult {
    const nowMs = this.#sources.clock.nowMs();
    const outcome = {
      kind: 'exited' as const,
      exitCode: state === undefined ? (exitCode ?? 3) : states.indexOf(state),
      stdout: output,
      stderr: '',
      truncated: false,
      startedAtMs: Math.min(atMs ?? nowMs, nowMs),
      durationMs,
    };
    const { exitCode: _ours, ...result } = resultOf(outcome, state === undefined ? check.exitMap : {});
    return exitCode === undefined ? result : { ...result, exitCode };
  }

  #remember(key: string, memory: Memory | undefined): void {
    const { store, clock, history } = this.#sources;
    try {
      if (memory === undefined) {
        this.#memory.delete(key);
        store.removeHeard('told', key);
      } else {
        this.#memory.set(key, memory);
        store.putHeard({ kind: 'told', name: key, atMs: clock.nowMs(), body: memory });
      }
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
    }
  }
}
