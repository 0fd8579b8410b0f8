/** Every reading route over real HTTP: its answer, its filters, its bad input. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toWire } from '../../api/wire.ts';
import { checkView, explanationOf, hostView, resultOf, startMs } from '../support/fake-views.ts';
import { startApi } from './api-server.ts';

test('hosts: filters by state, glob and label', async () => {
  const { daemon, get } = await startApi();
  const failure = { stage: 'auth' as const, message: 'refused', hint: 'add the key', sent: false };
  daemon.hostList.push(
    hostView('db-1', {
      status: { state: 'unreachable', type: 'soft', attempt: 1, sinceMs: startMs, failure },
    }),
  );
  const names = async (query: string) =>
    (await get(`/api/v1/hosts${query}`)).json.items.map((host: { name: string }) => host.name);
  expect(await names('')).toEqual(['db-1', 'web-1', 'web-2']);
  expect(await names('?host=web-*')).toEqual(['web-1', 'web-2']);
  expect(await names('?host=w?b-1')).toEqual(['web-1']);
  expect(await names('?state=unreachable')).toEqual(['db-1']);
  expect(await names('?state=unreachable,up&host=*-1')).toEqual(['db-1', 'web-1']);
  expect(await names('?label=role=db')).toEqual(['web-2']);
  expect(await names('?label=role=db&label=env')).toEqual(['web-2']);
  expect(await names('?label=role=db&label=env=test')).toEqual([]);
  expect(await names('?host=nothing')).toEqual([]);
});

test('a host: wire form has RFC 3339 times and no internal fields', async () => {
  const { daemon, get } = await startApi();
  Object.assign(daemon.hostList[0] ?? {}, { secretNote: 'must not leave' });
  const { status, json, text } = await get('/api/v1/hosts/web-1');
  expect(status).toBe(200);
  expect(json.status.since).toBe('2026-03-01T02:41:00.000Z');
  expect(json.status.sinceMs).toBeUndefined();
  expect(text).not.toContain('must not leave');
});

test('an unknown host or check is a 404 that suggests the near name', async () => {
  const { get } = await startApi();
  const host = await get('/api/v1/hosts/wbe-1');
  expect(host.status).toBe(404);
  expect(host.headers.get('content-type')).toContain('application/problem+json');
  expect(host.json).toMatchObject({ code: 'host_unknown', instance: '/api/v1/hosts/wbe-1', status: 404 });
  expect(host.json.hint).toContain('web-');
  expect(host.json.requestId).toBe(host.headers.get('x-request-id'));
  const check = await get('/api/v1/checks/web-1/app.runing');
  expect(check.json.hint).toBe('Did you mean "app.running"?');
  expect((await get('/api/v1/checks/nope/app.running')).json.code).toBe('host_unknown');
  expect((await get('/api/v1/checks/web-1/zzz/history')).status).toBe(404);
});

test('a check answers to its short name where that is clear', async () => {
  const { daemon, get } = await startApi();
  const short = await get('/api/v1/checks/web-1/running');
  expect([short.status, short.json.check]).toEqual([200, 'app.running']);
  daemon.resultList = [{ id: 1, host: 'web-1', check: 'app.running', ...resultOf('ok', 'fine') }];
  expect((await get('/api/v1/checks/web-1/running/history')).json.items).toHaveLength(1);
  expect((await get('/api/v1/explain?host=web-1&check=running')).json.explanations).toHaveLength(1);
  daemon.checkList.push(checkView('web-1', 'db.running', 'ok'));
  const either = await get('/api/v1/checks/web-1/running');
  expect([either.status, either.json.code]).toEqual([404, 'check_unknown']);
  expect(either.json.detail).toBe('"running" could be app.running or db.running.');
});

test('a wrong filter is told what would be right', async () => {
  const { get } = await startApi();
  const detail = async (query: string) => (await get(`/api/v1/${query}`)).json.detail;
  expect(await detail('checks?state=red')).toBe(
    'query #/state/0: must be one of ok, warning, critical, unknown, pending',
  );
  expect(await detail('hosts?state=red')).toBe('query #/state/0: must be one of pending, up, unreachable');
  expect(await detail('checks?stale=yes')).toBe('query #/stale: must be one of true, false');
  expect(await detail('checks?limit=0')).toBe('query #/limit: must be 1 or more');
  expect(await detail('checks?limit=1.5')).toBe('query #/limit: must be a whole number');
  expect(await detail('checks?limit=501')).toBe('query #/limit: must be 500 or less');
  expect(await detail('runs?status=gone')).toContain('must be one of intended, dispatched,');
});

test('the wire: durations are whole, instants are times, and none is 1970', () => {
  expect(
    toWire({
      durationMs: 12.345,
      percent: 12.345,
      sinceMs: startMs,
      values: { resultAtMs: 0, neededFromMs: startMs, leftMs: 1.5 },
    }),
  ).toEqual({
    durationMs: 12,
    percent: 12.345,
    since: '2026-03-01T02:41:00.000Z',
    values: { resultAt: null, neededFrom: '2026-03-01T02:41:00.000Z', leftMs: 2 },
  });
});

test('checks: filters by state, host, staleness and problems', async () => {
  const { daemon, get } = await startApi();
  daemon.checkList.push({ ...checkView('db-1', 'app.disk', 'warning'), stale: true });
  const names = async (query: string) =>
    (await get(`/api/v1/checks${query}`)).json.items.map((view: { host: string }) => view.host);
  expect(await names('')).toEqual(['db-1', 'web-1', 'web-2']);
  expect(await names('?problems=true')).toEqual(['db-1', 'web-1']);
  expect(await names('?problems=false')).toEqual(['web-2']);
  expect(await names('?stale=true')).toEqual(['db-1']);
  expect(await names('?state=ok&state=warning')).toEqual(['db-1', 'web-2']);
  expect(await names('?host=web-*&problems=true')).toEqual(['web-1']);
  const one = await get('/api/v1/checks/web-1/app.running');
  expect(one.json.status).toMatchObject({ state: 'critical', problemSince: '2026-03-01T02:40:00.000Z' });
  expect(one.json.status.lastResult.durationMs).toBe(12);
});

test('a hostile figure in perfdata spoils nothing', async () => {
  const { daemon, get } = await startApi();
  const view = checkView('web-3', 'app.x', 'ok');
  view.status.lastResult = { ...resultOf('ok', 'x'), perfdata: [] };
  view.status.lastResult.perfdata.push({
    label: 'x',
    value: Number.POSITIVE_INFINITY,
    uom: '',
    warn: '',
    crit: '',
    min: null,
    max: null,
  });
  daemon.checkList.push(view);
  const { status, json } = await get('/api/v1/checks/web-3/app.x');
  expect(status).toBe(200);
  expect(json.status.lastResult.perfdata[0].value).toBeNull();
});

test('pages: each item once, in order, to the last page', async () => {
  const { daemon, get } = await startApi();
  daemon.hostList = Array.from({ length: 25 }, (_, index) => hostView(`h-${String(index).padStart(2, '0')}`));
  const seen: string[] = [];
  let cursor = '';
  for (let page = 0; page < 4 && (page === 0 || cursor !== ''); page += 1) {
    const { json } = await get(`/api/v1/hosts?limit=10${cursor && `&cursor=${cursor}`}`);
    seen.push(...json.items.map((host: { name: string }) => host.name));
    cursor = json.next ?? '';
    // A host that disappears between two pages must not shift the others.
    daemon.hostList = daemon.hostList.filter(({ name }) => name !== 'h-03');
  }
  expect(cursor).toBe('');
  expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `h-${String(index).padStart(2, '0')}`));
});

test.each([
  ['/api/v1/hosts?limit=0', '#/limit'],
  ['/api/v1/hosts?limit=501', '#/limit'],
  ['/api/v1/hosts?limit=ten', '#/limit'],
  ['/api/v1/hosts?state=down', '#/state/0'],
  ['/api/v1/hosts?stat=up', '#/stat'],
  ['/api/v1/hosts?label==x', '#/label/0'],
  ['/api/v1/checks?stale=yes', '#/stale'],
  ['/api/v1/checks/web-1/app.running/history?since=yesterday', '#/since'],
  ['/api/v1/transitions?until=2026-13-01T00:00:00Z', '#/until'],
  ['/api/v1/transitions?host=../etc', '#/host'],
  ['/api/v1/runs?status=broken', '#/status'],
  ['/api/v1/explain', '#/host'],
  ['/api/v1/explain?host=web-1&at=soon', '#/at'],
  ['/api/v1/events?after=', '#/after'],
  ['/api/v1/events?after=-1', '#/after'],
  ['/api/v1/events?types=state.changed,state.chnged', '#/types/1'],
  ['/api/v1/now?pretty=1', '#/pretty'],
  ['/api/v1/suppressions?kind=mute', '#/kind'],
  ['/api/v1/approvals?status=open', '#/status'],
  ['/api/v1/outcomes?since=30', '#/since'],
  ['/api/v1/outcomes?perHost=1', '#/perHost'],
  ['/api/v1/hosts/web-1/actions/app.restart/run?dry_run=false', '#/dry_run'],
])('bad input is a 400 that points at the place: %s', async (path, pointer) => {
  const { get } = await startApi();
  const { status, json } = await get(path);
  expect(status).toBe(400);
  expect(json.code).toBe('invalid_request');
  expect(json.errors).toContainEqual(expect.objectContaining({ in: 'query', pointer }));
});

test('bad names in a path are refused, each with its place', async () => {
  const { get } = await startApi();
  const { status, json } = await get('/api/v1/checks/a%2Fb/%20');
  expect(status).toBe(400);
  expect(json.errors.map((error: { pointer: string }) => error.pointer)).toEqual(['#/host', '#/check']);
  expect((await get('/api/v1/hosts?cursor=bm9uZQ')).json.code).toBe('cursor_unknown');
});

test('history, transitions and decisions are read from the store', async () => {
  const { daemon, get } = await startApi();
  daemon.resultList = [1, 2, 3].map((id) => ({
    ...resultOf('ok', `r${id}`),
    id,
    host: 'web-1',
    check: 'app.running',
  }));
  daemon.transitionList = [
    {
      id: 1,
      atMs: startMs,
      host: 'web-1',
      check: 'app.running',
      from: 'ok',
      to: 'critical',
      type: 'hard',
      attempt: 3,
      text: 'down',
      flapping: false,
      percent: 0,
      percentWithoutActions: 0,
      afterAction: false,
    },
  ];
  const { gates } = explanationOf('web-1', 'app.running');
  const base = { host: 'web-1', ladder: 'app.restart', action: 'app.restart', check: 'app.running', gates };
  daemon.decisionList = [
    { ...base, id: 1, atMs: startMs, lastAtMs: startMs, count: 4, verdict: 'held', reason: 'cooldown' },
  ];
  const results = await get('/api/v1/checks/web-1/app.running/history?limit=2');
  expect(results.json.items.map((item: { text: string }) => item.text)).toEqual(['r1', 'r2']);
  const rest = await get(`/api/v1/checks/web-1/app.running/history?limit=2&cursor=${results.json.next}`);
  expect(rest.json).toMatchObject({ items: [{ text: 'r3' }] });
  expect(rest.json.next).toBeUndefined();
  expect((await get('/api/v1/transitions?host=web-1')).json.items[0]).toMatchObject({
    at: '2026-03-01T02:41:00.000Z',
    to: 'critical',
  });
  expect((await get('/api/v1/decisions?host=web-1')).json.items[0]).toMatchObject({
    count: 4,
    reason: 'cooldown',
  });
  const then = await get('/api/v1/explain?host=web-1&at=2026-03-01T02:41:00Z');
  // That very moment is now: the engine answers.
  expect(then.json).toMatchObject({ source: 'now', decisions: [] });
  daemon.clock.advance(60_000);
  const past = await get('/api/v1/explain?host=web-1&at=2026-03-01T03:41:30%2B01:00');
  expect(past.json).toMatchObject({
    source: 'ledger',
    explanations: [{ reason: 'cooldown', earliest: '2026-03-01T02:42:30.000Z', rungs: [] }],
    decisions: [{ reason: 'cooldown' }],
  });
  for (const short of ['check=running', 'action=restart', 'check=running&action=restart']) {
    const named = await get(`/api/v1/explain?host=web-1&at=2026-03-01T02:41:30Z&${short}`);
    expect(named.json.decisions).toHaveLength(1);
  }
  const before = await get('/api/v1/explain?host=web-1&at=2026-02-01T00:00:00Z');
  expect(before.json.decisions).toEqual([]);
  for (const unknown of ['host=web-9', 'host=web-1&check=nope'])
    expect((await get(`/api/v1/explain?${unknown}&at=2026-02-01T00:00:00Z`)).status).toBe(404);
  expect((await get('/api/v1/explain?host=web-1&at=2027-01-01T00:00:00Z')).json.code).toBe('time_ahead');
});

test('explain now: rungs and gates with the earliest time; unknown names are 404', async () => {
  const { get } = await startApi();
  const { json } = await get('/api/v1/explain?host=web-1&check=app.running');
  expect(json.explanations[0]).toMatchObject({
    verdict: 'held',
    earliest: '2026-03-01T02:42:30.000Z',
    gates: [{ opensAt: '2026-03-01T02:42:30.000Z', values: { leftMs: 90_000 } }],
  });
  expect((await get('/api/v1/explain?host=web-1&action=restart')).json.explanations).toHaveLength(1);
  expect((await get('/api/v1/explain?host=web-9')).status).toBe(404);
  expect((await get('/api/v1/explain?host=web-1&check=app.nope')).status).toBe(404);
});

test('runs: the list is lean, one run is whole', async () => {
  const { daemon, get } = await startApi();
  daemon.runList[0] = { ...daemon.runList[0], stdout: 'much output' } as (typeof daemon.runList)[0];
  const list = await get('/api/v1/runs?status=verifying&host=web-1');
  expect(list.json.items).toHaveLength(1);
  expect(list.text).not.toContain('much output');
  const one = await get('/api/v1/runs/web-1~app.restart~abc~1');
  expect(one.json).toMatchObject({ stdout: 'much output', dispatchedAt: '2026-03-01T02:41:01.000Z' });
  expect(one.json.events[0].at).toBe('2026-03-01T02:41:00.000Z');
  expect((await get('/api/v1/runs/none')).json.code).toBe('run_unknown');
});

test('now, definitions, pause and an action plan', async () => {
  const { daemon, get } = await startApi();
  const now = await get('/api/v1/now');
  expect(now.json.verdict).toMatchObject({ problems: 1, healing: 1 });
  expect(now.json.worst[0].check).toBe('app.running');
  daemon.reloadProblems = ['hosts/a.yaml:1:1: unknown key'];
  expect((await get('/api/v1/definitions')).json).toEqual({
    revision: 'abcdef0123456789',
    loadedAt: '2026-03-01T01:41:00.000Z',
    lastReloadOk: false,
    counts: { hosts: 2, runbooks: 1, checks: 2, actions: 3 },
    problems: ['hosts/a.yaml:1:1: unknown key'],
  });
  expect((await get('/api/v1/pause')).json).toEqual({ paused: false });
  daemon.pause({ by: 'ann', reason: 'drill', untilMs: startMs + 60_000 });
  expect((await get('/api/v1/pause')).json.pause).toMatchObject({
    by: 'ann',
    until: '2026-03-01T02:42:00.000Z',
  });
  const plan = await get('/api/v1/hosts/web-1/actions/app.restart/run?dry_run=true');
  expect(plan.json).toMatchObject({ command: 'systemctl restart worker', allowed: false });
  expect((await get('/api/v1/hosts/web-1/actions/app.nope/run')).status).toBe(404);
  expect(daemon.asked).toEqual(['pause by ann']);
});

test('an unknown route is a problem too', async () => {
  const { get, send } = await startApi();
  for (const answer of [await get('/api/v2/hosts?x=1'), await send('DELETE', '/api/v2/hosts')]) {
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.json.code).toBe('route_unknown');
  }
  const bad = await get('/api/v1/hosts/%E0%A4%A');
  expect(bad.status).toBe(400);
  expect(bad.headers.get('content-type')).toContain('application/problem+json');
  expect((await get(`/api/v1/hosts/${'a'.repeat(800)}`)).status).toBe(414);
});

test('reads carry a tag, and the same answer is not sent twice', async () => {
  const { daemon, get, url } = await startApi();
  const first = await get('/api/v1/hosts');
  const tag = first.headers.get('etag') ?? '';
  expect(tag).toMatch(/^".{20,}"$/);
  for (const known of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
    const again = await get('/api/v1/hosts', { 'if-none-match': known });
    expect([again.status, again.text]).toEqual([304, '']);
  }
  const head = await fetch(`${url}/api/v1/hosts`, { method: 'HEAD' });
  expect([head.status, head.headers.get('etag')]).toEqual([200, tag]);
  daemon.hostList.push(hostView('web-3'));
  expect((await get('/api/v1/hosts', { 'if-none-match': tag })).status).toBe(200);
});

test('no query makes an internal error', async () => {
  const { get, logged } = await startApi();
  const paths = [
    'hosts',
    'checks',
    'checks/web-1/app.running/history',
    'transitions',
    'runs',
    'decisions',
    'explain',
    'now',
    'definitions',
    'pause',
    'hosts/web-1',
    'suppressions',
    'approvals',
    'brakes',
    'trust',
    'outcomes',
  ];
  const names = [
    'state',
    'host',
    'label',
    'limit',
    'cursor',
    'since',
    'until',
    'at',
    'check',
    'action',
    'status',
    'kind',
    'perHost',
  ];
  const values = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '',
      '0',
      '-1',
      '1e99',
      'web-1',
      '*',
      '__proto__',
      '2026-01-01T00:00:00Z',
      'Pg',
      'NaN',
      '%',
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.array(fc.tuple(fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 8 })), values), {
        maxLength: 5,
      }),
      async (path, query) => {
        const search = query.map((pair) => pair.map(encodeText).join('=')).join('&');
        const { status } = await get(`/api/v1/${path}?${search}`);
        expect([200, 400, 404]).toContain(status);
      },
    ),
    { numRuns: 250 },
  );
  expect(logged).toEqual([]);
});

/** A lone half of a surrogate pair cannot stand in a URL. */
function encodeText(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

test('an error of our own is answered without its text and logged with the request id', async () => {
  const { daemon, get, logged } = await startApi();
  daemon.hosts = () => {
    throw new Error('password=hunter2');
  };
  const { status, json, text } = await get('/api/v1/hosts');
  expect(status).toBe(500);
  expect(text).not.toContain('hunter2');
  expect(logged[0]?.fields).toMatchObject({ requestId: json.requestId });
});
