/** Talks to the API of a daemon in the ops namespace: answers, and the stream of events. Knows nothing of scenarios. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Wire } from '../../api/wire.ts';
import type { StoredEvent } from '../../core/types.ts';
import type { Fleet } from './harness.ts';

/** Whatever the API said, refusals included. */
export interface ApiAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: unknown;
}

export type ApiEvent = Wire<StoredEvent>;

const relayFile = fileURLToPath(new URL('relay.mjs', import.meta.url));

/** Where the daemon listens; the port is the namespace's own, so that it is always free. */
export const apiPort = 8420;

export class DaemonApi {
  readonly #socket: string;
  readonly #stopRelay: () => void;

  private constructor(socket: string, stopRelay: () => void) {
    this.#socket = socket;
    this.#stopRelay = stopRelay;
  }

  /** One for each fleet; it outlives restarts of the daemon. */
  static async open(fleet: Fleet): Promise<DaemonApi> {
    const socket = join(fleet.dir, 'api.sock');
    // Of a daemon before this one.
    rmSync(socket, { force: true });
    const relay = fleet.spawnInOps([process.execPath, relayFile, socket, String(apiPort)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (relay.stdout === null) throw new Error('the relay has no output');
    await once(relay.stdout, 'data');
    return new DaemonApi(socket, () => relay.kill('SIGKILL'));
  }

  close(): void {
    this.#stopRelay();
  }

  /** Errors: rejects when the daemon is off or the answer is not 2xx. Limits: 20 s. */
  async get<T>(path: string): Promise<T> {
    const { status, body } = await this.send('GET', path);
    if (status < 200 || status > 299) throw new Error(`GET ${path}: ${status}: ${JSON.stringify(body)}`);
    return body as T;
  }

  /** Errors: rejects when the daemon is off. Limits: 20 s. */
  async send(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: object,
  ): Promise<ApiAnswer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const typed = text === undefined ? headers : { ...headers, 'content-type': 'application/json' };
    const response = await this.#request(path, typed, method, text);
    response.socket.setTimeout(20_000, () =>
      response.destroy(new Error(`${method} ${path}: no answer within 20 s`)),
    );
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const answer = Buffer.concat(chunks).toString();
    const { statusCode: status = 0, headers: answered } = response;
    return { status, headers: answered, body: answer === '' ? undefined : JSON.parse(answer) };
  }

  /** Follows the stream from the event after `afterId` until the daemon ends. */
  async follow(afterId: number, onEvent: (event: ApiEvent) => void): Promise<void> {
    const response = await this.#request('/api/v1/events', { 'last-event-id': String(afterId) });
    if (response.statusCode !== 200) throw new Error(`the event stream answered ${response.statusCode}`);
    let rest = '';
    response.on('data', (chunk: Buffer) => {
      const frames = `${rest}${chunk.toString()}`.split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        // Notices about the stream itself have no id.
        const data = /^id: .*\n(?:.*\n)*data: (.*)$/.exec(frame)?.[1];
        if (data !== undefined) onEvent(JSON.parse(data) as ApiEvent);
      }
    });
    // A killed daemon ends it in the middle: that is what scenarios do.
    response.on('error', () => undefined);
  }

  #request(
    path: string,
    headers: Record<string, string>,
    method = 'GET',
    body?: string,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath: this.#socket, path, method, headers, agent: false });
      outgoing.on('response', resolve);
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}
