/**
 * `--watch`: shows something again and again as things change, until it is interrupted. Woken by the daemon's events; where there
 * are none to be had it looks from time to time. What is shown is the command's own matter.
 */
import type { Command } from 'commander';
import { MenddError } from '../core/errors.ts';
import { type ApiClient, isAway } from './client.ts';
import type { Session } from './command.ts';
import { CommandError } from './exit.ts';
import { pauseFor } from './wait.ts';

/** Between two looks: at the least, without events, and with them, so that ages are right. Milliseconds. */
const leastMs = 250;
const blindMs = 2_000;
const longestMs = 10_000;
/** Before events are asked for again. Milliseconds. */
const againMs = 5_000;

const clearScreen = '\u001b[H\u001b[2J';

export interface WatchOptions {
  watch: boolean;
}

export function withWatch(command: Command): Command {
  return command.option(
    '--watch',
    'show it again as things change, until interrupted; JSON lines: only what is new',
    false,
  );
}

/** Once, or with `--watch` until SIGINT or SIGTERM; a daemon that is away meanwhile is said so and waited for. */
export async function showOrWatch<T>(
  { client, out }: Session,
  { watch }: WatchOptions,
  read: () => Promise<T>,
  show: (found: T) => void,
): Promise<void> {
  if (!watch) return show(await read());
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const bell = new Bell();
  const listening = listen(client, bell, stop.signal);
  try {
    while (!stop.signal.aborted) {
      const found = await read().catch(orAway);
      if (stop.signal.aborted) break;
      if (out.isTerminal && out.format === 'table') process.stdout.write(clearScreen);
      out.beginFrame();
      if (found instanceof Away) out.talk(`${found.message} Nothing below this line is known.`);
      else show(found);
      await pauseFor(leastMs, stop.signal);
      await bell.wait(stop.signal);
    }
  } finally {
    stop.abort();
    await listening;
  }
  process.exitCode = 0;
}

class Away {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

function orAway(error: unknown): Away {
  if (isAway(error)) return new Away(error.message);
  throw error;
}

/** Rung by events; by itself after a while. */
class Bell {
  isLive = false;
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#rung) {
      const ring = new AbortController();
      this.#wake = () => ring.abort();
      await pauseFor(this.isLive ? longestMs : blindMs, AbortSignal.any([signal, ring.signal]));
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}

async function listen(client: ApiClient, bell: Bell, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await client.follow('/api/v1/events', signal, (text) => {
        bell.isLive = true;
        // Lines that begin with a colon keep the connection alive and say nothing.
        if (/^event: /m.test(text)) bell.ring();
      });
    } catch (error) {
      // Whoever may not hear of events, or for whom there is no room, looks from time to time.
      if (!(error instanceof MenddError || error instanceof CommandError)) throw error;
    }
    bell.isLive = false;
    await pauseFor(againMs, signal);
  }
}
