/** What a target is asked before an action, and what becomes of its answer. */
import { expect, test } from 'vitest';
import type { ActionDefinition } from '../../core/definitions.ts';
import type { FactsQuestion, TargetFacts } from '../../core/guard-port.ts';
import type { EngineEvent } from '../../core/reduction.ts';
import { AskTarget, type AskTargetOptions } from '../../daemon/ask-target.ts';
import { createLog } from '../../daemon/log.ts';
import { checkOf, ladderOf, planOf, reboot, restart } from '../support/definitions.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { definitionsOf } from './scripted-daemon.ts';

const failure = { stage: 'connect' as const, message: 'refused', hint: '', sent: false };
const facts: TargetFacts = { kind: 'facts', bootId: 'b', uptimeSec: 60, fenceSeen: 3 };

function world(action: ActionDefinition, transport: 'ssh' | 'local' = 'ssh') {
  const probe = { kind: 'systemd_unit' as const, unit: 'app.service' };
  const ladder = ladderOf([action]);
  const plan = planOf([checkOf('running', { probe })], [ladder]);
  const own = { ...plan, host: { ...plan.host, transport } };
  const definitions = definitionsOf([own], { humanIntent: { lockFiles: ['/run/hold'], loginWithinMs: 9 } });
  const asked: FactsQuestion[] = [];
  const answers: ((answer: TargetFacts) => void)[] = [];
  const events: EngineEvent[] = [];
  const foreign: number[] = [];
  const clock = new FakeClock();
  const parts = {
    clock,
    coordinator: { knowsFence: (fence: number) => fence < 9 },
    guard: {
      facts: (_target: unknown, question: FactsQuestion) => {
        asked.push(question);
        return new Promise<TargetFacts>((resolve) => answers.push(resolve));
      },
    },
    fleet: {
      definitions,
      plan: () => own,
      apply: (_host: string, event: EngineEvent) => events.push(event),
    },
    history: { failed: () => undefined },
    log: createLog('silent'),
    onForeignFence: (_host: string, fence: number) => foreign.push(fence),
  };
  const target = new AskTarget(parts as unknown as AskTargetOptions);
  const ask = (): void => target.ask('web-1', ladder, action);
  const answer = async (given: TargetFacts): Promise<void> => {
    answers.shift()?.(given);
    await settle();
  };
  return { clock, target, ask, answer, asked, events, foreign };
}

test('one question at a time for an action, about its own unit and that of its check', async () => {
  const { ask, answer, asked, events, clock } = world({
    ...restart,
    humanIntent: true,
    sudo: { user: 'root' },
  });
  const atMs = clock.nowMs();
  ask();
  ask();
  await clock.pass(2_000);
  expect(asked).toEqual([
    {
      unit: 'worker',
      sudo: { user: 'root' },
      people: { units: ['worker', 'app.service'], lockFiles: ['/run/hold'], loginWithinMs: 9 },
    },
  ]);
  await answer(facts);
  const { kind: _kind, ...seen } = facts;
  expect(events).toEqual([
    {
      kind: 'facts',
      ladder: 'app.restart',
      action: 'app.restart',
      facts: { ...seen, people: [], atMs, heardAtMs: clock.nowMs() },
    },
  ]);
  ask();
  expect(asked).toHaveLength(2);
});

test('who does not care about people does not ask about them', async () => {
  const { ask, answer, asked, events } = world(reboot);
  ask();
  await answer(facts);
  expect(asked).toEqual([{}]);
  expect(events[0]).toMatchObject({ kind: 'facts', facts: { uptimeSec: 60 } });
  expect(events[0]).not.toHaveProperty('facts.people');
});

test('a host that does not answer cannot be reached; the ops box itself always can', async () => {
  const ssh = world(restart);
  const startedAtMs = ssh.clock.nowMs();
  ssh.ask();
  await ssh.clock.pass(5_000);
  await ssh.answer({ kind: 'unreachable', failure });
  expect(ssh.events).toEqual([{ kind: 'unreachable', failure, startedAtMs }]);
  const local = world(restart, 'local');
  local.ask();
  await local.answer({ kind: 'unreachable', failure });
  expect(local.events).toEqual([]);
});

test('a fence that nobody here raised is told', async () => {
  const { ask, answer, foreign } = world(restart);
  ask();
  await answer({ ...facts, fenceSeen: 12 });
  expect(foreign).toEqual([12]);
});

test('once it stops it neither asks nor listens', async () => {
  const { ask, answer, asked, events, target } = world(restart);
  ask();
  target.stop();
  await answer(facts);
  ask();
  expect(events).toEqual([]);
  expect(asked).toHaveLength(1);
});
