import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createPlanCheck } from '../../checks/plan-check.ts';
import type { HostDefinition, RunOn } from '../../core/definitions.ts';
import { freePort } from '../support/sshd.ts';
import { ask, binDir, checkOf, clock, planOf, programPath, webHost } from './machine.ts';

async function listener(): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

const local = { runOn: { kind: 'local' } } as const;
/** Documentation addresses (RFC 5737) never answer; here they may also have no route. */
const silent = '192.0.2.1';

test('from the ops box: an open port is OK with its response time', async () => {
  const port = await listener();
  const result = await ask(planOf({ kind: 'tcp', port, warnMs: 5000, critMs: 9000 }, local));
  expect(result.state).toBe('ok');
  expect(result.text).toMatch(new RegExp(`^127\\.0\\.0\\.1:${port} connected in [\\d.]+ ms$`));
  expect(result.perfdata).toMatchObject([{ label: 'time', uom: 's', warn: '5', crit: '9', min: 0 }]);
  expect(result.perfdata[0]?.value).toBeLessThan(5);
});

test('from the ops box: a closed port is CRITICAL', async () => {
  const port = await freePort();
  const result = await ask(planOf({ kind: 'tcp', port }, local));
  expect(result).toMatchObject({ state: 'critical', text: `127.0.0.1:${port} connection refused` });
});

test('from the ops box: a response time at or above its limit', async () => {
  const port = await listener();
  const warned = await ask(planOf({ kind: 'tcp', port, warnMs: 0 }, local));
  expect(warned.state).toBe('warning');
  expect(warned.text).toContain(', limit 0 ms');
  expect((await ask(planOf({ kind: 'tcp', port, warnMs: 0, critMs: 0 }, local))).state).toBe('critical');
});

test('from the ops box: a name that does not resolve is UNKNOWN: we could not ask', async () => {
  const result = await ask(planOf({ kind: 'tcp', port: 80, address: 'no-such-host.invalid' }, local));
  expect(result.state).toBe('unknown');
});

test('a cancelled probe gives no verdict', async () => {
  const plan = planOf({ kind: 'tcp', port: 80, address: silent }, local);
  if (plan.kind !== 'probe') throw new Error('not a probe');
  const controller = new AbortController();
  const asked = plan.probe(5000, controller.signal);
  controller.abort(new Error('stopping'));
  await expect(asked).rejects.toThrow('stopping');
  await expect(plan.probe(5000, controller.signal)).rejects.toThrow('stopping');
});

test('an explicit address wins over the host', () => {
  const plan = planOf({ kind: 'tcp', port: 1, address: '127.0.0.9' });
  expect(plan.kind === 'command' && plan.script).toContain('127.0.0.9 1');
});

function kinds(host: HostDefinition, runOn: RunOn): string[] {
  const probes = [
    { kind: 'tcp', port: 1 },
    { kind: 'http', url: 'http://x/', method: 'GET' },
    { kind: 'ping', count: 1, lossPercent: 50 },
  ] as const;
  const plan = createPlanCheck({ pluginDirs: [], clock });
  return probes.map((probe) => plan(checkOf(probe, { runOn }), host).kind);
}

test('who asks decides between probe and command; the host `local` is the ops box', () => {
  const here = { ...webHost, transport: 'local' } as const;
  expect(kinds(webHost, { kind: 'local' })).toEqual(['probe', 'probe', 'command']);
  expect(kinds(here, { kind: 'target' })).toEqual(['probe', 'probe', 'command']);
  expect(kinds(webHost, { kind: 'target' })).toEqual(['command', 'command', 'command']);
  expect(kinds(here, { kind: 'host', host: 'web-2' })).toEqual(['command', 'command', 'command']);
});

const tools: [string, string[]][] = [
  ['bash', ['bash', 'timeout', 'date']],
  ['bash without timeout', ['bash', 'date']],
  ['python3', ['python3', 'date']],
];

test.each(tools)('on a target with %s: open, closed, unknown name', async (_name, names) => {
  const path = binDir({}, names);
  const port = await listener();
  const open = await ask(planOf({ kind: 'tcp', port, warnMs: 4000 }), { path });
  expect([open.state, open.text]).toEqual([
    'ok',
    expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1:${port} connected in [\\d.]+ m?s$`)),
  ]);
  expect(open.perfdata).toMatchObject([{ label: 'time', warn: '4' }]);
  const closed = await freePort();
  const refused = await ask(planOf({ kind: 'tcp', port: closed }), { path });
  expect(refused.state).toBe('critical');
  expect(refused.text).toMatch(new RegExp(`^127\\.0\\.0\\.1:${closed} .*Connection refused$`));
  const nowhere = await ask(planOf({ kind: 'tcp', port: 80, address: 'no-such-host.invalid' }), { path });
  expect(nowhere.state).toBe('unknown');
});

function netcat(text: string): string {
  return binDir({ nc: `[ "$*" = "-z -w 4 127.0.0.1 80" ] || exit 64\n${text}` }, ['date']);
}

const onTarget = planOf({ kind: 'tcp', port: 80 });

test('on a target with nc only', async () => {
  expect((await ask(onTarget, { path: netcat('exit 0') })).state).toBe('ok');
  expect(await ask(onTarget, { path: netcat('exit 1') })).toMatchObject({
    state: 'critical',
    text: '127.0.0.1:80 could not connect',
  });
  const usage = `echo "nc: invalid option -- 'z'" >&2; exit 1`;
  expect((await ask(onTarget, { path: netcat(usage) })).state).toBe('unknown');
});

test.each([124, 143])('on a target: cut off by timeout (%i) is CRITICAL', async (code) => {
  expect(await ask(onTarget, { path: netcat(`exit ${code}`) })).toMatchObject({
    state: 'critical',
    text: '127.0.0.1:80 no answer in 4 s',
  });
});

test('on a target with nothing to ask with', async () => {
  const result = await ask(onTarget, { path: '/nowhere' });
  expect(result.state).toBe('unknown');
  expect(result.text).toContain('there is no bash, python3 or nc to open a connection with');
});

test('on a target that cannot measure: limits make it UNKNOWN, no limits leave it OK', async () => {
  const path = binDir({ nc: 'exit 0', date: 'echo 1700000000N' });
  expect(await ask(onTarget, { path })).toMatchObject({ state: 'ok', perfdata: [] });
  const limited = await ask(planOf({ kind: 'tcp', port: 80, warnMs: 100 }), { path });
  expect(limited.state).toBe('unknown');
  expect(limited.text).toContain('cannot measure');
});

test('a bash without /dev/tcp is UNKNOWN', async () => {
  const path = binDir({
    bash: 'echo "bash: line 1: /dev/tcp/127.0.0.1/80: No such file or directory" >&2; exit 1',
  });
  expect((await ask(onTarget, { path })).state).toBe('unknown');
});

test('the tools of these tests are here', () => {
  expect(['bash', 'python3', 'timeout', 'date'].filter((name) => programPath(name) === undefined)).toEqual(
    [],
  );
});
