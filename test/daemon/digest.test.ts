import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Definitions } from '../../core/definitions.ts';
import type { DigestRule } from '../../core/messages-config.ts';
import type { OutboxMessage } from '../../core/ports.ts';
import { checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const hourMs = 3_600_000;
/** 2023-11-14, 22:13:20 UTC. */
const evening = 1_700_000_000_000;
/** 09:46:40 later it is 08:00 in UTC. */
const untilEightMs = 9 * hourMs + 46 * 60_000 + 40_000;

let directory = '';
let daemon: ScriptedDaemon;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-digest-'));
});

afterEach(() => {
  daemon.close();
  rmSync(directory, { recursive: true, force: true });
});

const eight: DigestRule = { cron: '0 8 * * *', timezone: 'UTC', to: ['mail', 'chat'], empty: false };

function definitions(digest: DigestRule): Definitions {
  const made = definitionsOf([
    planOf(
      [checkOf('running', { maxAttempts: 1 })],
      [ladderOf([{ ...restart, verify: { withinMs: 60_000, staysOkMs: 0 } }], { attempts: 1 })],
    ),
  ]);
  return { ...made, daemon: { ...made.daemon, messages: { routes: [], digest } } };
}

function start(digest: DigestRule, clock = new FakeClock(evening)): void {
  daemon = new ScriptedDaemon(join(directory, 'mendd.db'), definitions(digest), clock);
  daemon.healing.messages.turn();
}

async function pass(ms: number): Promise<void> {
  await daemon.clock.pass(ms);
  daemon.healing.messages.turn();
}

function digests(): OutboxMessage[] {
  return daemon.coordinator
    .messages({ limit: 100 })
    .items.filter(({ key }) => key.startsWith('digest~'))
    .toReversed();
}

test('a daemon that dies while it sends one leaves none of its targets out', async () => {
  start({ ...eight, empty: true });
  const { coordinator } = daemon;
  for (const write of ['enqueue', 'converse'] as const) {
    const original = coordinator[write].bind(coordinator) as (...args: unknown[]) => unknown;
    const killed = (...args: unknown[]): unknown => {
      original(...args);
      throw new Error('killed');
    };
    Object.assign(coordinator, { [write]: killed });
  }
  await expect(pass(untilEightMs + 1_000)).rejects.toThrow('killed');
  daemon.close();
  start({ ...eight, empty: true }, daemon.clock);
  await pass(hourMs);
  expect(digests().map(({ target }) => target)).toEqual(['mail', 'chat']);
});

test('it looks back to the one before however much its target was told since', async () => {
  start({ ...eight, cron: '0 8 * * 3', empty: true });
  await pass(untilEightMs + 1_000);
  const [first] = digests();
  if (first === undefined) throw new Error('there was no digest');
  const at = { createdAtMs: daemon.clock.nowMs(), nextAttemptAtMs: daemon.clock.nowMs() };
  const notice = { target: 'mail', kind: 'notice' as const, host: '', ladder: '', body: {}, ...at };
  const many = Array.from({ length: 501 }, (_, index) => ({ ...notice, key: `n${index}` }));
  daemon.coordinator.converse([], many);
  for (let hour = 0; hour <= 7 * 24; hour += 1) await pass(hourMs);
  const [second] = daemon.coordinator.messages({ target: 'mail', limit: 1 }).items;
  expect(second?.key).not.toBe(first.key);
  expect(second?.body['sinceTime']).toBe(first.body['at']);
});

test('what healed, flapped and was not delivered is told at its time, once to each target', async () => {
  start(eight);
  await daemon.results('ok', 'critical', 'ok', 'critical', 'ok', 'critical', 'ok', 'critical', 'ok');
  daemon.coordinator.enqueue({
    key: 'lost',
    target: 'oncall',
    kind: 'problem',
    host: 'web-1',
    ladder: 'app.restart',
    body: { subject: 's', text: 't' },
    createdAtMs: daemon.clock.nowMs(),
    nextAttemptAtMs: daemon.clock.nowMs(),
  });
  daemon.coordinator.messageFailed(1, 'HTTP 410 gone', 'dead');
  expect(daemon.outcomes).toContain('app.restart verified');
  await pass(untilEightMs - 200_000);
  expect(digests()).toEqual([]);
  await pass(300_000);
  expect(digests().map(({ target }) => target)).toEqual(['mail', 'chat']);
  const text = String(digests()[0]?.body['text']);
  expect(text).toContain('Healed by itself:\n- web-1: app.restart helped');
  expect(text).toContain('Flapped:\n- web-1 app.running');
  expect(text).toContain('Not delivered:\n- lost to oncall: HTTP 410 gone');
  await pass(hourMs);
  await pass(24 * hourMs);
  // Nothing happened since.
  expect(digests()).toHaveLength(2);
});

test('one without anything to tell is sent only when that is wanted', async () => {
  start({ ...eight, to: ['mail'], empty: true });
  await pass(untilEightMs + 60_000);
  expect(digests().map(({ body }) => body['subject'])).toEqual(['[mendd] digest: nothing to tell']);
  await pass(24 * hourMs);
  expect(digests()).toHaveLength(2);
});

test('a daemon that was down at the time sends it when it is back, once', async () => {
  start({ ...eight, to: ['mail'], empty: true });
  await pass(untilEightMs + 60_000);
  daemon.close();
  await daemon.clock.pass(30 * hourMs);
  start({ ...eight, to: ['mail'], empty: true }, daemon.clock);
  expect(digests()).toHaveLength(2);
  daemon.close();
  start({ ...eight, to: ['mail'], empty: true }, daemon.clock);
  await pass(60_000);
  expect(digests()).toHaveLength(2);
});

test('a clock that jumps neither repeats nor loses it', async () => {
  start({ ...eight, to: ['mail'], empty: true });
  await pass(untilEightMs + 60_000);
  daemon.clock.setWall(evening + untilEightMs - hourMs);
  daemon.healing.messages.forgetTimes();
  await pass(2 * hourMs);
  expect(digests()).toHaveLength(1);
  await pass(24 * hourMs);
  expect(digests()).toHaveLength(2);
});
