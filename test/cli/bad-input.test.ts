import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { assertBuilt, mendd, serve } from '../support/mendd.ts';
import { keygen } from '../support/sshd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

beforeAll(assertBuilt);

const daemonFile = `definitions: { path: . }
store: { path: ./state/mendd.db }
api: { listen: "127.0.0.1:0" }
`;
const hostsFile = 'hosts:\n  web-1: { transport: local, labels: { role: web } }\n';
const runbookFile = `runbook: workers
hosts: { role: web }
every: 1h
checks:
  running: { run: "true" }
actions:
  restart: { when: { check: running }, run: "true" }
`;

type Files = Record<string, string>;

/** A tree that is valid but for what a test changes. */
function tree(changes: Files = {}): string {
  const files = { 'mendd.yaml': daemonFile, 'hosts/all.yaml': hostsFile, 'runbooks/w.yaml': runbookFile };
  const root = temporaryTree({ ...files, ...changes });
  mkdirSync(join(root, 'state'));
  return root;
}

function edited(text: string, from: string, to: string): string {
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`nothing to change: ${from}`);
  return changed;
}

const mistakes: [what: string, files: Files, told: string][] = [
  [
    'an unknown key',
    { 'runbooks/w.yaml': edited(runbookFile, 'every: 1h', 'evry: 1h') },
    'runbooks/w.yaml:3:1: unknown key `evry`',
  ],
  [
    'a wrong type',
    { 'runbooks/w.yaml': edited(runbookFile, 'every: 1h', 'every: 60') },
    'runbooks/w.yaml:3:8: ',
  ],
  [
    'a dangling name',
    { 'runbooks/w.yaml': edited(runbookFile, 'check: running', 'check: runing') },
    'runbooks/w.yaml:7:29: ',
  ],
  [
    'a loop in after',
    {
      'runbooks/w.yaml': edited(
        runbookFile,
        'restart: { when: { check: running }, run: "true" }',
        'a: { after: b, run: "true" }\n  b: { after: a, run: "true" }',
      ),
    },
    'runbooks/w.yaml:7:',
  ],
  [
    'a loop in depends_on',
    {
      'runbooks/w.yaml': edited(
        runbookFile,
        'running: { run: "true" }',
        'running: { run: "true", depends_on: [other] }\n  other: { run: "true", depends_on: [running] }',
      ),
    },
    'runbooks/w.yaml:6:38: ',
  ],
  [
    'an empty selector',
    { 'runbooks/w.yaml': edited(runbookFile, 'role: web', 'role: wbe') },
    'runbooks/w.yaml:2:',
  ],
  [
    'an unreadable secret',
    { 'mendd.yaml': `${daemonFile}notify: { oncall: { webhook: "\${env:MENDD_TEST_ABSENT}" } }\n` },
    'mendd.yaml:4:',
  ],
  [
    'a duplicate host',
    { 'hosts/more.yaml': 'hosts:\n  web-1: { transport: local }\n' },
    'hosts/more.yaml:2:12: ',
  ],
  [
    'a cron that never fires',
    { 'runbooks/w.yaml': edited(runbookFile, 'every: 1h', 'schedule: "0 0 31 2 *"') },
    'runbooks/w.yaml:3:11: ',
  ],
  ['20,000 nested brackets', { 'runbooks/w.yaml': `runbook: ${'['.repeat(20_000)}` }, 'runbooks/w.yaml:1:'],
  ['a 5 MB file', { 'runbooks/w.yaml': `${runbookFile}#${'x'.repeat(5_000_000)}` }, 'runbooks/w.yaml:1:1: '],
];

test('each mistake is told with its place and a hint, leaves with 65, and nothing is changed', async () => {
  for (const [what, files, told] of mistakes) {
    const cwd = tree(files);
    const validated = await mendd(['validate'], { cwd });
    expect([what, validated.code, validated.stdout]).toEqual([what, 65, '']);
    expect(validated.stderr).toContain(told);
    expect(validated.stderr).toMatch(/\n {2}hint: /);
    expect(readdirSync(join(cwd, 'state'))).toEqual([]);
  }
});

test('all mistakes of all files come at once, sorted by place, from validate and serve alike', async () => {
  const files = Object.assign({}, ...mistakes.slice(6, 9).map(([, each]) => each)) as Files;
  const cwd = tree({ ...files, 'mendd.yaml': `${files['mendd.yaml']}bogus: 1\n` });
  const validated = await mendd(['validate'], { cwd });
  const served = await mendd(['serve'], { cwd });
  const places = [...validated.stderr.matchAll(/^(\S+?:\d+:\d+): /gm)].map((match) => match[1]);
  expect(places.length).toBeGreaterThanOrEqual(4);
  expect(places).toEqual(places.toSorted((a = '', b = '') => (a < b ? -1 : 1)));
  expect([served.code, served.stdout]).toEqual([65, '']);
  expect(served.stderr).toBe(validated.stderr);
  const json = await mendd(['validate', '-o', 'json'], { cwd });
  expect(json.code).toBe(65);
  expect(JSON.parse(json.stdout)).toMatchObject({ version: 1, ok: false });
  expect((JSON.parse(json.stdout) as { problems: object[] }).problems).toHaveLength(places.length);
  expect(readdirSync(join(cwd, 'state'))).toEqual([]);
});

test('a directory in place of a file is a problem with a place', async () => {
  const cwd = temporaryTree({ 'mendd.yaml/x': '' });
  const { code, stderr } = await mendd(['validate'], { cwd });
  expect([code, stderr]).toEqual([65, expect.stringMatching(/^mendd\.yaml:1:1: .*directory/)]);
});

test('without secrets the forms are still checked', async () => {
  const cwd = tree(mistakes[6]?.[1]);
  expect(await mendd(['validate', '--no-secrets'], { cwd })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 host, 1 runbook, 1 check, 1 action'),
  });
});

const oneSentence = /^mendd: [^\n]+\n[^\n]+\n$/;

test('an unusable store is one sentence, a hint and its exit code', async () => {
  const cases: [prepare: (state: string) => void, code: number, told: string][] = [
    [(state) => mkdirSync(join(state, 'mendd.db')), 77, 'not a regular file'],
    [(state) => writeFileSync(join(state, 'mendd.db'), 'x'.repeat(8192)), 77, 'not an SQLite database'],
    [(state) => symlinkSync('/nonexistent/mendd.db', join(state, 'mendd.db')), 77, 'mendd.db'],
  ];
  for (const [prepare, code, told] of cases) {
    const cwd = tree();
    prepare(join(cwd, 'state'));
    const served = await mendd(['serve'], { cwd });
    expect([served.code, served.stdout]).toEqual([code, '']);
    expect(served.stderr).toMatch(oneSentence);
    expect(served.stderr).toContain(told);
  }
  const absent = tree({ 'mendd.yaml': edited(daemonFile, './state/', './absent/') });
  const served = await mendd(['serve'], { cwd: absent });
  expect([served.code, served.stderr]).toEqual([77, expect.stringMatching(oneSentence)]);
});

test('a second daemon on one store, and a port in use, leave with 75 and start nothing', async () => {
  const cwd = tree();
  const first = await serve(join(cwd, 'mendd.yaml'));
  const second = await mendd(['serve'], { cwd });
  expect([second.code, second.stderr]).toEqual([75, expect.stringContaining('Another mendd daemon uses')]);
  const port = new URL(first.api).port;
  const other = tree({ 'mendd.yaml': edited(daemonFile, '127.0.0.1:0', `127.0.0.1:${port}`) });
  const third = await mendd(['serve'], { cwd: other });
  expect([third.code, third.stderr]).toEqual([75, expect.stringMatching(oneSentence)]);
  expect(third.stderr).toContain(port);
  expect(await first.stop()).toBe(0);
  // The store is free again.
  expect(await (await serve(join(cwd, 'mendd.yaml'))).stop()).toBe(0);
});

test('a key that others can read, or that is none, leaves with 77 and says what to run', async () => {
  const withKey = `${daemonFile}ssh: { identity: "\${file:./id}" }\n`;
  const open = tree({ 'mendd.yaml': withKey });
  keygen(join(open, 'id'), 'ed25519');
  chmodSync(join(open, 'id'), 0o644);
  const cases: [cwd: string, told: string][] = [
    [open, 'chmod 600'],
    [tree({ 'mendd.yaml': withKey }), 'id'],
    [tree({ 'mendd.yaml': withKey, id: 'ssh-ed25519 AAAA me\n' }), 'public key'],
  ];
  for (const [cwd, told] of cases) {
    if (existsSync(join(cwd, 'id')) && cwd !== open) chmodSync(join(cwd, 'id'), 0o600);
    const served = await mendd(['serve'], { cwd });
    expect([served.code, served.stderr]).toEqual([77, expect.stringContaining(told)]);
    expect(readdirSync(join(cwd, 'state'))).toEqual([]);
  }
});

test.each(['mendd.yaml/', 'mendd.yaml/x', 'loop', 'x'.repeat(300)])(
  'a path that cannot be looked at is no daemon file: %s',
  async (path) => {
    const cwd = tree({ 'mendd.yaml': daemonFile });
    symlinkSync('loop', join(cwd, 'loop'));
    for (const args of [
      ['validate', path],
      ['replay', path],
      ['replay', '--config', path],
    ]) {
      const { code, stderr } = await mendd(args, { cwd });
      expect([args, code, stderr]).toEqual([args, 78, expect.stringMatching(oneSentence)]);
    }
  },
);

test('doctor says so when the store would lie below a file', async () => {
  const below = edited(daemonFile, './state/', './mendd.yaml/x/');
  const { code, stdout } = await mendd(['doctor'], { cwd: tree({ 'mendd.yaml': below }) });
  expect([code, stdout]).toEqual([1, expect.stringMatching(/✗ The store's directory \S+ does not exist/)]);
});
