/**
 * Joins requests for one host that are made in the same turn into one exec. Alone is the truth and a batch is optimistic: what
 * is not perfectly clean in a batch is asked once more alone, and that outcome counts. It sends nothing itself.
 */
import { createHash } from 'node:crypto';
import type { HostDefinition } from '../core/definitions.ts';
import type { BatchCounts, Clock, RunOutcome, RunRequest } from '../core/ports.ts';
import type { BatchEnd, MemberEnd } from './check-batch-session.ts';
import type { Unsent } from './ssh-session.ts';

/** More of one turn go in several execs: a batch is text, and all of it is parsed before any of it runs. */
const memberLimit = 40;
const textLimitBytes = 1024 * 1024;
/** How long a check stays alone, or a host without batches, before they are tried again. */
const aloneMs = 3_600_000;
const memoryLimit = 10_000;

export interface BatcherOptions {
  clock: Clock;
  alone: (host: HostDefinition, request: RunRequest) => Promise<RunOutcome>;
  /** Tells each request's end at most once; anything but a BatchEnd means that nothing was sent. */
  together: (
    host: HostDefinition,
    requests: readonly RunRequest[],
    parallel: number,
    tell: (index: number, end: MemberEnd) => void,
  ) => Promise<BatchEnd | Unsent>;
}

interface Member {
  request: RunRequest;
  settle: (outcome: RunOutcome | Promise<RunOutcome>) => void;
}

export class Batcher {
  readonly #options: BatcherOptions;
  /** Requests of this turn. Definitions of one host are one object until the next reload. */
  readonly #gathering = new Map<HostDefinition, Member[]>();
  /** Monotonic times until which hosts, or checks of them, run alone. Oldest first. */
  readonly #aloneUntilMs = new Map<string, number>();
  /** How many of them are of each host: keys of checks are dear, and most hosts have none. */
  readonly #aloneOf = new Map<string, number>();
  readonly #counts: BatchCounts = { execs: 0, checks: 0, again: 0 };

  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  counts(): BatchCounts {
    return { ...this.#counts };
  }

  run(host: HostDefinition, request: RunRequest): Promise<RunOutcome> {
    if (!mayShare(request) || this.#runsAlone(host, request)) {
      return this.#options.alone(host, request);
    }
    return new Promise((settle) => {
      const member = { request, settle };
      const others = this.#gathering.get(host);
      if (others) others.push(member);
      else {
        this.#gathering.set(host, [member]);
        setImmediate(() => this.#close(host));
      }
    });
  }

  #close(host: HostDefinition): void {
    const gathered = this.#gathering.get(host) ?? [];
    this.#gathering.delete(host);
    for (const members of portions(gathered)) {
      const [only] = members;
      if (members.length > 1) void this.#runTogether(host, members);
      else if (only) only.settle(this.#options.alone(host, only.request));
    }
  }

  async #runTogether(host: HostDefinition, members: readonly Member[]): Promise<void> {
    const open = new Set(members);
    const requests = members.map(({ request }) => request);
    const parallel = Math.max(1, Math.min(...requests.map(({ batch }) => batch?.parallel ?? 1)));
    this.#counts.execs += 1;
    this.#counts.checks += members.length;
    const end = await this.#options.together(host, requests, parallel, (index, memberEnd) => {
      const member = members[index];
      if (!member || !open.delete(member)) return;
      if (memberEnd.kind === 'ran') return member.settle(memberEnd.outcome);
      this.#remember(keyOf(host, member.request));
      member.settle(this.#again(host, member.request));
    });
    if (end.kind !== 'batch') {
      for (const { settle } of open) settle(end);
      return;
    }
    if (end.end === 'unfit') this.#remember(host.name);
    // One after the other: what cut the batch may end the connection again, and others on it.
    for (const { request, settle } of open) {
      const outcome = await this.#again(host, request);
      const isLost = outcome.kind === 'unreachable' && outcome.failure.sent;
      if (isLost || outcome.kind === 'killed') this.#remember(keyOf(host, request));
      settle(outcome);
    }
  }

  #again(host: HostDefinition, request: RunRequest): Promise<RunOutcome> {
    this.#counts.again += 1;
    return this.#options.alone(host, request);
  }

  #runsAlone(host: HostDefinition, request: RunRequest): boolean {
    return this.#aloneOf.has(host.name) && (this.#isAlone(host.name) || this.#isAlone(keyOf(host, request)));
  }

  #isAlone(key: string): boolean {
    const untilMs = this.#aloneUntilMs.get(key);
    if (untilMs === undefined) return false;
    if (this.#options.clock.monotonicMs() < untilMs) return true;
    this.#forget(key);
    return false;
  }

  #remember(key: string): void {
    this.#forget(key);
    this.#aloneUntilMs.set(key, this.#options.clock.monotonicMs() + aloneMs);
    const host = hostOf(key);
    this.#aloneOf.set(host, (this.#aloneOf.get(host) ?? 0) + 1);
    for (const oldest of this.#aloneUntilMs.keys()) {
      if (this.#aloneUntilMs.size <= memoryLimit) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    if (!this.#aloneUntilMs.delete(key)) return;
    const host = hostOf(key);
    const left = (this.#aloneOf.get(host) ?? 1) - 1;
    if (left > 0) this.#aloneOf.set(host, left);
    else this.#aloneOf.delete(host);
  }
}

function mayShare(request: RunRequest): boolean {
  return (
    request.batch !== undefined &&
    request.purpose === 'check' &&
    request.sudo === undefined &&
    request.stdin === undefined &&
    request.beforeSend === undefined &&
    request.signal === undefined &&
    request.outputBytes === undefined
  );
}

function keyOf(host: HostDefinition, { script, env }: RunRequest): string {
  const hash = createHash('sha256').update(JSON.stringify([script, env ?? {}]));
  return `${host.name}\n${hash.digest('base64')}`;
}

function hostOf(key: string): string {
  return key.split('\n', 1)[0] ?? key;
}

function portions(members: readonly Member[]): Member[][] {
  const all: Member[][] = [];
  let bytes = Infinity;
  for (const member of members) {
    const { script, env } = member.request;
    const more = script.length + JSON.stringify(env ?? {}).length;
    const last = all.at(-1);
    if (last && last.length < memberLimit && bytes + more <= textLimitBytes) {
      last.push(member);
      bytes += more;
    } else {
      all.push([member]);
      bytes = more;
    }
  }
  return all;
}
