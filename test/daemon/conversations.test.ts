/** Who is told of what by routes, groups and quiet hours: with the real ledger, and across restarts and reloads. */
import { describe, expect, test, vi } from 'vitest';
import type { NotifyTarget } from '../../core/definitions.ts';
import { MenddError } from '../../core/errors.ts';
import { actionOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import {
  definitions,
  evening,
  hourMs,
  minuteMs,
  pass,
  plan,
  restarted,
  result,
  route,
  running,
  start,
  subjects,
  told,
  unreachable,
} from './told-daemon.ts';

test('a problem takes all routes that go on and one that decides; its recovery goes to exactly those targets', async () => {
  const routes = [
    route('web', {
      match: { ...route('').match, labels: { role: 'web' } },
      to: ['chat', 'mail'],
      continues: true,
    }),
    route('db', { match: { ...route('').match, labels: { role: 'db' } }, to: ['dba'] }),
    route('all'),
  ];
  const daemon = start(definitions([plan('web-1', { role: 'web' })], { routes }, { page: 'nobody' }));
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'critical');
  expect(told(daemon).map(({ target, kind }) => `${kind} ${target}`)).toEqual([
    'problem chat',
    'problem mail',
    'problem oncall',
  ]);
  await result(daemon, 'web-1', 'ok');
  expect(
    told(daemon)
      .slice(3)
      .map(({ target, kind }) => `${kind} ${target}`),
  ).toEqual(['recovery chat', 'recovery mail', 'recovery oncall']);
  await pass(daemon, hourMs);
  expect(told(daemon)).toHaveLength(6);
});

test('without a route that matches, remediation.page is told as ever', async () => {
  const routes = [route('db', { match: { ...route('').match, hosts: ['db-*'] } })];
  const daemon = start(definitions([plan('web-1')], { routes }, { page: 'boss' }));
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'ok');
  expect(told(daemon).map(({ target, kind, conversation }) => [kind, target, conversation])).toEqual([
    ['problem', 'boss', undefined],
    ['recovery', 'boss', undefined],
  ]);
});

test('a problem that gets worse takes the routes of its new severity beside those that were told', async () => {
  const routes = [
    route('bad', { match: { ...route('').match, severities: ['critical'] } }),
    route('mild', { to: ['chat'] }),
  ];
  const daemon = start(definitions([plan('web-1')], { routes }));
  await result(daemon, 'web-1', 'warning');
  expect(subjects(daemon)).toEqual(['chat: web-1 app: running is warning']);
  await result(daemon, 'web-1', 'critical');
  expect(subjects(daemon)).toContain('oncall: web-1 app: running is critical');
  await pass(daemon, 2 * minuteMs);
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, 2 * minuteMs);
  const recoveries = told(daemon).filter(({ kind }) => kind === 'recovery');
  expect(recoveries.map(({ target }) => target).toSorted()).toEqual(['chat', 'oncall']);
});

test('a notify action can name a route', async () => {
  const page = actionOf('page', { kind: 'notify', to: 'team' });
  const made = planOf([running], [ladderOf([page], { attempts: 1 })]);
  const daemon = start(definitions([made], { routes: [route('team', { to: ['chat', 'mail'] })] }));
  // The first result after a start is not acted upon.
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'critical');
  expect(daemon.outcomes).toEqual(['app.page done']);
  expect(told(daemon).map(({ target }) => target)).toEqual(['chat', 'mail']);
});

test('problems that begin together are one message, one update and one recovery', async () => {
  const group = { by: ['label:role'], waitMs: 30_000, intervalMs: 5 * minuteMs };
  const hosts = ['web-1', 'web-2', 'web-3'].map((name) => plan(name, { role: 'web' }));
  const of = definitions(
    [...hosts, plan('db-1', { role: 'db' })],
    { routes: [route('all', { group })] },
    {
      publicUrl: 'https://mendd.example',
    },
  );
  const daemon = start(of);
  for (const host of ['web-1', 'web-2', 'db-1']) await result(daemon, host, 'critical');
  expect(told(daemon)).toEqual([]);
  await pass(daemon, 30_000);
  expect(subjects(daemon)).toEqual([
    'oncall: 2 problems (role=web): web-1 app, web-2 app',
    'oncall: db-1 app: running is critical',
  ]);
  const [first] = told(daemon);
  expect(first?.body['problems']).toMatchObject([
    { host: 'web-1', new: true, url: 'https://mendd.example/incidents/web-1/app.running' },
    { host: 'web-2' },
  ]);
  expect(first?.body['url']).toBe('https://mendd.example/');
  await result(daemon, 'web-3', 'critical');
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, minuteMs);
  expect(told(daemon)).toHaveLength(2);
  await pass(daemon, 5 * minuteMs);
  const update = told(daemon)[2];
  expect(update?.body).toMatchObject({ say: 'update', thread: first?.key });
  expect(update?.body['text']).toMatch(
    /web-3 running is CRITICAL .*, new[\s\S]*Over:\n- web-1 running is OK since/,
  );
  await result(daemon, 'web-2', 'ok');
  await result(daemon, 'web-3', 'ok');
  await pass(daemon, 10 * minuteMs);
  expect(subjects(daemon).at(-1)).toBe('oncall: all 3 problems are over (role=web)');
  expect(told(daemon).filter(({ kind }) => kind === 'recovery')).toHaveLength(1);
});

test('what is behind a host that cannot be reached is told with it, and not on its own', async () => {
  const behind = Array.from({ length: 12 }, (_, index) => plan(`web-${index + 1}`, {}, ['sw-1']));
  const daemon = start(definitions([plan('sw-1'), ...behind], { routes: [route('all')] }));
  for (const { host } of [plan('sw-1'), ...behind]) await result(daemon, host.name, 'ok');
  await unreachable(daemon, 'sw-1');
  await unreachable(daemon, ...behind.map(({ host }) => host.name));
  await pass(daemon, minuteMs);
  await pass(daemon, minuteMs);
  const [only, ...others] = told(daemon);
  expect(subjects(daemon)).toEqual(['oncall: sw-1 app: host is critical']);
  expect(others).toEqual([]);
  // It was told before the others were known; the next message has their count.
  await result(daemon, 'sw-1', 'ok');
  await pass(daemon, 2 * minuteMs);
  for (const { host } of behind) await result(daemon, host.name, 'ok');
  await pass(daemon, 2 * minuteMs);
  expect(told(daemon).filter(({ kind }) => kind === 'recovery')).not.toEqual([]);
  expect(only?.conversation).toBeDefined();
  expect(daemon.healing.messages.conversations.open()).toEqual([]);
});

test('the message of a root says how many hosts are behind it', async () => {
  const group = { by: [], waitMs: 30_000, intervalMs: minuteMs };
  const behind = Array.from({ length: 3 }, (_, index) => plan(`web-${index + 1}`, {}, ['sw-1']));
  const daemon = start(definitions([plan('sw-1'), ...behind], { routes: [route('all', { group })] }));
  await unreachable(daemon, 'sw-1');
  await unreachable(daemon, 'web-1', 'web-2', 'web-3');
  await pass(daemon, 31_000);
  const messages = told(daemon);
  expect(messages).toHaveLength(1);
  expect(messages[0]?.body['text']).toContain(
    '3 hosts behind it cannot be reached either: web-1, web-2, web-3',
  );
  expect(messages[0]?.body['behind']).toEqual(['web-1', 'web-2', 'web-3']);
});

test('a root that nobody is told of hides nothing for long', async () => {
  const { ladders: _none, ...silent } = plan('sw-1');
  const daemon = start(
    definitions([{ ...silent, ladders: [] }, plan('web-1', {}, ['sw-1'])], { routes: [route('all')] }),
  );
  await unreachable(daemon, 'sw-1');
  await unreachable(daemon, 'web-1');
  await pass(daemon, minuteMs);
  expect(told(daemon)).toEqual([]);
  await pass(daemon, 2 * minuteMs);
  expect(told(daemon)).toHaveLength(1);
  expect(told(daemon)[0]?.body['text']).toContain('because of sw-1, which is not OK either');
});

test('in quiet hours only what passes is told; the rest at their end, when it is still true', async () => {
  const quiet = [{ cron: '0 22 * * *', timezone: 'UTC', lastsMs: 8 * hourMs, pass: ['critical' as const] }];
  const digest = { cron: '30 6 * * *', timezone: 'UTC', to: ['mail'], empty: false };
  const of = definitions([plan('web-1'), plan('web-2'), plan('web-3')], {
    routes: [route('all', { quiet })],
    digest,
  });
  const daemon = start(of);
  daemon.healing.messages.turn();
  await result(daemon, 'web-1', 'warning');
  await result(daemon, 'web-2', 'warning');
  await result(daemon, 'web-3', 'critical');
  expect(subjects(daemon)).toEqual(['oncall: web-3 app: running is critical']);
  await result(daemon, 'web-3', 'ok');
  await result(daemon, 'web-2', 'ok');
  expect(told(daemon)).toHaveLength(2);
  await pass(daemon, 7 * hourMs);
  expect(told(daemon)).toHaveLength(2);
  await pass(daemon, hourMs);
  expect(subjects(daemon).at(-1)).toBe('oncall: web-1 app: running is warning');
  await pass(daemon, 30 * minuteMs);
  const last = told(daemon).at(-1);
  expect(last).toMatchObject({ target: 'mail', kind: 'notice' });
  expect(last?.body['text']).toContain('web-2 app.running to oncall: over before the end of quiet hours');
  await pass(daemon, 24 * hourMs);
  expect(told(daemon).filter(({ target }) => target === 'mail')).toHaveLength(1);
});

test('a problem that gets critical in quiet hours is told at once', async () => {
  const quiet = [{ cron: '0 22 * * *', timezone: 'UTC', lastsMs: 8 * hourMs, pass: ['critical' as const] }];
  const daemon = start(definitions([plan('web-1')], { routes: [route('all', { quiet })] }));
  await result(daemon, 'web-1', 'warning');
  await result(daemon, 'web-1', 'critical');
  daemon.healing.messages.turn();
  expect(subjects(daemon)).toEqual(['oncall: web-1 app: running is critical']);
});

test('what nobody acknowledged is told again, so many times; an acknowledgement ends that, and its recovery is told', async () => {
  const repeat = { everyMs: hourMs, times: 2 };
  const daemon = start(definitions([plan('web-1'), plan('web-2')], { routes: [route('all', { repeat })] }));
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-2', 'critical');
  const { fleet, suppressions } = daemon.healing;
  const status = fleet.state('web-2')?.checks['app.running'];
  daemon.coordinator.addSuppression({
    kind: 'acknowledgement',
    id: 'ack-1',
    by: 'ann',
    reason: 'on it',
    origin: 'person',
    createdAtMs: daemon.clock.nowMs(),
    host: 'web-2',
    check: 'app.running',
    problemSinceMs: status?.problemSinceMs ?? 0,
    state: 'critical',
    sticky: true,
  });
  suppressions.refresh(fleet.definitions, daemon.clock.nowMs());
  for (let hour = 0; hour < 5; hour += 1) await pass(daemon, hourMs);
  expect(subjects(daemon).slice(2)).toEqual([
    'oncall: still: web-1 app: running is critical',
    'oncall: still: web-1 app: running is critical',
  ]);
  await result(daemon, 'web-2', 'ok');
  expect(told(daemon).at(-1)).toMatchObject({ kind: 'recovery', host: 'web-2' });
});

test('a silenced problem is told when the silence ends and it lasts', async () => {
  const daemon = start(definitions([plan('web-1')], { routes: [route('all')] }));
  const { fleet, suppressions } = daemon.healing;
  daemon.coordinator.addSuppression({
    kind: 'silence',
    id: 's-1',
    by: 'ann',
    reason: 'move',
    origin: 'person',
    createdAtMs: evening,
    match: { hosts: ['web-1'], labels: {}, checks: [] },
    startsAtMs: 0,
    endsAtMs: evening + hourMs,
  });
  suppressions.refresh(fleet.definitions, evening);
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, 30 * minuteMs);
  expect(told(daemon)).toEqual([]);
  await daemon.clock.pass(hourMs);
  suppressions.refresh(fleet.definitions, daemon.clock.nowMs());
  await pass(daemon, 1_000);
  expect(told(daemon)).toHaveLength(1);
});

test('a problem that lasts is told once although repairs are under way, and again when they failed', async () => {
  const rungs = [{ ...restart, cooldownMs: 0, verify: { withinMs: hourMs, staysOkMs: 0 } }];
  const made = planOf([running], [ladderOf(rungs, { attempts: 1 })]);
  const daemon = start(definitions([made], { routes: [route('all', { pageAfterMs: 10 * minuteMs })] }));
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, 9 * minuteMs);
  expect(told(daemon)).toEqual([]);
  for (let minute = 0; minute < 5; minute += 1) {
    await pass(daemon, minuteMs);
    await result(daemon, 'web-1', 'critical');
  }
  expect(told(daemon)).toHaveLength(1);
  expect(told(daemon)[0]?.body['text']).toContain('restart');
  // The time to see it OK is up, and there is nothing else to try.
  await daemon.clock.pass(2 * hourMs);
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, 2 * minuteMs);
  expect(told(daemon).map(({ body }) => body['say'])).toEqual(['problem', 'update']);
  expect(subjects(daemon)[1]).toContain('gave up after restart');
});

test('a restart forgets nobody who waits or was told, and tells nobody twice', async () => {
  const group = { by: [], waitMs: 30_000, intervalMs: minuteMs };
  const of = definitions([plan('web-1'), plan('web-2')], { routes: [route('all', { group })] });
  let daemon = start(of);
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-2', 'critical');
  daemon = restarted(daemon, of);
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, 31_000);
  expect(told(daemon)).toHaveLength(1);
  daemon = restarted(daemon, of);
  await pass(daemon, 5 * minuteMs);
  await result(daemon, 'web-1', 'critical');
  expect(told(daemon)).toHaveLength(1);
  await result(daemon, 'web-1', 'ok');
  await result(daemon, 'web-2', 'ok');
  daemon = restarted(daemon, of);
  await pass(daemon, 5 * minuteMs);
  expect(told(daemon).map(({ kind }) => kind)).toEqual(['problem', 'recovery']);
});

test('what the ledger could not take is told at the next turn, once', async () => {
  const daemon = start(definitions([plan('web-1')], { routes: [route('all')] }));
  const full = vi.spyOn(daemon.coordinator, 'converse').mockImplementation(() => {
    throw new MenddError('STORE_UNUSABLE', 'the disk is full');
  });
  await result(daemon, 'web-1', 'critical');
  full.mockRestore();
  await result(daemon, 'web-1', 'critical');
  expect(told(daemon)).toHaveLength(1);
  const again = vi.spyOn(daemon.coordinator, 'converse').mockImplementation(() => {
    throw new MenddError('STORE_UNUSABLE', 'the disk is full');
  });
  await result(daemon, 'web-1', 'ok');
  again.mockRestore();
  await pass(daemon, minuteMs);
  expect(told(daemon).map(({ kind }) => kind)).toEqual(['problem', 'recovery']);
});

test('what the ledger took although it said that it did not is known, told once and told its end', async () => {
  const daemon = start(definitions([plan('web-1')], { routes: [route('all')] }));
  const { coordinator } = daemon;
  const whole = coordinator.converse.bind(coordinator);
  const odd = vi.spyOn(coordinator, 'converse').mockImplementation((...written) => {
    whole(...written);
    throw new MenddError('STORE_UNUSABLE', 'the disk is full');
  });
  await result(daemon, 'web-1', 'critical');
  odd.mockRestore();
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, minuteMs);
  expect(told(daemon).map(({ kind }) => kind)).toEqual(['problem']);
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, minuteMs);
  expect(told(daemon).map(({ kind }) => kind)).toEqual(['problem', 'recovery']);
});

test('a problem that cannot be put into words is told all the same, and holds up no other', async () => {
  const daemon = start(definitions([plan('web-1'), plan('web-2')], { routes: [route('all')] }));
  await result(daemon, 'web-1', 'critical');
  const [odd] = daemon.healing.messages.conversations.open();
  if (odd === undefined) throw new Error('nobody was told');
  // No date is so late.
  const members = odd.members.map((each) => ({ ...each, sinceMs: 9e15 }));
  daemon.coordinator.converse([{ ...odd, members }]);
  const again = restarted(daemon, daemon.healing.fleet.definitions);
  await result(again, 'web-2', 'critical');
  await result(again, 'web-1', 'ok');
  const last = told(again).at(-1);
  expect(told(again).map(({ kind, host }) => `${kind} ${host}`)).toEqual([
    'problem web-1',
    'problem web-2',
    'recovery web-1',
  ]);
  expect(last?.body['text']).toContain('which is a bug: RangeError');
});

test('a reload that takes away the route, then the host: whoever was told is told the end, in words', async () => {
  const both = [plan('web-1'), plan('web-2')];
  const daemon = start(definitions(both, { routes: [route('all')] }, { page: 'boss' }));
  await result(daemon, 'web-1', 'critical');
  daemon.healing.fleet.swap(definitions(both, {}, { page: 'boss' }));
  await result(daemon, 'web-2', 'critical');
  await pass(daemon, minuteMs);
  expect(told(daemon).map(({ target, host }) => `${target} ${host}`)).toEqual(['oncall web-1', 'boss web-2']);
  daemon.healing.fleet.swap(definitions([plan('web-3')], {}, { page: 'boss' }));
  await pass(daemon, minuteMs);
  const ends = told(daemon).slice(2);
  expect(ends.map(({ target, host, kind }) => `${kind} ${target} ${host}`).toSorted()).toEqual([
    'recovery boss web-2',
    'recovery oncall web-1',
  ]);
  for (const { body } of ends) expect(body['text']).toContain('gone from the definitions');
  await pass(daemon, minuteMs);
  expect(told(daemon)).toHaveLength(4);
});

test('words of a route and a target; a template that fails falls back and says so', async () => {
  const chat: NotifyTarget = {
    kind: 'exec',
    name: 'chat',
    path: '/bin/true',
    args: [],
    timeoutMs: 1_000,
    words: {
      subject: '{{ severity }}! {{ host }} {{ labels.role }}\u202e',
      text: '{{ kind }}: {{ output }} {{ url }}',
    },
  };
  const routes = [
    route('own', { to: ['chat'], continues: true }),
    route('odd', { to: ['mail'], words: { text: '{{ labels.none }}' } }),
  ];
  const of = definitions(
    [plan('web-1', { role: 'web' })],
    { routes },
    {
      notify: [chat],
      publicUrl: 'https://mendd.example',
    },
  );
  const daemon = start(of);
  await result(daemon, 'web-1', 'critical');
  const [first, second] = told(daemon);
  expect(first?.body).toMatchObject({
    subject: 'critical! web-1 web',
    text: 'problem: it is critical https://mendd.example/incidents/web-1/app.running\n',
  });
  expect(second?.body['subject']).toBe('[mendd] web-1 app: running is critical');
  expect(second?.body['text']).toContain(
    'These are the built-in words: the template of odd could not be rendered',
  );
});

describe('a target that has quiet hours of its own', () => {
  const quiet = [{ cron: '0 22 * * *', timezone: 'UTC', lastsMs: 8 * hourMs, pass: ['critical' as const] }];
  const boss: NotifyTarget = {
    kind: 'exec',
    name: 'boss',
    path: '/bin/true',
    args: [],
    timeoutMs: 1_000,
    quiet,
    words: { subject: '{{ target }}: {{ host }} {{ kind }}' },
  };
  const page = actionOf('page', { kind: 'notify', to: 'boss' });

  test.each([
    ['an action', (name: string) => planOf([running], [ladderOf([page], { attempts: 1 })], name)],
    ['remediation.page', (name: string) => plan(name)],
  ])(
    'named by %s: what is still true is told at their end, and each end to who was told',
    async (_by, make) => {
      const digest = { cron: '30 6 * * *', timezone: 'UTC', to: ['boss'], empty: false };
      const of = definitions(
        ['web-1', 'web-2', 'web-3'].map(make),
        { digest },
        { page: 'boss', notify: [boss] },
      );
      let daemon = start(of);
      daemon.healing.messages.turn();
      // Nothing is acted upon before all have answered.
      for (const name of ['web-1', 'web-2', 'web-3']) await result(daemon, name, 'ok');
      for (const name of ['web-1', 'web-2']) await result(daemon, name, 'warning');
      await result(daemon, 'web-3', 'critical');
      expect(subjects(daemon)).toEqual(['boss: boss: web-3 problem']);
      await result(daemon, 'web-2', 'ok');
      await daemon.clock.pass(1_000);
      daemon = restarted(daemon, of);
      daemon.healing.messages.oweAll();
      await pass(daemon, 7 * hourMs);
      await result(daemon, 'web-1', 'warning');
      expect(told(daemon)).toHaveLength(1);
      await pass(daemon, hourMs);
      expect(subjects(daemon).slice(1)).toEqual(['boss: boss: web-1 problem']);
      await pass(daemon, 30 * minuteMs);
      expect(told(daemon).at(-1)?.body['text']).toContain('over before the end of quiet hours');
      for (const name of ['web-1', 'web-3']) await result(daemon, name, 'ok');
      await pass(daemon, 2 * minuteMs);
      expect(subjects(daemon).slice(3).toSorted()).toEqual([
        'boss: boss: web-1 recovery',
        'boss: boss: web-3 recovery',
      ]);
    },
  );

  test('holds it beside the others of a route, and what passes must pass both', async () => {
    const routes = [
      route('all', {
        to: ['boss', 'chat'],
        quiet: [{ ...quiet[0], pass: ['warning', 'critical'] }] as typeof quiet,
      }),
    ];
    const daemon = start(definitions([plan('web-1')], { routes }, { notify: [boss] }));
    await result(daemon, 'web-1', 'warning');
    expect(told(daemon).map(({ target }) => target)).toEqual(['chat']);
    await pass(daemon, 2 * minuteMs);
    await result(daemon, 'web-1', 'critical');
    await pass(daemon, minuteMs);
    expect(told(daemon).map(({ target, body }) => `${target} ${String(body['say'])}`)).toEqual([
      'chat problem',
      'boss problem',
      'chat update',
    ]);
  });

  test.each(['take them away', 'bring them'])('a reload may %s, and nobody is told twice', async (what) => {
    const { quiet: _hours, ...loud } = boss;
    const made = [boss, loud].map((target) =>
      definitions([plan('web-1')], {}, { page: 'boss', notify: [target] }),
    );
    const [before, after] = what === 'bring them' ? made.toReversed() : made;
    if (before === undefined || after === undefined) throw new Error('there are two');
    const daemon = start(before);
    for (let time = 0; time < 2; time += 1) await result(daemon, 'web-1', 'warning');
    expect(told(daemon)).toHaveLength(what === 'bring them' ? 1 : 0);
    daemon.healing.fleet.swap(after);
    for (let minute = 0; minute < 3; minute += 1) {
      await pass(daemon, minuteMs);
      await result(daemon, 'web-1', 'warning');
    }
    expect(told(daemon).map(({ kind, target }) => `${kind} ${target}`)).toEqual(['problem boss']);
    await result(daemon, 'web-1', 'ok');
    await pass(daemon, 9 * hourMs);
    expect(told(daemon).map(({ kind, target }) => `${kind} ${target}`)).toEqual([
      'problem boss',
      'recovery boss',
    ]);
  });
});

test('in a mass failure a turn does a bit of it and says that more waits; all are told once, and all their ends', async () => {
  const names = Array.from({ length: 150 }, (_, index) => `web-${index}`);
  const bare = names.map((name) => planOf([running], [], name));
  const daemon = start(definitions(bare, { routes: [route('all', { to: ['oncall', 'chat'] })] }));
  const { messages } = daemon.healing;
  const all = async (state: 'ok' | 'critical'): Promise<number[]> => {
    await daemon.clock.pass(minuteMs);
    const startedAtMs = daemon.clock.nowMs();
    for (const name of names) {
      const verdict = { state, text: '', longText: '', perfdata: [], startedAtMs, durationMs: 1 };
      daemon.healing.fleet.apply(name, {
        kind: 'result',
        check: 'app.running',
        result: verdict,
        viaHost: true,
      });
    }
    const made: number[] = [];
    for (let isMore = true, first = true; isMore; first = false) {
      const before = daemon.coordinator.messageCounts().waiting;
      isMore = first ? messages.turn() : messages.conversations.turn();
      made.push(daemon.coordinator.messageCounts().waiting - before);
    }
    return made;
  };
  await all('ok');
  for (const state of ['critical', 'ok'] as const) {
    const made = await all(state);
    expect(made.reduce((sum, each) => sum + each, 0)).toBe(300);
    expect(Math.max(...made)).toBeLessThanOrEqual(60);
  }
  expect(messages.conversations.open()).toEqual([]);
});

test('what is held is an event as soon as it is, once for each reason, and again when more joins it', async () => {
  const group = { by: [], waitMs: 5 * minuteMs, intervalMs: minuteMs };
  const quiet = [{ cron: '15 22 * * *', timezone: 'UTC', lastsMs: hourMs, pass: [] }];
  const plans = ['web-1', 'web-2'].map((name) => plan(name));
  const daemon = start(definitions(plans, { routes: [route('all', { group, quiet })] }));
  const held = (): unknown[] =>
    daemon.store
      .eventsAfter(0, 500)
      .filter(({ type }) => type === 'message.held')
      .map(({ host, check, data }) => [host, check, data['hold'], data['problems']]);
  await result(daemon, 'web-1', 'warning');
  const first = ['web-1', 'app.running', 'grouping', 1];
  expect(held()).toEqual([first]);
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, minuteMs);
  expect(held()).toEqual([first]);
  await result(daemon, 'web-2', 'critical');
  const second = [undefined, 'app.running', 'grouping', 2];
  expect(held()).toEqual([first, second]);
  await pass(daemon, 5 * minuteMs);
  const third = [undefined, 'app.running', 'quiet', 2];
  expect(held()).toEqual([first, second, third]);
  await pass(daemon, hourMs);
  expect(told(daemon)).toHaveLength(1);
  expect(held()).toEqual([first, second, third]);
  expect(daemon.store.eventsAfter(0, 500).find(({ type }) => type === 'message.held')?.data).toEqual({
    target: 'oncall',
    route: 'all',
    hold: 'grouping',
    problems: 1,
  });
});

test('what the ledger did not take is no event', async () => {
  const group = { by: [], waitMs: 5 * minuteMs, intervalMs: minuteMs };
  const daemon = start(definitions([plan('web-1')], { routes: [route('all', { group })] }));
  const write = vi.spyOn(daemon.coordinator, 'converse').mockImplementation(() => {
    throw new MenddError('STORE_UNUSABLE', 'the disk is full');
  });
  const held = (): number =>
    daemon.store.eventsAfter(0, 500).filter(({ type }) => type === 'message.held').length;
  await result(daemon, 'web-1', 'critical');
  expect(held()).toBe(0);
  write.mockRestore();
  await pass(daemon, 1_000);
  expect(held()).toBe(1);
});
