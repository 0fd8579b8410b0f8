/** The API over the real store: cursors, replay by row id, hashed tokens, and a database that stops working. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { MenddError } from '../../core/errors.ts';
import { openStores, type Stores } from '../../store/open.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { startMs } from '../support/fake-views.ts';
import { openSse } from '../support/sse.ts';
import { bearer, eventually, startApi } from './api-server.ts';

let directory: string | undefined;
let stores: Stores | undefined;

afterEach(() => {
  stores?.store.close();
  stores?.coordinator.close();
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

async function startOnStore() {
  directory = mkdtempSync(join(tmpdir(), 'mendd-api-'));
  const opened = openStores({ path: join(directory, 'mendd.db'), nowMs: startMs });
  stores = opened;
  const daemon = Object.assign(new FakeDaemon(), { history: opened.store, runs: opened.coordinator });
  return { ...(await startApi(daemon)), ...opened };
}

/** A change of state with its event, as the daemon saves it. */
function change(store: Stores['store'], each: number): void {
  const place = { atMs: startMs + each, host: 'web-1', check: 'app.running' };
  const flap = { flapping: false, percent: 0, percentWithoutActions: 0, afterAction: false };
  store.save({
    host: 'web-1',
    transitions: [
      { ...place, ...flap, from: 'ok', to: 'critical', type: 'hard', attempt: 3, text: `t${each}` },
    ],
    events: [{ ...place, type: 'state.changed', data: { each } }],
  });
}

test('pages of the store and the stream of its events join without a gap', async () => {
  const { store, get, url } = await startOnStore();
  for (let each = 0; each < 25; each += 1) change(store, each);
  const texts: string[] = [];
  let query = 'limit=10';
  while (query !== '') {
    const { json } = await get(`/api/v1/transitions?${query}`);
    texts.push(...json.items.map((item: { text: string }) => item.text));
    query = json.next === undefined ? '' : `limit=10&cursor=${json.next}`;
  }
  expect(texts).toEqual(Array.from({ length: 25 }, (_, index) => `t${24 - index}`));
  expect((await get('/api/v1/transitions?cursor=not-a-cursor')).json.items).toEqual([]);
  const stream = await openSse(`${url}/api/v1/events?after=20`);
  await eventually(() => expect(stream.messages.map(({ id }) => Number(id))).toEqual([21, 22, 23, 24, 25]));
  stream.close();
});

test('a token of the ledger opens what its scope allows, until it is revoked', async () => {
  const { coordinator, get, send } = await startOnStore();
  const made = coordinator.createToken({ name: 'ann', scopes: ['act'], nowMs: startMs });
  const ann = bearer(made.secret);
  expect((await send('POST', '/api/v1/pause', { reason: 'drill' }, ann)).json.pause.by).toBe('ann');
  expect((await send('POST', '/api/v1/reload', undefined, ann)).status).toBe(403);
  expect(coordinator.revokeToken(made.token.id)).toBe(true);
  expect((await get('/api/v1/hosts', ann)).status).toBe(401);
});

test('a store that cannot be read is a 503 with a hint', async () => {
  const { daemon, get } = await startOnStore();
  daemon.history.transitions = () => {
    throw new MenddError('STORE_UNUSABLE', 'mendd.db: the disk is full.');
  };
  const { status, json, headers } = await get('/api/v1/transitions');
  expect([status, json.code, headers.get('retry-after')]).toEqual([503, 'store_unusable', '5']);
  expect(json.hint).toContain('free space');
});

test('everything else has its turn while the audit is verified', async () => {
  const { coordinator, get } = await startOnStore();
  for (let each = 0; each < 1_000; each += 1)
    coordinator.audit({ atMs: startMs, kind: 'command', actor: 'person:ann', event: 'x', body: { each } });
  const admin = bearer(coordinator.createToken({ name: 'ann', scopes: ['admin'], nowMs: startMs }).secret);
  let turns = 0;
  const turn = (): void => {
    turns += 1;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  const seen: number[] = [];
  const original = { ...coordinator };
  coordinator.walkAudit = (newest) => {
    const walk = original.walkAudit(newest);
    return { step: () => (seen.push(turns), walk.step()) };
  };
  expect((await get('/api/v1/audit/verify', admin)).json).toMatchObject({ ok: true, entries: 1_000 });
  clearImmediate(next);
  expect(seen.length).toBeGreaterThan(4);
  expect(new Set(seen).size).toBe(seen.length);
});
