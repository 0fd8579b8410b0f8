/** Whoever was told of something is told its end, once: receivers that keep a book of incidents close what they opened. */
import { expect, test, vi } from 'vitest';
import type { OutboxMessage } from '../../core/ports.ts';
import { ladderOf, planOf } from '../support/definitions.ts';
import type { ScriptedDaemon } from './scripted-daemon.ts';
import {
  definitions,
  evening,
  hourMs,
  loseHistory,
  minuteMs,
  pass,
  plan,
  restarted,
  result,
  route,
  running,
  spent,
  start,
  tellMuch,
  told,
  viewsOf,
} from './told-daemon.ts';

const problems = (daemon: ScriptedDaemon): OutboxMessage[] =>
  told(daemon).filter(({ kind }) => kind === 'problem');
const ends = (daemon: ScriptedDaemon): string[] =>
  told(daemon)
    .filter(({ kind }) => kind === 'recovery')
    .map(({ target }) => target);

test('a problem that was given up, is over and is sent again is told its end as well', async () => {
  const daemon = start(definitions([plan('web-1')], {}, { page: 'boss' }));
  await result(daemon, 'web-1', 'critical');
  const [problem] = problems(daemon);
  daemon.coordinator.messageFailed(problem?.id ?? 0, 'HTTP 422', 'dead');
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, minuteMs);
  expect(ends(daemon)).toEqual([]);
  expect(viewsOf(daemon).retry(String(problem?.id), 'ann')).toMatchObject({ status: 'waiting' });
  await pass(daemon, minuteMs);
  await pass(daemon, minuteMs);
  expect(ends(daemon)).toEqual(['boss']);
});

test('so is one whose action is gone from the definitions', async () => {
  const daemon = start(definitions([plan('web-1')], {}, { page: 'boss' }));
  await result(daemon, 'web-1', 'critical');
  const [problem] = problems(daemon);
  daemon.coordinator.messageFailed(problem?.id ?? 0, 'HTTP 422', 'dead');
  daemon.healing.fleet.swap(definitions([plan('web-2')], {}, { page: 'boss' }));
  await pass(daemon, minuteMs);
  viewsOf(daemon).retry(String(problem?.id), 'ann');
  await pass(daemon, minuteMs);
  expect(ends(daemon)).toEqual(['boss']);
});

test('and one whose end was queued before it was given up, and was sent since', async () => {
  const daemon = start(definitions([plan('web-1')], {}, { page: 'boss' }));
  const { coordinator, clock } = daemon;
  await result(daemon, 'web-1', 'critical');
  const id = problems(daemon)[0]?.id ?? 0;
  await result(daemon, 'web-1', 'ok');
  coordinator.messageFailed(id, 'HTTP 422', 'dead');
  coordinator.messageSent(told(daemon).at(-1)?.id ?? 0, clock.nowMs());
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'ok');
  for (let time = 0; time < 2; time += 1) viewsOf(daemon).retry(String(id), 'ann');
  for (const each of told(daemon).slice(0, 4)) coordinator.messageSent(each.id, clock.nowMs());
  const due = coordinator.dueMessages(clock.nowMs(), 9);
  expect(due.map(({ kind, body }) => [kind, body['since']])).toEqual([
    ['recovery', problems(daemon)[0]?.body['since']],
  ]);
});

test.each(['ok', 'critical'] as const)(
  'a problem told before the history was lost is told its end, once, also when the first answer is %s',
  async (state) => {
    const given = definitions([plan('web-1')], {}, { page: 'boss' });
    const first = start(given);
    await result(first, 'web-1', 'critical');
    first.store.close();
    loseHistory();
    const daemon = restarted(first, given);
    expect(daemon.healing.fleet.state('web-1')?.checks['app.running']?.state).toBe('pending');
    daemon.healing.messages.oweAll();
    await pass(daemon, minuteMs);
    await result(daemon, 'web-1', state);
    await pass(daemon, minuteMs);
    expect(ends(daemon)).toHaveLength(state === 'ok' ? 1 : 0);
    await result(daemon, 'web-1', 'ok');
    await pass(daemon, minuteMs);
    const since = (kind: string): string[] =>
      told(daemon)
        .filter((each) => each.kind === kind)
        .map(({ body }) => String(body['since']))
        .toSorted();
    expect(since('problem')).toHaveLength(state === 'ok' ? 1 : 2);
    expect(since('recovery')).toEqual(since('problem'));
  },
);

test.each(['sent', 'dead', 'pending'] as const)(
  'a message of a conversation that is over is sent again with the end behind it, which was %s',
  async (fate) => {
    const daemon = start(definitions([plan('web-1')], { routes: [route('all')] }));
    const { coordinator, clock } = daemon;
    await result(daemon, 'web-1', 'critical');
    const id = problems(daemon)[0]?.id ?? 0;
    coordinator.messageFailed(id, 'HTTP 422', 'dead');
    await result(daemon, 'web-1', 'ok');
    const end = told(daemon).at(-1)?.id ?? 0;
    if (fate === 'sent') coordinator.messageSent(end, clock.nowMs());
    if (fate === 'dead') coordinator.messageFailed(end, 'HTTP 422', 'dead');
    await pass(daemon, minuteMs);
    for (let time = 0; time < 2; time += 1) viewsOf(daemon).retry(String(id), 'ann');
    const due = (): string[] => coordinator.dueMessages(clock.nowMs(), 9).map(({ kind }) => kind);
    expect(due()).toEqual(['problem']);
    coordinator.messageSent(id, clock.nowMs());
    expect(due()).toEqual(['recovery']);
    expect(ends(daemon)).toHaveLength(fate === 'sent' ? 2 : 1);
  },
);

test('a message of a conversation that lasts is sent again alone', async () => {
  const daemon = start(definitions([plan('web-1')], { routes: [route('all')] }));
  await result(daemon, 'web-1', 'warning');
  const id = problems(daemon)[0]?.id ?? 0;
  daemon.coordinator.messageFailed(id, 'HTTP 422', 'dead');
  await daemon.clock.pass(2 * minuteMs);
  await result(daemon, 'web-1', 'critical');
  const update = told(daemon).at(-1);
  expect(update?.body['say']).toBe('update');
  daemon.coordinator.messageSent(update?.id ?? 0, daemon.clock.nowMs());
  viewsOf(daemon).retry(String(id), 'ann');
  expect(told(daemon)).toHaveLength(2);
});

test.each(['it recovers', 'it is gone'])(
  'a target that was told twice is told the end once: %s',
  async (how) => {
    const ladder = ladderOf([spent], { attempts: 1 });
    const daemon = start(definitions([planOf([running], [ladder])], {}, { page: 'boss' }));
    await result(daemon, 'web-1', 'critical');
    const { messages, fleet } = daemon.healing;
    for (const key of ['k1', 'k2']) messages.problem('web-1', ladder, 'e', 'oncall', key);
    expect(problems(daemon).map(({ target }) => target)).toEqual(['boss', 'oncall', 'oncall']);
    if (how === 'it recovers') await result(daemon, 'web-1', 'ok');
    else fleet.swap(definitions([plan('web-2')], {}, { page: 'boss' }));
    await pass(daemon, minuteMs);
    expect(ends(daemon).toSorted()).toEqual(['boss', 'oncall']);
  },
);

test('the end is queued before what is told again: a death in between leaves nothing open', async () => {
  const daemon = start(definitions([plan('web-1')], { routes: [route('all')] }));
  const { coordinator, clock } = daemon;
  await result(daemon, 'web-1', 'critical');
  const id = problems(daemon)[0]?.id ?? 0;
  coordinator.messageFailed(id, 'HTTP 422', 'dead');
  await result(daemon, 'web-1', 'ok');
  coordinator.messageSent(told(daemon).at(-1)?.id ?? 0, clock.nowMs());
  const retry = coordinator.retryMessage.bind(coordinator);
  vi.spyOn(coordinator, 'retryMessage').mockImplementation((...args) => {
    if (args[0] === id) throw new Error('killed');
    return retry(...args);
  });
  expect(() => viewsOf(daemon).retry(String(id), 'ann')).toThrow('killed');
  expect(ends(daemon)).toHaveLength(2);
});

test('the end of what is told again is found behind however much was told since', async () => {
  const daemon = start(definitions([plan('web-1')], { routes: [route('all')] }));
  const { coordinator, clock } = daemon;
  await result(daemon, 'web-1', 'critical');
  const [problem] = problems(daemon);
  coordinator.messageFailed(problem?.id ?? 0, 'HTTP 422', 'dead');
  await result(daemon, 'web-1', 'ok');
  coordinator.messageSent(told(daemon).at(-1)?.id ?? 0, clock.nowMs());
  tellMuch(daemon, '');
  viewsOf(daemon).retry(String(problem?.id), 'ann');
  const kinds = coordinator.dueMessages(clock.nowMs(), 1_000).filter(({ kind }) => kind !== 'notice');
  expect(kinds.map(({ kind }) => kind)).toEqual(['problem']);
  coordinator.messageSent(problem?.id ?? 0, clock.nowMs());
  expect(coordinator.dueMessages(clock.nowMs(), 1_000).some(({ kind }) => kind === 'recovery')).toBe(true);
});

/** Of web-1. */
function silence({ coordinator, clock, healing }: ScriptedDaemon, endsAtMs: number): void {
  coordinator.addSuppression({
    kind: 'silence',
    id: 's-1',
    by: 'ann',
    reason: 'move',
    origin: 'person',
    createdAtMs: clock.nowMs(),
    match: { hosts: ['web-1'], labels: {}, checks: [] },
    startsAtMs: 0,
    endsAtMs,
  });
  healing.suppressions.refresh(healing.fleet.definitions, clock.nowMs());
}

test('told, over and broken again in quiet hours, then silenced: nobody is told that nothing is over', async () => {
  const quiet = [{ cron: '30 22 * * *', timezone: 'UTC', lastsMs: hourMs, pass: [] }];
  const daemon = start(definitions([plan('web-1')], { routes: [route('all', { quiet })] }));
  await result(daemon, 'web-1', 'warning');
  expect(problems(daemon)).toHaveLength(1);
  await pass(daemon, 30 * minuteMs);
  await result(daemon, 'web-1', 'ok');
  await result(daemon, 'web-1', 'warning');
  silence(daemon, evening + 3 * hourMs);
  await pass(daemon, hourMs);
  await pass(daemon, minuteMs);
  expect(told(daemon)).toHaveLength(1);
  await pass(daemon, 2 * hourMs);
  daemon.healing.suppressions.refresh(daemon.healing.fleet.definitions, daemon.clock.nowMs());
  await pass(daemon, minuteMs);
  expect(told(daemon).map(({ body }) => body['say'])).toEqual(['problem', 'update']);
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, 2 * minuteMs);
  expect(told(daemon).at(-1)?.body['subject']).toBe('[mendd] web-1 app: recovered');
});

test('a new problem of a group whose end before was told holds up no recovery while it is silenced', async () => {
  const group = { by: [], waitMs: 30_000, intervalMs: minuteMs };
  const daemon = start(definitions([plan('web-1'), plan('web-2')], { routes: [route('all', { group })] }));
  for (const host of ['web-1', 'web-2']) await result(daemon, host, 'critical');
  await pass(daemon, minuteMs);
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, 2 * minuteMs);
  silence(daemon, evening + 3 * hourMs);
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-2', 'ok');
  await pass(daemon, 2 * minuteMs);
  expect(told(daemon).map(({ body }) => body['say'])).toEqual(['problem', 'update', 'recovery']);
});
