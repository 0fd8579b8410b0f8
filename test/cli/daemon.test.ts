import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { assertBuilt, type Ended, mendd, type Served, serve } from '../support/mendd.ts';
import { removeSshd, type Sshd, startSshd } from '../support/sshd.ts';
import { writeInto } from '../support/temporary-tree.ts';

/** One daemon over one real sshd. The worker is up while a file is there; its action makes the file. */
let sshd: Sshd;
let root: string;
let worker: string;
let daemon: Served;
let token: string;

const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  assertBuilt();
  root = mkdtempSync(join(tmpdir(), 'mendd-cli-'));
  ends.push(async () => rmSync(root, { recursive: true, force: true }));
  sshd = await startSshd();
  ends.push(() => removeSshd(sshd));
  worker = join(root, 'worker-is-up');
  mkdirSync(join(root, 'state'));
  writeInto(root, 'id', sshd.identity);
  chmodSync(join(root, 'id'), 0o600);
  writeInto(
    root,
    'mendd.yaml',
    `definitions: { path: . }
store: { path: ./state/mendd.db }
ssh: { user: ${sshd.user}, identity: "\${file:./id}", known_hosts: ${sshd.knownHosts}, guard_directory: ${join(root, 'guard')} }
api: { listen: "127.0.0.1:0" }
remediation: { mode: auto }
log: { level: info }
`,
  );
  writeInto(
    root,
    'hosts/all.yaml',
    `hosts:
  web-1: { address: 127.0.0.1, port: ${sshd.port}, labels: { role: web } }
  gone-1: { address: 127.0.0.1, port: 1, labels: { role: web } }
`,
  );
  writeInto(
    root,
    'runbooks/w.yaml',
    `runbook: w
hosts: { role: web }
every: 200ms
timeout: 5s
checks:
  running: { run: 'test -e ${worker} && echo up || { printf "down \\\\033[31mred\\\\n"; exit 2; }', max_attempts: 1, flapping: false }
actions:
  restart:
    when: { check: running, attempts: 1000 }
    run: touch ${worker}
    verify: { within: 10s, stays_ok: 300ms }
    cooldown: 0s
    max_runs: 1 per 1h
`,
  );
  writeFileSync(worker, '');
  daemon = await serve(join(root, 'mendd.yaml'), (end) => ends.push(end));
  const made = await ask('token', 'create', '--scope', 'admin', '--name', 'alice');
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('alice') });
  token = made.stdout.trim();
  await settled();
});

afterAll(async () => {
  for (const end of ends.toReversed()) await end();
});

beforeEach(() => expect(daemon.child.exitCode).toBeNull());

function ask(...args: string[]): Promise<Ended> {
  const known = token === undefined ? {} : { MENDD_TOKEN: token };
  return mendd(args, { cwd: root, env: { MENDD_API: daemon.api, ...known } });
}

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(daemon.api + path)).json()) as T;
}

async function checkIs(state: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const check = await get<{ status: { state: string } }>('/api/v1/checks/web-1/w.running');
      expect(check.status.state).toBe(state);
    },
    { interval: 50 },
  );
}

/** The first verdicts are in, and the host that is not there was found missing. */
async function settled(): Promise<void> {
  await checkIs('ok');
  await vi.waitFor(
    async () => {
      const host = await get<{ status: { state: string } }>('/api/v1/hosts/gone-1');
      expect(host.status.state).toBe('unreachable');
    },
    { interval: 50 },
  );
}

function json({ stdout }: Ended): unknown {
  return JSON.parse(stdout);
}

describe('looking', () => {
  test('status says the verdict first and leaves with the worst state; what cannot be asked is UNKNOWN', async () => {
    const { code, stdout, stderr } = await ask('status');
    expect([code, stderr]).toEqual([3, '']);
    expect(stdout).toMatch(/^UNKNOWN: .*1 unreachable/);
    expect(stdout).toContain('automation on');
    expect(stdout).toMatch(/Unreachable\n.*\n {2}gone-1 +UNREACHABLE/);
    expect(json(await ask('status', '-o', 'json'))).toMatchObject({
      version: 1,
      state: 'unknown',
      unreachable: [{ name: 'gone-1' }],
    });
  });

  test('hosts and checks list problems first, with filters', async () => {
    const hosts = await ask('hosts');
    expect(hosts.stdout).toMatch(/^HOST .*\ngone-1 +UNREACHABLE.*connect: .*\nweb-1 +UP +\S+ +1 ok/);
    expect(json(await ask('hosts', '--host', 'web-*', '--label', 'role=web', '-o', 'json'))).toMatchObject({
      version: 1,
      hosts: [{ name: 'web-1' }],
    });
    const checks = await ask('checks', '--state', 'ok', '--label', 'role', '-o', 'ndjson');
    expect(JSON.parse(checks.stdout.split('\n')[0] ?? '')).toMatchObject({
      version: 1,
      host: 'web-1',
      check: 'w.running',
    });
    expect(await ask('checks', '--host', 'nobody')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'No check matches.\n',
    });
    expect(await ask('checks', '--state', 'red')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('state'),
    });
  });

  test('a check that was not asked yet shows no attempt', async () => {
    const checks = await ask('checks', '--host', 'gone-1');
    expect(checks.stdout).toMatch(/\nPENDING.* gone-1\/w\.running +- /);
  });

  test('history takes full and short names, and tells unknown ones from quiet ones', async () => {
    const { code, stdout } = await ask('history', 'web-1/running');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/w\.running +PENDING +OK /)]);
    const results = json(
      await ask('history', 'web-1', 'running', '--results', '--limit', '1', '-o', 'json'),
    ) as { results: unknown[] };
    expect(results.results).toHaveLength(1);
    expect(await ask('history', 'web-2')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('web-1'),
    });
    expect(await ask('history', 'web-1/runing')).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/There is no check `runing` on web-1\.\n.*`running`/),
    });
    expect(await ask('history', 'web-1', '--since', '0s')).toMatchObject({ code: 0, stdout: '' });
  });

  test('doctor sees the daemon that runs', async () => {
    const { code, stdout } = await ask('doctor', '--config', 'mendd.yaml');
    expect([code, stdout]).toEqual([1, expect.stringContaining('does not know gone-1')]);
    expect(stdout).toMatch(/^✓ the SSH keys can be used$/m);
    expect(stdout).toMatch(/^✓ a daemon uses .*mendd\.db$/m);
    expect(stdout).toMatch(/^✓ the daemon at http:\S+ is ready$/m);
  });
});

describe('acting', () => {
  test('a plan shows the exact command and every gate, and does nothing', async () => {
    rmSync(worker);
    await checkIs('critical');
    const plan = await ask('act', 'web-1', 'restart');
    expect([plan.code, plan.stdout]).toEqual([0, expect.stringContaining(`$ touch ${worker}\n`)]);
    expect(plan.stdout).toMatch(/ ✓ cooldown/);
    expect(plan.stderr).toMatch(/^Nothing was done/m);
    expect(existsSync(worker)).toBe(false);
    expect((await ask('runs')).stdout).toBe('');
    expect((await ask('status')).code).toBe(2);
    const checks = await ask('checks', '--problems');
    expect(checks.stdout).toMatch(/^STATE .*\nCRITICAL +web-1\/w\.running .*down red\n$/);
    expect(checks.stdout).not.toContain('\u001b');
  });

  test('without a token nothing is done', async () => {
    const args = ['act', 'web-1', 'restart', '--yes', '--reason', 'x'];
    const { code, stderr } = await mendd(args, { cwd: root, env: { MENDD_API: daemon.api } });
    expect([code, stderr]).toEqual([
      77,
      expect.stringMatching(/MENDD_TOKEN.*--token-file.*mendd token create --scope act/),
    ]);
    expect((await ask('runs')).stdout).toBe('');
  });

  test('--yes --wait follows the run to verified; the ledger has who and why', async () => {
    const done = await ask('act', 'web-1', 'restart', '--yes', '--reason', 'deploy 4711', '--wait');
    expect(done).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^verified {2}w\.restart on web-1\n/),
    });
    expect(done.stderr).toMatch(/dispatched/);
    expect(existsSync(worker)).toBe(true);
    const { runs } = json(await ask('runs', '--host', 'web-1', '--action', 'restart', '-o', 'json')) as {
      runs: { id: string }[];
    };
    expect(runs).toMatchObject([{ decidedBy: 'person:alice', reason: 'deploy 4711', status: 'verified' }]);
    const story = await ask('runs', runs[0]?.id ?? '');
    expect(story.stdout).toContain(`command   touch ${worker}`);
    // What a person overrode stands first.
    expect(story.stdout).toMatch(/gates at the decision:\n {2}✗ attempts .*\n(.*\n)* {2}✓ mode/);
    expect(await ask('runs', 'none')).toMatchObject({ code: 64 });
  });

  test('a limit that is spent is shown with when it opens, and that it binds rules only', async () => {
    const plan = await ask('act', 'web-1', 'restart');
    expect([plan.code, plan.stderr]).toEqual([
      0,
      expect.stringMatching(/bind rules, not a person: .*runs_in_window/),
    ]);
    expect(plan.stdout).toMatch(
      /✗ runs_in_window +used 1, limit 1, per 1h · max_runs_reached · opens: .*\(\d{4}-/,
    );
  });

  test('explain tells each gate now, and the stored decision for a moment in the past', async () => {
    const now = await ask('explain', 'web-1/running', 'restart');
    expect(now).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^web-1\/w\.running → w\.restart: nothing: no problem\n/),
    });
    expect(now.stdout).toMatch(/ {2}ladder\n.* w\.restart {2}\w+/);
    expect(now.stdout).not.toContain('come first');
    expect(now.stdout).toMatch(/needed from \d{4}-/);
    const [decision] = (await get<{ items: { at: string }[] }>('/api/v1/decisions?host=web-1')).items;
    const past = await ask('explain', 'web-1/w.running', '--at', decision?.at ?? '', '-o', 'json');
    expect(json(past)).toMatchObject({
      version: 1,
      source: 'ledger',
      decisions: [{ host: 'web-1', action: 'w.restart' }],
    });
    expect(await ask('explain', 'web-1', '--at', '2030-01-01')).toMatchObject({ code: 64 });
    expect(await ask('explain', 'web-1/running', 'restrat')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('restart'),
    });
  });
});

describe('controls', () => {
  test('pause is seen by everybody until resume', async () => {
    expect(await ask('pause', '--reason', 'switch', '--for', '1h30m')).toMatchObject({ code: 0 });
    expect((await ask('status')).stdout).toMatch(/automation PAUSED by alice until \S+: switch/);
    const plan = await ask('act', 'web-1', 'restart');
    expect([plan.code, plan.stdout]).toEqual([1, expect.stringMatching(/✗ pause/)]);
    const refused = await ask('act', 'web-1', 'restart', '--yes', '--reason', 'x');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('`pause`')]);
    expect(await ask('resume', '--reason', ' ')).toMatchObject({ code: 64 });
    expect(await ask('resume', '--reason', 'it is back')).toMatchObject({ code: 0 });
    expect((await ask('status')).stdout).toContain('automation on');
    expect((await ask('audit', 'list')).stdout).toMatch(/automation\.resumed.*it is back/);
  });

  test('a reload of bad definitions leaves with 65, names the place and changes nothing; a good one is taken', async () => {
    writeInto(
      root,
      'runbooks/new.yaml',
      'runbook: new\nhosts: { role: web }\nevrey: 1h\nchecks: { a: { run: "true" } }\n',
    );
    const refused = await ask('reload');
    expect([refused.code, refused.stderr]).toEqual([
      65,
      expect.stringMatching(/new\.yaml:3:1: unknown key `evrey`/),
    ]);
    expect((await ask('status')).stdout).toMatch(/the last reload was REFUSED.*\n.*new\.yaml:3:1/);
    expect((await ask('checks', '-o', 'json')).stdout).not.toContain('new.a');
    writeInto(
      root,
      'runbooks/new.yaml',
      'runbook: new\nhosts: { role: web }\nevery: 1h\nchecks: { a: { run: "true" } }\n',
    );
    expect(await ask('reload')).toMatchObject({ code: 0, stderr: '' });
    expect((await ask('checks', '-o', 'json')).stdout).toContain('new.a');
    const file = join(root, 'mendd.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('level: info', 'level: warn'));
    expect(await ask('reload')).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/when mendd is started again: log\.$/m),
    });
  });

  test('tokens are listed without secrets; a revoked one is worth nothing at once', async () => {
    const made = json(await ask('token', 'create', '--scope', 'act', '--expires', '1h', '-o', 'json')) as {
      id: string;
      secret: string;
    };
    const list = await ask('token', 'list', '-o', 'json');
    expect(list.stdout).toContain(made.id);
    expect(list.stdout).not.toContain(made.secret);
    const env = { MENDD_API: daemon.api, MENDD_TOKEN: made.secret };
    expect(await mendd(['resume'], { cwd: root, env })).toMatchObject({ code: 0 });
    expect(await ask('token', 'revoke', made.id)).toMatchObject({ code: 0 });
    expect(await mendd(['resume'], { cwd: root, env })).toMatchObject({ code: 77 });
    expect(await ask('token', 'revoke', made.id)).toMatchObject({ code: 64 });
    // Who asked stands in the audit: by the API the token's name.
    const { stdout } = await ask('audit', 'list', '-o', 'json');
    const { entries } = JSON.parse(stdout) as { entries: { actor: string; event: string }[] };
    expect(entries.find(({ event }) => event === 'token.revoked')?.actor).toBe('person:alice');
    expect(daemon.log()).not.toContain(made.secret);
  });

  test('a backup is taken from under the daemon, and never over another', async () => {
    const { code, stdout } = await ask('backup', 'copies');
    expect([
      code,
      stdout
        .trimEnd()
        .split('\n')
        .map((file) => existsSync(join(root, file))),
    ]).toEqual([0, [true, true]]);
    expect(await ask('backup', 'copies')).toMatchObject({ code: 77 });
  });
});
