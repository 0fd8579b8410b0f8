/** `mendd events`: what happens, as it happens, until interrupted; over cuts and restarts without a gap where the daemon still has it. */
import type { Command } from 'commander';
import { isAway } from './client.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { usageError } from './exit.ts';
import type { Output } from './output.ts';
import { plain } from './plain-text.ts';
import { showInstant } from './times.ts';
import { pauseFor } from './wait.ts';

interface EventsOptions extends ApiOptions {
  types?: string;
  after?: string;
}

interface EventRow {
  id: number;
  at: string;
  type: string;
  host?: string;
  check?: string;
  data: Record<string, unknown>;
}

/** Before a stream that was cut is opened again. Milliseconds. */
const againMs = 2_000;
/** Of one event that is not whole yet. Characters. */
const longestEvent = 4_194_304;
/** Newer than any: the daemon answers which event is the newest, so that a cut before the first one loses none. */
const beyondAll = '999999999999999';

export function addEvents(program: Command): void {
  const command = addCommand(program, 'events', 'what happens, as it happens, until interrupted', [
    'events',
    'events --types state.changed,action.ended -o ndjson',
    'events --after 0                                # all that is kept, then what comes',
  ]);
  withApi(command)
    .option('--types <types>', 'only these, with a comma between several')
    .option('--after <id>', 'what came after this event first; 0 for all that is kept')
    .action(events);
}

async function events(options: EventsOptions): Promise<void> {
  const { types, after } = options;
  if (options.output === 'json')
    throw usageError('-o json: this has no end.', 'Write -o ndjson, one event a line.');
  if (after !== undefined && !/^\d{1,15}$/.test(after))
    throw usageError(`--after: \`${after}\` is the id of no event.`);
  const { client, out } = await openSession(options);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const reader = new EventReader(out, after ?? beyondAll);
  let hasBegun = false;
  while (!stop.signal.aborted) {
    try {
      await client.follow(pathOf(types, reader.lastId), stop.signal, (text) => {
        hasBegun = true;
        reader.take(text);
      });
    } catch (error) {
      // What cannot be had at all is an error; what was cut is waited for.
      if (!hasBegun || !isAway(error)) throw error;
      out.talk(error.message);
    }
    reader.cut();
    await pauseFor(againMs, stop.signal);
  }
  process.exitCode = 0;
}

function pathOf(types: string | undefined, lastId: string): string {
  const query = new URLSearchParams({ ...(types === undefined ? {} : { types }), after: lastId });
  return `/api/v1/events?${query.toString()}`;
}

/** Reads server-sent events as they come in pieces. */
class EventReader {
  lastId: string;
  readonly #out: Output;
  #text = '';

  constructor(out: Output, lastId: string) {
    this.#out = out;
    this.lastId = lastId;
  }

  take(text: string): void {
    this.#text += text;
    const blocks = this.#text.split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) this.#show(block);
    if (this.#text.length > longestEvent) this.cut();
  }

  /** The rest of what was cut comes again whole. */
  cut(): void {
    this.#text = '';
  }

  #show(block: string): void {
    const field = (name: string): string | undefined =>
      block
        .split('\n')
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2);
    const data = field('data');
    if (data === undefined) return;
    const id = field('id');
    // Without an id it is a word about the stream itself.
    if (id === undefined) return this.#notice(field('event') ?? 'notice', data);
    this.lastId = id;
    const event = JSON.parse(data) as EventRow;
    this.#out.value(event, () => [lineOf(event)]);
  }

  #notice(name: string, data: string): void {
    const asked = this.lastId;
    // The store knows no such event: what comes next follows upon its newest.
    if (name === 'reset') this.lastId = String((JSON.parse(data) as { lastEventId: number }).lastEventId);
    if (name !== 'reset' || asked !== beyondAll) this.#out.talk(`(${name}: ${data})`);
  }
}

function lineOf({ at, type, host, check, data }: EventRow): string {
  const place = host === undefined ? '' : `  ${host}${check === undefined ? '' : `/${check}`}`;
  const figures = Object.entries(data).map(([name, value]) => `${name}=${wordOf(value)}`);
  return plain(`${showInstant(at)}  ${type}${place}  ${figures.join(' ')}`).trimEnd();
}

function wordOf(value: unknown): string {
  return typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value);
}
