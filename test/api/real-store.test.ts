/** The API over the real store: cursors, replay by row id, hashed tokens, and a database that stops working. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { MenddError } from '../../core/errors.ts';
import { openStores, type Stores } from '../../store/open.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { resultOf, startMs } from '../support/fake-views.ts';
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
  for (const list of ['transitions', 'decisions', 'runs', 'messages', 'checks/web-1/app.running/history']) {
    const odd = await get(`/api/v1/${list}?cursor=not-a-cursor`);
    expect([list, odd.status, odd.json.code]).toEqual([list, 400, 'cursor_unknown']);
  }
  const stream = await openSse(`${url}/api/v1/events?after=20`);
  await eventually(() => expect(stream.messages.map(({ id }) => Number(id))).toEqual([21, 22, 23, 24, 25]));
  stream.close();
});

test('pages of rollups come oldest first, whole, over hours without results, also of a check that is gone', async () => {
  const { store, get } = await startOnStore();
  const hours = [0, 1, 2, 50, 51, 90];
  for (const check of ['app.running', 'app.gone'])
    for (const hour of hours) {
      const result = { ...resultOf('ok', 'fine'), startedAtMs: startMs + hour * 3_600_000 };
      store.save({ host: 'web-1', check, result, transitions: [], events: [] });
    }
  const span = {
    since: new Date(startMs).toISOString(),
    until: new Date(startMs + 91 * 3_600_000).toISOString(),
  };
  const read = async (check: string, more: Record<string, string>) => {
    const found: number[] = [];
    let cursor: Record<string, string> | undefined = {};
    let pages = 0;
    while (cursor !== undefined) {
      const query: string = new URLSearchParams({ ...span, ...more, ...cursor }).toString();
      const { json } = await get(`/api/v1/checks/web-1/${check}/rollups?${query}`);
      found.push(
        ...json.items.map(({ at }: { at: string }) => Math.round((Date.parse(at) - startMs) / 3_600_000) + 0),
      );
      cursor = json.next === undefined ? undefined : { cursor: json.next };
      pages += 1;
    }
    return [pages, found];
  };
  const whole = [0, 1, 2, 50, 51, 90];
  expect(await read('app.running', {})).toEqual([3, whole]);
  expect(await read('running', { limit: '12' })).toEqual([92, whole]);
  expect(await read('app.gone', { limit: '24', step: '1h' })).toEqual([4, whole.map((hour) => hour - 1)]);
  const odd = await get('/api/v1/checks/web-1/app.running/rollups?cursor=PmFiYw');
  expect([odd.status, odd.json.code]).toEqual([400, 'cursor_unknown']);
  expect((await get('/api/v1/checks/web-1/nothing/rollups')).status).toBe(404);
  const old = `/api/v1/checks/web-1/app.running/rollups?since=1901-01-01T00:00:00Z`;
  const { next } = (await get(old)).json;
  expect((await get(`${old}&cursor=${next}`)).status).toBe(200);
  expect((await get('/api/v1/checks/web-1/app.running/rollups?step=36d')).status).toBe(400);
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
