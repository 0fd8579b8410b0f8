/**
 * Tells an outside watchdog that mendd works, for as long as it does: whoever hears nothing raises the alarm that mendd cannot raise
 * itself. Holds nothing up, and tells nobody where it goes: the address is a secret.
 */
import type { HeartbeatConfig } from '../core/daemon-config.ts';
import type { Clock } from '../core/ports.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import type { Tally } from './tally.ts';

export interface HeartbeatOptions {
  clock: Clock;
  log: Log;
  history: Pick<History, 'add'>;
  fleet: { readonly definitions: { daemon: { heartbeat?: HeartbeatConfig } } };
  tally: Pick<Tally, 'beat'>;
  isReady: () => boolean;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #ending = new AbortController();
  #dueAtMs = Number.NEGATIVE_INFINITY;
  #isUnderWay = false;
  #isFailing = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** To be called every second; sends when it is time and mendd is ready. Resolves when that one is over. */
  async turn(): Promise<void> {
    const { clock, fleet, isReady } = this.#options;
    const { heartbeat } = fleet.definitions.daemon;
    const nowMs = clock.monotonicMs();
    if (heartbeat === undefined || this.#isUnderWay || nowMs < this.#dueAtMs || !isReady()) return;
    this.#isUnderWay = true;
    this.#dueAtMs = nowMs + heartbeat.everyMs;
    const problem = await this.#send(heartbeat);
    this.#isUnderWay = false;
    if (!this.#ending.signal.aborted) this.#tell(problem);
  }

  stop(): void {
    this.#ending.abort();
  }

  /** What went wrong, without the address. */
  async #send({ url, timeoutMs }: HeartbeatConfig): Promise<string | undefined> {
    try {
      const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(timeoutMs)]);
      const answer = await fetch(url.reveal(), { redirect: 'error', signal });
      await answer.body?.cancel();
      return answer.ok ? undefined : `it answered ${answer.status}`;
    } catch (error) {
      return causeOf(error);
    }
  }

  #tell(problem: string | undefined): void {
    const { log, history, tally } = this.#options;
    tally.beat(problem === undefined);
    const isFailing = problem !== undefined;
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    history.add(isFailing ? 'heartbeat.failed' : 'heartbeat.recovered', {
      data: isFailing ? { problem } : {},
    });
    if (isFailing) log.warn({ problem }, 'heartbeat: the watchdog did not hear it');
    else log.info({}, 'heartbeat: the watchdog hears it again');
  }
}

/** By its code alone: messages of fetch hold the address. */
function causeOf(error: unknown): string {
  if (error instanceof DOMException) return error.name === 'TimeoutError' ? 'no answer in time' : error.name;
  const { code } = ((error as Error).cause ?? error) as { code?: unknown };
  return typeof code === 'string' ? code : 'the request failed, or was sent elsewhere by a redirect';
}
