/** Idempotency-Key over a real ledger: a repeat does nothing twice and answers the same, also after a restart or a crash. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { MenddError } from '../../core/errors.ts';
import type { Coordinator } from '../../core/ports.ts';
import type { Scope } from '../../core/types.ts';
import type { CheckView } from '../../core/views.ts';
import { openStores } from '../../store/open.ts';
import { intentOf, slotsOf } from '../store/support/samples.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { startMs } from '../support/fake-views.ts';
import { bearer, eventually, startApi } from './api-server.ts';

const act = '/api/v1/hosts/web-1/actions/app.restart/run';
const reason = { reason: 'drill' };

/** A ledger, and daemons that come and go on it. */
function ledger() {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-keys-'));
  let stores: ReturnType<typeof openStores> | undefined;
  const close = (): void => {
    stores?.store.close();
    stores?.coordinator.close();
  };
  onTestFinished(() => {
    close();
    rmSync(directory, { recursive: true });
  });
  return async function start() {
    close();
    stores = openStores({ path: join(directory, 'mendd.db'), nowMs: startMs });
    const { coordinator } = stores;
    const daemon = Object.assign(new FakeDaemon(), { runs: coordinator });
    return { ...(await startApi(daemon)), coordinator };
  };
}

function person(coordinator: Coordinator, name: string, ...scopes: Scope[]) {
  return bearer(coordinator.createToken({ name, scopes, nowMs: startMs }).secret);
}

const crash = (): never => {
  throw new Error('killed');
};

const key = (text: string) => ({ 'idempotency-key': text });

test('a repeat is answered as the first was, and does nothing', async () => {
  const start = ledger();
  const { coordinator, daemon, send } = await start();
  const ann = person(coordinator, 'ann', 'act');
  const first = await send('POST', act, reason, { ...ann, ...key('"k 1"') });
  expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([202, null]);
  const again = await send('POST', act, reason, { ...ann, ...key('"k 1"') });
  expect([again.status, again.text]).toEqual([202, first.text]);
  for (const name of ['content-type', 'location'])
    expect(again.headers.get(name)).toBe(first.headers.get(name));
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(daemon.asked).toHaveLength(1);

  // A refusal is an answer as well, and keeps its form.
  const unknown = act.replace('app.restart', 'app.x');
  const refused = await send('POST', unknown, reason, { ...ann, ...key('k2') });
  const refusedAgain = await send('POST', unknown, reason, { ...ann, ...key('k2') });
  expect([refusedAgain.status, refusedAgain.text]).toEqual([404, refused.text]);
  expect(refusedAgain.headers.get('content-type')).toContain('application/problem+json');
  expect(daemon.asked).toHaveLength(2);

  // After a restart it is known all the same.
  const later = await start();
  const third = await later.send('POST', act, reason, { ...ann, ...key('"k 1"') });
  expect([third.status, third.text, third.headers.get('idempotency-replayed')]).toEqual([
    202,
    first.text,
    'true',
  ]);
  expect(later.daemon.asked).toEqual([]);
});

test('a key is one of this token, route and path; with another request it is a mistake', async () => {
  const { coordinator, daemon, send } = await ledger()();
  const ann = { ...person(coordinator, 'ann', 'act'), ...key('k') };
  const otherAnn = { ...person(coordinator, 'ann', 'act'), ...key('k') };
  expect((await send('POST', act, reason, ann)).status).toBe(202);
  const other = await send('POST', act, { reason: 'other' }, ann);
  expect([other.status, other.json.code]).toEqual([422, 'key_reused']);
  expect(daemon.asked).toHaveLength(1);
  // What only looks different is the same.
  expect(
    (await send('POST', act, '{ "reason" :\n "drill " }', ann)).headers.get('idempotency-replayed'),
  ).toBe('true');
  expect((await send('POST', act, reason, otherAnn)).headers.get('idempotency-replayed')).toBeNull();
  expect((await send('POST', act.replace('web-1', 'web-2'), reason, ann)).status).toBe(202);
  expect((await send('POST', '/api/v1/pause', reason, ann)).status).toBe(200);
  expect(daemon.asked).toHaveLength(4);
  daemon.clock.advance(86_400_001);
  expect((await send('POST', act, { reason: 'other' }, ann)).status).toBe(202);
});

test('what is no key, a wrong shape and a dry run take none', async () => {
  const { coordinator, daemon, send } = await ledger()();
  const ann = person(coordinator, 'ann', 'act');
  for (const bad of ['', 'a b', '"open', 'x'.repeat(256), 'ü']) {
    const answer = await send('POST', act, reason, { ...ann, 'idempotency-key': bad });
    expect([bad, answer.status, answer.json.code]).toEqual([bad, 400, 'invalid_request']);
  }
  expect((await send('POST', act, {}, { ...ann, ...key('k') })).status).toBe(400);
  expect((await send('POST', `${act}?dry_run=true`, reason, { ...ann, ...key('k') })).status).toBe(200);
  expect(daemon.asked).toEqual([]);
  expect((await send('POST', act, reason, { ...ann, ...key('k') })).status).toBe(202);
});

test('while the first is under way a repeat is told to wait; it is kept though nobody waited for it', async () => {
  const { coordinator, daemon, send, url } = await ledger()();
  const ann = { ...person(coordinator, 'ann', 'act'), ...key('k') };
  const path = '/api/v1/checks/web-1/app.running/run';
  const answers: (() => void)[] = [];
  const view = daemon.checkList[0] as CheckView;
  daemon.checkNow = () => new Promise((resolve) => answers.push(() => resolve(view)));
  const left = new AbortController();
  const first = fetch(url + path, { method: 'POST', headers: ann, signal: left.signal }).catch(() => 'left');
  await eventually(() => expect(answers).toHaveLength(1));
  const early = await send('POST', path, undefined, ann);
  expect([early.status, early.json.code, early.headers.get('retry-after')]).toEqual([409, 'under_way', '1']);
  left.abort();
  expect(await first).toBe('left');
  answers[0]?.();
  await eventually(async () => {
    const again = await send('POST', path, undefined, ann);
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
  });
  expect(answers).toHaveLength(1);
});

test('killed before anything was done, it is done; killed after, it is not done again', async () => {
  const start = ledger();
  const before = await start();
  const ann = { ...person(before.coordinator, 'ann', 'act'), ...key('k') };
  // Nothing of it is on record: the first byte of it never happened.
  before.daemon.act = crash;
  expect((await before.send('POST', act, reason, ann)).status).toBe(500);

  const second = await start();
  const { coordinator } = second;
  const audit = (event: string, body: Record<string, unknown>, actor = 'person:ann') =>
    coordinator.audit({ atMs: startMs, kind: 'command', actor, event, body });
  const intent = intentOf(coordinator.fence, { host: 'web-1', action: 'app.restart', reason: 'drill' });
  const commanded = { run: intent.id, host: 'web-1', action: 'app.restart', reason: 'drill' };
  audit('automation.paused', {}, 'person:bob');
  audit('command.refused', { command: 'act' });
  // Recorded as commanded, and killed before its intent was on disk: no run, so nothing was done.
  second.daemon.act = () => {
    audit('action.commanded', commanded);
    return crash();
  };
  expect((await second.send('POST', act, reason, ann)).status).toBe(500);

  const third = await start();
  third.daemon.act = () => {
    const claimed = third.coordinator.claim({ ...intent, fence: third.coordinator.fence }, slotsOf());
    expect(claimed).toMatchObject({ kind: 'claimed' });
    return crash();
  };
  expect((await third.send('POST', act, reason, ann)).status).toBe(500);

  const last = await start();
  const found = await last.send('POST', act, reason, ann);
  expect([found.status, found.json?.id, found.headers.get('idempotency-replayed')]).toEqual([
    202,
    intent.id,
    'true',
  ]);
  expect(found.headers.get('location')).toBe(`/api/v1/runs/${encodeURIComponent(intent.id)}`);
  expect(last.daemon.asked).toEqual([]);
});

test('what was done by this person meanwhile and cannot be told apart is left to the person', async () => {
  const start = ledger();
  const { coordinator, daemon, send } = await start();
  const ann = { ...person(coordinator, 'ann', 'act'), ...key('k') };
  daemon.pause = ({ by }) => {
    coordinator.audit({
      atMs: startMs,
      kind: 'command',
      actor: `person:${by}`,
      event: 'automation.paused',
      body: {},
    });
    throw new MenddError('STORE_UNUSABLE', 'the disk is full');
  };
  expect((await send('POST', '/api/v1/pause', reason, ann)).status).toBe(503);
  for (const restarted of [false, true]) {
    const api = restarted ? await start() : { send, daemon };
    const unknown = await api.send('POST', '/api/v1/pause', reason, ann);
    expect([unknown.status, unknown.json.code]).toEqual([409, 'outcome_unknown']);
    expect(unknown.json.problems).toEqual([expect.stringContaining('automation.paused at 2026')]);
    expect(api.daemon.asked).toEqual([]);
  }
});

test('an answer that cannot be kept is given all the same; one that is too large is kept without its text', async () => {
  const { coordinator, daemon, logged, send } = await ledger()();
  const ann = person(coordinator, 'ann', 'act');
  const kept = { ...coordinator };
  coordinator.keepAnswer = () => {
    throw new MenddError('STORE_UNUSABLE', 'the disk is full');
  };
  expect((await send('POST', act, reason, { ...ann, ...key('k') })).status).toBe(202);
  expect(logged.map(({ level }) => level)).toContain('warn');
  Object.assign(coordinator, kept);
  const check = daemon.checkList[0];
  if (check?.status.lastResult !== undefined) check.status.lastResult.text = 'x'.repeat(40_000);
  const path = '/api/v1/checks/web-1/app.running/run';
  expect((await send('POST', path, undefined, { ...ann, ...key('l') })).status).toBe(200);
  const again = await send('POST', path, undefined, { ...ann, ...key('l') });
  expect([again.status, again.json.code]).toEqual([409, 'answer_not_kept']);
});
