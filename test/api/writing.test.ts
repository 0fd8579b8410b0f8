/** Every route that changes something: who may, what is asked of the daemon, what is refused. */
import { expect, test } from 'vitest';
import { explanationOf, runOf, startMs } from '../support/fake-views.ts';
import { bearer, eventually, startApi } from './api-server.ts';

const reason = { reason: 'drill' };

test('pause and resume carry the name of the token and the duration', async () => {
  const { daemon, send, logged } = await startApi();
  const ann = bearer(daemon.token('ann', 'act'));
  const paused = await send('POST', '/api/v1/pause', { reason: ' moving racks ', for: '1h30m' }, ann);
  expect(paused.json).toEqual({
    paused: true,
    pause: {
      by: 'ann',
      reason: 'moving racks',
      since: '2026-03-01T02:41:00.000Z',
      until: '2026-03-01T04:11:00.000Z',
    },
  });
  expect(daemon.paused?.untilMs).toBe(startMs + 5_400_000);
  expect((await send('POST', '/api/v1/resume', undefined, ann)).json).toEqual({ paused: false });
  expect((await send('POST', '/api/v1/resume', {}, ann)).status).toBe(200);
  expect(daemon.asked).toEqual(['pause by ann', 'resume by ann', 'resume by ann']);
  await eventually(() => expect(logged).toHaveLength(3));
  expect(logged[0]?.fields).toMatchObject({ person: 'ann', url: '/api/v1/pause', status: 200 });
  expect(JSON.stringify(logged)).not.toContain('secret-ann');
});

test.each([
  [{}, '#/reason'],
  [{ reason: '  ' }, '#/reason'],
  [{ reason: 'x', for: '30' }, '#/for'],
  [{ reason: 'x', for: '100ms' }, '#/for'],
  [{ reason: 'x', for: '9999d' }, '#/for'],
  [{ reason: 'x', fro: '1h' }, '#/fro'],
  [{ reason: 7 }, '#/reason'],
  [[], '#'],
])('a wrong pause is refused with its place: %j', async (body, pointer) => {
  const { daemon, send } = await startApi();
  const answer = await send('POST', '/api/v1/pause', body, bearer(daemon.token('ann', 'act')));
  expect(answer.status).toBe(400);
  expect(answer.json.errors).toContainEqual(expect.objectContaining({ in: 'body', pointer }));
  expect(daemon.asked).toEqual([]);
});

test('a body that is missing, empty, broken or of another kind is told in words of our own', async () => {
  const { daemon, url, send } = await startApi();
  const ann = bearer(daemon.token('ann', 'act'));
  const post = async (path: string, body: string, type: string) => {
    const headers = { ...ann, 'content-type': type };
    const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', headers, body });
    const { detail = '' } = (await response.json()) as { detail?: string };
    return [response.status, detail];
  };
  const json = 'application/json';
  expect(await post('resume', '', json)).toEqual([200, '']);
  expect(await post('pause', '', json)).toEqual([400, 'body #: is missing; must be of type object']);
  expect(await post('pause', '{"for":"1h"}', json)).toEqual([
    400,
    'body #/reason: is missing; must be of type string',
  ]);
  expect(await post('pause', '{"reason":', json)).toEqual([400, 'The body is not JSON.']);
  expect(await post('pause', '{"__proto__":{"reason":"x"}}', json)).toEqual([400, 'The body is not JSON.']);
  expect(await post('pause', 'reason=x', 'application/x-www-form-urlencoded')).toEqual([
    415,
    'A body must be JSON, with `content-type: application/json`.',
  ]);
  expect(await post('pause', JSON.stringify({ reason: 'x'.repeat(70_000) }), json)).toEqual([
    413,
    'The body is larger than this route takes.',
  ]);
  const long = await send('POST', `/api/v1/runs/${'a'.repeat(5_000)}/cancel`, {}, ann);
  expect([long.status, long.json.detail.length < 100, long.json.instance.length]).toEqual([414, true, 1_024]);
  expect(daemon.asked).toEqual(['resume by ann']);
});

test('an action is found by its short name too, as checks are', async () => {
  const { daemon, get, send } = await startApi();
  const ann = bearer(daemon.token('ann', 'act'));
  expect((await get('/api/v1/hosts/web-1/actions/restart/run')).json.action).toBe('app.restart');
  const run = await send('POST', '/api/v1/hosts/web-1/actions/restart/run', reason, ann);
  expect([run.status, run.json.action]).toEqual([202, 'app.restart']);
  expect((await send('POST', '/api/v1/hosts/web-1/actions/nothing/run', reason, ann)).status).toBe(404);
  daemon.explanations = ['a.restart', 'b.restart'].map((action) => ({
    ...explanationOf('web-1', 'app.running'),
    rungs: [{ action, kind: 'command', status: 'next', why: '' }],
  }));
  const unclear = await send('POST', '/api/v1/hosts/web-1/actions/restart/run', reason, ann);
  expect([unclear.status, unclear.json.detail]).toEqual([404, '"restart" could be a.restart or b.restart.']);
});

test('an act: dry_run only plans, POST answers with the run to follow', async () => {
  const { daemon, send } = await startApi();
  const ann = bearer(daemon.token('ann', 'admin'));
  const path = '/api/v1/hosts/web-1/actions/app.restart/run';
  const plan = await send('POST', `${path}?dry_run=true`, reason, ann);
  expect([plan.status, plan.json.command]).toEqual([200, 'systemctl restart worker']);
  expect(daemon.asked).toEqual([]);
  const run = await send('POST', path, reason, ann);
  expect(run.status).toBe(202);
  expect(run.headers.get('location')).toBe('/api/v1/runs/web-1~app.restart~abc~2');
  expect(run.json).toMatchObject({ status: 'intended', decidedBy: 'person:ann' });
  expect(daemon.asked).toEqual(['act web-1 app.restart by ann: drill']);
  expect((await send('POST', '/api/v1/hosts/web-9/actions/app.restart/run', reason, ann)).status).toBe(404);
  expect((await send('POST', '/api/v1/hosts/web-1/actions/app.x/run', reason, ann)).json.code).toBe(
    'action_unknown',
  );
  expect((await send('POST', path, {}, ann)).status).toBe(400);
});

test('a dry run says what would be, and nothing is', async () => {
  const { daemon, send } = await startApi();
  const ann = bearer(daemon.token('ann', 'admin'));
  const dry = (path: string, body?: object) => send('POST', `/api/v1/${path}?dry_run=true`, body, ann);
  const paused = await dry('pause', { reason: 'drill', for: '1h' });
  expect(paused.json).toEqual({
    paused: true,
    pause: {
      by: 'ann',
      reason: 'drill',
      since: '2026-03-01T02:41:00.000Z',
      until: '2026-03-01T03:41:00.000Z',
    },
  });
  expect((await dry('pause', {})).status).toBe(400);
  expect((await dry('resume')).json).toEqual({ paused: false });
  expect((await dry('checks/web-1/app.running/run')).json).toMatchObject({ check: 'app.running' });
  expect((await dry('checks/web-1/app.nope/run')).status).toBe(404);
  const weak = bearer(daemon.token('bob', 'ack'));
  expect((await send('POST', '/api/v1/pause?dry_run=true', reason, weak)).status).toBe(403);
  expect((await send('POST', '/api/v1/pause?dry_run=yes', reason, ann)).status).toBe(400);
  expect(daemon.asked).toEqual([]);
  expect(daemon.paused).toBeUndefined();
  expect((await send('POST', '/api/v1/pause?dry_run=false', reason, ann)).status).toBe(200);
  expect(daemon.asked).toEqual(['pause by ann']);
});

test('what a route does not know is never ignored', async () => {
  const { daemon, send } = await startApi();
  const ann = bearer(daemon.token('ann', 'admin'));
  expect((await send('POST', '/api/v1/rearm?force=true', reason, ann)).status).toBe(400);
  expect((await send('POST', '/api/v1/pause?dryrun=true', reason, ann)).status).toBe(400);
  expect((await send('POST', '/api/v1/resume', { for: '1h' }, ann)).status).toBe(400);
  const path = '/api/v1/hosts/web-1/actions/app.restart/run';
  const answer = await send('POST', path, reason, { ...ann, 'if-match': '"1"' });
  expect([answer.status, answer.json.code]).toEqual([400, 'header_unsupported']);
  expect(daemon.asked).toEqual([]);
});

test('running a check, cancelling a run: the refusal of the daemon keeps its status', async () => {
  const { daemon, send } = await startApi();
  const ann = bearer(daemon.token('ann', 'act'));
  expect((await send('POST', '/api/v1/checks/web-1/app.running/run', undefined, ann)).json.check).toBe(
    'app.running',
  );
  expect((await send('POST', '/api/v1/checks/web-1/app.nope/run', undefined, ann)).status).toBe(404);
  daemon.checkNow = async () => ({ kind: 'rejected', status: 503, code: 'queue_full', message: 'full' });
  const full = await send('POST', '/api/v1/checks/web-1/app.running/run', undefined, ann);
  expect([full.status, full.json.code, full.headers.get('retry-after')]).toEqual([503, 'queue_full', '5']);
  const sent = await send('POST', '/api/v1/runs/web-1~app.restart~abc~1/cancel', undefined, ann);
  expect([sent.status, sent.json.code]).toEqual([409, 'already_sent']);
  daemon.runList.push(runOf('r2', { status: 'intended' }));
  expect((await send('POST', '/api/v1/runs/r2/cancel', undefined, ann)).json.status).toBe('cancelled');
  expect((await send('POST', '/api/v1/runs/r3/cancel', undefined, ann)).status).toBe(404);
});

test('reload needs admin; bad definitions come back as problems', async () => {
  const { daemon, send } = await startApi();
  const weak = await send('POST', '/api/v1/reload', undefined, bearer(daemon.token('ann', 'act')));
  expect(weak.status).toBe(403);
  const root = bearer(daemon.token('root', 'admin'));
  expect((await send('POST', '/api/v1/reload', undefined, root)).json).toEqual({
    ok: true,
    revision: 'abcdef',
    restart: [],
  });
  daemon.reloadProblems = ['a.yaml:1:1: unknown key'];
  const bad = await send('POST', '/api/v1/reload', undefined, root);
  expect([bad.status, bad.json.problems]).toEqual([422, ['a.yaml:1:1: unknown key']]);
  expect(daemon.asked).toEqual(['reload by root', 'reload by root']);
});

test('a held reload says what lets it in; an unreachable repository is no bad definition', async () => {
  const { daemon, send } = await startApi();
  const root = bearer(daemon.token('root', 'admin'));
  daemon.reloadProblems = ['held: it drops 7 of 10 hosts'];
  daemon.refusal = { cause: 'held', held: { revision: 'abc123def456', why: ['it drops 7 of 10 hosts'] } };
  const held = await send('POST', '/api/v1/reload', undefined, root);
  expect([held.status, held.json.code, held.json.problems]).toEqual([409, 'held', daemon.reloadProblems]);
  expect(held.json.hint).toContain('mendd reload --confirm abc123def456');
  daemon.refusal = { cause: 'not_confirmed' };
  const other = await send('POST', '/api/v1/reload', { confirm: 'abc123def456' }, root);
  expect([other.status, other.json.code]).toEqual([412, 'not_confirmed']);
  daemon.refusal = { cause: 'unreachable' };
  const away = await send('POST', '/api/v1/reload', {}, root);
  expect([away.status, away.json.code]).toEqual([503, 'definitions_unreachable']);
  expect(daemon.asked[1]).toBe('reload by root: abc123def456');
});

test('a rollback needs a reason; a plan names one thing at most', async () => {
  const { daemon, send } = await startApi();
  const root = bearer(daemon.token('root', 'admin'));
  const status = async (path: string, body?: object) => (await send('POST', path, body, root)).status;
  expect(await status('/api/v1/rollback', {})).toBe(400);
  expect(await status('/api/v1/rollback', { reason: 'it pages everybody' })).toBe(200);
  expect(await status('/api/v1/rollback', { reason: 'x', commit: 'main' })).toBe(400);
  expect(await status('/api/v1/rollback', { reason: 'x', commit: 'fffffff' })).toBe(422);
  expect(await status('/api/v1/rollback', { reason: 'x', resume: true })).toBe(200);
  expect(await status('/api/v1/plan', { branch: '--upload-pack=x' })).toBe(400);
  expect(await status('/api/v1/plan', { directory: 'relative' })).toBe(400);
  expect(await status('/api/v1/plan', { branch: 'a', commit: 'abcdef0' })).toBe(400);
  expect(await status('/api/v1/plan')).toBe(422);
  daemon.planAnswer = { kind: 'unreachable', problems: ['no network'] };
  expect(await status('/api/v1/plan', { branch: 'next' })).toBe(503);
  expect(daemon.asked).toEqual([
    'rollback to the one before by root: it pages everybody',
    'reload by root',
    'rollback to fffffff by root: x',
    'rollback to the branch by root: x',
    'reload by root',
    'plan {}',
    'plan {"branch":"next"}',
  ]);
});

test('bodies: too large, no JSON, wrong type, poisoned', async () => {
  const { daemon, send, logged } = await startApi();
  const ann = bearer(daemon.token('ann', 'act'));
  const status = async (body: string, type = 'application/json') => {
    const answer = await send('POST', '/api/v1/pause', body, { ...ann, 'content-type': type });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    return answer.status;
  };
  expect(await status(JSON.stringify({ reason: 'x'.repeat(70_000) }))).toBe(413);
  expect(await status('{"reason":')).toBe(400);
  expect(await status('reason=x', 'application/x-www-form-urlencoded')).toBe(415);
  expect(await status('{"reason":"x"}', 'text/plain')).toBe(415);
  expect(await status('{"reason":"x","__proto__":{"a":1}}')).toBe(400);
  expect(await status('['.repeat(30_000))).toBe(400);
  expect(daemon.asked).toEqual([]);
  expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
});

test('changes are limited per token and route: a busy script cannot take away the pause', async () => {
  const { daemon, send } = await startApi();
  const ann = bearer(daemon.token('ann', 'act'));
  const bob = bearer(daemon.token('bob', 'act'));
  for (let each = 0; each < 60; each += 1) {
    expect((await send('POST', '/api/v1/resume', undefined, ann)).status).toBe(200);
  }
  const over = await send('POST', '/api/v1/resume', undefined, ann);
  expect([over.status, over.json.code]).toEqual([429, 'too_many_requests']);
  expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await send('POST', '/api/v1/pause', reason, ann)).status).toBe(200);
  expect((await send('POST', '/api/v1/resume', undefined, bob)).status).toBe(200);
});

test('where a body is wrong is a JSON pointer, whatever its names are', async () => {
  const { daemon, send } = await startApi();
  const ann = bearer(daemon.token('ann', 'ack'));
  const silence = (match: object, more = {}) =>
    send('POST', '/api/v1/silences', { match, reason: 'x', for: '1h', ...more }, ann);
  const pointers = async (match: object, more = {}) =>
    (await silence(match, more)).json.errors.map(({ pointer }: { pointer: string }) => pointer);
  expect(await pointers({ labels: { 'a/b~c': 5 } })).toEqual(['#/match/labels/a~1b~0c']);
  expect(await pointers({ hosts: ['web-*', 5] })).toEqual(['#/match/hosts/1']);
  expect(await pointers({ hosts: ['*'], 'x/y': 1 })).toEqual(['#/match/x~1y']);
  expect(await pointers({ hosts: ['*'] }, { '~': 1 })).toEqual(['#/~0']);
  expect((await send('POST', '/api/v1/silences', '5', ann)).json.errors[0].pointer).toBe('#');
});
