import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createDeliverer, type Delivery } from '../../actions/deliver.ts';
import type { OutboxMessage } from '../../core/ports.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { hostileText, nightMs, outboxMessage, problemAndRecovery } from './story.ts';

/** Runs this program with the message; `root` is where it may write, its `$1`. */
function deliver(
  script: string,
  message: OutboxMessage,
  { timeoutMs = 5000, args = [] }: { timeoutMs?: number; args?: string[] } = {},
): { root: string; path: string; delivery: Promise<Delivery> } {
  const root = temporaryTree({ page: `#!/bin/sh\n${script}\n` }, ['page']);
  const path = join(root, 'page');
  const target = { kind: 'exec', name: 'oncall', path, args: [root, ...args], timeoutMs } as const;
  const send = createDeliverer({
    clock: { nowMs: () => nightMs },
    targets: () => new Map([['oncall', target]]),
  });
  return { root, path, delivery: send(message) };
}

test('a program gets the message on its input, variables, and arguments that no shell reads', async () => {
  const { problem, recovery } = problemAndRecovery();
  const script = 'cat >"$1/in"; env >"$1/env"; printf %s "$2" >"$1/arg"; pwd; echo taken';
  const args = ['$(touch /tmp/owned) ; `id` "*'];
  const { root, delivery } = deliver(script, problem, { args });
  expect(await delivery).toEqual({ ok: true, answer: '/ taken' });
  expect(JSON.parse(readFileSync(join(root, 'in'), 'utf8'))).toEqual(problem.body);
  expect(readFileSync(join(root, 'arg'), 'utf8')).toBe(args[0]);
  const env = readFileSync(join(root, 'env'), 'utf8');
  expect(env).toContain('MENDD_SUBJECT=web-1 queue-workers: running is critical after restart\n');
  for (const line of [
    'KIND=problem',
    'SEVERITY=critical',
    'RESOLVED=0',
    'HOST=web-1',
    'RUNBOOK=queue-workers',
  ]) {
    expect(env).toContain(`MENDD_${line}\n`);
  }
  const next = deliver(script, recovery);
  await next.delivery;
  const after = readFileSync(join(next.root, 'env'), 'utf8');
  expect(after).toContain('MENDD_RESOLVED=1\n');
  const incident = /^MENDD_INCIDENT=.{32}$/m;
  expect(incident.exec(after)?.[0]).toBe(incident.exec(env)?.[0]);
});

test('secrets of our own environment are not handed on', async () => {
  vi.stubEnv('HOOK_TOKEN', 'hook-secret');
  const { delivery } = deliver('env', outboxMessage());
  const sent = await delivery;
  vi.unstubAllEnvs();
  expect(sent).toMatchObject({ ok: true, answer: expect.stringContaining('PATH=') });
  expect(JSON.stringify(sent)).not.toContain('hook-secret');
});

test('hostile text is one line in a variable, and harmless in the answer', async () => {
  const message = outboxMessage({ host: `web\n1\0${hostileText}` });
  message.body['subject'] = `a\nMENDD_FORGED=1\u0000 ${hostileText}`;
  const { root, delivery } = deliver(
    'env >"$1/env"; printf "no\\n\\033[31mred\\033[0m \\342\\200\\256evil"',
    message,
  );
  expect(await delivery).toEqual({ ok: true, answer: 'no red evil' });
  const env = readFileSync(join(root, 'env'), 'utf8');
  expect(env).not.toMatch(/^MENDD_FORGED/m);
  expect(env).toMatch(/^MENDD_SUBJECT=a MENDD_FORGED=1 <script>/m);
});

test.each([
  ['exit 3', 'exit code 3'],
  ['kill -TERM $$', 'it was killed by SIGTERM'],
  ['echo why >&2; exit 1', 'exit code 1'],
])('%s: tried again', async (script, error) => {
  expect(await deliver(script, outboxMessage()).delivery).toMatchObject({
    ok: false,
    error,
    permanent: false,
  });
});

function sendTo(path: string): Promise<Delivery> {
  const target = { kind: 'exec', name: 'oncall', path, args: [], timeoutMs: 1000 } as const;
  const targets = new Map([['oncall', target]]);
  return createDeliverer({ clock: { nowMs: () => nightMs }, targets: () => targets })(outboxMessage());
}

test('a program that is not there or may not run is tried again', async () => {
  expect(await sendTo('/nonexistent/page')).toEqual({
    ok: false,
    error: 'it cannot be started (ENOENT)',
    permanent: false,
  });
  expect(await sendTo(join(temporaryTree({ page: 'x' }), 'page'))).toMatchObject({
    error: 'it cannot be started (EACCES)',
  });
});

test('one that never ends is killed, with all it started', async () => {
  const { root, delivery } = deliver('echo begun; sleep 600 & echo $! >"$1/pid"; wait', outboxMessage(), {
    timeoutMs: 1_500,
  });
  expect(await delivery).toEqual({
    ok: false,
    error: 'no end within 1.5 s',
    permanent: false,
    answer: 'begun',
  });
  const pid = readFileSync(join(root, 'pid'), 'utf8').trim();
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
});

test('what a program leaves behind neither delays its end nor lives on', async () => {
  const { root, delivery } = deliver('sleep 600 & echo $! >"$1/pid"; echo done', outboxMessage());
  expect(await delivery).toEqual({ ok: true, answer: 'done' });
  const pid = readFileSync(join(root, 'pid'), 'utf8').trim();
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
});

test('a program that reads nothing and prints without end', async () => {
  const message = outboxMessage();
  message.body['text'] = 'x'.repeat(2_000_000);
  expect(await deliver('exit 0', message).delivery).toEqual({ ok: true });
  const sent = await deliver('head -c 5000000 /dev/zero | tr "\\0" y', outboxMessage()).delivery;
  expect(sent).toMatchObject({ ok: true });
  expect(sent.answer).toMatch(/^y{297}\.\.\.$/);
});

/** A process that ended and waits to be reaped is not alive. */
function isAlive(pid: string): boolean {
  const status = `/proc/${pid}/stat`;
  return existsSync(status) && !/\) [ZX] /.test(readFileSync(status, 'utf8'));
}

test('a program that may not be killed ends nothing but its own delivery', async () => {
  const refused = vi.spyOn(process, 'kill').mockImplementation(() => {
    throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
  });
  const { root, delivery } = deliver('echo $$ >"$1/pid"; exec sleep 60', outboxMessage(), {
    timeoutMs: 1_500,
  });
  const sent = await delivery;
  refused.mockRestore();
  process.kill(Number(readFileSync(join(root, 'pid'), 'utf8')), 'SIGKILL');
  expect(sent).toEqual({
    ok: false,
    error: 'no end within 1.5 s, and it cannot be killed',
    permanent: false,
  });
});
