/** What commands that change something have in common, and the forms of the API that only scripts used before: processes against a real API. */
import { spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { KeptAnswer } from '../../core/ledger-ports.ts';
import { cliAgainstApi } from '../support/cli-api.ts';
import { acknowledgementOf, approvalOf, checkView, silenceOf } from '../support/fake-views.ts';
import { type Ended, mendd, menddFile } from '../support/mendd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const cli = cliAgainstApi((daemon) => {
  const asked = new Map<string, string>();
  const answers = new Map<string, KeptAnswer>();
  Object.assign(daemon.runs, {
    takeKey: ({
      id,
      token,
      asked: what,
      atMs,
    }: {
      id: string;
      token: string;
      asked: string;
      atMs: number;
    }) => {
      const known = asked.get(id);
      asked.set(id, known ?? what);
      if (known === undefined) return { kind: 'new' };
      return { kind: 'known', request: { id, token, asked: known, atMs, answer: answers.get(id) } };
    },
    keepAnswer: (id: string, answer: KeptAnswer) => void answers.set(id, answer),
  });
});
const { as } = cli;

/** Passes on what `answer` does not answer itself. */
async function relayTo(
  url: string,
  answer: (path: string) => [number, Record<string, string>, object] | undefined,
): Promise<string> {
  const relay = createServer((asked, reply) => {
    const own = answer(asked.url ?? '');
    if (own !== undefined) return void reply.writeHead(own[0], own[1]).end(JSON.stringify(own[2]));
    const { method, headers } = asked;
    const passed = request(new URL(asked.url ?? '', url), { method: method ?? 'GET', headers }, (told) => {
      reply.writeHead(told.statusCode ?? 500, told.headers);
      told.pipe(reply);
    });
    asked.pipe(passed);
  });
  await new Promise<void>((done) => relay.listen(0, '127.0.0.1', done));
  onTestFinished(() => void relay.close());
  return `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
}

const why = ['--reason', 'drill'];

function json({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('a dry run says what would be done, and nothing is', async () => {
  const dry = await as('ack', 'silence', 'add', 'web-1', '--for', '1h', ...why, '--dry-run', '-o', 'json');
  expect([dry.code, dry.stderr]).toEqual([0, 'A dry run, nothing is done. If it were:\n']);
  expect(json(dry)).toMatchObject({ kind: 'silence', reason: 'drill' });
  for (const args of [
    ['pause', ...why],
    ['resume'],
    ['ack', 'web-1/app.running', ...why],
    ['downtime', 'add', 'web-1', '--schedule', '0 2 * * 0', '--lasts', '2h', ...why],
    ['brake', 'release', 'fleet', ...why],
    ['recheck', 'web-1/app.running'],
    ['reload'],
    ['token', 'create', '--name', 'bob'],
  ])
    expect([args, await as('admin', ...args, '--dry-run')]).toEqual([
      args,
      expect.objectContaining({ stderr: expect.stringMatching(/^A dry run, nothing is done/) }),
    ]);
  expect(cli.daemon.asked.filter((asked) => !asked.startsWith('reload'))).toEqual([]);
  const made = await as('admin', 'token', 'create', '--name', 'bob', '--dry-run');
  expect([made.code, made.stdout, made.stderr]).toEqual([0, '', expect.not.stringContaining('secret')]);
  const offline = await as('admin', 'token', 'create', '--offline', '--dry-run');
  expect(offline).toMatchObject({ code: 64, stderr: expect.stringContaining('--dry-run') });
});

test('under one key a thing is done once, and another thing is refused', async () => {
  const pause = (reason: string) => as('act', 'pause', '--reason', reason, '--key', 'deploy-4711');
  expect((await pause('drill')).code).toBe(0);
  expect((await pause('drill')).code).toBe(0);
  expect(cli.daemon.asked).toHaveLength(1);
  expect(await pause('another')).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('another request'),
  });
  expect((await as('act', 'act', 'web-1', 'restart', '--key', 'x')).code).toBe(64);
  for (const key of ['', 'two words', 'caf\u00e9'])
    expect([key, (await as('act', 'resume', '--key', key)).code]).toEqual([key, 64]);
});

test.each([
  [['alert', 'Stuck', '--for', '1h', '--key', 'k'], '--for'],
  [['ack', 'web-1/app.running', '--remove', '--key', 'k'], '--key is for taking'],
  [['notify', 'dismiss', '--all', '--key', 'k'], '--key is for one message'],
  [['trust', 'promote', 'restart', ...why, '--key', 'k'], 'full name'],
  [['inventory', 'accept', 'ec2', ...why, '--key', 'k'], "unknown option '--key'"],
])('%j could not be answered alike again, and is refused', async (args, words) => {
  expect(await as('admin', ...args)).toMatchObject({ code: 64, stderr: expect.stringContaining(words) });
  expect(cli.daemon.asked).toEqual([]);
});

test('an action is run once under its key', async () => {
  const args = ['act', 'web-1', 'restart', '--yes', ...why, '--key', 'k1'];
  const [first, second] = [await as('act', ...args), await as('act', ...args)];
  expect([first.code, second.code]).toEqual([0, 0]);
  expect(second.stdout).toBe(first.stdout);
  expect(cli.daemon.asked.filter((asked) => asked.startsWith('act '))).toHaveLength(1);
});

test('a question that was answered under a key is answered alike again, and not under another', async () => {
  const id = 'web-1~app.reboot~abc~1';
  cli.daemon.approvalList = [approvalOf(id)];
  const approve = (key: string) => as('act', 'approve', id, '--yes', '--key', key);
  const [first, second] = [await approve('k1'), await approve('k1')];
  expect([first.code, second.code, second.stdout]).toEqual([0, 0, first.stdout]);
  expect(cli.daemon.asked).toHaveLength(1);
  expect((await approve('k2')).code).toBe(1);
});

test('a host is registered with its public key, never with a private one', async () => {
  const cwd = temporaryTree({
    'key.pub': `ssh-ed25519 ${'A'.repeat(68)} root@web-7\n`,
    key: '-----BEGIN KEY\n',
  });
  const env = { MENDD_API: cli.url, MENDD_TOKEN: cli.daemon.token('fleet', 'register') };
  const register = (...args: string[]) => mendd(['register', 'web-7', ...args], { cwd, env });
  await register('--label', 'role=web', '--port', '2222', '--host-key', 'key.pub', '--dry-run');
  expect(cli.daemon.asked).toEqual([]);
  await register('--label', 'role=web', '--port', '2222', '--host-key', 'key.pub');
  expect(cli.daemon.asked).toEqual([
    expect.stringMatching(/^register .*"web-7".*"role":"web".*2222.*"ssh-ed25519 A+"\} from \S+ by fleet$/),
  ]);
  for (const wrong of [
    ['--host-key', 'key'],
    ['--host-key', 'none'],
    ['--port', 'x'],
    ['--label', 'web'],
  ])
    expect([wrong, (await register(...wrong)).code]).toEqual([wrong, 64]);
});

test('sums of results are listed newest first', async () => {
  const span = { stepMs: 3_600_000, count: 12, durationAvgMs: 20, durationMaxMs: 1_500 };
  const perfdata = [{ label: 'lag', uom: 's', min: 1, avg: 2.5, max: 9 }];
  cli.daemon.history.rollups = ({ sinceMs }) => {
    const hour = Math.ceil(sinceMs / 3_600_000) * 3_600_000;
    const states = { ok: 10, warning: 2, critical: 0, unknown: 0, pending: 0 };
    return [hour, hour + 3_600_000].map((atMs) => ({ ...span, atMs, states, perfdata }));
  };
  const listed = await as('read', 'history', 'web-1/running', '--sums', '1h', '--limit', '1');
  expect(listed.stdout).toMatch(
    /^FROM +RESULTS +NOT OK +TOOK +FIGURES\n\S+Z +12 +2 +\S+, \S+ at most +lag=2\.5s \(1 to 9\)\n$/,
  );
  const all = await as('read', 'history', 'web-1/running', '--sums', '1h', '-o', 'json');
  const [newest, before] = json(all)['rollups'] as { at: string }[];
  expect(Date.parse(newest?.at ?? '') - Date.parse(before?.at ?? '')).toBe(3_600_000);
  expect((await as('read', 'history', 'web-1', '--sums', '1h')).code).toBe(64);
  expect((await as('read', 'history', 'web-1/running', '--sums', '1h', '--results')).code).toBe(64);
});

test('checks are run now by the daemon, one or all of a host', async () => {
  cli.daemon.checkList = [
    checkView('web-1', 'app.queue', 'warning'),
    checkView('web-1', 'app.running', 'ok'),
    { ...checkView('web-1', 'app.told', 'critical'), kind: 'passive' },
  ];
  const one = await as('act', 'recheck', 'web-1/running');
  expect([one.code, one.stdout]).toEqual([0, expect.stringMatching(/app\.running/)]);
  const all = await as('act', 'recheck', 'web-1', '-o', 'json');
  expect([all.code, json(all)['checks']]).toEqual([1, [expect.anything(), expect.anything()]]);
  expect(cli.daemon.asked).toEqual([
    'check web-1 app.running',
    'check web-1 app.queue',
    'check web-1 app.running',
  ]);
  expect(await as('act', 'recheck', 'web-1/told')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('submit'),
  });
  expect((await as('act', 'recheck', 'web-1/nothing')).code).toBe(64);
  // Of a host that cannot be asked an old state says nothing.
  cli.daemon.checkList = [{ ...checkView('web-1', 'app.running', 'ok'), stale: true }];
  expect(await as('act', 'recheck', 'web-1')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('web-1/app.running: no new result'),
  });
  expect((await as('read', 'recheck', 'web-1/running')).code).toBe(77);
});

test('checks of which the daemon takes no more at present are asked for again, and what was run is shown', async () => {
  cli.daemon.checkList = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
    checkView('web-1', `app.${name}`, 'ok'),
  );
  const refused: string[] = [];
  const at = await relayTo(cli.url, (url) => {
    if (url.endsWith('/app.b/run') && !refused.includes(url)) {
      refused.push(url);
      return [429, { 'retry-after': '0' }, { detail: 'Too many requests.' }];
    }
    if (url.endsWith('/app.f/run')) return [409, {}, { detail: 'f is gone' }];
    return undefined;
  });
  const { code, stdout, stderr } = await as('act', 'recheck', 'web-1', '--api', at, '-o', 'ndjson');
  const run = stdout.split('\n').filter((line) => line !== '');
  expect(run.map((line) => (JSON.parse(line) as { check: string }).check)).toEqual([
    'app.a',
    'app.b',
    'app.c',
    'app.d',
    'app.e',
  ]);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/app\.b: Too many requests\. Asked again in 0[^]*mendd: f is gone/),
  ]);
});

test('a change that got no answer is not called undone', async () => {
  const cut = createServer((asked) => void asked.socket.destroy());
  await new Promise<void>((done) => cut.listen(0, '127.0.0.1', done));
  onTestFinished(() => void cut.close());
  const at = ['--api', `http://127.0.0.1:${(cut.address() as AddressInfo).port}`];
  const changed = await as('act', 'pause', ...why, ...at);
  expect([changed.code, changed.stderr]).toEqual([69, expect.stringContaining('It may have been done.')]);
  expect(changed.stderr).not.toContain('mendd serve');
  expect((await as('act', 'pause', ...why, '--key', 'k7', ...at)).stderr).toContain('--key k7');
  expect((await as('act', 'pause', ...why, '--dry-run', ...at)).stderr).not.toContain('may have been');
  expect((await as('read', 'hosts', ...at)).stderr).not.toContain('may have been');
  const absent = await as('act', 'pause', ...why, '--api', 'http://127.0.0.1:1');
  expect(absent.stderr).toContain('mendd serve');
});

test('an alert is told, and it is said which checks it concerns', async () => {
  const told = await as(
    'submit',
    'alert',
    'Stuck',
    '--label',
    'host=web-1',
    '--annotation',
    'summary=a, b=c',
  );
  expect(told).toMatchObject({ code: 0, stdout: 'web-1/app.running is told: firing.\n' });
  const over = await as('submit', 'alert', 'Stuck', '--label', 'host=web-1', '--resolved', '-o', 'json');
  expect(json(over)).toMatchObject({ matched: 1, items: [{ alert: 'Stuck', status: 'resolved' }] });
  expect((await as('submit', 'alert', 'Stuck', '--label', 'host=web-9')).code).toBe(1);
  expect((await as('submit', 'alert', 'Stuck', '--label', 'host')).code).toBe(64);
  expect((await as('act', 'alert', 'Stuck')).code).toBe(77);
});

test('coverage and the lists of suppressions are asked by host and label', async () => {
  const found = await as('read', 'coverage', 'web-*', '!web-2', '--label', 'role=web', '-o', 'json');
  expect(json(found)).toMatchObject({ hosts: 2 });
  expect((await as('read', 'coverage')).code).toBe(64);
  expect(await as('read', 'coverage', 'web-{1,2}')).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('comma'),
  });
  cli.daemon.suppressionList = [silenceOf('S1'), acknowledgementOf('A1')];
  const ids = async (...args: string[]): Promise<unknown[]> =>
    (json(await as('read', ...args, '-o', 'json'))['suppressions'] as { id: string }[]).map(({ id }) => id);
  expect(await ids('silence', 'list')).toEqual(['S1']);
  expect(await ids('ack', '--host', 'web-1')).toEqual(['A1']);
  expect(await ids('ack', '--label', 'role=web')).toEqual(['A1']);
  expect(await ids('ack', '--label', 'role=db')).toEqual([]);
  // Meant for a problem that was left out: no list is an answer to that.
  for (const meant of [['--for', '2h'], ['--key', 'k'], ['--dry-run'], ['--remove']])
    expect([meant, (await as('read', 'ack', ...meant)).code]).toEqual([meant, 64]);
});

test('events come as they happen, what was before first, and end well', async () => {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [menddFile, 'events', '--after', '0', '-o', 'ndjson'], {
    env: { PATH, MENDD_API: cli.url, MENDD_TOKEN: 'secret-read' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const numbers = (): unknown[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => (JSON.parse(line) as { data: { each: number } }).data.each);
  const deadline = { interval: 20 };
  cli.daemon.emit({ each: 1 });
  await vi.waitFor(() => expect(numbers()).toEqual([1]), deadline);
  cli.daemon.emit({ each: 2 });
  await vi.waitFor(() => expect(numbers()).toEqual([1, 2]), deadline);
  child.kill('SIGINT');
  expect(await ended).toBe(0);
  expect((await as('read', 'events', '-o', 'json')).code).toBe(64);
  expect((await as('read', 'events', '--after', 'x')).code).toBe(64);
});
