/** When hosts are asked for facts, what is kept of the answers and what is told of changes; runner and time are simulated. */
import { expect, test, vi } from 'vitest';
import type { Definitions, HostDefinition } from '../../core/definitions.ts';
import type { Runner, RunOutcome } from '../../core/ports.ts';
import type { FactSource } from '../../core/sources.ts';
import type { StoredEvent } from '../../core/types.ts';
import { Facts } from '../../daemon/facts.ts';
import { changedPaths } from '../../daemon/facts-paths.ts';
import { createLog } from '../../daemon/log.ts';
import { openStores } from '../../store/open.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { sshHost } from '../support/runner.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

function host(name: string): HostDefinition {
  return sshHost({ address: '192.0.2.1', port: 22, user: 'u' }, { name });
}

function source(over: Partial<FactSource> = {}): FactSource {
  return {
    name: 'queue',
    plugin: { path: '/p', sha256: 'a', bytes: 1 },
    args: [],
    hosts: ['web-1'],
    everyMs: 10 * minute,
    timeoutMs: 30_000,
    runOn: 'target',
    source: { file: 'facts/all.yaml', line: 1, column: 1 },
    ...over,
  };
}

function definitions(
  names: readonly string[],
  facts: readonly FactSource[] = [],
  enabled = true,
): Definitions {
  return {
    hosts: new Map(names.map((name) => [name, host(name)])),
    daemon: { facts: { enabled, everyMs: hour, timeoutMs: 30_000 } },
    facts,
  } as unknown as Definitions;
}

type Answer = string | Partial<RunOutcome>;

function begin(first: Definitions, root = temporaryTree({}), wallMs?: number) {
  const clock = new FakeClock(wallMs);
  const stores = openStores({ path: `${root}/mendd.db`, nowMs: clock.nowMs(), warn: () => undefined });
  const { store } = stores;
  const asked: string[] = [];
  const events: Pick<StoredEvent, 'type' | 'data' | 'host'>[] = [];
  const unreachable = new Set<string>();
  const listeners: ((event: StoredEvent) => void)[] = [];
  const answers = new Map<string, Answer>();
  let watched = ['facts.queue.max', 'facts.cpus'];
  const onChange = vi.fn<() => Promise<void>>(async () => undefined);
  const run = vi.fn<Runner['run']>(async ({ target, plugin, script, env }) => {
    const name = target.kind === 'ssh' ? target.host.name : `local for ${env?.['MENDD_HOST']}`;
    asked.push(plugin === undefined ? name : `${name} queue`);
    const answer = answers.get(plugin === undefined ? 'builtin' : 'queue') ?? '';
    const nonce = /_n=(\w+)/.exec(script)?.[1] ?? '';
    const stdout = typeof answer === 'string' ? answer.replaceAll('NONCE', nonce) : '';
    const ran = { stdout, stderr: '', truncated: false, startedAtMs: 0, durationMs: 0 };
    return {
      kind: 'exited',
      exitCode: 0,
      ...ran,
      ...(typeof answer === 'string' ? {} : answer),
    } as RunOutcome;
  });
  const facts = new Facts({
    clock,
    log: createLog('silent'),
    random: () => 0.5,
    store,
    history: {
      add: (type, event) => void events.push({ type, data: {}, ...event }),
      failed: () => undefined,
      onEvent: (listener) => {
        listeners.push(listener);
        return () => undefined;
      },
    },
    runner: { run },
    isUnreachable: (name) => unreachable.has(name),
    watched: () => watched,
    onChange,
  });
  facts.update(first);
  facts.start();
  return {
    clock,
    facts,
    asked,
    events,
    unreachable,
    store,
    end: async () => {
      await facts.stop();
      store.close();
      stores.coordinator.close();
    },
    root,
    onChange,
    run,
    say: (what: string, answer: Answer) => answers.set(what, answer),
    watch: (...paths: string[]) => {
      watched = paths;
    },
    back: (name: string) =>
      listeners.forEach((tell) =>
        tell({ id: 1, atMs: 0, type: 'host.changed', host: name, data: { to: 'up' } }),
      ),
    values: (name = 'queue') => facts.of('web-1').find((each) => each.name === name)?.values,
  };
}

const cpus = (count: number): string => `@mendd NONCE cpus ${count}\n@mendd NONCE end yes\n`;
const alone = (over: Partial<FactSource> = {}) => definitions(['web-1'], [source(over)], false);

test('a host is asked soon, then on its schedule; many hosts are not asked all at once', async () => {
  const one = begin(definitions(['web-1']));
  one.say('builtin', cpus(4));
  await one.clock.pass(second);
  expect(one.asked).toEqual(['web-1']);
  await one.clock.pass(hour + second);
  expect(one.asked).toHaveLength(2);

  const names = Array.from({ length: 100 }, (_, at) => `web-${at}`);
  const many = begin(definitions(names));
  many.run.mockImplementation(() => new Promise(() => undefined));
  await many.clock.pass(minute);
  expect(many.run).toHaveBeenCalledTimes(16);
});

test('a host that cannot be reached is not asked, and is asked soon when it is back', async () => {
  const { clock, asked, unreachable, say, back } = begin(
    definitions(['web-1'], [source({ runOn: 'local' })]),
  );
  say('builtin', cpus(4));
  say('queue', '{}');
  unreachable.add('web-1');
  await clock.pass(9 * minute);
  expect(asked).toEqual(['local for web-1 queue']);
  unreachable.clear();
  back('web-1');
  await clock.pass(2 * second);
  expect(asked).toEqual(['local for web-1 queue', 'web-1', 'local for web-1 queue']);
  // As often as it comes and goes, once a minute at most.
  for (let time = 0; time < 10; time += 1) {
    back('web-1');
    await clock.pass(second);
  }
  expect(asked).toHaveLength(3);
});

test('what a source told stays over failures and restarts, whatever becomes of the source, until its host goes', async () => {
  const { clock, facts, end, say, root, asked } = begin(alone());
  say('queue', '{"max": 10}');
  await clock.pass(second);
  for (const [answer, problem] of [
    [{ exitCode: 3, stderr: 'a\nbroken\u001b[31m\n' }, 'it ended with exit code 3: broken [31m'],
    [{ kind: 'timed_out' }, 'it did not end within 30 s'],
    [{ kind: 'killed', signal: 'SIGKILL' }, 'it was ended by SIGKILL'],
    [{ kind: 'unreachable', failure: { message: 'no route' } }, 'the host cannot be asked: no route'],
    ['x'.repeat(65_537), 'it printed more than 65,536 bytes'],
    ['[1]', 'it printed JSON that is no object'],
  ] as [Answer, string][]) {
    say('queue', answer);
    await clock.pass(12 * minute);
    expect(facts.of('web-1')).toMatchObject([
      { values: { max: 10 }, problem: expect.stringContaining(problem) },
    ]);
  }
  expect(facts.counts()).toMatchObject({ problems: 1, oldestAgeMs: expect.any(Number) });
  expect(facts.counts().oldestAgeMs).toBeGreaterThan(hour);
  await end();
  const count = asked.length;

  const next = begin(alone(), root);
  expect(next.values()).toEqual({ max: 10 });
  expect(next.facts.byHost().get('web-1')?.get('queue')?.values).toEqual({ max: 10 });
  expect(count).toBeGreaterThan(6);
  next.facts.update(definitions(['web-2'], [], false));
  expect(next.store.loadHeard('facts')).toEqual([]);
  expect(next.facts.byHost().size).toBe(0);
});

test('after a restart nobody is asked before it is time, but another program is asked at once', async () => {
  const first = begin(alone());
  first.say('queue', '{"max": 10}');
  await first.clock.pass(second);
  await first.end();
  const same = begin(alone(), first.root, first.clock.nowMs());
  same.say('queue', '{"max": 10}');
  await same.clock.pass(9 * minute);
  expect(same.asked).toEqual([]);
  await same.clock.pass(2 * minute);
  expect(same.asked).toHaveLength(1);
  same.say('queue', '{"max": 11}');
  same.facts.update(alone({ plugin: { path: '/p', sha256: 'b', bytes: 1 } }));
  await same.clock.pass(second);
  expect(same.values()).toEqual({ max: 11 });
});

test('a failure is tried again soon, then ever less often, and never more often than the schedule', async () => {
  const { clock, asked, say } = begin(alone({ everyMs: 10 * minute }));
  say('queue', { exitCode: 1 });
  await clock.pass(59 * second);
  expect(asked).toHaveLength(1);
  await clock.pass(2 * second);
  expect(asked).toHaveLength(2);
  await clock.pass(2 * minute);
  expect(asked).toHaveLength(3);
  await clock.pass(hour);
  expect(asked.length).toBeLessThan(12);
});

test('only what templates read makes the definitions be resolved again: at once when nothing was known, then seldom', async () => {
  const { clock, say, onChange, events, watch } = begin(alone({ everyMs: 10 * second }));
  say('queue', '{"max": 10, "other": 1}');
  await clock.pass(second);
  expect(onChange).toHaveBeenCalledTimes(1);
  expect(events).toEqual([
    {
      type: 'facts.changed',
      host: 'web-1',
      data: { hostCount: 1, hosts: ['web-1'], names: ['facts.queue.max'] },
    },
  ]);
  say('queue', '{"max": 10, "other": 2}');
  await clock.pass(minute);
  expect(onChange).toHaveBeenCalledTimes(1);
  for (let max = 11; max < 17; max += 1) {
    say('queue', `{"max": ${max}}`);
    await clock.pass(10 * second);
  }
  const calls = onChange.mock.calls.length;
  expect(calls).toBeGreaterThan(4);
  expect(calls).toBeLessThanOrEqual(7);
  watch();
  say('queue', '{"max": 99}');
  await clock.pass(minute);
  expect(onChange.mock.calls.length).toBeLessThanOrEqual(calls + 1);
});

test('many hosts whose facts come together are one change, and another waits while one is resolved', async () => {
  const names = Array.from({ length: 50 }, (_, at) => `web-${at}`);
  const { clock, say, onChange, events } = begin(definitions(names));
  const waiting: (() => void)[] = [];
  onChange.mockImplementation(() => new Promise((resolve) => waiting.push(resolve)));
  say('builtin', cpus(4));
  await clock.pass(minute);
  expect(onChange).toHaveBeenCalledTimes(1);
  expect(events[0]).toMatchObject({ data: { hostCount: 50, names: ['facts.cpus'] } });
  expect(events[0]?.data['hosts']).toHaveLength(10);
  expect(events[0]).not.toHaveProperty('host');
  say('builtin', cpus(8));
  await clock.pass(hour + 10 * minute);
  expect(onChange).toHaveBeenCalledTimes(1);
  for (const done of waiting) done();
  await settle();
  await clock.pass(11 * second);
  expect(onChange).toHaveBeenCalledTimes(2);
});

test('what is asked when the daemon stops, or of what is gone meanwhile, is not heard', async () => {
  const { clock, facts, run, values, store } = begin(alone());
  const waiting: (() => void)[] = [];
  const ran = { kind: 'exited', exitCode: 0, stdout: '{"max": 1}', stderr: '' } as RunOutcome;
  run.mockImplementation(() => new Promise((resolve) => waiting.push(() => resolve(ran))));
  await clock.pass(second);
  facts.update(definitions([]));
  facts.update(alone());
  for (const answer of waiting) answer();
  await clock.pass(0);
  expect(values()).toEqual({});
  await clock.pass(second);
  const stopped = facts.stop();
  for (const answer of waiting) answer();
  await stopped;
  expect(values()).toEqual({});
  expect(store.loadHeard('facts')).toEqual([]);
});

test.each([
  ['facts.os.id', { os: { id: 'a' } }, { os: { id: 'b' } }, true],
  ['facts.os.id', { os: { id: 'a', version: '1' } }, { os: { id: 'a', version: '2' } }, false],
  ['facts.os', { os: { id: 'a', version: '1' } }, { os: { id: 'a', version: '2' } }, true],
  ['facts', { cpus: 1 }, { cpus: 2 }, true],
  ['facts.addresses[0]', { addresses: ['a', 'b'] }, { addresses: ['a', 'c'] }, true],
  ['facts.addresses.size', { addresses: ['a'] }, { addresses: ['a', 'c'] }, true],
  ['facts[labels.x].y', { cpus: 1 }, { cpus: 2 }, true],
  ['facts.toString', { cpus: 1 }, { cpus: 2 }, false],
  ['facts.queue.max', { cpus: 1 }, { cpus: 2 }, false],
] as const)('%s', (path, before, after, isChanged) => {
  expect(changedPaths([path], 'builtin', before, after)).toEqual(isChanged ? [path] : []);
});

test('facts of a program stand below its name', () => {
  const watched = ['facts.queue.max', 'facts.cpus', 'facts.queue', 'facts'];
  expect(changedPaths(watched, 'queue', { max: 1 }, { max: 2 })).toEqual([
    'facts.queue.max',
    'facts.queue',
    'facts',
  ]);
  expect(changedPaths(watched, 'queue', undefined, { cpus: 1 })).toEqual(['facts.queue', 'facts']);
});

test('what is heard while definitions are resolved, or of a source that goes, makes them be resolved again', async () => {
  const { clock, facts, say, onChange, watch } = begin(alone());
  watch();
  facts.byHost();
  say('queue', '{"max": 10}');
  await clock.pass(second);
  expect(onChange).toHaveBeenCalledTimes(0);
  // The new definitions read it, and were resolved without.
  facts.update(alone());
  await clock.pass(10 * second);
  expect(onChange).toHaveBeenCalledTimes(1);
  facts.byHost();
  facts.update(alone());
  await clock.pass(minute);
  expect(onChange).toHaveBeenCalledTimes(1);
  facts.update(definitions(['web-1'], [], false));
  await clock.pass(minute);
  expect(onChange).toHaveBeenCalledTimes(2);
});

test('another machine behind a name is asked at once', async () => {
  const { clock, facts, say, asked } = begin(alone());
  say('queue', '{"max": 10}');
  await clock.pass(second);
  facts.update(alone());
  await clock.pass(second);
  expect(asked).toHaveLength(1);
  const moved = { ...alone(), hosts: new Map([['web-1', { ...host('web-1'), address: '192.0.2.2' }]]) };
  facts.update(moved);
  await clock.pass(second);
  expect(asked).toHaveLength(2);
});
