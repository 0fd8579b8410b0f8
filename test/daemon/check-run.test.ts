/** To whom a failure to ask belongs. */
import { expect, test } from 'vitest';
import type { CheckDefinition, HostDefinition, SshConfig } from '../../core/definitions.ts';
import type { Runner } from '../../core/ports.ts';
import type { EngineEvent } from '../../core/reduction.ts';
import type { CheckResult } from '../../core/types.ts';
import { runCheck, sharesExec } from '../../daemon/check-run.ts';
import { systemClock } from '../../daemon/clock.ts';
import { createRunner } from '../../runner/runner.ts';
import { checkOf, planOf } from '../support/definitions.ts';
import { definitionsOf } from './scripted-daemon.ts';

/** As when the ops box is out of processes. */
const noProcess: Partial<Runner> = {
  run: () =>
    Promise.resolve({
      kind: 'unreachable',
      failure: { stage: 'channel', message: 'sh cannot be started', hint: '', sent: false },
      startedAtMs: 0,
      durationMs: 0,
    }),
};
const remote = planOf([], []).host;
const local: HostDefinition = { ...remote, transport: 'local' };

async function eventsOf(
  host: HostDefinition,
  check: Partial<CheckDefinition>,
  {
    signal = new AbortController().signal,
    read,
    broken = {},
  }: { signal?: AbortSignal; read?: () => CheckResult; broken?: Partial<Runner> } = {},
): Promise<{ events: [string, EngineEvent['kind'], boolean?][]; notAsked: string[]; bugs: unknown[] }> {
  const events: [string, EngineEvent['kind'], boolean?][] = [];
  const notAsked: string[] = [];
  const bugs: unknown[] = [];
  const definitions = definitionsOf([{ ...planOf([], []), host }]);
  const config: SshConfig = definitions.daemon.ssh;
  const runner = createRunner({ config, clock: systemClock, random: () => 0.5, hosts: () => undefined });
  const parts = {
    runner: { ...runner, ...broken },
    planCheck: () => ({ kind: 'command' as const, script: 'echo fine', ...(read && { read }) }),
    definitions: () => definitions,
    signal,
    apply: (name: string, event: EngineEvent) =>
      void events.push(event.kind === 'result' ? [name, event.kind, event.viaHost] : [name, event.kind]),
    onNotAsked: (_place: unknown, reason: string) => void notAsked.push(reason),
    onBug: (_place: unknown, bug: unknown) => void bugs.push(bug),
  };
  await runCheck(parts, host, checkOf('a', check));
  await runner.close();
  return { events, notAsked, bugs };
}

test('a local host that could not be asked is reached by its next result', async () => {
  expect((await eventsOf(local, {}, { broken: noProcess })).events).toEqual([['web-1', 'unreachable']]);
  expect((await eventsOf(local, {})).events).toEqual([['web-1', 'result', true]]);
});

test('an ops box that cannot start a process says nothing about the host', async () => {
  const { events, notAsked } = await eventsOf(remote, { runOn: { kind: 'local' } }, { broken: noProcess });
  expect(events).toEqual([]);
  expect(notAsked[0]).toContain('cannot be started');
  expect((await eventsOf(remote, { runOn: { kind: 'local' } })).events).toEqual([['web-1', 'result', false]]);
});

test('a check of a host that is gone is asked nowhere, least of all on the ops box', async () => {
  const { events, notAsked } = await eventsOf(remote, { runOn: { kind: 'host', host: 'web-9' } });
  expect(events).toEqual([]);
  expect(notAsked[0]).toContain('not defined');
});

test('what the end of the daemon cut short is no result', async () => {
  expect((await eventsOf(local, {}, { signal: AbortSignal.abort() })).events).toEqual([]);
});

test('a bug that the answer of one host brings to light is told and ends nothing', async () => {
  const bug = new Error('unforeseen');
  const read = (): never => {
    throw bug;
  };
  expect(await eventsOf(local, {}, { read })).toEqual({ events: [], notAsked: [], bugs: [bug] });
});

function shares(check: Partial<CheckDefinition>, host: Partial<HostDefinition> = {}): boolean {
  return sharesExec({ ...remote, ...host }, checkOf('a', check));
}

test('checks share an exec over SSH on the host itself, unless they or the host may not', () => {
  expect(shares({})).toBe(true);
  expect(shares({}, { transport: 'openssh' })).toBe(true);
  expect(shares({ batch: false })).toBe(false);
  expect(shares({}, { batch: false })).toBe(false);
  expect(shares({ sudo: { user: 'root' } })).toBe(false);
  expect(shares({ blocked: 'a template has no value' })).toBe(false);
  expect(shares({ runOn: { kind: 'local' } })).toBe(false);
  expect(shares({ runOn: { kind: 'host', host: 'web-2' } })).toBe(false);
  expect(shares({}, { transport: 'local' })).toBe(false);
  expect(sharesExec(undefined, checkOf('a'))).toBe(false);
});
