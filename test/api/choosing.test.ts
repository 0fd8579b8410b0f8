/** What a reader may choose: fields of answers, hosts by glob and label in every list, pages, and what has not changed. */
import { expect, test } from 'vitest';
import { FakeDaemon } from '../support/fake-daemon.ts';
import {
  acknowledgementOf,
  approvalOf,
  checkView,
  runOf,
  silenceOf,
  startMs,
} from '../support/fake-views.ts';
import { bearer, startApi } from './api-server.ts';

const place = {
  attempt: 1,
  text: '',
  flapping: false,
  percent: 0,
  percentWithoutActions: 0,
  afterAction: false,
};

/** 40 changes of two hosts in turn, newest first. */
function changesOf(daemon: FakeDaemon): void {
  daemon.transitionList = Array.from({ length: 40 }, (_, index) => ({
    ...place,
    id: 40 - index,
    atMs: startMs - index * 1_000,
    host: index % 2 === 0 ? 'web-1' : 'web-2',
    check: 'app.running',
    from: 'ok',
    to: index % 4 === 0 ? 'critical' : 'ok',
    type: 'hard' as const,
  }));
}

test('fields: those of each item, or of the one, in the order asked for', async () => {
  const { get } = await startApi();
  const hosts = await get('/api/v1/hosts?fields=name,address&limit=1');
  expect(hosts.json.items).toEqual([{ name: 'web-1', address: expect.any(String) }]);
  expect(hosts.json.next).toEqual(expect.any(String));
  const rest = await get(`/api/v1/hosts?fields=name&cursor=${hosts.json.next}`);
  expect(rest.json).toEqual({ items: [{ name: 'web-2' }] });
  expect((await get('/api/v1/hosts/web-1?fields=name')).json).toEqual({ name: 'web-1' });
  // A field that this one does not have is left out, as it would be without asking.
  expect((await get('/api/v1/hosts/web-1?fields=name,run')).json).toEqual({ name: 'web-1' });
  expect(Object.keys((await get('/api/v1/now?fields=verdict,at')).json)).toEqual(['verdict', 'at']);
});

test('fields: of a list whose items are of several kinds', async () => {
  const { daemon, get } = await startApi();
  daemon.suppressionList = [silenceOf('01J')];
  expect((await get('/api/v1/suppressions?fields=id,endsAt,sticky')).json.items).toEqual([
    { id: '01J', endsAt: expect.any(String) },
  ]);
});

test('suppressions: by kind, host and the labels of the hosts they are for', async () => {
  const { daemon, get } = await startApi();
  daemon.suppressionList = [silenceOf('s1'), acknowledgementOf('a1'), acknowledgementOf('a2')];
  daemon.suppressionList = daemon.suppressionList.map((each) =>
    each.id === 'a2' && each.kind === 'acknowledgement' ? { ...each, host: 'web-2' } : each,
  );
  const idsOf = async (query: string): Promise<unknown> =>
    (await get(`/api/v1/suppressions?${query}`)).json.items.map(({ id }: { id: string }) => id);
  expect(await idsOf('kind=acknowledgement')).toEqual(['a1', 'a2']);
  expect(await idsOf('label=role=web')).toEqual(['a1']);
  expect(await idsOf('label=env&label=role=db')).toEqual(['a2']);
  expect(await idsOf('label=role')).toEqual(['a1', 'a2']);
  expect(await idsOf('label=role=web&host=web-2')).toEqual([]);
  expect(await idsOf('label=role=db&host=web-2')).toEqual(['a2']);
  expect(await idsOf('label=role=cache')).toEqual([]);
  expect((await get('/api/v1/suppressions?label==x')).json.errors[0].pointer).toBe('#/label/0');
  const alone = await get('/api/v1/suppressions?check=app.running');
  expect([alone.status, alone.json.errors[0].pointer]).toEqual([400, '#/check']);
  expect(await idsOf('check=app.running&host=web-2')).toEqual(['a2']);
  const kept = async (list: string) => (await get(`/api/v1/${list}`)).json.items;
  expect(await kept('silences')).toEqual([expect.objectContaining({ id: 's1', kind: 'silence' })]);
  expect(await kept('acknowledgements?host=web-2')).toEqual([expect.objectContaining({ id: 'a2' })]);
  expect(await kept('downtimes')).toEqual([]);
});

test('fields: another choice is another representation', async () => {
  const { get } = await startApi();
  const [some, all] = [await get('/api/v1/hosts?fields=name'), await get('/api/v1/hosts')];
  const tag = some.headers.get('etag') ?? '';
  expect(tag).not.toBe(all.headers.get('etag'));
  expect((await get('/api/v1/hosts?fields=name', { 'if-none-match': tag })).status).toBe(304);
  expect((await get('/api/v1/hosts', { 'if-none-match': tag })).status).toBe(200);
});

test.each([
  'nothing',
  '',
  'name,',
  'name,nothing',
  '__proto__',
  'constructor',
  'status.state',
  'name&fields=address',
])('fields=%s is refused with where and what there is', async (fields) => {
  const { get } = await startApi();
  const { status, json } = await get(`/api/v1/hosts?fields=${fields}`);
  expect([status, json.errors[0]]).toEqual([
    400,
    expect.objectContaining({ in: 'query', pointer: '#/fields' }),
  ]);
});

test('every read that answers JSON takes fields; no change does', async () => {
  const { api } = await startApi();
  const { paths } = api.openapi() as {
    paths: Record<
      string,
      Record<string, { parameters?: { name: string }[]; responses: { 200?: { content?: object } } }>
    >;
  };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]) => ({ path, method, ...each })),
  );
  for (const { path, method, parameters = [], responses } of operations) {
    const isJson = Object.keys(responses[200]?.content ?? {}).includes('application/json');
    const takes = parameters.some(({ name }) => name === 'fields');
    // Who asks is one small answer; health is for probes.
    const isExempt = path === '/readyz';
    expect([method, path, takes]).toEqual([method, path, method === 'get' && isJson && !isExempt]);
  }
});

test('lists of the past: hosts by glob and by label, over pages that miss nothing', async () => {
  const { daemon, get } = await startApi();
  changesOf(daemon);
  const idsOf = async (query: string): Promise<number[]> => {
    const ids: number[] = [];
    let cursor = '';
    do {
      const { json } = await get(`/api/v1/transitions?limit=7${query}${cursor}`);
      expect(json.items.length).toBeLessThanOrEqual(7);
      ids.push(...json.items.map(({ id }: { id: number }) => id));
      cursor = json.next === undefined ? '' : `&cursor=${json.next}`;
    } while (cursor !== '');
    return ids;
  };
  const even = Array.from({ length: 20 }, (_, index) => 40 - 2 * index);
  expect(await idsOf('&host=w?b-1')).toEqual(even);
  expect(await idsOf('&label=role=db')).toEqual(even.map((id) => id - 1));
  expect(await idsOf('&state=critical')).toEqual(even.filter((_, index) => index % 2 === 0));
  expect(await idsOf('&label=role=db&host=web-1')).toEqual([]);
  expect(await idsOf('&host=*')).toHaveLength(40);
});

test('runs, decisions, checks and questions are chosen alike', async () => {
  const { daemon, get } = await startApi();
  daemon.runList = [runOf('a'), runOf('b', { host: 'web-2' })];
  daemon.approvalList = [approvalOf('a'), approvalOf('b', { host: 'web-2' })];
  const count = async (path: string) => (await get(`/api/v1/${path}`)).json.items.length;
  for (const list of ['runs', 'approvals', 'checks']) {
    expect([list, await count(list)]).toEqual([list, 2]);
    expect([list, await count(`${list}?host=*-2`)]).toEqual([list, 1]);
    expect([list, await count(`${list}?host=web-2`)]).toEqual([list, 1]);
    expect([list, await count(`${list}?label=role=db`)]).toEqual([list, 1]);
    expect([list, await count(`${list}?label=role=nothing`)]).toEqual([list, 0]);
  }
  expect((await get('/api/v1/decisions?host=web-*&label=role=db')).status).toBe(200);
});

test('runbooks: their checks and ladders, and no command', async () => {
  const { get } = await startApi();
  const list = await get('/api/v1/runbooks');
  expect(list.json.items).toHaveLength(1);
  expect(list.json.items[0]).toMatchObject({
    id: 'app',
    hosts: ['web-1', 'web-2'],
    source: 'runbooks/app.yaml:1:1',
    checks: [{ id: 'app.running', kind: 'command', everyMs: 10_000 }, { id: 'app.worker' }],
    ladders: [
      { rungs: [{ id: 'app.restart', kind: 'systemd_restart', mode: 'auto' }, {}, { kind: 'notify' }] },
    ],
  });
  expect(list.text).not.toContain('"run"');
  expect((await get('/api/v1/runbooks/app')).json).toEqual(list.json.items[0]);
  expect((await get('/api/v1/runbooks?host=db-*')).json.items).toEqual([]);
  expect((await get('/api/v1/runbooks/nothing')).json.code).toBe('runbook_unknown');
});

test('who ends or releases may say what they have read; somebody faster makes it 412', async () => {
  const daemon = new FakeDaemon();
  const { get, send } = await startApi(daemon);
  const ann = bearer(daemon.token('ann', 'act'));
  daemon.suppressionList = [silenceOf('01J')];
  const path = '/api/v1/suppressions/01J';
  const tag = (await get(path)).headers.get('etag') ?? '';
  const end = (match: string) => send('DELETE', path, undefined, { ...ann, 'if-match': match });
  expect((await end('"other"')).json.code).toBe('changed');
  daemon.suppressionList = [{ ...silenceOf('01J'), reason: 'another' }];
  expect((await end(tag)).status).toBe(412);
  expect(daemon.asked).toEqual([]);
  daemon.suppressionList = [silenceOf('01J')];
  expect((await end(`"x", ${tag}`)).status).toBe(200);
  daemon.suppressionList = [];
  expect((await end('*')).status).toBe(412);
  expect((await send('DELETE', path, undefined, ann)).status).toBe(404);

  const fleet = '/api/v1/brakes/fleet';
  const brake = (await get(fleet)).headers.get('etag') ?? '';
  const release = (match: string) =>
    send('POST', `${fleet}/release`, { reason: 'drill' }, { ...ann, 'if-match': match });
  expect((await release('"other"')).status).toBe(412);
  // How many are unhealthy is not what they decide on.
  daemon.brakeList = daemon.brakeList.map((each) => ({ ...each, unhealthy: each.unhealthy + 1 }));
  expect((await release(brake)).json.code).toBe('brake_off');
  expect((await get('/api/v1/brakes/nothing')).status).toBe(404);
});

test('no page of another origin may read or ask', async () => {
  const { get, send } = await startApi();
  const origin = { origin: 'https://evil.example' };
  for (const path of ['/api/v1/hosts', '/', '/metrics', '/api/v1/session']) {
    const { headers } = await get(path, origin);
    for (const [name] of headers)
      expect([path, name]).toEqual([path, expect.not.stringMatching(/^access-control-/)]);
  }
  const asked = {
    ...origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization',
  };
  const preflight = await send('OPTIONS', '/api/v1/pause', undefined, asked);
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([405, null]);
});

test('every list and single read answers 304 to who has it already', async () => {
  const { api, daemon, get } = await startApi();
  daemon.approvalList = [approvalOf('a')];
  daemon.suppressionList = [silenceOf('a')];
  const root = bearer(daemon.token('root', 'admin'));
  const { paths } = api.openapi() as { paths: Record<string, Record<string, object>> };
  const values: Record<string, string> = {
    host: 'web-1',
    check: 'app.running',
    action: 'app.restart',
    name: 'app',
    scope: 'fleet',
  };
  const always = [
    '/api/v1/events',
    '/api/v1/session',
    '/api/v1/audit/verify',
    '/readyz',
    '/healthz',
    '/metrics',
  ];
  // What a person answers to is never read from a cache: its ETag is for If-Match.
  always.push('/api/v1/approvals/{id}', '/api/v1/suppressions/{id}', '/api/v1/brakes/{scope}');
  for (const [path, methods] of Object.entries(paths)) {
    if (!('get' in methods) || always.includes(path) || !path.startsWith('/api/')) continue;
    const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'web-1~app.restart~abc~1');
    const query = /\/(explain|route)$/.test(path) ? '?host=web-1' : '';
    const first = await get(url + query, root);
    expect([path, first.status]).toEqual([path, 200]);
    const again = await get(url + query, { ...root, 'if-none-match': first.headers.get('etag') ?? '' });
    expect([path, again.status, again.text]).toEqual([path, 304, '']);
  }
});

test('checks are found by a part of their id', async () => {
  const { daemon, get } = await startApi();
  daemon.checkList = [
    checkView('web-1', 'app.running', 'ok'),
    checkView('web-1', 'disk.space', 'ok'),
    checkView('web-2', 'disk.inodes', 'warning'),
  ];
  const found = async (query: string): Promise<string[]> =>
    (await get(`/api/v1/checks?fields=check&${query}`)).json.items.map(
      ({ check }: { check: string }) => check,
    );
  expect(await found('check=*disk*')).toEqual(['disk.space', 'disk.inodes']);
  expect(await found('check=disk.space')).toEqual(['disk.space']);
  expect(await found('check=disk')).toEqual([]);
  expect(await found('check=disk.*&state=warning')).toEqual(['disk.inodes']);
});
