/** The event stream over real sockets: replay, order, laggards, notices, and its end. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { streamLimits } from '../../api/event-streams.ts';
import { MenddError } from '../../core/errors.ts';
import type { FakeDaemon } from '../support/fake-daemon.ts';
import { openSse, parseSse, type SseReader } from '../support/sse.ts';
import { bearer, eventually, startApi } from './api-server.ts';

const path = '/api/v1/events';

async function idsOf(reader: SseReader, count: number): Promise<number[]> {
  await eventually(() => expect(reader.messages.length).toBeGreaterThanOrEqual(count));
  return reader.messages.map(({ id }) => Number(id));
}

const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, index) => from + index);

test('replays what was missed, then goes on live: each event once and in order', async () => {
  const { daemon, url } = await startApi();
  for (let each = 0; each < 350; each += 1) daemon.store({ each });
  const reader = await openSse(`${url}${path}?after=0`);
  await idsOf(reader, 350);
  for (let each = 0; each < 5; each += 1) daemon.emit({ live: each });
  expect(await idsOf(reader, 355)).toEqual(upTo(355));
  const [first] = reader.messages;
  expect(first?.event).toBe('state.changed');
  expect(JSON.parse(first?.data ?? '')).toEqual({
    id: 1,
    at: '2026-03-01T02:41:00.000Z',
    type: 'state.changed',
    host: 'web-1',
    data: { each: 0 },
  });
  reader.close();
});

test('Last-Event-ID is newer than ?after and wins; without either nothing old is sent', async () => {
  const { daemon, url, get } = await startApi();
  for (let each = 0; each < 10; each += 1) daemon.store();
  const again = await openSse(`${url}${path}?after=2`, { 'last-event-id': '8' });
  expect(await idsOf(again, 2)).toEqual([9, 10]);
  const fresh = await openSse(url + path);
  daemon.emit();
  expect(await idsOf(fresh, 1)).toEqual([11]);
  expect((await get(path, { 'last-event-id': 'x' })).json.errors[0]).toMatchObject({ in: 'header' });
  again.close();
  fresh.close();
});

test('an event that the store already gave is not sent again', async () => {
  const { daemon, url } = await startApi();
  daemon.store();
  const reader = await openSse(`${url}${path}?after=0`);
  await idsOf(reader, 1);
  // The same event arrives live a moment after it was replayed.
  daemon.events.pop();
  expect(daemon.emit().id).toBe(1);
  daemon.emit();
  expect(await idsOf(reader, 2)).toEqual([1, 2]);
  reader.close();
});

test('says so when events were pruned, or when the store is older than the reader', async () => {
  const { daemon, url } = await startApi();
  for (let each = 0; each < 10; each += 1) daemon.store();
  daemon.events.splice(0, 6);
  const gap = await openSse(`${url}${path}?after=3`);
  await eventually(() => expect(gap.messages).toHaveLength(5));
  expect(gap.messages[0]).toMatchObject({ event: 'gap', data: '{"after":3,"next":7}' });
  const reset = await openSse(url + path, { 'last-event-id': '999' });
  await eventually(() => expect(reset.messages).toHaveLength(1));
  expect(reset.messages[0]).toMatchObject({ event: 'reset', data: '{"lastEventId":10}' });
  daemon.emit();
  await eventually(() => expect(reset.messages[1]?.id).toBe('11'));
  gap.close();
  reset.close();
});

test('a silent stream has a heartbeat every 15 seconds', async () => {
  const { daemon, url } = await startApi();
  const reader = await openSse(url + path);
  for (let beat = 1; beat <= 2; beat += 1) {
    daemon.clock.advance(15_000);
    await eventually(() => expect(reader.comments).toHaveLength(beat));
  }
  reader.close();
  await eventually(() => expect(daemon.listeners).toBe(0));
});

async function openStuck(port: number, query = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write(`GET ${path}${query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  return socket;
}

/** More than any kernel buffers for one connection. */
function flood(daemon: FakeDaemon): number {
  const text = 'x'.repeat(10_000);
  for (let each = 0; each < 1_600; each += 1) daemon.emit({ text });
  return 1_600 * text.length;
}

test('a reader that takes nothing is dropped, told so, and costs no memory; others lose nothing', async () => {
  const { daemon, port, url, get } = await startApi();
  const socket = await openStuck(port);
  const good = await openSse(url + path);
  await eventually(() => expect(daemon.listeners).toBe(1));
  await eventually(async () => expect((await get('/metrics')).text).toContain('mendd_event_streams 2'));
  const emitted = flood(daemon);
  expect(await idsOf(good, 1_600)).toEqual(upTo(1_600));
  daemon.clock.advance(15_000);
  await eventually(async () => {
    const { text } = await get('/metrics');
    expect(text).toContain('mendd_event_streams 1');
    expect(text).toContain('mendd_event_streams_dropped_total 1');
  });
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk;
  });
  socket.resume();
  await new Promise((resolve) => socket.on('close', resolve));
  const messages = parseSse(received.replaceAll(/\r\n[0-9a-f]+\r\n/g, ''));
  expect(received.includes('event: dropped')).toBe(true);
  expect(messages.at(-1)?.data).toContain('too_slow');
  expect(received.length).toBeLessThan(emitted / 2);
  good.close();
});

test('a dropped reader that still takes nothing loses its socket', async () => {
  const { daemon, port, url, get } = await startApi();
  const socket = await openStuck(port);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => {});
  const good = await openSse(url + path);
  await eventually(async () => expect((await get('/metrics')).text).toContain('mendd_event_streams 2'));
  flood(daemon);
  // When this one has all, the kernel has long taken what it takes for the other.
  await idsOf(good, 1_600);
  daemon.clock.advance(15_000);
  await eventually(async () => expect((await get('/metrics')).text).toContain('mendd_event_streams 1'));
  daemon.clock.advance(5_000);
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk;
  });
  socket.resume();
  await closed;
  // What waited in the daemon, the last notice included, was thrown away.
  expect(received.includes('event: state.changed')).toBe(true);
  expect(received.includes('event: dropped')).toBe(false);
  good.close();
});

test('a burst larger than the buffer loses nothing for a reader that keeps up', async () => {
  const { daemon, url } = await startApi();
  const reader = await openSse(url + path);
  await eventually(() => expect(daemon.listeners).toBe(1));
  for (let each = 0; each < 2_000; each += 1) daemon.emit({ text: 'y'.repeat(500) });
  expect(await idsOf(reader, 2_000)).toEqual(upTo(2_000));
  reader.close();
});

test('a store that fails ends the stream with a reason, not the daemon', async () => {
  const { daemon, url, logged } = await startApi();
  for (let each = 0; each < 300; each += 1) daemon.store();
  let reads = 0;
  daemon.history.eventsAfter = (afterId, limit) => {
    reads += 1;
    if (reads > 2) throw new Error('disk I/O error');
    return daemon.events.filter(({ id }) => id > afterId).slice(0, limit);
  };
  const reader = await openSse(`${url}${path}?after=0`);
  await reader.ended;
  expect(reader.messages.at(-1)).toMatchObject({ event: 'dropped' });
  expect(reader.messages.at(-1)?.data).toContain('store_failed');
  expect(logged.some(({ level }) => level === 'error')).toBe(true);
});

test('200 readers at once all get every event, and one address cannot take every stream', async () => {
  const { daemon, url, get } = await startApi();
  const open = (count: number) => Promise.all(Array.from({ length: count }, () => openSse(url + path)));
  const readers = await open(200);
  const stringify = vi.spyOn(JSON, 'stringify');
  for (let each = 0; each < 20; each += 1) daemon.emit({ only: 'once' });
  // Made into text once for all of them.
  expect(
    stringify.mock.calls.filter(([value]) => (value as { data?: object })?.data !== undefined),
  ).toHaveLength(20);
  stringify.mockRestore();
  for (const reader of readers) expect(await idsOf(reader, 20)).toEqual(upTo(20));
  readers.push(...(await open(50)));
  const over = await get(path);
  expect([over.status, over.json.code, over.headers.get('retry-after')]).toEqual([503, 'streams_full', '10']);
  for (const reader of readers) reader.close();
  await eventually(() => expect(daemon.listeners).toBe(0));
});

test('types: only those events, replayed and live, and the others are not asked for again', async () => {
  const { daemon, url } = await startApi();
  for (let each = 0; each < 300; each += 1) daemon.store();
  daemon.events[149] = { ...daemon.store(), id: 150, type: 'check.shed' };
  daemon.events.pop();
  const reader = await openSse(`${url}${path}?after=0&types=check.shed,store.failed`);
  expect(await idsOf(reader, 1)).toEqual([150]);
  daemon.emit();
  daemon.emit();
  const all = await openSse(`${url}${path}?after=301`);
  expect(await idsOf(all, 1)).toEqual([302]);
  expect(reader.messages).toHaveLength(1);
  reader.close();
  all.close();
});

test('a reader that wants few of very many holds nobody up', async () => {
  const { daemon, url, get } = await startApi();
  for (let each = 0; each < 1_000; each += 1) daemon.store();
  let reads = 0;
  const { eventsAfter } = daemon.history;
  const reached = new Promise<void>((resolve) => {
    daemon.history.eventsAfter = (...asked) => {
      reads += 1;
      if (reads === 2) resolve();
      return eventsAfter(...asked);
    };
  });
  const reader = await openSse(`${url}${path}?after=0&types=audit.broken`);
  await reached;
  // Within a turn of the loop of the second read, eight are still to come.
  expect(reads).toBe(2);
  await eventually(() => expect(reads).toBeGreaterThanOrEqual(10));
  expect((await get('/healthz')).status).toBe(200);
  reader.close();
});

test('a ledger that cannot be read ends the streams of tokens, and not the daemon', async () => {
  const { daemon, url, logged } = await startApi();
  const hers = await openSse(url + path, bearer(daemon.token('ann', 'read')));
  const { authenticate } = daemon.runs;
  daemon.runs.authenticate = () => {
    throw new MenddError('STORE_CORRUPT', 'the disk is damaged');
  };
  daemon.clock.advance(15_000);
  await hers.ended;
  expect(hers.messages.at(-1)).toMatchObject({
    event: 'dropped',
    data: expect.stringContaining('store_failed'),
  });
  expect(logged).toContainEqual(expect.objectContaining({ level: 'error' }));
  daemon.runs.authenticate = authenticate;
  const other = await openSse(url + path, bearer(daemon.token('bob', 'read')));
  daemon.emit();
  await idsOf(other, 1);
  other.close();
});

test('a token that is revoked ends its streams', async () => {
  const { daemon, url } = await startApi();
  const secret = daemon.token('ann', 'read');
  const hers = await openSse(url + path, bearer(secret));
  const other = await openSse(url + path, bearer(daemon.token('bob', 'read')));
  daemon.secrets.delete(secret);
  daemon.clock.advance(15_000);
  await hers.ended;
  expect(hers.messages.at(-1)).toMatchObject({
    event: 'dropped',
    data: expect.stringContaining('token_ended'),
  });
  daemon.emit();
  await idsOf(other, 1);
  other.close();
});

test('readers that never read cost the daemon a bounded buffer each, while thousands of events pass', async () => {
  const responses: ServerResponse[] = [];
  const note = (message: unknown) => void responses.push((message as { response: ServerResponse }).response);
  const { daemon, port, get } = await startApi();
  subscribe('http.server.request.start', note);
  const sockets = await Promise.all(Array.from({ length: 20 }, () => openStuck(port)));
  for (const socket of sockets) socket.on('error', () => {});
  await eventually(async () => expect((await get('/metrics')).text).toContain('mendd_event_streams 20'));
  unsubscribe('http.server.request.start', note);
  const event = daemon.emit({ text: 'x'.repeat(10_000) });
  // One row told again and again: what grows is not the store of this test. 1 GB is told to all of them.
  for (let each = 1; each <= 5_000; each += 1) daemon.tell({ ...event, id: event.id + each });
  const waiting = responses.map(({ writableLength }) => writableLength);
  expect(Math.max(...waiting)).toBeGreaterThan(streamLimits.bufferBytes);
  expect(Math.max(...waiting)).toBeLessThan(streamLimits.bufferBytes + 20_000);
  for (const socket of sockets) socket.destroy();
  await eventually(() => expect(daemon.listeners).toBe(0));
});

test('needs the same right as every read', async () => {
  const { daemon, get, url } = await startApi();
  expect((await get(path, bearer('guess'))).status).toBe(401);
  const reader = await openSse(url + path, bearer(daemon.token('grafana', 'read')));
  daemon.emit();
  await idsOf(reader, 1);
  reader.close();
});
