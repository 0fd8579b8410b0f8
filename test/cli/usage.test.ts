import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Command } from 'commander';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { assertBuilt, mendd } from '../support/mendd.ts';
import { freePort } from '../support/sshd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

beforeAll(assertBuilt);

const commands = [
  'demo init validate doctor serve status hosts checks runs history explain check act pause resume plan replay reload rollback',
  'outcomes config approvals approve reject ack silence downtime brake trust rearm',
  'token audit backup db schema version',
]
  .join(' ')
  .split(' ');

const nested = [
  ...['create', 'list', 'revoke'].map((name) => `token ${name}`),
  ...['add', 'list', 'remove'].flatMap((name) => [`silence ${name}`, `downtime ${name}`]),
  'brake list',
  'brake release',
  'trust list',
  'trust promote',
  'notify list',
  'notify test',
  'audit list',
  'audit verify',
  'db check',
  'config show',
];

test('no command at all shows the help and is a usage error', async () => {
  const { code, stderr } = await mendd([]);
  expect(code).toBe(64);
  for (const command of commands) expect(stderr).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
});

test('--help of each command ends with an example', () => {
  const program = createProgram();
  const named = (name: string): Command =>
    name.split(' ').reduce((command: Command, word) => {
      const found = command.commands.find((each) => each.name() === word);
      if (found === undefined) throw new Error(`no command ${name}`);
      return found;
    }, program);
  for (const name of [...commands, ...nested]) {
    let help = '';
    named(name)
      .configureOutput({ writeOut: (text) => (help += text) })
      .outputHelp();
    expect(help).toMatch(new RegExp(`\\nExamples?:\\n  \\$ mendd ${name}`));
  }
});

test('slips are usage errors that name what was meant', async () => {
  expect(await mendd(['statsu'])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('Did you mean status?'),
  });
  expect(await mendd(['status', '--wacth'])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('--watch'),
  });
  expect(await mendd(['hosts', '-o', 'xml'])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('ndjson'),
  });
  expect(await mendd(['runs', '--limit', '0'])).toMatchObject({ code: 64 });
  expect(await mendd(['pause'])).toMatchObject({ code: 64, stderr: expect.stringContaining('--reason') });
  expect(await mendd(['pause', '--reason', 'x', '--for', '90'])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('write `90s`'),
  });
  expect(await mendd(['act', 'web-1', 'restart', '--yes'])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('--reason'),
  });
  expect(await mendd(['history', 'web-1', '--since', 'yesterday'])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('2026-03-01T02:41:00Z'),
  });
  expect(await mendd(['status', '--api', 'localhost'])).toMatchObject({ code: 64 });
  expect(await mendd(['init', '--host=-oProxyCommand=x'])).toMatchObject({ code: 64 });
});

test('version and schema need nothing around them', async () => {
  const version = await mendd(['version', '-o', 'json'], { cwd: temporaryTree({}) });
  expect(JSON.parse(version.stdout)).toMatchObject({
    version: 1,
    mendd: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
  for (const kind of ['daemon', 'hosts', 'runbook', 'silences']) {
    const { code, stdout } = await mendd(['schema', kind]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ $schema: expect.stringContaining('draft-07') });
  }
});

test('a daemon file that is missing leaves with 78', async () => {
  const cwd = temporaryTree({});
  const absent = ['--config', 'nowhere.yaml'];
  for (const args of [
    ['validate'],
    ['serve'],
    ['check', 'web-1'],
    ['status'],
    ['token', 'list'],
    ['backup', 'to'],
    ['audit', 'verify'],
    ['db', 'check'],
    ['config', 'show'],
    ['rearm', '--offline', '--reason', 'x'],
  ]) {
    const { code, stderr } = await mendd([...args, ...absent], { cwd });
    expect([args, code, stderr]).toEqual([args, 78, expect.stringContaining('nowhere.yaml')]);
  }
});

test('without a daemon the API commands leave with 69 and say how to start one', async () => {
  const api = `http://127.0.0.1:${await freePort()}`;
  for (const command of ['status', 'hosts', 'checks', 'runs']) {
    const { code, stdout, stderr } = await mendd([command, '--api', api]);
    expect([command, code, stdout]).toEqual([command, 69, '']);
    expect(stderr).toBe(
      `mendd: No answer from ${api}: nothing listens there.\nStart it with \`mendd serve\`, or give its address with --api.\n`,
    );
  }
});

test('the address comes from --api, then MENDD_API, then the daemon file, also one with mistakes', async () => {
  const cwd = temporaryTree({ 'mendd.yaml': 'api: { listen: 0.0.0.0:1 }\nbogus: 1\n' });
  const asked = async (args: string[], env = {}): Promise<string> =>
    /from (\S+):/.exec((await mendd(['status', ...args], { cwd, env })).stderr)?.[1] ?? '';
  expect(await asked([])).toBe('http://127.0.0.1:1');
  expect(await asked([], { MENDD_API: 'http://127.0.0.1:2/' })).toBe('http://127.0.0.1:2');
  expect(await asked(['--api', 'http://127.0.0.1:3'], { MENDD_API: 'http://127.0.0.1:2' })).toBe(
    'http://127.0.0.1:3',
  );
});

test.each([
  ['api: { listen: 0.0.0.0:1, tls: yes }\n', 'mendd.yaml:1:'],
  ['api: { listen: none }\n', '`api.socket`'],
  ['api: [\n', 'mendd.yaml:'],
])('what does not say where the API is asks no other daemon: %j', async (text, words) => {
  const cwd = temporaryTree({ 'mendd.yaml': text });
  for (const args of [['status'], ['pause', '--reason', 'x']])
    expect([args, await mendd(args, { cwd })]).toEqual([
      args,
      expect.objectContaining({ code: 65, stderr: expect.stringContaining(words) }),
    ]);
  const { code, stdout } = await mendd(['doctor'], { cwd });
  expect([code, stdout]).toEqual([1, expect.stringMatching(/✓ Node\.js/)]);
});

test('doctor tells what it found also beside a token that is none', async () => {
  const { code, stdout } = await mendd(['doctor'], {
    cwd: temporaryTree({}),
    env: { MENDD_TOKEN: 'two words' },
  });
  expect([code, stdout]).toEqual([1, expect.stringMatching(/✓ Node\.js[^]*✗ MENDD_TOKEN holds no token/)]);
});

test('what means nothing beside another option is refused', async () => {
  const cwd = temporaryTree({ token: 'x' });
  for (const args of [
    ['rearm', '--offline', '--reason', 'x', '--api', 'http://127.0.0.1:1'],
    ['audit', 'verify', '--token-file', 'token'],
    ['audit', 'list', '--ca', 'token'],
  ])
    expect([args, await mendd(args, { cwd })]).toEqual([
      args,
      expect.objectContaining({ code: 64, stderr: expect.stringMatching(/ --api\.$/m) }),
    ]);
});

test('the library is a list in every form', async () => {
  const { stdout } = await mendd(['library', 'list', '-o', 'json']);
  expect(JSON.parse(stdout)).toMatchObject({
    version: 1,
    runbooks: expect.arrayContaining([expect.objectContaining({ name: 'nginx' })]),
  });
  const lines = (await mendd(['library', '-o', 'ndjson'])).stdout.trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(3);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ name: expect.any(String), files: expect.any(Array) });
});

test('another program at the address is not taken for mendd, and a redirect does not carry the token away', async () => {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization);
    if (request.url?.startsWith('/api/v1/now') === true)
      response.writeHead(302, { location: '/elsewhere' }).end();
    else response.end('<html>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await mendd(['hosts', '--api', api])).toMatchObject({
    code: 69,
    stderr: expect.stringContaining('is not mendd'),
  });
  expect(await mendd(['status', '--api', api], { env: { MENDD_TOKEN: 'secret' } })).toMatchObject({
    code: 69,
  });
  expect(asked.filter((header) => header === 'Bearer secret')).toHaveLength(2);
});

test('a token that can be none, or cannot be read, is told before anything is asked', async () => {
  const cwd = temporaryTree({ token: 'two words\n' });
  expect(await mendd(['status', '--token-file', 'token'], { cwd })).toMatchObject({ code: 64 });
  expect(await mendd(['status', '--token-file', 'absent'], { cwd })).toMatchObject({ code: 77 });
});
