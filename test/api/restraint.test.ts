/** What people lay upon actions over HTTP: suppressions, answers to questions, brakes, trust, re-arming; and the audit. */
import { expect, test } from 'vitest';
import type { StoredDecision } from '../../core/decisions.ts';
import type { Transition } from '../../core/types.ts';
import {
  acknowledgementOf,
  approvalOf,
  brakeOf,
  downtimeOf,
  explanationOf,
  outcomesOf,
  silenceOf,
  startMs,
} from '../support/fake-views.ts';
import { bearer, startApi } from './api-server.ts';

const match = { hosts: ['web-*'] };
const hour = 3_600_000;

async function startAs(...scopes: ('read' | 'ack' | 'act' | 'admin')[]) {
  const started = await startApi();
  started.daemon.approvalList = [approvalOf('web-1~app.restart~abc~1')];
  return { ...started, ann: bearer(started.daemon.token('ann', ...scopes)) };
}

test('a silence: by a duration or until a time, now or later, under the name of the token', async () => {
  const { daemon, send, ann } = await startAs('ack');
  const made = await send('POST', '/api/v1/silences', { match, reason: ' rack move ', for: '2h' }, ann);
  expect([made.status, made.json]).toEqual([
    200,
    {
      kind: 'silence',
      id: expect.stringMatching(/^01J/),
      by: 'ann',
      reason: 'rack move',
      createdAt: '2026-03-01T02:41:00.000Z',
      origin: 'person',
      match: { hosts: ['web-*'], labels: {}, checks: [] },
      startsAt: '2026-03-01T02:41:00.000Z',
      endsAt: '2026-03-01T04:41:00.000Z',
    },
  ]);
  const later = { from: '2026-03-02T00:00:00+01:00', until: '2026-03-02T02:00:00Z' };
  const planned = await send(
    'POST',
    '/api/v1/silences',
    { match: { labels: { role: 'db' }, checks: ['app.*', '!app.lag'] }, reason: 'x', ...later },
    ann,
  );
  expect(planned.json).toMatchObject({
    startsAt: '2026-03-01T23:00:00.000Z',
    endsAt: '2026-03-02T02:00:00.000Z',
    match: { hosts: [], labels: { role: 'db' }, checks: ['app.*', '!app.lag'] },
  });
  expect(daemon.asked[0]).toBe(
    `silence by ann: ${JSON.stringify({
      kind: 'silence',
      match: { hosts: ['web-*'], labels: {}, checks: [] },
      reason: 'rack move',
      endsAtMs: startMs + 2 * hour,
    })}`,
  );
});

const wrongBodies: [path: string, body: object, pointer: string][] = [
  ['silences', { reason: 'x', for: '1h' }, '#/match'],
  ['silences', { match: {}, reason: 'x', for: '1h' }, '#/match'],
  ['silences', { match: { labels: {} }, reason: 'x', for: '1h' }, '#/match'],
  ['silences', { match: { hosts: [] }, reason: 'x', for: '1h' }, '#/match/hosts'],
  ['silences', { match: { hosts: ['a b'] }, reason: 'x', for: '1h' }, '#/match/hosts/0'],
  ['silences', { match: { host: 'web-1' }, reason: 'x', for: '1h' }, '#/match/host'],
  ['silences', { match, for: '1h' }, '#/reason'],
  ['silences', { match, reason: ' ', for: '1h' }, '#/reason'],
  ['silences', { match, reason: 'x'.repeat(501), for: '1h' }, '#/reason'],
  ['silences', { match, reason: 'x' }, '#/until'],
  ['silences', { match, reason: 'x', for: '1h', until: '2026-03-02T00:00:00Z' }, '#/for'],
  ['silences', { match, reason: 'x', until: '2026-03-01T02:41:00Z' }, '#/until'],
  ['silences', { match, reason: 'x', until: '2036-03-01T02:41:00Z' }, '#/until'],
  ['silences', { match, reason: 'x', until: '2026-03-02' }, '#/until'],
  [
    'silences',
    { match, reason: 'x', from: '2026-04-01T00:00:00Z', until: '2026-03-02T00:00:00Z' },
    '#/until',
  ],
  ['silences', { match, reason: 'x', from: '2026-02-01T00:00:00Z', for: '1h' }, '#/for'],
  ['silences', { match, reason: 'x', for: '60' }, '#/for'],
  ['downtimes', { match, reason: 'x' }, '#/until'],
  ['downtimes', { match, reason: 'x', schedule: '0 2 * * 0' }, '#/lasts'],
  ['downtimes', { match, reason: 'x', schedule: '0 2 * * 0', lasts: '2h', for: '1h' }, '#/for'],
  ['downtimes', { match, reason: 'x', for: '1h', lasts: '2h' }, '#/lasts'],
  ['downtimes', { match, reason: 'x', for: '1h', timezone: 'UTC' }, '#/timezone'],
  ['downtimes', { match: {}, reason: 'x', for: '1h' }, '#/match'],
  ['acknowledgements', { host: 'web-1', reason: 'x' }, '#/check'],
  ['acknowledgements', { host: 'web-1', check: 'app.running' }, '#/reason'],
  ['acknowledgements', { host: 'web-1', check: 'app.running', reason: 'x', sticky: 'yes' }, '#/sticky'],
  [
    'acknowledgements',
    { host: 'web-1', check: 'app.running', reason: 'x', until: '2020-01-01T00:00:00Z' },
    '#/until',
  ],
];

test.each(wrongBodies)('a wrong body is refused with its place: %s %j', async (path, body, pointer) => {
  const { daemon, send, ann } = await startAs('ack');
  const answer = await send('POST', `/api/v1/${path}`, body, ann);
  expect([answer.status, answer.json.code]).toEqual([400, 'invalid_request']);
  expect(answer.json.errors).toContainEqual(expect.objectContaining({ in: 'body', pointer }));
  expect(daemon.asked).toEqual([]);
});

test('a matcher that the daemon cannot use keeps its 422', async () => {
  const { send, ann } = await startAs('ack');
  const body = { match: { hosts: ['nobody'] }, reason: 'x', for: '1h' };
  const answer = await send('POST', '/api/v1/silences', body, ann);
  expect([answer.status, answer.json.code]).toEqual([422, 'matcher_unusable']);
});

test.each([
  [{ for: '2h' }, { kind: 'fixed', startsAtMs: startMs, endsAtMs: startMs + 2 * hour }],
  [
    { from: '2026-03-01T03:41:00Z', until: '2026-03-01T05:41:00Z', flexible: '30m' },
    { kind: 'flexible', startsAtMs: startMs + hour, endsAtMs: startMs + 3 * hour, lastsMs: 1_800_000 },
  ],
  [
    { schedule: '0 2 * * 0', timezone: 'Europe/Berlin', lasts: '2h' },
    { kind: 'recurring', cron: '0 2 * * 0', timezone: 'Europe/Berlin', lastsMs: 2 * hour },
  ],
  [
    { schedule: '0 2 * * 0', lasts: '2h' },
    { kind: 'recurring', cron: '0 2 * * 0', timezone: 'UTC', lastsMs: 2 * hour },
  ],
])('a downtime in its three forms: %j', async (form, window) => {
  const { daemon, send, ann } = await startAs('ack');
  const made = await send('POST', '/api/v1/downtimes', { match, reason: 'patch', ...form }, ann);
  expect([made.status, made.json.window.kind]).toEqual([200, window.kind]);
  expect(daemon.suppressionList).toMatchObject([{ kind: 'downtime', window }]);
});

test('an acknowledgement: short names, the host itself, unknown names, no problem to take', async () => {
  const { daemon, send, ann } = await startAs('ack');
  const ack = (body: object) => send('POST', '/api/v1/acknowledgements', { reason: 'mine', ...body }, ann);
  const made = await ack({ host: 'web-1', check: 'running', sticky: true, for: '2h' });
  expect(made.json).toMatchObject({
    kind: 'acknowledgement',
    check: 'app.running',
    state: 'critical',
    sticky: true,
    problemSince: '2026-03-01T02:40:00.000Z',
    endsAt: '2026-03-01T04:41:00.000Z',
  });
  const open = await ack({ host: 'web-1', check: 'app.running' });
  expect([open.json.sticky, 'endsAt' in open.json]).toEqual([false, false]);
  expect((await ack({ host: 'web-1', check: 'app.nope' })).json.code).toBe('check_unknown');
  expect((await ack({ host: 'web-9', check: 'app.running' })).json.code).toBe('host_unknown');
  expect((await ack({ host: 'web-9', check: 'host' })).json.code).toBe('host_unknown');
  expect((await ack({ host: 'web-1', check: 'host' })).json.code).toBe('no_problem');
  expect(daemon.asked.at(-1)).toContain('"check":"host"');
});

test('suppressions are listed by kind, and ended by their id, also one with a path in it', async () => {
  const { daemon, get, send, ann } = await startAs('ack');
  const window = { kind: 'recurring' as const, cron: '0 2 * * 0', timezone: 'UTC', lastsMs: hour };
  daemon.suppressionList = [
    silenceOf('01A'),
    acknowledgementOf('01B'),
    downtimeOf('silences/a.yaml:3', window),
  ];
  const ids = async (query: string) =>
    (await get(`/api/v1/suppressions${query}`)).json.items.map(({ id }: { id: string }) => id);
  expect(await ids('')).toEqual(['01A', '01B', 'silences/a.yaml:3']);
  expect(await ids('?kind=acknowledgement')).toEqual(['01B']);
  const all = (await get('/api/v1/suppressions')).json.items;
  // What begins with the world has no beginning on the wire.
  expect(all[0]).toMatchObject({ startsAt: null, endsAt: '2026-03-01T03:41:00.000Z' });
  expect(all[2]).toMatchObject({ createdAt: null, origin: 'definitions', window: { lastsMs: hour } });
  const ended = await send('DELETE', '/api/v1/suppressions/01A', undefined, ann);
  expect(ended.json).toMatchObject({ id: '01A', endedBy: 'ann', endedAt: '2026-03-01T02:41:00.000Z' });
  expect((await send('DELETE', '/api/v1/suppressions/01Z', undefined, ann)).status).toBe(404);
  const defined = await send('DELETE', '/api/v1/suppressions/silences%2Fa.yaml%3A3', undefined, ann);
  expect([defined.status, defined.json.code]).toEqual([409, 'defined_in_file']);
});

const question = '/api/v1/approvals/web-1~app.restart~abc~1';

test('a question carries its tag as ETag; an answer needs it', async () => {
  const { daemon, get, send, ann } = await startAs('act');
  const read = await get(question);
  expect([read.headers.get('etag'), read.headers.get('cache-control')]).toEqual(['"tag-1"', 'no-store']);
  expect(read.json).toMatchObject({
    command: 'systemctl reboot',
    status: 'waiting',
    tag: 'tag-1',
    expiresAt: '2026-03-01T03:11:00.000Z',
  });
  for (const header of [{}, { 'if-match': '*' }]) {
    const blind = await send('POST', `${question}/approve`, {}, { ...ann, ...header });
    expect([blind.status, blind.json.code]).toEqual([428, 'if_match_needed']);
    expect(blind.json.hint).toContain('ETag');
  }
  for (const tag of ['tag-1', 'W/"tag-1"', '"tag-1", "tag-2"', '""']) {
    const odd = await send('POST', `${question}/approve`, {}, { ...ann, 'if-match': tag });
    expect([tag, odd.status]).toEqual([tag, 400]);
  }
  expect(daemon.asked).toEqual([]);
  const stale = await send('POST', `${question}/approve`, {}, { ...ann, 'if-match': '"tag-0"' });
  expect([stale.status, stale.json.code, stale.json.title]).toEqual([412, 'changed', 'Changed meanwhile']);
  const yes = await send('POST', `${question}/approve`, undefined, { ...ann, 'if-match': '"tag-1"' });
  expect(yes.json).toMatchObject({ status: 'approved', decidedBy: 'ann' });
  const late = await send('POST', `${question}/reject`, { reason: 'no' }, { ...ann, 'if-match': '"tag-1"' });
  expect([late.status, late.json.code]).toEqual([409, 'settled']);
  const gone = await send('POST', '/api/v1/approvals/x/approve', {}, { ...ann, 'if-match': '"tag-1"' });
  expect(gone.status).toBe(404);
  expect((await get('/api/v1/approvals/x')).json.code).toBe('approval_unknown');
  // A reader that polls with the tag must see that it was settled.
  const again = await get(question, { 'if-none-match': '"tag-1"' });
  expect([again.status, again.json.status]).toEqual([200, 'approved']);
});

test('to reject needs a reason, and each answer says whose it is', async () => {
  const { daemon, send, ann } = await startAs('act');
  const header = { ...ann, 'if-match': '"tag-1"' };
  for (const body of [undefined, {}, { reason: '' }, { reason: 'x', tag: 'y' }])
    expect((await send('POST', `${question}/reject`, body, header)).status).toBe(400);
  expect((await send('POST', `${question}/approve`, { reason: '' }, header)).status).toBe(400);
  expect(daemon.asked).toEqual([]);
  const no = await send('POST', `${question}/reject`, { reason: 'deploy runs' }, header);
  expect(no.json.status).toBe('rejected');
  expect(daemon.asked).toEqual(['rejected web-1~app.restart~abc~1 by ann: deploy runs [tag-1]']);
});

test('questions are listed newest first, by status', async () => {
  const { daemon, get } = await startApi();
  daemon.approvalList = [
    approvalOf('old', { createdAtMs: startMs - hour, status: 'expired' }),
    approvalOf('new', { createdAtMs: startMs }),
    approvalOf('mid', { createdAtMs: startMs - 60_000 }),
  ];
  const ids = async (query: string) =>
    (await get(`/api/v1/approvals${query}`)).json.items.map(({ id }: { id: string }) => id);
  expect(await ids('')).toEqual(['new', 'mid', 'old']);
  expect(await ids('?status=waiting')).toEqual(['new', 'mid']);
  const first = (await get('/api/v1/approvals?limit=2')).json;
  expect(await ids(`?limit=2&cursor=${first.next}`)).toEqual(['old']);
});

test('brakes: figures on the wire, and a release by scope', async () => {
  const { daemon, get, send, ann } = await startAs('act');
  daemon.brakeList = [brakeOf('fleet', false), brakeOf('role=web/eu', true)];
  const { items } = (await get('/api/v1/brakes')).json;
  const tag = 'tag-fleet-off';
  expect(items[0]).toEqual({ scope: 'fleet', on: false, unhealthy: 1, hosts: 12, allowed: 3, tag });
  expect(items[1]).toMatchObject({
    on: true,
    releasesAt: '2026-03-01T02:51:00.000Z',
    state: {
      cause: 'mass_failure',
      since: '2026-03-01T02:39:00.000Z',
      belowSince: '2026-03-01T02:40:00.000Z',
    },
  });
  const path = `/api/v1/brakes/${encodeURIComponent('role=web/eu')}/release`;
  const released = await send('POST', path, { reason: 'seen' }, ann);
  expect(released.json.state.released).toEqual({ at: '2026-03-01T02:41:00.000Z', by: 'ann', reason: 'seen' });
  expect((await send('POST', '/api/v1/brakes/fleet/release', { reason: 'x' }, ann)).status).toBe(409);
  expect((await send('POST', '/api/v1/brakes/nope/release', { reason: 'x' }, ann)).status).toBe(404);
  expect((await send('POST', '/api/v1/brakes/fleet/release', {}, ann)).status).toBe(400);
});

test('trust and re-arming are for admins, with a reason', async () => {
  const { daemon, get, send, ann } = await startAs('admin');
  const cap = {
    action: 'app.restart',
    mode: 'approve' as const,
    sinceMs: startMs,
    by: 'rule',
    reason: '3 in a row',
    tag: 't1',
  };
  daemon.demotedList = [cap];
  expect((await get('/api/v1/trust')).json.items).toEqual([
    {
      action: 'app.restart',
      mode: 'approve',
      since: '2026-03-01T02:41:00.000Z',
      by: 'rule',
      reason: '3 in a row',
      tag: 't1',
    },
  ]);
  const promote = (tag: string) =>
    send('POST', '/api/v1/trust/app.restart/promote', { reason: 'seen' }, { ...ann, 'if-match': `"${tag}"` });
  expect((await promote('t0')).json.code).toBe('changed');
  expect(daemon.asked).toEqual([]);
  expect((await promote('t1')).status).toBe(200);
  const promoted = await send('POST', '/api/v1/trust/app.restart/promote', { reason: 'fixed' }, ann);
  expect(promoted.json).toEqual({ action: 'app.restart', mode: 'auto' });
  expect((await send('POST', '/api/v1/trust/app.other/promote', { reason: 'x' }, ann)).status).toBe(409);
  expect((await send('POST', '/api/v1/rearm', undefined, ann)).status).toBe(400);
  expect((await send('POST', '/api/v1/rearm', { reason: 'x' }, ann)).status).toBe(409);
  daemon.quarantine = { cause: 'restored', sinceMs: startMs, text: 'an older copy' };
  expect((await send('POST', '/api/v1/rearm', { reason: 'looked' }, ann)).json).toEqual({
    cause: 'restored',
    since: '2026-03-01T02:41:00.000Z',
    text: 'an older copy',
  });
  expect(daemon.asked.at(-1)).toBe('rearm by ann: looked');
});

test('outcomes since a duration or a time, with whole numbers of milliseconds', async () => {
  const { daemon, get } = await startApi();
  const asked: object[] = [];
  daemon.outcomes = (query) => {
    asked.push(query);
    return [outcomesOf('b.x', 'web-1'), outcomesOf('a.x')];
  };
  const { json } = await get('/api/v1/outcomes');
  expect(json.items.map(({ action }: { action: string }) => action)).toEqual(['a.x', 'b.x']);
  expect(json.items[0]).toMatchObject({ runs: 10, verified: 7, notVerified: 1, medianTimeToHealMs: 42_001 });
  await get('/api/v1/outcomes?since=1h&perHost=true&host=web-1&action=b.x');
  await get('/api/v1/outcomes?since=2026-03-01T00:00:00Z');
  expect(asked).toEqual([
    { sinceMs: startMs - 30 * 24 * hour, perHost: false },
    { sinceMs: startMs - hour, perHost: true, host: 'web-1', action: 'b.x' },
    { sinceMs: Date.UTC(2026, 2, 1), perHost: false },
  ]);
});

test('the audit is for admins alone, in pages, its bodies as they were hashed', async () => {
  const { daemon, get } = await startApi();
  const root = bearer(daemon.token('root', 'admin'));
  for (const path of ['/api/v1/audit', '/api/v1/audit/verify']) {
    expect((await get(path)).status).toBe(401);
    expect((await get(path, bearer(daemon.token('ann', 'act')))).status).toBe(403);
  }
  const first = await get('/api/v1/audit?limit=2', root);
  expect(first.json.items[0]).toEqual({
    seq: 3,
    at: '2026-03-01T02:41:00.003Z',
    kind: 'command',
    actor: 'person:ann',
    event: 'automation.paused',
    body: { reason: 'drill', untilMs: startMs },
    previous: 'a'.repeat(64),
    hash: 'b'.repeat(64),
  });
  const rest = await get(`/api/v1/audit?limit=2&cursor=${first.json.next}`, root);
  expect(rest.json.items.map(({ seq }: { seq: number }) => seq)).toEqual([1]);
  expect((await get('/api/v1/audit/verify', root)).json).toMatchObject({ ok: true, head: { seq: 3 } });
  daemon.auditVerdict = { ok: false, entries: 1, brokenAtSeq: 2, problem: 'entry 2 was altered' };
  expect((await get('/api/v1/audit/verify', root)).json).toEqual(daemon.auditVerdict);
});

const day = 24 * hour;

function decisionAt(atMs: number, lastAtMs: number, more: Partial<StoredDecision> = {}): StoredDecision {
  const { gates } = explanationOf('web-1', 'app.running');
  const place = { host: 'web-1', ladder: 'app.restart', action: 'app.restart', check: 'app.running' };
  const answer = { verdict: 'held' as const, reason: 'cooldown' as const, gates };
  return { id: 1, count: 3, ...place, ...answer, atMs, lastAtMs, ...more };
}

function transitionAt(atMs: number, to: string): Transition {
  const flap = { flapping: false, percent: 0, percentWithoutActions: 0, afterAction: false };
  return {
    id: 1,
    host: 'web-1',
    check: 'app.running',
    from: 'x',
    type: 'hard',
    attempt: 1,
    text: '',
    ...flap,
    atMs,
    to,
  };
}

test('explain at a past moment: one shape, the newest rung of each ladder, and no problem after a recovery', async () => {
  const { daemon, get } = await startApi();
  daemon.clock.advance(day);
  daemon.decisionList = [
    decisionAt(startMs, startMs + hour),
    decisionAt(startMs + 2 * hour, startMs + 2 * hour, {
      action: 'app.reboot',
      verdict: 'act',
      reason: 'act',
      gates: [],
    }),
  ];
  daemon.transitionList = [
    transitionAt(startMs + 3 * hour, 'ok'),
    transitionAt(startMs - 60_000, 'critical'),
  ];
  daemon.history.transitions = ({ untilMs = 0 }) => ({
    items: daemon.transitionList.filter(({ atMs }) => atMs <= untilMs),
  });
  const at = async (ms: number) =>
    (await get(`/api/v1/explain?host=web-1&at=${new Date(startMs + ms).toISOString()}`)).json.explanations;
  expect(await at(hour / 2)).toMatchObject([
    {
      action: 'app.restart',
      at: '2026-03-01T03:11:00.000Z',
      verdict: 'held',
      earliest: '2026-03-01T02:42:30.000Z',
    },
  ]);
  const [act] = await at(2.5 * hour);
  expect(act).toMatchObject({
    action: 'app.reboot',
    verdict: 'act',
    at: '2026-03-01T04:41:00.000Z',
    rungs: [],
  });
  expect('earliest' in act).toBe(false);
  expect(await at(4 * hour)).toMatchObject([{ verdict: 'nothing', reason: 'no_problem', gates: [] }]);
});

test('now carries what holds the whole automation back', async () => {
  const { daemon, get } = await startApi();
  daemon.mode = 'approve';
  daemon.approvalList = [approvalOf('web-1~app.restart~abc~1')];
  daemon.brakeList = [brakeOf('fleet', true)];
  daemon.quarantine = { cause: 'corrupt', sinceMs: startMs, text: 'row 3' };
  const values = { stalledMs: 1500, limitMs: 1000 };
  daemon.doubt = { cause: 'event_loop_stalled', sinceMs: startMs, values, opens: 'a fresh round' };
  daemon.suppressionList = [silenceOf('01A')];
  const { json } = await get('/api/v1/now');
  expect(json.automation).toMatchObject({
    mode: 'approve',
    doubt: { cause: 'event_loop_stalled', since: '2026-03-01T02:41:00.000Z', values },
    quarantine: { cause: 'corrupt' },
    brakes: [{ scope: 'fleet', on: true }],
    demoted: [],
  });
  expect(json.approvals).toMatchObject([{ id: 'web-1~app.restart~abc~1' }]);
  expect(json.suppressions).toMatchObject([{ id: '01A' }]);
  // Restraint is no reason to take the daemon out of service.
  expect((await get('/readyz')).status).toBe(200);
});
