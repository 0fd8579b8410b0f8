/** Whoever was asked something, or told what would have been done, is told the end of that too: no incident of it stays open. */
import { expect, test, vi } from 'vitest';
import { incidentOf } from '../../actions/incident.ts';
import { MenddError } from '../../core/errors.ts';
import { plannedRun } from '../../core/runs.ts';
import { brakeOff, brakeOn } from '../../daemon/notices.ts';
import { ladderOf, planOf, restart } from '../support/definitions.ts';
import { settle } from '../support/fake-clock.ts';
import type { ScriptedDaemon } from './scripted-daemon.ts';
import {
  definitions,
  evening,
  hourMs,
  minuteMs,
  pass,
  result,
  route,
  running,
  start,
  tellMuch,
  told,
  viewsOf,
} from './told-daemon.ts';

/** One question to `oncall`. */
async function askedDaemon(): Promise<ScriptedDaemon> {
  const ladder = ladderOf([{ ...restart, mode: 'approve' }], { attempts: 1 });
  const daemon = start(definitions([planOf([running], [ladder])], {}, { page: 'oncall' }));
  // The first result after a start is not acted upon.
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'critical');
  expect(told(daemon).map(({ kind, body }) => [kind, body['kind']])).toEqual([['notice', 'approval']]);
  return daemon;
}

function answer({ healing }: ScriptedDaemon, verdict: 'approved' | 'rejected'): void {
  const [question] = healing.approvals.waiting();
  if (question === undefined) throw new Error('nothing waits for an answer');
  const person = { by: 'ann', reason: 'go on', tag: question.tag };
  expect(healing.approvals.settle(question.id, verdict, person)).toMatchObject({ status: verdict });
}

test.each(['approved', 'rejected', 'expired'] as const)(
  'a question that is %s is closed where it was asked',
  async (verdict) => {
    const daemon = await askedDaemon();
    daemon.coordinator.messageSent(told(daemon)[0]?.id ?? 0, evening);
    if (verdict === 'expired') {
      await daemon.clock.pass(restart.approveWithinMs + 1);
      daemon.healing.approvals.turn();
    } else answer(daemon, verdict);
    const [question, closed, ...others] = told(daemon).filter(({ kind }) => kind === 'notice');
    if (question === undefined || closed === undefined) throw new Error('it was not told');
    expect(others).toEqual([]);
    const [asked, over] = [incidentOf(question), incidentOf(closed)];
    expect([asked.resolved, over.resolved]).toEqual([false, true]);
    expect(over.id).toBe(asked.id);
    expect(over.startedAt).toBe(asked.startedAt);
    const { severity: _asked, ...labels } = asked.labels;
    expect(over.labels).toMatchObject(labels);
    expect(closed.target).toBe('oncall');
    expect(closed.body['text']).toContain(
      verdict === 'expired' ? 'nobody answered' : `ann ${verdict} it: go on.`,
    );
    // What it is about may be told as well, and is not over by that.
    const { ladder } = question;
    const problem = {
      ...question,
      kind: 'problem' as const,
      body: { ...question.body, kind: 'problem', approval: null },
    };
    expect(ladder).toBe('app.restart');
    expect(incidentOf(problem).id).not.toBe(asked.id);
    await settle();
  },
);

test('a question that nobody got yet is not sent once it is answered', async () => {
  const daemon = await askedDaemon();
  const [question] = told(daemon);
  answer(daemon, 'rejected');
  expect(daemon.coordinator.message(question?.id ?? 0)).toMatchObject({ status: 'dismissed' });
  expect(told(daemon)[1]?.body).toMatchObject({ topic: 'approval.settled' });
  await settle();
});

test('a question is closed behind however much was told of its host since', async () => {
  const daemon = await askedDaemon();
  daemon.coordinator.messageSent(told(daemon)[0]?.id ?? 0, evening);
  tellMuch(daemon, 'web-1');
  answer(daemon, 'rejected');
  const { items } = daemon.coordinator.messages({ keyPrefix: 'web-1~app.restart~', limit: 9 });
  expect(items.map(({ body }) => body['topic'])).toContain('approval.settled');
  await settle();
});

test.each(['sent again', 'settled'])(
  'a question that was given up and is %s opens nothing that nobody closes',
  async (how) => {
    const daemon = await askedDaemon();
    const views = viewsOf(daemon);
    const [question] = told(daemon);
    const id = String(question?.id);
    daemon.coordinator.messageFailed(Number(id), 'HTTP 422', 'dead');
    if (how === 'sent again') expect(views.retry(id, 'ann')).toMatchObject({ status: 'waiting' });
    answer(daemon, 'rejected');
    const closed = told(daemon).filter(({ body }) => body['topic'] === 'approval.settled');
    expect(closed).toHaveLength(how === 'sent again' ? 1 : 0);
    const refused = {
      status: 409,
      code: 'settled',
      message: expect.stringMatching(
        /^It is rejected by person:ann already: .* `mendd notify dismiss 1` lets it rest\.$/,
      ),
    };
    for (const isDry of [true, false]) expect(views.retry(id, 'bob', isDry)).toMatchObject(refused);
    expect(daemon.coordinator.message(Number(id))?.status).toBe(how === 'sent again' ? 'dismissed' : 'dead');
    await settle();
  },
);

test('a question whose command was edited since is not sent again in the words of then', async () => {
  const daemon = await askedDaemon();
  const [question] = told(daemon);
  daemon.coordinator.messageFailed(question?.id ?? 0, 'HTTP 422', 'dead');
  const edited = {
    ...restart,
    mode: 'approve' as const,
    effect: { kind: 'systemd_restart' as const, unit: 'all' },
  };
  const plans = [planOf([running], [ladderOf([edited], { attempts: 1 })])];
  daemon.healing.fleet.swap(definitions(plans, {}, { page: 'oncall' }));
  daemon.healing.approvals.turn();
  expect(told(daemon).map(({ status }) => status)).toEqual(['dead', 'pending']);
  expect(viewsOf(daemon).retry(String(question?.id), 'ann')).toMatchObject({
    status: 409,
    message: expect.stringMatching(/^It was asked anew with another command: `mendd approve \S+` shows it\./),
  });
});

const proposing = ladderOf([{ ...restart, mode: 'propose' }], { attempts: 1 });

/** One proposal to `oncall`, on its way. */
async function proposedDaemon(messages: Parameters<typeof definitions>[1] = {}): Promise<ScriptedDaemon> {
  const daemon = start(definitions([planOf([running], [proposing])], messages, { page: 'oncall' }));
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'critical');
  expect(told(daemon).map(({ body }) => body['kind'])).toEqual(['proposal']);
  daemon.coordinator.messageSent(1, evening);
  return daemon;
}

test.each(['its problem ends', 'its action is gone', 'its host is gone', 'its action acts by now'])(
  'what a proposal opened is closed, once, when %s',
  async (how) => {
    const daemon = await proposedDaemon();
    const { fleet } = daemon.healing;
    const other = planOf([running], [], how === 'its host is gone' ? 'web-2' : 'web-1');
    const acting = planOf([running], [ladderOf([restart], { attempts: 1 })]);
    if (how === 'its action acts by now') fleet.swap(definitions([acting], {}, { page: 'oncall' }));
    else if (how !== 'its problem ends') fleet.swap(definitions([other], {}, { page: 'oncall' }));
    await pass(daemon, minuteMs);
    if (how !== 'its host is gone') await result(daemon, 'web-1', 'ok');
    await pass(daemon, minuteMs);
    const [proposal, closed, ...others] = told(daemon);
    if (proposal === undefined || closed === undefined) throw new Error('it was not told');
    expect(others).toEqual([]);
    const [open, over] = [incidentOf(proposal), incidentOf(closed)];
    expect([open.resolved, over.resolved]).toEqual([false, true]);
    expect([over.id, over.startedAt, closed.target]).toEqual([open.id, open.startedAt, 'oncall']);
  },
);

test('a proposal that was given up and is sent again after its problem is closed behind it', async () => {
  const daemon = await proposedDaemon();
  const { coordinator, clock } = daemon;
  await result(daemon, 'web-1', 'ok');
  coordinator.messageFailed(1, 'HTTP 422', 'dead');
  coordinator.messageSent(2, clock.nowMs());
  viewsOf(daemon).retry('1', 'ann');
  await pass(daemon, minuteMs);
  const due = (): unknown[] => coordinator.dueMessages(clock.nowMs(), 9).map(({ kind }) => kind);
  expect(due()).toEqual(['problem']);
  coordinator.messageSent(1, clock.nowMs());
  expect(due()).toEqual(['recovery']);
});

test('a proposal that the ledger does not take is told as soon as it does', async () => {
  const daemon = start(definitions([planOf([running], [proposing])], {}, { page: 'oncall' }));
  const write = vi.spyOn(daemon.coordinator, 'converse').mockImplementation(() => {
    throw new MenddError('STORE_UNUSABLE', 'the disk is full');
  });
  for (let time = 0; time < 3; time += 1) await result(daemon, 'web-1', 'critical');
  write.mockRestore();
  for (let time = 0; time < 2; time += 1) await result(daemon, 'web-1', 'critical');
  expect(told(daemon)).toHaveLength(1);
  const events = daemon.store.eventsAfter(0, 500).filter(({ type }) => type === 'action.proposed');
  expect(events).toHaveLength(1);
});

test('a problem that lasts is told by page_after whatever was proposed, and each end to whoever was told', async () => {
  const daemon = await proposedDaemon({ routes: [route('late', { to: ['boss'], pageAfterMs: hourMs })] });
  await pass(daemon, hourMs);
  await pass(daemon, minuteMs);
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, 2 * minuteMs);
  const kinds = told(daemon).map(({ body, conversation }) => [body['kind'], conversation !== undefined]);
  expect(kinds).toEqual([
    ['proposal', false],
    ['problem', true],
    ['recovery', false],
    ['recovery', true],
  ]);
});

test('a target with quiet hours is told of a problem as ever, whatever was proposed to it', async () => {
  const quiet = [{ cron: '0 22 * * *', timezone: 'UTC', lastsMs: hourMs, pass: [] }];
  const program = { kind: 'exec' as const, path: '/bin/true', args: [], timeoutMs: 1_000 };
  const target = { ...program, name: 'oncall', quiet };
  const plans = [planOf([running], [proposing])];
  const daemon = start(definitions(plans, {}, { page: 'oncall', notify: [target] }));
  for (let time = 0; time < 2; time += 1) await result(daemon, 'web-1', 'critical');
  expect(told(daemon).map(({ body }) => body['kind'])).toEqual(['proposal']);
  daemon.healing.messages.tell('web-1', proposing, 'e', 'oncall', 'k');
  expect(told(daemon)).toHaveLength(1);
  expect(daemon.healing.messages.conversations.open()).toMatchObject([{ target: 'oncall', hold: 'quiet' }]);
});

test('what was proposed to follow a recovery is not over by that', async () => {
  const daemon = await proposedDaemon();
  const { healing, store, clock } = daemon;
  await result(daemon, 'web-1', 'ok');
  const after = { ...ladderOf([{ ...restart, id: 'app.after', mode: 'propose' }], { on: 'recovery' }) };
  const [action] = after.rungs;
  const [decision] = store.decisions({ limit: 1 }).items;
  if (action === undefined || decision === undefined) throw new Error('nothing was decided');
  healing.fleet.swap(definitions([planOf([running], [proposing, after])], {}, { page: 'oncall' }));
  const run = plannedRun('web-1', after, action, 'e', 1, clock.nowMs());
  healing.messages.proposed('web-1', { kind: 'propose', ladder: after, action, run, decision });
  const before = told(daemon).length;
  healing.messages.oweAll();
  await pass(daemon, minuteMs);
  expect(told(daemon)).toHaveLength(before);
});

const brake = {
  scope: 'fleet',
  cause: 'mass_failure' as const,
  sinceMs: evening,
  unhealthy: 2,
  hosts: 2,
  allowed: 1,
};

test('a brake that is off is told after that it is on, where that was told, also when that is told again', () => {
  const daemon = start(definitions([planOf([running], [])], {}, { page: 'oncall' }));
  const { coordinator, clock, healing } = daemon;
  brakeOn(healing.messages, brake);
  coordinator.messageFailed(1, 'HTTP 503', clock.nowMs() + minuteMs);
  healing.fleet.swap(definitions([planOf([running], [])], {}, { page: 'boss' }));
  brakeOff(healing.messages, brake, 'ann');
  const [on, off] = told(daemon);
  if (on === undefined || off === undefined) throw new Error('it was not told');
  expect([on.target, off.target, incidentOf(on).resolved, incidentOf(off).resolved]).toEqual([
    'oncall',
    'oncall',
    false,
    true,
  ]);
  expect(incidentOf(off)).toMatchObject({ id: incidentOf(on).id, labels: incidentOf(on).labels });
  const due = (): number[] => coordinator.dueMessages(clock.nowMs(), 9).map(({ id }) => id);
  expect(due()).toEqual([]);
  coordinator.messageFailed(on.id, 'HTTP 422', 'dead');
  expect(due()).toEqual([off.id]);
  coordinator.messageSent(off.id, clock.nowMs());
  viewsOf(daemon).retry(String(on.id), 'ann');
  expect(due()).toEqual([on.id]);
  coordinator.messageSent(on.id, clock.nowMs());
  expect(coordinator.dueMessages(clock.nowMs(), 9).map(({ kind }) => kind)).toEqual(['recovery']);
});
