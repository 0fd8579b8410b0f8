/** What machines ask: alive, ready, metrics. */

import { expect, test } from 'vitest';
import { span } from '../../api/page-html.ts';
import { MenddError } from '../../core/errors.ts';
import { approvalOf, brakeOf, checkView, outcomesOf, startMs } from '../support/fake-views.ts';
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
  daemon.demotedList = [
    { action: 'a', mode: 'approve', sinceMs: startMs, by: 'rule', reason: 'x', tag: 't' },
  ];
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
