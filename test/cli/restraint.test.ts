/** The commands with which people hold actions back, answer and look, as processes against a real API over a daemon made of data. */
import { spawn } from 'node:child_process';
import { beforeEach, describe, expect, test } from 'vitest';
import { gateNames } from '../../core/decisions.ts';
import { quoteShell } from '../../core/shell-quote.ts';
import { cliAgainstApi } from '../support/cli-api.ts';
import {
  acknowledgementOf,
  approvalOf,
  brakeOf,
  checkView,
  downtimeOf,
  explanationOf,
  hostView,
  outcomesOf,
  silenceOf,
  startMs,
} from '../support/fake-views.ts';
import { type Ended, menddFile } from '../support/mendd.ts';

const id = 'web-1~app.reboot~abc~1';
const hostile = 'x\u001b[31mred\u202e';

const cli = cliAgainstApi();
const { as } = cli;

function json({ stdout }: Ended): unknown {
  return JSON.parse(stdout);
}

/** Later than the daemon's clock and than ours: commands show times by their own. */
const later = new Date(startMs + 86_400_000 * 300).toISOString();

describe('silences and downtimes', () => {
  test('add, list, remove', async () => {
    const added = await as(
      'ack',
      'silence',
      'add',
      'web-*',
      '!web-2',
      '--check',
      'running',
      '--for',
      '2h',
      '--reason',
      'rack move',
    );
    expect(added).toMatchObject({ code: 0, stderr: '' });
    expect(added.stdout).toMatch(
      /^Nothing acts on web-\* !web-2 \/ app\.running until 2026-03-01T04:41:00Z .*\n01J\S+\n$/,
    );
    const made = cli.daemon.suppressionList[0];
    expect(made).toMatchObject({
      by: 'ack',
      reason: 'rack move',
      match: { hosts: ['web-*', '!web-2'], labels: {}, checks: ['app.running'] },
    });
    const listed = await as('read', 'silence', 'list');
    expect(listed.stdout).toMatch(
      /silence +web-\* !web-2 \/ app\.running +until \S+ .* ack +01J\S+ +rack move/,
    );
    expect(json(await as('read', 'silence', '-o', 'json'))).toMatchObject({
      version: 1,
      suppressions: [{ id: made?.id }],
    });
    expect((await as('read', 'downtime')).stderr).toBe('There is no downtime.\n');
    for (const why of [[], ['--reason', ' done early ']])
      expect(await as('ack', 'silence', 'remove', made?.id ?? '', ...why)).toMatchObject({
        code: 0,
        stdout: `Ended: the silence ${made?.id}.\n`,
      });
    expect(cli.daemon.asked.slice(-2)).toEqual([
      `end ${made?.id} by ack`,
      `end ${made?.id} by ack: done early`,
    ]);
    expect(await as('ack', 'silence', 'remove', 'nothing')).toMatchObject({ code: 64 });
  });

  test('downtimes in their three forms', async () => {
    const reason = ['--reason', 'x'];
    await as(
      'ack',
      'downtime',
      'add',
      '--label',
      'role=db,env=prod',
      '--from',
      '2026-03-01T22:00:00Z',
      '--until',
      later,
      ...reason,
    );
    await as('ack', 'downtime', 'add', 'db-1', '--for', '8h', '--flexible', '30m', ...reason);
    const cron = ['--schedule', '0 2 * * 0', '--timezone', 'Europe/Berlin', '--lasts', '2h'];
    const recurring = await as('ack', 'downtime', 'add', 'db-1', ...cron, ...reason);
    expect(recurring.stdout).toMatch(/^Nothing acts on db-1: 2h from each `0 2 \* \* 0` Europe\/Berlin\.\n/);
    expect(cli.daemon.suppressionList).toMatchObject([
      {
        match: { labels: { role: 'db', env: 'prod' } },
        window: { kind: 'fixed', startsAtMs: Date.UTC(2026, 2, 1, 22) },
      },
      { window: { kind: 'flexible', lastsMs: 1_800_000, endsAtMs: startMs + 28_800_000 } },
      { window: { kind: 'recurring', timezone: 'Europe/Berlin', lastsMs: 7_200_000 } },
    ]);
    const listed = await as('read', 'downtime', 'list');
    expect(listed.stdout).toMatch(/db-1 +30m from a problem, until /);
  });

  const slips: [args: string[], told: string][] = [
    [['silence', 'add', 'web-1', '--reason', 'x'], 'It has no end.'],
    [['silence', 'add', '--for', '1h', '--reason', 'x'], 'It covers nothing yet.'],
    [['silence', 'add', 'web-1', '--for', '1h'], '--reason'],
    [['silence', 'add', 'web-1', '--for', '1h', '--reason', ' '], '--reason is empty'],
    [['silence', 'add', 'web-1', '--for', '90', '--reason', 'x'], 'write `90s`'],
    [['silence', 'add', 'web-1', '--for', '1h', '--until', later, '--reason', 'x'], 'both say when'],
    [['silence', 'add', 'web-1', '--until', '3h', '--reason', 'x'], '`3h` is no time'],
    [['silence', 'add', 'web-1', '--until', '2020-01-01', '--reason', 'x'], 'must end in the future'],
    [
      ['silence', 'add', 'web-1', '--check', 'runing', '--for', '1h', '--reason', 'x'],
      'Did you mean `running`?',
    ],
    [['silence', 'add', '--label', 'role', '--for', '1h', '--reason', 'x'], 'Write key=value'],
    [['silence', 'add', 'nobody', '--for', '1h', '--reason', 'x'], 'matcher_unusable'],
    [['downtime', 'add', 'a', '--schedule', '0 2 * * 0', '--reason', 'x'], '--lasts'],
    [
      ['downtime', 'add', 'a', '--schedule', '0 2 * * 0', '--lasts', '1h', '--for', '1h', '--reason', 'x'],
      '--for means nothing',
    ],
    [['downtime', 'add', 'a', '--lasts', '1h', '--for', '1h', '--reason', 'x'], '--lasts means nothing'],
  ];
  test('a slip says what to write, and lays nothing on', async () => {
    const told = await Promise.all(
      slips.map(async ([args, words]) => ({ args, words, ended: await as('ack', ...args) })),
    );
    for (const { args, words, ended } of told)
      expect([args, ended.code, ended.stdout, ended.stderr]).toEqual([
        args,
        64,
        '',
        expect.stringContaining(words),
      ]);
    expect(cli.daemon.suppressionList).toEqual([]);
  });

  test('a token that may only read lays nothing on', async () => {
    expect(await as('read', 'silence', 'add', 'web-1', '--for', '1h', '--reason', 'x')).toMatchObject({
      code: 77,
    });
  });
});

test('registrations: listed with a tag, let in by that tag alone', async () => {
  const key = 'SHA256:3q2-7w';
  cli.daemon.registrationList = [
    {
      name: 'web-7',
      status: 'pending',
      tag: '5e0f1c',
      told: { name: 'web-7', user: 'ops', port: 2222, labels: { role: 'web' } },
      from: '10.0.0.7',
      firstAtMs: startMs,
      lastAtMs: startMs,
      expiresAtMs: startMs,
      fingerprint: key,
    },
  ];
  const listed = await as('read', 'registrations');
  expect(listed.stdout).toMatch(/web-7 +pending +ops@10\.0\.0\.7 port 2222 .* SHA256:3q2-7w +5e0f1c/);
  const admit = ['registrations', 'admit', 'web-7', '--reason', 'racked'];
  const blind = await as('admin', ...admit);
  expect(blind).toMatchObject({ code: 64, stderr: expect.stringContaining('--tag') });
  expect(cli.daemon.asked).toEqual([]);
  const letIn = await as('admin', ...admit, '--tag', '5e0f1c');
  expect(letIn.stdout).toBe(`web-7 is let in at ops@10.0.0.7 port 2222 with the host key ${key}.\n`);
  const reject = await as('admin', 'registrations', 'reject', 'web-7', '--reason', 'not ours');
  expect(reject.stdout).toBe('web-7 is not let in.\n');
  expect(cli.daemon.asked).toEqual([
    'admit 5e0f1c web-7 by admin: racked',
    'reject web-7 by admin: not ours',
  ]);
});

test('ack: take a problem, list it, give it back', async () => {
  const taken = await as(
    'ack',
    'ack',
    'web-1/running',
    '--reason',
    'disk is ordered',
    '--sticky',
    '--for',
    '2h',
  );
  expect(taken.stdout).toMatch(
    /^web-1\/app\.running is yours: nothing acts on it until 2026-03-01T04:41:00Z/,
  );
  expect(cli.daemon.suppressionList).toMatchObject([
    { kind: 'acknowledgement', check: 'app.running', sticky: true },
  ]);
  expect((await as('read', 'ack')).stdout).toMatch(
    /web-1\/app\.running \(sticky\) +until .* disk is ordered/,
  );
  expect(await as('ack', 'ack', 'web-1/running', '--remove', '--reason', 'gone')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('given back'),
  });
  expect(cli.daemon.asked.at(-1)).toMatch(/^end \S+ by ack: gone$/);
  cli.daemon.suppressionList = [];
  expect(await as('ack', 'ack', 'web-1/running', '--remove')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Nobody has'),
  });
  expect(await as('ack', 'ack', 'web-1', '--reason', 'x')).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('web-1/host'),
  });
  expect(await as('ack', 'ack', 'web-1/running')).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('--reason'),
  });
  expect(await as('ack', 'ack', 'web-1/host', '--reason', 'x')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no_problem'),
  });
  expect(await as('ack', 'ack', '--remove')).toMatchObject({ code: 64 });
});

describe('questions', () => {
  beforeEach(() => {
    cli.daemon.approvalList = [
      approvalOf(id, {
        command: 'sync\nsystemctl reboot\u001b[2J',
        createdAtMs: Date.now(),
        expiresAtMs: Date.now() + 1_800_000,
      }),
      approvalOf('old', { status: 'expired', createdAtMs: startMs, answer: hostile }),
    ];
    cli.daemon.hostList.push(
      hostView('vm-1', { parents: ['web-1'] }),
      hostView('vm-2', { parents: ['vm-1'] }),
    );
  });

  test('are listed with the whole command and how far it reaches', async () => {
    const { code, stdout, stderr } = await as('read', 'approvals');
    expect(code).toBe(0);
    expect(stdout).toContain('app.reboot on web-1\n  $ sync\n  $ systemctl reboot\n');
    expect(stdout).toMatch(
      / {2}reaches +web-1 \(role=web\), 1 check\n {2}reaches +2 hosts behind it: vm-1, vm-2\n/,
    );
    expect(stdout).toMatch(/ {2}quorum +group role=web, healthy without it 11, needed 8, hosts 12\n/);
    expect(stdout).toMatch(/Settled:\n.*\n {2}expired .*xred\n/);
    expect(stdout).not.toContain('\u001b');
    expect(stderr).toContain('mendd approve ID');
    expect(json(await as('read', 'approvals', '-o', 'json'))).toMatchObject({
      version: 1,
      approvals: [{ id, tag: 'tag-1' }, { id: 'old' }],
    });
    expect((await as('read', 'approvals', 'old')).stdout).toMatch(/ {2}status +expired: xred\n$/);
    expect(await as('read', 'approvals', 'none')).toMatchObject({ code: 64 });
  });

  test('a yes needs a second step: --yes, and without a terminal nothing else will do', async () => {
    const asked = await as('act', 'approve', id);
    expect([asked.code, asked.stdout]).toEqual([64, '']);
    expect(asked.stderr).toContain('$ systemctl reboot');
    expect(asked.stderr).toContain('Nothing was approved');
    expect(cli.daemon.asked).toEqual([]);
    const yes = await as('act', 'approve', id, '--yes', '--reason', 'seen');
    expect(yes).toMatchObject({ code: 0, stdout: 'Approved: app.reboot on web-1.\n' });
    expect(yes.stderr).toContain('$ systemctl reboot');
    expect(cli.daemon.asked).toEqual([`approved ${id} by act: seen [tag-1]`]);
    expect(await as('act', 'approve', id, '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is approved by act'),
    });
  });

  test.each([
    ['web-1', 0],
    ['web-2', 1],
    ['', 1],
  ])('on a terminal the name of the host is typed: %j', async (typed, code) => {
    expect(await onTerminal(['approve', id], typed)).toBe(code);
    expect(cli.daemon.asked).toEqual(code === 0 ? [`approved ${id} by act:  [tag-1]`] : []);
  });

  test('what changed between reading and answering is not approved', async () => {
    const settle = cli.daemon.settleApproval.bind(cli.daemon);
    cli.daemon.settleApproval = (which, answer, person) => {
      cli.daemon.approvalList = cli.daemon.approvalList.map((each) => ({ ...each, tag: 'tag-2' }));
      return settle(which, answer, person);
    };
    expect(await as('act', 'approve', id, '--yes')).toMatchObject({ code: 75, stdout: '' });
    expect(cli.daemon.approvalList[0]?.status).toBe('waiting');
  });

  test('a no needs a reason', async () => {
    expect(await as('act', 'reject', id)).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('--reason'),
    });
    expect(await as('ack', 'reject', id, '--reason', 'deploy')).toMatchObject({ code: 77 });
    expect(await as('act', 'reject', id, '--reason', 'deploy')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is not done'),
    });
    expect(cli.daemon.asked).toEqual([`rejected ${id} by act: deploy [tag-1]`]);
  });
});

/** The exit code, with a pseudo-terminal (of util-linux) on all three streams and one line typed once it is asked for. */
function onTerminal(args: readonly string[], typed: string): Promise<number | null> {
  const { PATH = '', HOME = '' } = process.env;
  const line = [process.execPath, menddFile, ...args].map(quoteShell).join(' ');
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { PATH, HOME, SHELL: '/bin/sh', MENDD_API: cli.url, MENDD_TOKEN: 'secret-act' },
    timeout: 100_000,
  });
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = seen.includes('Type the name');
    seen += text;
    if (!before && seen.includes('Type the name')) child.stdin.write(`${typed}\r`);
  });
  return new Promise((resolve) => {
    child.on('close', resolve);
  });
}

test('brakes: shown with figures, the ones that are on first; released by scope', async () => {
  cli.daemon.brakeList = [brakeOf('fleet', false), brakeOf('role=web', true)];
  const { stdout } = await as('read', 'brake');
  expect(stdout).toMatch(
    /^BRAKE .*\nON +role=web +5 of 12 +3 +2026-03-01T02:39:00Z +tag-role=web-on +mass failure, came on at 5 of 12; releases itself at 2026-03-01T02:51:00Z .*\noff +fleet +1 of 12 +3 /,
  );
  const { releasesAtMs: _unknown, ...byPerson } = brakeOf('role=db', true);
  cli.daemon.brakeList.push(byPerson);
  expect((await as('read', 'brake')).stdout).toMatch(/role=db .*; a person releases it$/m);
  cli.daemon.brakeList = [{ ...byPerson, releasesAfterMs: 600_000 }, brakeOf('fleet', false)];
  expect((await as('read', 'brake')).stdout).toMatch(/role=db .*; releases itself once below for 10m$/m);
  expect(json(await as('read', 'brake', 'list', '-o', 'json'))).toMatchObject({
    brakes: [{ on: true }, { on: false }],
  });
  cli.daemon.brakeList = [brakeOf('role=web', true)];
  expect(await as('act', 'brake', 'release', 'role=web')).toMatchObject({ code: 64 });
  const other = await as('act', 'brake', 'release', 'role=web', '--tag', 'x', '--reason', 'known');
  expect(other).toMatchObject({ code: 75, stderr: expect.stringContaining('changed since it was read') });
  expect(cli.daemon.asked).toEqual([]);
  const tag = ['--tag', 'tag-role=web-on'];
  expect(await as('act', 'brake', 'release', 'role=web', ...tag, '--reason', 'known')).toMatchObject({
    code: 0,
    stdout: 'The brake of role=web is released; actions may run.\n',
  });
  expect(await as('act', 'brake', 'release', 'role=nope', '--reason', 'x')).toMatchObject({ code: 64 });
  expect(cli.daemon.asked[0]).toBe('release role=web by act: known');
});

test('trust: why it was lost, and giving it back by a short name', async () => {
  expect((await as('read', 'trust')).stderr).toBe('No action has lost trust.\n');
  cli.daemon.demotedList = [
    {
      action: 'app.restart',
      mode: 'approve',
      sinceMs: startMs,
      by: 'rule',
      reason: '3 failures in a row',
      tag: 't1',
    },
  ];
  expect((await as('read', 'trust')).stdout).toMatch(
    /app\.restart +approve +\S+ +rule +t1 +3 failures in a row/,
  );
  expect(await as('act', 'trust', 'promote', 'restart', '--reason', 'x')).toMatchObject({ code: 77 });
  const late = await as('admin', 'trust', 'promote', 'restart', '--tag', 't0', '--reason', 'mended');
  expect(late).toMatchObject({ code: 75, stderr: expect.stringContaining('changed since it was read') });
  expect(cli.daemon.asked).toEqual([]);
  const tag = ['--tag', 't1'];
  expect(await as('admin', 'trust', 'promote', 'restart', ...tag, '--reason', 'mended')).toMatchObject({
    code: 0,
    stdout: 'app.restart is trusted again; its mode is auto.\n',
  });
  expect(cli.daemon.asked).toEqual(['promote app.restart by admin: mended']);
});

test('outcomes: rates rounded down, by action or by host', async () => {
  const all = await as('read', 'outcomes');
  expect(all.stdout).toMatch(/^ACTION .*\napp\.restart +10 +77% +7 +1 +1 +1 +2 +42s +\S+ ago\n$/);
  cli.daemon.outcomeList = [outcomesOf('app.restart', 'web-1')];
  expect((await as('read', 'outcomes', '--per-host', '--since', '7d')).stdout).toMatch(
    /^HOST +ACTION .*\nweb-1 +app\.restart/,
  );
  cli.daemon.outcomeList = [];
  expect((await as('read', 'outcomes', '--since', '7d')).stderr).toBe('No action ran in 7d.\n');
  expect(await as('read', 'outcomes', '--since', '30')).toMatchObject({ code: 64 });
});

test('rearm through the daemon', async () => {
  expect(await as('admin', 'rearm')).toMatchObject({ code: 64, stderr: expect.stringContaining('--reason') });
  expect(await as('admin', 'rearm', '--reason', 'x')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('trusted'),
  });
  cli.daemon.quarantine = { cause: 'restored', sinceMs: startMs, text: 'an older copy' };
  expect(await as('act', 'rearm', '--reason', 'looked')).toMatchObject({ code: 77 });
  expect(await as('admin', 'rearm', '--reason', 'looked')).toMatchObject({
    code: 0,
    stdout: 'The ledger is trusted again; it was not (restored): an older copy\n',
  });
});

test('the audit through the daemon: rows, and the first that was altered', async () => {
  const listed = await as('admin', 'audit', 'list', '--api', '--limit', '2');
  expect(listed.stdout).toMatch(
    /^SEQ .*\n3 +\S+ +person:ann +automation\.paused +b{12} +\{"reason":"drill".*\n2 /,
  );
  const whole = await as('admin', 'audit', 'verify', '--api', cli.url);
  expect([whole.code, whole.stdout]).toEqual([
    0,
    `whole: 3 entries from 1; the head is 3 ${'b'.repeat(64)}\n`,
  ]);
  cli.daemon.auditVerdict = { ok: false, entries: 1, brokenAtSeq: 2, problem: 'entry 2 was altered' };
  const broken = await as('admin', 'audit', 'verify', '--api');
  expect([broken.code, broken.stdout]).toEqual([
    1,
    'ALTERED at row 2: entry 2 was altered; the 1 entries before it are whole\n',
  ]);
  expect(await as('act', 'audit', 'verify', '--api')).toMatchObject({ code: 77 });
});

test('status says what holds actions back, with the command that answers it', async () => {
  cli.daemon.mode = 'approve';
  cli.daemon.quarantine = { cause: 'restored', sinceMs: startMs, text: `An older copy${hostile}.` };
  cli.daemon.approvalList = [approvalOf(id)];
  cli.daemon.doubt = {
    cause: 'dns_down',
    sinceMs: startMs,
    values: { names: 2 },
    opens: 'a name that resolves',
  };
  cli.daemon.brakeList = [brakeOf('role=web', true)];
  cli.daemon.demotedList = [
    { action: 'app.restart', mode: 'approve', sinceMs: startMs, by: 'rule', reason: '3 in a row', tag: 't1' },
  ];
  cli.daemon.suppressionList = [
    silenceOf('01A'),
    acknowledgementOf('01B'),
    downtimeOf('f:1', { kind: 'recurring', cron: '0 2 * * 0', timezone: 'UTC', lastsMs: 7_200_000 }),
  ];
  const down = { state: 'unreachable' as const, type: 'hard' as const, attempt: 3, sinceMs: startMs };
  cli.daemon.hostList = [
    hostView('switch-1', { status: down }),
    hostView('vm-1', { status: { ...down, behind: 'switch-1' } }),
  ];
  const { stdout } = await as('read', 'status');
  expect(stdout).toMatch(/automation asks before it acts · 3 of 20/);
  const order = [
    'LEDGER NOT TRUSTED An older copyxred. Nothing acts until: mendd rearm',
    'MAY THIS RUN app.reboot on web-1',
    `systemctl reboot · mendd approve '${id}'`,
    'DOUBT dns down for ',
    'BRAKE ON role=web: 5 of 12 unhealthy, at most 3, releases itself at 2026-03-01T02:51:00Z',
    "· mendd brake release 'role=web'",
    'TRUST LOST app.restart may at most approve: 3 in a row · mendd trust promote app.restart',
    'behind switch-1: vm-1',
    'Held back by people',
    'until the problem ends',
  ];
  const positions = order.map((text) => stdout.indexOf(text));
  expect(order.filter((_, index) => positions[index] === -1)).toEqual([]);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  expect(stdout).not.toContain('\u001b');
});

test('explain is readable with every gate there is: what stops comes first, nothing is left out', async () => {
  const gates = gateNames.map((gate, index) =>
    gate === 'cooldown' || gate === 'brake'
      ? {
          gate,
          passed: false,
          reason: gate === 'brake' ? ('brake_on' as const) : ('cooldown' as const),
          values: { leftMs: 90_000 },
          opens: `the ${gate} ends`,
          opensAtMs: startMs + 90_000,
        }
      : { gate, passed: true, values: index % 2 === 0 ? {} : { seen: index, needed: 2, on: false } },
  );
  cli.daemon.explanations = [{ ...explanationOf('web-1', 'app.running'), gates }];
  const { stdout } = await as('read', 'explain', 'web-1/running');
  const lines = stdout.split('\n');
  expect(lines[0]).toBe('web-1/app.running → app.restart: held: cooldown');
  expect(lines[1]).toMatch(/^ {2}earliest 2026-03-01T02:42:30Z \(/);
  expect(lines[2]).toMatch(
    /^ {2}✗ brake {5}left 1m30s · brake_on · opens: the brake ends \(2026-03-01T02:42:30Z/,
  );
  expect(lines[3]).toMatch(/^ {2}✗ cooldown {2}left 1m30s · cooldown · opens: the cooldown ends/);
  expect(lines[4]).toMatch(/^ {2}✓ mode {2}✓ pause \(seen 1, needed 2, on no\)/);
  for (const gate of gateNames) expect(stdout).toMatch(new RegExp(`[✓✗] ${gate}\\b`));
  expect(lines.length).toBeLessThan(24);
  expect(Math.max(...lines.slice(4).map((line) => line.length))).toBeLessThanOrEqual(100);
});

test('explain --at tells the decision of then, how often it was repeated, and a moment without a problem', async () => {
  const { gates } = explanationOf('web-1', 'app.running');
  const place = { host: 'web-1', ladder: 'app.restart', action: 'app.restart', check: 'app.running', gates };
  cli.daemon.decisionList = [
    {
      ...place,
      id: 1,
      atMs: startMs,
      lastAtMs: startMs + 60_000,
      count: 4,
      verdict: 'held',
      reason: 'cooldown',
    },
  ];
  cli.daemon.clock.advance(3_600_000);
  const at = ['--at', '2026-03-01T02:42:00Z'];
  const then = await as('read', 'explain', 'web-1/app.running', ...at);
  expect(then.stdout).toMatch(
    /^web-1\/app\.running → app\.restart: held: cooldown \(2026-03-01T02:41:00Z to 2026-03-01T02:42:00Z, 4 times; figures of the last\)\n {2}earliest .*\n {2}✗ cooldown /,
  );
  expect(then.stdout).not.toContain('ladder');
  expect(json(await as('read', 'explain', 'web-1/app.running', ...at, '-o', 'json'))).toMatchObject({
    source: 'ledger',
    explanations: [{ verdict: 'held', gates: [{ gate: 'cooldown' }] }],
  });
  cli.daemon.history.transitions = () => ({
    items: [
      {
        id: 1,
        atMs: startMs + 1,
        host: 'web-1',
        check: 'app.running',
        from: 'critical',
        to: 'ok',
        type: 'hard',
        attempt: 1,
        text: '',
        flapping: false,
        percent: 0,
        percentWithoutActions: 0,
        afterAction: true,
      },
    ],
  });
  cli.daemon.checkList = [checkView('web-1', 'app.running', 'ok')];
  expect((await as('read', 'explain', 'web-1/app.running', ...at)).stdout).toMatch(/: nothing: no problem\n/);
});
