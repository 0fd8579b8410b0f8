/** What machines ask: alive, ready, metrics; and the page that a person sees at night. */

import { expect, test } from 'vitest';
import { pagePolicy, span } from '../../api/page-html.ts';
import { renderStatusPage } from '../../api/status-page.ts';
import { MenddError } from '../../core/errors.ts';
import type { Run } from '../../core/types.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import {
  acknowledgementOf,
  approvalOf,
  brakeOf,
  checkView,
  downtimeOf,
  explanationOf,
  hostView,
  outcomesOf,
  runOf,
  silenceOf,
  startMs,
} from '../support/fake-views.ts';
import { startApi } from './api-server.ts';

test('healthz, readyz and the reason why not', async () => {
  const { daemon, get } = await startApi();
  expect((await get('/healthz')).text).toBe('ok\n');
  expect((await get('/readyz')).json).toEqual({ ready: true, problems: [] });
  daemon.healthNow = { ready: false, problems: ['the store cannot be written', 'the scheduler is late'] };
  const { status, json, headers } = await get('/readyz');
  expect([status, headers.get('retry-after'), json.code]).toEqual([503, '5', 'not_ready']);
  expect(json.problems).toEqual(daemon.healthNow.problems);
  expect((await get('/healthz')).status).toBe(200);
});

test('metrics: the names and labels that dashboards rely on', async () => {
  const { daemon, get } = await startApi();
  daemon.checkList.push({ ...checkView('db-1', 'app.new', 'ok'), stale: true });
  const { text, headers } = await get('/metrics');
  expect(headers.get('content-type')).toContain('text/plain');
  for (const line of [
    'mendd_check_state{host="web-1",check="app.running"} 2',
    'mendd_check_state{host="web-2",check="app.running"} 0',
    'mendd_check_stale{host="db-1",check="app.new"} 1',
    'mendd_hosts{state="up"} 2',
    'mendd_hosts{state="unreachable"} 0',
    'mendd_checks_total 42',
    'mendd_checks_shed_total{reason="queue_full"} 2',
    'mendd_scheduler_lag_seconds 0.25',
    'mendd_actions_total{action="app.restart",outcome="verified"} 5',
    'mendd_actions_suppressed_total{reason="cooldown"} 4',
    'mendd_ssh_connections{state="open"} 2',
    'mendd_ssh_connections{state="connecting"} 1',
    'mendd_ssh_evictions_total 7',
    'mendd_ssh_turned_away_total 8',
    'mendd_batches_total 10',
    'mendd_batched_checks_total 90',
    'mendd_batched_checks_alone_total 1',
    'mendd_check_lateness_seconds{quantile="0.99"} 0.002',
    'mendd_automation_paused 0',
    'mendd_config_last_reload_successful 1',
    'mendd_build_info{version="0.1.0"} 1',
    'mendd_brake_on{scope="fleet"} 0',
    'mendd_self_doubt 0',
    'mendd_rearm_needed 0',
    'mendd_approvals_waiting 0',
    'mendd_actions_demoted 0',
    'mendd_automation_mode{mode="auto"} 1',
    'mendd_automation_mode{mode="observe"} 0',
    `mendd_action_success_ratio{action="app.restart"} ${7 / 9}`,
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  expect(text).toContain('process_resident_memory_bytes');
  daemon.brakeList = [brakeOf('role=web', true)];
  daemon.approvalList = [approvalOf('a'), approvalOf('b', { status: 'rejected' })];
  daemon.demotedList = [{ action: 'a', mode: 'approve', sinceMs: startMs, by: 'rule', reason: 'x' }];
  daemon.quarantine = { cause: 'corrupt', sinceMs: startMs, text: 'x' };
  daemon.mode = 'propose';
  daemon.outcomeList = [outcomesOf('app.other')];
  daemon.pause({ by: 'ann', reason: 'x' });
  daemon.checkList.shift();
  const later = await get('/metrics');
  expect(later.text).toContain('mendd_automation_paused 1');
  expect(later.text).toContain('mendd_checks_total 42');
  expect(later.text).toContain('mendd_brake_on{scope="role=web"} 1');
  expect(later.text).not.toContain('mendd_brake_on{scope="fleet"}');
  expect(later.text).toContain('mendd_rearm_needed 1');
  expect(later.text).toContain('mendd_approvals_waiting 1');
  expect(later.text).toContain('mendd_actions_demoted 1');
  expect(later.text).toContain('mendd_automation_mode{mode="propose"} 1');
  // A month of runs is counted every five minutes, not at each scrape.
  expect(later.text).toContain('mendd_action_success_ratio{action="app.restart"}');
  daemon.clock.advance(300_000);
  expect((await get('/metrics')).text).not.toContain('mendd_action_success_ratio{action="app.restart"}');
  // What is gone from the definitions is gone from the scrape.
  expect(later.text).not.toContain('mendd_check_state{host="web-1"');
});

function throws(): never {
  throw new MenddError('STORE_UNUSABLE', 'the disk is gone');
}

test('metrics: a store that cannot be read takes away what it would tell, and nothing else', async () => {
  const { daemon, get } = await startApi();
  expect((await get('/metrics')).text).toContain('mendd_scrape_errors 0');
  daemon.clock.advance(300_000);
  const parts = {
    outcomes: 'mendd_action_success_ratio{',
    now: 'mendd_automation_paused',
    stats: 'mendd_checks_total',
    health: 'mendd_ready',
  };
  let broken = 0;
  for (const [part, gone] of Object.entries(parts)) {
    expect((await get('/metrics')).text).toContain(gone);
    if (part === 'outcomes') daemon.clock.advance(300_000);
    Object.assign(daemon, { [part]: throws });
    broken += 1;
    const { status, text } = await get('/metrics');
    expect(status).toBe(200);
    expect(text).not.toContain(gone);
    expect(text).toContain(`mendd_scrape_errors ${broken}`);
  }
  const { text } = await get('/metrics');
  for (const name of [
    'mendd_check_state{host="web-1"',
    'mendd_brake_on{',
    'mendd_build_info{',
    'process_resident',
  ])
    expect(text).toContain(name);
  Object.assign(daemon, {
    health: () => {
      throw new TypeError('a bug');
    },
  });
  expect((await get('/metrics')).status).toBe(500);
});

function pageOf(daemon: FakeDaemon): string {
  const { clock, startedAtMs, version } = daemon;
  return renderStatusPage(daemon.now(), {
    health: daemon.health(),
    nowMs: clock.nowMs(),
    startedAtMs,
    version,
  });
}

test('the page: it has no script, and its policy allows none', () => {
  expect(pagePolicy).toMatch(
    /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  );
  expect(pageOf(new FakeDaemon())).not.toMatch(/<script|style="|onclick|https?:\/\//i);
});

test('the page: what needs a person comes first, then healing, healed, fleet', () => {
  const daemon = new FakeDaemon();
  const view = checkView('db-2', 'app.lag', 'critical', 'lag 912 s');
  daemon.needsYou = [
    {
      explanation: explanationOf('db-2', 'app.lag'),
      status: view.status,
      runs: [
        runOf('b', { decidedAtMs: startMs - 60_000, status: 'failed', exitCode: 1 }),
        runOf('a', { decidedAtMs: startMs - 360_000, status: 'not_verified' }),
      ],
      next: { why: 'All rungs are used up' },
    },
  ];
  daemon.healed = [runOf('c', { status: 'verified', endedAtMs: startMs + 21_000 })];
  const failure = { stage: 'auth' as const, message: 'publickey refused', hint: 'add the key', sent: false };
  const status = {
    state: 'unreachable' as const,
    type: 'hard' as const,
    attempt: 3,
    sinceMs: startMs,
    failure,
  };
  daemon.hostList.push(hostView('db-9', { status }));
  const page = pageOf(daemon);
  const order = [
    '1 need you',
    'as of 02:41:00 UTC',
    'automation ON',
    '3/20 actions in 1 h',
    'mendd pause',
    'Needs you (1)',
    'lag 912 s',
    '02:35 app.restart ✗ not verified',
    '02:40 app.restart ✗ failed exit 1',
    'held: cooldown (opens: the cooldown ends) · next: app.restart; earliest 02:42',
    'mendd explain db-2/app.lag',
    'Healing itself (1)',
    'While you were away (1)',
    'fixed it in 21 s',
    'down 1 min',
    'Cannot be asked (1)',
    'publickey refused',
    'Worst checks (1)',
    'worker is down',
  ];
  const positions = order.map((text) => page.replaceAll('\n', ' ').indexOf(text));
  expect(positions).not.toContain(-1);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
});

function failedAt(minute: number): Run {
  return runOf(`f${minute}`, {
    decidedAtMs: startMs + minute * 60_000,
    status: 'failed',
    outcome: `exit code 1 at ${minute}`,
  });
}

test('the page: what was tried again and again is one step, with the newest outcome', () => {
  const daemon = new FakeDaemon();
  const { status } = checkView('db-2', 'app.lag', 'critical', 'lag 912 s');
  const other = runOf('o', { action: 'app.reboot', status: 'not_verified', decidedAtMs: startMs + 60_000 });
  const runs = [failedAt(3), failedAt(2), other, failedAt(0)];
  const next = { why: 'All rungs are used up' };
  daemon.needsYou = [{ explanation: explanationOf('db-2', 'app.lag'), status, runs, next }];
  const page = pageOf(daemon);
  expect(page.match(/class="step/g)).toHaveLength(2);
  expect(page).toContain('02:44 app.restart ✗ failed ×3');
  expect(page).toContain('exit code 1 at 3');
  expect(page).not.toContain('exit code 1 at 2');
});

test('the page: a pause, an unwell daemon and refused definitions cannot be overlooked', () => {
  const daemon = new FakeDaemon();
  daemon.checkList = [checkView('web-1', 'app.running', 'ok')];
  daemon.runList = [];
  expect(pageOf(daemon)).toContain('1 checks OK, on time');
  daemon.pause({ by: 'ann', reason: 'rack move', untilMs: startMs + 3_600_000 });
  daemon.healthNow = { ready: false, problems: ['the store cannot be written'] };
  daemon.reloadProblems = ['a.yaml:3:1: unknown key'];
  const page = pageOf(daemon);
  expect(page).toContain('automation PAUSED</b> until 03:41 by ann: rack move');
  expect(page).toContain('mendd itself is not well');
  expect(page).toContain('the store cannot be written');
  expect(page).toContain('a.yaml:3:1: unknown key');
  expect(page).toContain('<body class="blind">');
  expect(page).not.toContain('checks OK, on time');
  expect(page).toContain('<h1 class="warn">');
});

test('the page: hostile text stays text, everywhere', () => {
  const evil = `</p><script>alert(1)</script>"'&\u202e\u001b[31m`;
  const daemon = new FakeDaemon();
  const view = checkView(evil, evil, 'critical', evil.repeat(100));
  daemon.checkList = [{ ...view, stale: true }];
  daemon.needsYou = [
    {
      explanation: {
        ...explanationOf(evil, evil),
        gates: [{ gate: 'pause', passed: false, values: {}, opens: evil }],
      },
      status: view.status,
      runs: [runOf('a', { action: evil, outcome: evil })],
      next: { why: evil },
    },
  ];
  daemon.runList = [runOf('b', { host: evil, action: evil, reason: evil })];
  daemon.healed = [runOf('c', { host: evil, action: evil, episode: evil })];
  daemon.pause({ by: evil, reason: evil });
  daemon.healthNow = { ready: false, problems: [evil] };
  daemon.reloadProblems = [evil];
  const failure = { stage: 'auth' as const, message: evil, hint: evil, sent: false };
  const status = {
    state: 'unreachable' as const,
    type: 'hard' as const,
    attempt: 3,
    sinceMs: startMs,
    failure,
  };
  daemon.hostList = [
    hostView(evil, { status }),
    hostView(`${evil}2`, { status: { ...status, behind: evil } }),
  ];
  daemon.approvalList = [
    approvalOf(evil, { host: evil, action: evil, check: evil, command: evil, reason: evil }),
  ];
  daemon.brakeList = [brakeOf(`role=${evil}\0`, true)];
  daemon.demotedList = [{ action: evil, mode: 'approve', sinceMs: startMs, by: evil, reason: evil }];
  daemon.doubt = { cause: 'dns_down', sinceMs: startMs, values: { [evil]: evil }, opens: evil };
  daemon.quarantine = { cause: 'corrupt', sinceMs: startMs, text: evil };
  daemon.suppressionList = [
    silenceOf(evil, {
      by: evil,
      reason: evil,
      match: { hosts: [evil], labels: { [evil]: evil }, checks: [evil] },
    }),
  ];
  const page = pageOf(daemon);
  expect(page).not.toContain('<script');
  expect(page).not.toContain('\u202e');
  expect(page).not.toContain('\u001b');
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;');
  expect(page).not.toContain('\0');
  expect(page.length).toBeLessThan(25_000);
});

test('the page: what holds actions back says why, until when, and how to answer', () => {
  const daemon = new FakeDaemon();
  daemon.checkList = [checkView('web-1', 'app.running', 'ok')];
  daemon.runList = [];
  daemon.mode = 'approve';
  daemon.quarantine = { cause: 'restored', sinceMs: startMs - 60_000, text: 'fence 7 was never raised here' };
  daemon.approvalList = [approvalOf('web-1~app.reboot~abc~1'), approvalOf('x', { status: 'expired' })];
  const values = { canaries: 2, answered: 0 };
  daemon.doubt = { cause: 'canaries_down', sinceMs: startMs, values, opens: 'an answer of a canary' };
  daemon.brakeList = [brakeOf('fleet', false), brakeOf("role=it's web", true)];
  daemon.demotedList = [
    { action: 'app.restart', mode: 'approve', sinceMs: startMs, by: 'rule', reason: '3 failures in a row' },
  ];
  const page = pageOf(daemon).replaceAll('\n', ' ');
  const order = [
    '<h1 class="bad">✖',
    'automation ASKS before each action',
    'Needs you (5)',
    'LEDGER NOT TRUSTED',
    'fence 7 was never raised here',
    'mendd rearm --reason',
    'MAY THIS RUN',
    'waits until 03:11, then it is not done',
    '$ systemctl reboot',
    'quorum: group role=web, healthy without it 11, needed 8, hosts 12 · fleet budget: used 3, limit 20, per 1 h',
    'mendd approve &#39;web-1~app.reboot~abc~1&#39;',
    'mendd reject &#39;web-1~app.reboot~abc~1&#39; --reason',
    'canaries down',
    'canaries 2, answered 0',
    'an answer of a canary',
    'BRAKE ON',
    'mass failure for 2 min; it came on at 5 of 12',
    '5 of 12 hosts unhealthy now, at most 3 allowed, below for 1 min. Releases itself at 02:51',
    'mendd brake release &#39;role=it&#39;\\&#39;&#39;s web&#39; --reason',
    'app.restart: at most approve',
    '3 failures in a row',
    'mendd trust promote app.restart --reason',
  ];
  const positions = order.map((text) => page.indexOf(text));
  expect(order.filter((_, index) => positions[index] === -1)).toEqual([]);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  expect(page).not.toContain('nothing waits for you');
  daemon.doubt = { cause: 'fresh_round_pending', sinceMs: startMs, values: {}, opens: 'results' };
  const released = daemon.brakeList[1]?.state;
  if (released !== undefined)
    daemon.brakeList = [
      brakeOf('role=web', false, {
        state: { ...released, released: { atMs: startMs, by: 'ann', reason: 'x' } },
      }),
    ];
  expect(pageOf(daemon)).toContain('Needs you (3)');
  expect(pageOf(daemon)).toContain('waits for fresh results before it acts');
  expect(pageOf(daemon)).toContain('brake of role=web released by ann');
});

test('the page: a command is shown whole, or says that it is not', () => {
  const daemon = new FakeDaemon();
  const long = `echo ${'x'.repeat(3_000)}; rm -r /data`;
  daemon.approvalList = [approvalOf('a', { command: long })];
  expect(pageOf(daemon)).toContain('; rm -r /data</b>');
  expect(pageOf(daemon)).not.toContain('mendd approvals');
  daemon.approvalList = [approvalOf('a', { command: long.repeat(2) })];
  expect(pageOf(daemon)).toContain('read all of it first: <code>mendd approvals a</code>');
});

test('the page: hosts behind another are folded under it, suppressions are listed briefly', () => {
  const daemon = new FakeDaemon();
  const down = { state: 'unreachable' as const, type: 'hard' as const, attempt: 3, sinceMs: startMs };
  const behind = Array.from({ length: 12 }, (_, index) =>
    hostView(`rack-${index}`, { status: { ...down, behind: 'switch-1' } }),
  );
  daemon.hostList = [hostView('switch-1', { status: down }), ...behind];
  daemon.suppressionList = [
    silenceOf('a'),
    acknowledgementOf('b'),
    downtimeOf('c', { kind: 'recurring', cron: '0 2 * * 0', timezone: 'UTC', lastsMs: 7_200_000 }),
    downtimeOf('d', { kind: 'fixed', startsAtMs: startMs, endsAtMs: startMs + 86_400_000 }),
  ];
  const page = pageOf(daemon);
  expect(page).toContain('Cannot be asked (1)');
  expect(page).toContain('12 behind it: rack-0, rack-1,');
  expect(page).toContain('rack-9 and 2 more');
  expect(page).toContain('Held back by people (4)');
  expect(page).toContain('web-* <span class="dim">until 03:41, by ann: rack move');
  expect(page).toContain('web-1 › app.running <span class="dim">until the problem ends, by bob');
  expect(page).toContain('role=db › app.* <span class="dim">2h from each 0 2 * * 0 UTC, by ops');
  expect(page).toContain('until 03-02 02:41, by ops');
});

test('the page: a long list is cut and says how much is left', () => {
  const daemon = new FakeDaemon();
  daemon.checkList = Array.from({ length: 70 }, (_, index) => checkView(`h-${index}`, 'app.x', 'warning'));
  const page = pageOf(daemon);
  expect(page).toContain('Worst checks (70)');
  expect(page).toContain('and 20 more');
});

test('spans are read at a glance', () => {
  expect([0, 59_000, 60_000, 5_400_000, 7_200_000, 90_000_000, 172_800_000].map(span)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '1 h 30 min',
    '2 h',
    '1 d 1 h',
    '2 d',
  ]);
});

test('the page: definitions that wait for a person, and those that a person went back to, with the way on', () => {
  const daemon = new FakeDaemon();
  const now = daemon.now();
  const held = { revision: '0f1e2d3c4b5a', why: ['it drops 7 of 10 <hosts>'] };
  const rollback = { by: 'ann', reason: 'pages everybody', sinceMs: daemon.clock.nowMs() };
  const definitions = {
    ...now.definitions,
    lastReloadOk: false,
    problems: ['held: it drops'],
    held,
    rollback,
  };
  const facts = { health: daemon.health(), nowMs: daemon.clock.nowMs(), startedAtMs: 0, version: '1' };
  const page = renderStatusPage({ ...now, definitions }, facts);
  expect(page).toContain('wait for a person');
  expect(page).toContain('it drops 7 of 10 &lt;hosts&gt;');
  expect(page).toContain('mendd reload --confirm 0f1e2d3c4b5a');
  expect(page).not.toContain('were refused');
  expect(page).toMatch(/rolled back by ann[\s\S]*pages everybody[\s\S]*mendd rollback --resume/);
});
