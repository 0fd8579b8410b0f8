/** Problems that no action watches: told by routes, once, whatever happens meanwhile; with the real ledger. */
import { expect, test } from 'vitest';
import type { HostPlan } from '../../core/definitions.ts';
import { createMessageViews } from '../../daemon/message-views.ts';
import { actionOf, checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import type { ScriptedDaemon } from './scripted-daemon.ts';
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
  spent,
  start,
  subjects,
  told,
  unreachable,
} from './told-daemon.ts';

/** Without any action. */
function bare(name: string, parents: string[] = [], checks = [running]): HostPlan {
  const made = planOf(checks, [], name);
  return { ...made, host: { ...made.host, parents } };
}

function kinds(daemon: ScriptedDaemon): string[] {
  return told(daemon).map(({ kind, target, host }) => `${kind} ${target} ${host}`);
}

async function staysAway(daemon: ScriptedDaemon, ...hosts: string[]): Promise<void> {
  for (let time = 0; time < 4; time += 1) {
    await unreachable(daemon, ...hosts);
    await pass(daemon, 30_000);
  }
}

function silence(daemon: ScriptedDaemon, host: string, endsAtMs: number): void {
  const { fleet, suppressions } = daemon.healing;
  const nowMs = daemon.clock.nowMs();
  daemon.coordinator.addSuppression({
    kind: 'silence',
    id: 's-1',
    by: 'ann',
    reason: 'move',
    origin: 'person',
    createdAtMs: nowMs,
    match: { hosts: [host], labels: {}, checks: [] },
    startsAtMs: 0,
    endsAtMs,
  });
  suppressions.refresh(fleet.definitions, nowMs);
}

test('a check without an action is told at once, in words, and its end to exactly who was told', async () => {
  const routes = [
    route('bad', { match: { ...route('').match, severities: ['critical'] }, to: ['oncall', 'chat'] }),
  ];
  const daemon = start(definitions([bare('web-1'), bare('web-2')], { routes }, { page: 'boss' }));
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-2', 'warning');
  expect(kinds(daemon)).toEqual(['problem oncall web-1', 'problem chat web-1']);
  const [first] = told(daemon);
  expect(first?.body).toMatchObject({ subject: '[mendd] web-1 app: running is critical', state: 'critical' });
  expect(first?.body['text']).toContain('No action watches it.');
  expect(first?.body['text']).toContain('Next: there is no repair to try. It needs you.');
  for (let minute = 0; minute < 10; minute += 1) {
    await result(daemon, 'web-1', 'critical');
    await pass(daemon, minuteMs);
  }
  expect(told(daemon)).toHaveLength(2);
  await result(daemon, 'web-1', 'ok');
  expect(kinds(daemon).slice(2)).toEqual(['recovery oncall web-1', 'recovery chat web-1']);
  await result(daemon, 'web-2', 'ok');
  await pass(daemon, hourMs);
  expect(told(daemon)).toHaveLength(4);
  expect(daemon.healing.messages.conversations.open()).toEqual([]);
});

test('without routes, and while it is soft, nobody is told', async () => {
  const patient = checkOf('running', { flapping: null, maxAttempts: 3 });
  const lone = start(definitions([bare('web-1')], {}, { page: 'boss' }));
  await result(lone, 'web-1', 'critical');
  await pass(lone, hourMs);
  expect(told(lone)).toEqual([]);
  const soft = restarted(lone, definitions([bare('web-1', [], [patient])], { routes: [route('all')] }));
  await result(soft, 'web-1', 'ok');
  await result(soft, 'web-1', 'critical');
  await result(soft, 'web-1', 'critical');
  expect(told(soft)).toEqual([]);
  await result(soft, 'web-1', 'critical');
  expect(kinds(soft)).toEqual(['problem oncall web-1']);
});

test('in mode observe nobody is told, and what lasts is told when that ends', async () => {
  const of = definitions([bare('web-1')], { routes: [route('all')] });
  const { remediation } = of.daemon;
  const observing = {
    ...of,
    daemon: { ...of.daemon, remediation: { ...remediation, mode: 'observe' as const } },
  };
  const daemon = start(observing);
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, hourMs);
  expect(told(daemon)).toEqual([]);
  daemon.healing.fleet.swap(of);
  await pass(daemon, 1_000);
  expect(kinds(daemon)).toEqual(['problem oncall web-1']);
});

test('a state that no action waits for is told by itself; what its action comes to is news of the same problem', async () => {
  const watching = planOf([running], [ladderOf([spent], { attempts: 1, states: ['critical'] })], 'web-1');
  const daemon = start(definitions([watching], { routes: [route('all')] }));
  await result(daemon, 'web-1', 'warning');
  expect(subjects(daemon)).toEqual(['oncall: web-1 app: running is warning']);
  await pass(daemon, 2 * minuteMs);
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, 2 * minuteMs);
  await result(daemon, 'web-1', 'warning');
  await pass(daemon, 2 * minuteMs);
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, 2 * minuteMs);
  expect(told(daemon).map(({ body }) => body['say'])).toEqual(['problem', 'update', 'recovery']);
  expect(new Set(told(daemon).map(({ conversation }) => conversation)).size).toBe(1);
});

test('a repair that is under way keeps a problem that got worse quiet until it is spent', async () => {
  const rungs = [{ ...restart, cooldownMs: 0, verify: { withinMs: hourMs, staysOkMs: 0 } }];
  const watching = planOf([running], [ladderOf(rungs, { attempts: 1, states: ['critical'] })], 'web-1');
  const daemon = start(definitions([watching], { routes: [route('all')] }));
  await result(daemon, 'web-1', 'warning');
  await pass(daemon, 2 * minuteMs);
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, 2 * minuteMs);
  expect(daemon.outcomes).toEqual(['app.restart verifying']);
  expect(told(daemon)).toHaveLength(1);
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, 2 * minuteMs);
  expect(told(daemon).map(({ body }) => body['say'])).toEqual(['problem', 'recovery']);
});

test('what gets worse takes the routes of its new severity, and is an update for the others', async () => {
  const routes = [
    route('bad', {
      match: { ...route('').match, severities: ['critical'] },
      to: ['oncall'],
      continues: true,
    }),
    route('all', { to: ['chat'] }),
  ];
  const daemon = start(definitions([bare('web-1')], { routes }));
  await result(daemon, 'web-1', 'warning');
  await pass(daemon, 2 * minuteMs);
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, 2 * minuteMs);
  expect(
    told(daemon)
      .map(({ target, body }) => `${target} ${String(body['say'])}`)
      .toSorted(),
  ).toEqual(['chat problem', 'chat update', 'oncall problem']);
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, 2 * minuteMs);
  expect(kinds(daemon).slice(3).toSorted()).toEqual(['recovery chat web-1', 'recovery oncall web-1']);
});

test.each([
  ['adds', ['problem', 'update']],
  // That it is gone is no news of the problem.
  ['removes', ['problem']],
] as const)('a reload that %s the action tells nobody anew and loses no recovery', async (what, expected) => {
  const routes = [route('all', { to: ['oncall', 'chat'] })];
  const order = what === 'adds' ? [bare('web-1'), plan('web-1')] : [plan('web-1'), bare('web-1')];
  const [before, after] = order.map((each) => definitions([each], { routes }));
  if (before === undefined || after === undefined) throw new Error('there are two');
  const daemon = start(before);
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, 2 * minuteMs);
  expect(told(daemon)).toHaveLength(2);
  daemon.healing.fleet.swap(after);
  for (let minute = 0; minute < 3; minute += 1) {
    await result(daemon, 'web-1', 'critical');
    await pass(daemon, 2 * minuteMs);
  }
  const says = (target: string): unknown[] =>
    told(daemon).flatMap((each) => (each.target === target ? [each.body['say']] : []));
  expect([says('oncall'), says('chat')]).toEqual([expected, expected]);
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, 2 * minuteMs);
  expect([says('oncall'), says('chat')]).toEqual([
    [...expected, 'recovery'],
    [...expected, 'recovery'],
  ]);
  expect(told(daemon).at(-1)?.body['text']).toContain('running is OK since');
  expect(daemon.healing.messages.conversations.open()).toEqual([]);
});

test('a named action that is taken out ends what it told, in words, and leaves it to the routes', async () => {
  const page = actionOf('page', { kind: 'notify', to: 'boss' });
  const named = planOf([running], [ladderOf([page], { attempts: 1 })], 'web-1');
  const routes = [route('all')];
  const daemon = start(definitions([named], { routes }));
  await result(daemon, 'web-1', 'ok');
  await result(daemon, 'web-1', 'critical');
  daemon.healing.fleet.swap(definitions([bare('web-1')], { routes }));
  await pass(daemon, minuteMs);
  await pass(daemon, minuteMs);
  expect(kinds(daemon).toSorted()).toEqual([
    'problem boss web-1',
    'problem oncall web-1',
    'recovery boss web-1',
  ]);
  const end = told(daemon).find(({ kind }) => kind === 'recovery');
  expect(end?.body['text']).toContain(
    'The action that told of running on web-1 is gone from the definitions',
  );
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, minuteMs);
  expect(kinds(daemon).filter((each) => each.startsWith('recovery'))).toHaveLength(2);
});

test('a reload that removes the check says so to who was told', async () => {
  const other = checkOf('other', { flapping: null, maxAttempts: 1 });
  const routes = [route('all')];
  const daemon = start(definitions([bare('web-1', [], [running, other])], { routes }));
  await result(daemon, 'web-1', 'critical');
  daemon.healing.fleet.swap(definitions([bare('web-1', [], [other])], { routes }));
  await pass(daemon, minuteMs);
  expect(kinds(daemon)).toEqual(['problem oncall web-1', 'recovery oncall web-1']);
  expect(told(daemon)[1]?.body['text']).toContain('gone from the definitions');
});

test('a daemon that is killed at any moment tells nobody twice and forgets nobody', async () => {
  const of = definitions([bare('web-1')], { routes: [route('all')] });
  let daemon = start(of);
  const die = async (): Promise<void> => {
    await daemon.clock.pass(1);
    daemon = restarted(daemon, of);
    daemon.healing.messages.oweAll();
    await pass(daemon, 1_000);
  };
  // Killed between the result and the turn that would tell of it.
  await daemon.clock.pass(1_000);
  const startedAtMs = daemon.clock.nowMs();
  const verdict = {
    state: 'critical' as const,
    text: '',
    longText: '',
    perfdata: [],
    startedAtMs,
    durationMs: 1,
  };
  daemon.healing.fleet.apply('web-1', {
    kind: 'result',
    check: 'app.running',
    result: verdict,
    viaHost: true,
  });
  daemon.healing.history.flush();
  await die();
  // Known from before the start: it is told with the next answer.
  expect(told(daemon)).toEqual([]);
  await result(daemon, 'web-1', 'critical');
  expect(kinds(daemon)).toEqual(['problem oncall web-1']);
  await die();
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, hourMs);
  expect(told(daemon)).toHaveLength(1);
  await result(daemon, 'web-1', 'ok');
  await die();
  await result(daemon, 'web-1', 'ok');
  await pass(daemon, hourMs);
  expect(kinds(daemon)).toEqual(['problem oncall web-1', 'recovery oncall web-1']);
});

test('what is known from before a start and never answered again is told after a quarter of an hour', async () => {
  const quiet = definitions([bare('web-1')], {});
  const daemon = start(quiet);
  await result(daemon, 'web-1', 'critical');
  daemon.healing.history.flush();
  await daemon.clock.pass(1);
  const again = restarted(daemon, definitions([bare('web-1')], { routes: [route('all')] }));
  await pass(again, 14 * minuteMs);
  expect(told(again)).toEqual([]);
  await pass(again, 2 * minuteMs);
  expect(kinds(again)).toEqual(['problem oncall web-1']);
});

test('what a silence covers is told when it ends and it lasts; what is over by then never', async () => {
  const daemon = start(definitions([bare('web-1'), bare('web-2')], { routes: [route('all')] }));
  silence(daemon, 'web-*', evening + hourMs);
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-2', 'critical');
  await pass(daemon, 30 * minuteMs);
  await result(daemon, 'web-2', 'ok');
  expect(told(daemon)).toEqual([]);
  await daemon.clock.pass(hourMs);
  daemon.healing.suppressions.refresh(daemon.healing.fleet.definitions, daemon.clock.nowMs());
  await pass(daemon, 1_000);
  expect(kinds(daemon)).toEqual(['problem oncall web-1']);
});

test('a host that cannot be reached is told by itself; its checks and those behind it are not', async () => {
  const behind = ['web-1', 'web-2'].map((name) => bare(name, ['sw-1']));
  const daemon = start(definitions([bare('sw-1'), ...behind], { routes: [route('all')] }));
  for (const name of ['sw-1', 'web-1', 'web-2']) await result(daemon, name, 'ok');
  await staysAway(daemon, 'sw-1', 'web-1', 'web-2');
  for (let minute = 0; minute < 10; minute += 1) await pass(daemon, minuteMs);
  expect(subjects(daemon).filter((each) => !each.startsWith('oncall: sw-1'))).toEqual([]);
  expect(subjects(daemon)[0]).toBe('oncall: sw-1 host: host is critical');
  for (const name of ['sw-1', 'web-1', 'web-2']) await result(daemon, name, 'ok');
  await pass(daemon, 10 * minuteMs);
  expect(told(daemon).at(-1)).toMatchObject({ kind: 'recovery' });
  expect(daemon.healing.messages.conversations.open()).toEqual([]);
});

test('a route can leave out hosts that cannot be reached, and still take their checks', async () => {
  const match = { ...route('').match, runbooks: ['*', '!host'] };
  const daemon = start(definitions([bare('web-1')], { routes: [route('all', { match })] }));
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'ok');
  await staysAway(daemon, 'web-1');
  await pass(daemon, 10 * minuteMs);
  expect(kinds(daemon)).toEqual(['problem oncall web-1', 'recovery oncall web-1']);
});

test('a check that flaps is told once an hour at most, also over a restart, and each time its end', async () => {
  const flappy = checkOf('running', { flapping: { low: 5, high: 20 }, maxAttempts: 1 });
  const of = definitions([bare('web-1', [], [flappy])], { routes: [route('all')] });
  let daemon = start(of);
  const swing = async (): Promise<void> => {
    await result(daemon, 'web-1', 'critical');
    await pass(daemon, 30_000);
    await result(daemon, 'web-1', 'ok');
    await pass(daemon, 30_000);
  };
  for (let time = 0; time < 10; time += 1) await swing();
  expect(daemon.healing.fleet.state('web-1')?.checks['app.running']?.flap.flapping).toBe(true);
  const early = told(daemon).length;
  daemon = restarted(daemon, of);
  for (let time = 0; time < 20; time += 1) await swing();
  expect(told(daemon)).toHaveLength(early);
  for (let time = 0; time < 60; time += 1) await swing();
  const problems = told(daemon).filter(({ kind }) => kind === 'problem').length;
  expect(problems - early / 2).toBeLessThanOrEqual(2);
  expect(problems - early / 2).toBeGreaterThan(0);
  expect(told(daemon).filter(({ kind }) => kind === 'recovery')).toHaveLength(problems);
});

test('while our own network is in doubt nothing new is told; it is told after that, or after five minutes', async () => {
  const daemon = start(definitions([bare('web-1')], { routes: [route('all')] }));
  const { fleet } = daemon.healing;
  const view = fleet.view.bind(fleet);
  let sinceMs: number | undefined = daemon.clock.nowMs();
  fleet.view = () => {
    const seen = view();
    if (sinceMs === undefined) return seen;
    return Object.assign(Object.create(seen) as typeof seen, {
      doubt: { cause: 'network_down' as const, sinceMs, values: {}, opens: 'a way out' },
    });
  };
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, 4 * minuteMs);
  expect(told(daemon)).toEqual([]);
  await pass(daemon, 2 * minuteMs);
  expect(kinds(daemon)).toEqual(['problem oncall web-1']);
  sinceMs = undefined;
});

test('a named action on one check leaves the other checks of the host to the routes', async () => {
  const other = checkOf('other', { flapping: null, maxAttempts: 1 });
  const page = actionOf('page', { kind: 'notify', to: 'boss' });
  const made = planOf([running, other], [ladderOf([page], { attempts: 1 })], 'web-1');
  const daemon = start(definitions([made], { routes: [route('all')] }));
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'critical');
  await result(daemon, 'web-1', 'critical', 'app.other');
  await pass(daemon, minuteMs);
  expect(kinds(daemon).toSorted()).toEqual(['problem boss web-1', 'problem oncall web-1']);
  expect(told(daemon).find(({ target }) => target === 'oncall')?.body['check']).toBe('app.other');
});

test('who would be told is answered as it is: by routes alone, or by the action that waits for the state', async () => {
  const quiet = [{ cron: '0 22 * * *', timezone: 'UTC', lastsMs: 8 * hourMs, pass: ['critical' as const] }];
  const routes = [
    route('bad', { match: { ...route('').match, severities: ['critical'] } }),
    route('mild', { match: { ...route('').match, severities: ['warning'] }, to: ['chat'], quiet }),
  ];
  const made = planOf([running], [ladderOf([spent], { attempts: 1, states: ['critical'] })], 'web-1');
  const of = definitions([made], { routes }, { page: 'boss' });
  const daemon = start(of);
  const { clock, coordinator, healing } = daemon;
  const views = createMessageViews({ clock, coordinator, ...healing });
  const ladders = (severity?: 'critical' | 'error' | 'warning', check = 'app.running') => {
    const answer = views.route('web-1', check, severity);
    if (!('ladders' in answer)) throw new Error(answer.message);
    return answer.ladders.map(({ ladder, unwatched, targets, told: now }) => [
      unwatched === true ? 'unwatched' : ladder,
      targets.map(({ target, quietEndsAtMs }) => `${target}${quietEndsAtMs === undefined ? '' : ' quiet'}`),
      now.map(({ target }) => target),
    ]);
  };
  expect(ladders('critical')).toEqual([['app.restart', ['oncall'], []]]);
  expect(ladders('warning')).toEqual([['unwatched', ['chat quiet'], []]]);
  // Routes alone: remediation.page is not for what no repair was for.
  expect(ladders('error')).toEqual([['unwatched', [], []]]);
  expect(ladders('critical', 'host')).toEqual([['unwatched', ['oncall'], []]]);
  expect(views.route('web-1', 'app.none', undefined)).toMatchObject({ status: 404 });
  expect(views.route('web-9', 'app.running', undefined)).toMatchObject({ status: 404 });
  await result(daemon, 'web-1', 'warning');
  expect(ladders()).toEqual([['unwatched', ['chat quiet'], ['chat']]]);
  expect(ladders('critical')).toEqual([['app.restart', ['oncall'], ['chat']]]);
  expect(views.route('web-1', 'app.running', undefined)).not.toHaveProperty('observing');
  const { remediation } = of.daemon;
  healing.fleet.swap({ ...of, daemon: { ...of.daemon, remediation: { ...remediation, mode: 'observe' } } });
  expect(views.route('web-1', 'app.running', undefined)).toMatchObject({ observing: true });
});

test('an action that only observes tells nobody, so routes do', async () => {
  const watching = planOf([running], [ladderOf([{ ...restart, mode: 'observe' }], { attempts: 1 })], 'web-1');
  const daemon = start(definitions([watching], { routes: [route('all')] }));
  await result(daemon, 'web-1', 'ok');
  await result(daemon, 'web-1', 'critical');
  await pass(daemon, minuteMs);
  expect(kinds(daemon)).toEqual(['problem oncall web-1']);
  expect(daemon.outcomes).toEqual([]);
  await result(daemon, 'web-1', 'ok');
  expect(kinds(daemon).at(-1)).toBe('recovery oncall web-1');
});

test('an answer that was under way when the clock was set back is none to tell of', async () => {
  const daemon = start(definitions([bare('web-1')], { routes: [route('all')] }));
  await result(daemon, 'web-1', 'ok');
  const startedAtMs = daemon.clock.nowMs();
  daemon.clock.setWall(startedAtMs - hourMs);
  await pass(daemon, 1_000);
  const { fleet, messages } = daemon.healing;
  const late = { state: 'critical' as const, text: 'late', longText: '', perfdata: [], durationMs: 1 };
  fleet.apply('web-1', {
    kind: 'result',
    check: 'app.running',
    result: { ...late, startedAtMs },
    viaHost: true,
  });
  messages.turn();
  expect(told(daemon)).toEqual([]);
  await result(daemon, 'web-1', 'critical');
  expect(kinds(daemon)).toEqual(['problem oncall web-1']);
});
