/** Starts the API on a free port over a FakeDaemon and asks it; every test file closes what it opened. */
import { afterEach, vi } from 'vitest';
import type { ApiOptions } from '../../api/options.ts';
import { type Api, createApi } from '../../api/server.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are judged by the tests, not typed
  json: any;
}

export interface TestApi {
  api: Api;
  daemon: FakeDaemon;
  port: number;
  url: string;
  logged: { level: string; fields: object; message: string }[];
  get: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  send: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
}

const opened: TestApi[] = [];

export function bearer(secret: string): { authorization: string } {
  return { authorization: `Bearer ${secret}` };
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true && text !== '';
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** Waits until `check` passes; generous, since the machine may be busy. */
export function eventually(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { interval: 20 });
}

export async function startApi(daemon = new FakeDaemon(), more: Partial<ApiOptions> = {}): Promise<TestApi> {
  const logged: TestApi['logged'] = [];
  const note = (level: string) => (fields: object, message: string) =>
    logged.push({ level, fields, message });
  const log = { info: note('info'), warn: note('warn'), error: note('error') };
  const { history, runs, clock } = daemon;
  const api = createApi({ daemon, history, runs, clock, log, ...more });
  const { port } = await api.listen('127.0.0.1', 0);
  const url = `http://127.0.0.1:${port}`;
  const started: TestApi = {
    api,
    daemon,
    port,
    url,
    logged,
    get: async (path, headers = {}) => answerOf(await fetch(url + path, { headers, redirect: 'manual' })),
    send: async (method, path, body, headers = {}) => {
      const json = body === undefined ? {} : { 'content-type': 'application/json' };
      const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
      const init = {
        method,
        headers: { ...json, ...headers },
        ...(text === undefined ? {} : { body: text }),
      };
      return answerOf(await fetch(url + path, init));
    },
  };
  opened.push(started);
  return started;
}

afterEach(async () => {
  for (const { api, daemon } of opened.splice(0)) {
    const closed = api.close();
    daemon.clock.advance(10_000);
    await closed;
  }
});
