/**
 * The live event streams (server-sent events). A reader first gets what it missed from the store, then every event as
 * it happens. A reader that lags is not buffered for: it falls back to the store, and is dropped when it takes
 * nothing for 15 seconds; so the daemon's memory does not depend on how its readers behave.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../core/ports.ts';
import type { StoredEvent } from '../core/types.ts';
import type { DaemonPort, History } from '../core/views.ts';
import type { ApiLog } from './options.ts';
import { toWire } from './wire.ts';

export const streamLimits = {
  /** Open streams. */
  streams: 500,
  /** Of them from one address, so that nobody takes all. */
  streamsPerAddress: 250,
  /** Bytes that wait for one reader before it counts as lagging. */
  bufferBytes: 65_536,
  /** Events read from the store at once. */
  replayEvents: 100,
  heartbeatMs: 15_000,
  /** How long a lagging reader may take nothing. */
  stallMs: 15_000,
  /** Time for the last frame to leave before the socket is destroyed. */
  farewellMs: 5_000,
} as const;

/** Who reads, and what. */
export interface Reading {
  address: string;
  /** Starts after this event; with what happens next without it. */
  afterId?: number;
  /** Types of events; all when absent. */
  types?: ReadonlySet<string>;
  mayRead: () => boolean;
}

interface Reader {
  response: ServerResponse;
  /** Newest event id sent. */
  lastId: number;
  /** False while it is fed from the store. */
  live: boolean;
  readonly address: string;
  /** All when absent. */
  readonly types?: ReadonlySet<string>;
  /** False once its token is worthless. */
  readonly mayRead: () => boolean;
  /** Runs out when a lagging reader takes nothing. */
  cancelStall?: () => void;
}

/** What a stream needs; a part of ApiOptions. */
export interface StreamSources {
  daemon: Pick<DaemonPort, 'onEvent'>;
  history: Pick<History, 'eventsAfter' | 'lastEventId'>;
  clock: Clock;
  log: ApiLog;
}

function frame(event: StoredEvent): string {
  const id = event.id > 0 ? `id: ${event.id}\n` : '';
  return `${id}event: ${event.type}\ndata: ${JSON.stringify(toWire(event))}\n\n`;
}

function wants({ types }: Reader, event: StoredEvent): boolean {
  return types === undefined || types.has(event.type);
}

function notice(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

export class EventStreams {
  readonly #sources: StreamSources;
  readonly #readers = new Set<Reader>();
  #unsubscribe: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  #dropped = 0;

  constructor(sources: StreamSources) {
    this.#sources = sources;
  }

  get open(): number {
    return this.#readers.size;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Why there is no room for one more from `address`; undefined when there is. */
  fullFor(address: string): string | undefined {
    if (this.#readers.size >= streamLimits.streams)
      return `${streamLimits.streams} event streams are open already.`;
    const own = [...this.#readers].filter((reader) => reader.address === address).length;
    if (own < streamLimits.streamsPerAddress) return undefined;
    return `${streamLimits.streamsPerAddress} event streams from this address are open already.`;
  }

  /** `open` writes the head and hands over the response; it is called when nothing can fail any more. */
  start(open: () => ServerResponse, { afterId, ...who }: Reading): void {
    const newest = this.#sources.history.lastEventId();
    const lastId = Math.min(afterId ?? newest, newest);
    const notices = this.#missing(afterId, newest);
    const response = open();
    if (response.socket === null || response.socket.destroyed) return;
    const reader: Reader = { ...who, response, lastId, live: false };
    this.#readers.add(reader);
    this.#unsubscribe ??= this.#sources.daemon.onEvent((event) => this.#publish(event));
    this.#cancelHeartbeat ??= this.#scheduleHeartbeat();
    response.on('close', () => this.#forget(reader));
    response.on('error', () => this.#forget(reader));
    response.on('drain', () => this.#feed(reader));
    response.write(`retry: 3000\n\n${notices}`);
    this.#feed(reader);
  }

  /** Ends every stream; the sockets close by themselves or with the server. */
  closeAll(): void {
    for (const reader of this.#readers) {
      this.#forget(reader);
      reader.response.end(notice('closing', {}));
    }
  }

  /** Notices about events that cannot be sent again: silence would look like "nothing happened". */
  #missing(afterId: number | undefined, newest: number): string {
    if (afterId === undefined || afterId === 0) return '';
    // The reader knows ids that the store does not: the database was restored or replaced.
    if (afterId > newest) return notice('reset', { lastEventId: newest });
    const [first] = this.#sources.history.eventsAfter(afterId, 1);
    const pruned = first !== undefined && first.id > afterId + 1;
    return pruned ? notice('gap', { after: afterId, next: first.id }) : '';
  }

  #publish(event: StoredEvent): void {
    const text = frame(event);
    for (const reader of this.#readers) {
      if (!reader.live || (event.id > 0 && event.id <= reader.lastId)) continue;
      if (reader.response.writableLength > streamLimits.bufferBytes) {
        this.#lag(reader);
        continue;
      }
      if (wants(reader, event)) reader.response.write(text);
      reader.lastId = Math.max(reader.lastId, event.id);
    }
  }

  /** Sends from the store, a piece a turn, until it is empty or the reader's buffer is full; the next drain goes on. */
  #feed(reader: Reader): void {
    reader.cancelStall?.();
    delete reader.cancelStall;
    if (reader.live || !this.#readers.has(reader)) return;
    if (reader.response.writableNeedDrain) {
      this.#lag(reader);
      return;
    }
    let events: StoredEvent[];
    try {
      events = this.#sources.history.eventsAfter(reader.lastId, streamLimits.replayEvents);
    } catch (error) {
      this.#failed(reader, error);
      return;
    }
    for (const event of events) {
      if (wants(reader, event)) reader.response.write(frame(event));
      reader.lastId = event.id;
    }
    reader.live = events.length < streamLimits.replayEvents;
    // Where a reader wants few of very many, nothing else would stop it.
    if (!reader.live) setImmediate(() => this.#feed(reader));
  }

  #failed(reader: Reader, error: unknown): void {
    this.#sources.log.error({ err: error }, 'event stream cannot read the store');
    this.#drop(reader, 'store_failed');
  }

  #beat(reader: Reader): void {
    if (!reader.mayRead()) this.#drop(reader, 'token_ended');
    else if (reader.live && !reader.response.writableNeedDrain) reader.response.write(': heartbeat\n\n');
  }

  #lag(reader: Reader): void {
    reader.live = false;
    reader.cancelStall ??= this.#sources.clock.after(streamLimits.stallMs, () =>
      this.#drop(reader, 'too_slow'),
    );
  }

  #drop(reader: Reader, reason: 'too_slow' | 'store_failed' | 'token_ended'): void {
    this.#forget(reader);
    this.#dropped += 1;
    reader.response.end(notice('dropped', { reason, lastEventId: reader.lastId }));
    const cancel = this.#sources.clock.after(streamLimits.farewellMs, () => reader.response.destroy());
    reader.response.on('close', cancel);
  }

  #forget(reader: Reader): void {
    reader.cancelStall?.();
    delete reader.cancelStall;
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#cancelHeartbeat?.();
    this.#cancelHeartbeat = undefined;
  }

  #scheduleHeartbeat(): () => void {
    return this.#sources.clock.after(streamLimits.heartbeatMs, () => {
      for (const reader of this.#readers) {
        try {
          this.#beat(reader);
        } catch (error) {
          this.#failed(reader, error);
        }
      }
      this.#cancelHeartbeat = this.#readers.size > 0 ? this.#scheduleHeartbeat() : undefined;
    });
  }
}
