/** The heartbeat to an outside watchdog: while mendd is ready and no longer, never in the way, and without its address anywhere. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SecretValue } from '../../config/secrets.ts';
import type { HeartbeatConfig } from '../../core/daemon-config.ts';
import { Heartbeat } from '../../daemon/heartbeat.ts';
import { FakeClock } from '../support/fake-clock.ts';

let server: Server;
let answer: (url: string) => number | 'never';
let asked: string[];
let url: string;
const told: unknown[][] = [];
const note = (...words: unknown[]): void => void told.push(words);

beforeEach(async () => {
  asked = [];
  told.length = 0;
  answer = () => 200;
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const status = answer(request.url ?? '');
    if (status === 'never') return;
    response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('OK');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/s3cret-path`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

function start(more: Partial<HeartbeatConfig> = {}) {
  const clock = new FakeClock();
  const life = { isReady: true, heard: 0, failed: 0 };
  const config: HeartbeatConfig = {
    url: new SecretValue(url, ''),
    everyMs: 60_000,
    timeoutMs: 20_000,
    ...more,
  };
  const heartbeat = new Heartbeat({
    clock,
    log: { debug: note, info: note, warn: note, error: note } as never,
    history: { add: (...event) => note(...event) },
    fleet: { definitions: { daemon: { heartbeat: config } } },
    tally: { beat: (isHeard) => void (isHeard ? (life.heard += 1) : (life.failed += 1)) },
    isReady: () => life.isReady,
  });
  return { clock, heartbeat, life };
}

test('it beats once in each interval, while mendd is ready', async () => {
  const { clock, heartbeat, life } = start();
  await heartbeat.turn();
  await clock.pass(59_000);
  await heartbeat.turn();
  expect(asked).toEqual(['GET /s3cret-path']);
  await clock.pass(1_000);
  life.isReady = false;
  await heartbeat.turn();
  expect(asked).toHaveLength(1);
  // At once when it is ready again.
  life.isReady = true;
  await heartbeat.turn();
  expect([asked.length, life.heard, told]).toEqual([2, 2, []]);
});

test('what is not heard is told once, without the address, and so is what is heard again', async () => {
  const { clock, heartbeat, life } = start({ timeoutMs: 2_000 });
  const beat = async (): Promise<void> => {
    await heartbeat.turn();
    await clock.pass(60_000);
  };
  answer = () => 500;
  await beat();
  await beat();
  answer = () => 302;
  await beat();
  answer = () => 'never';
  await beat();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await beat();
  expect(life).toMatchObject({ heard: 0, failed: 5 });
  expect(asked.every((each) => each === 'GET /s3cret-path')).toBe(true);
  expect(told.map(([first]) => first)).toEqual(['heartbeat.failed', { problem: 'it answered 500' }]);
  await new Promise<void>((done) => server.listen(Number(new URL(url).port), '127.0.0.1', done));
  answer = () => 200;
  await beat();
  expect(told.map(([first]) => first).slice(2)).toEqual(['heartbeat.recovered', {}]);
  expect(JSON.stringify(told)).not.toMatch(/s3cret|127\.0\.0\.1/);
});

test('one that hangs is not joined by another, and ends with mendd', async () => {
  const { clock, heartbeat, life } = start({ timeoutMs: 60_000 });
  answer = () => 'never';
  const hanging = heartbeat.turn();
  await expect.poll(() => asked.length).toBe(1);
  await clock.pass(120_000);
  await heartbeat.turn();
  heartbeat.stop();
  await hanging;
  expect([asked.length, life.failed, told]).toEqual([1, 0, []]);
});
