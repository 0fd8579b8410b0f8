/** Metrics as Prometheus reads them: no complaint of promtool, a bounded number of series, and all that the dashboards ask for. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkLimit } from '../../api/check-metrics.ts';
import { checkView, startMs } from '../support/fake-views.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { startApi, type TestApi } from './api-server.ts';

const promtool = ['/usr/bin/promtool', '/usr/local/bin/promtool'].find((path) => existsSync(path));

/** Every metric has a value. */
async function full(): Promise<TestApi> {
  const api = await startApi();
  const { daemon } = api;
  daemon.checkList.push({ ...checkView('db-1', 'app.new', 'ok'), stale: true });
  daemon.inventoryList = [
    { name: 'cmdb', kind: 'http', hosts: ['a'], gone: [], heardAtMs: startMs, warnings: [], everyMs: 60_000 },
  ];
  return api;
}

function judge(text: string): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve) => {
    const child = execFile(promtool ?? 'promtool', ['check', 'metrics'], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, said: stdout + stderr }),
    );
    child.stdin?.end(text);
  });
}

test('promtool check metrics finds nothing (scripts/unit-ready.mjs installs it)', async () => {
  const { get } = await full();
  expect(promtool, 'promtool is of the Debian package prometheus').toBeDefined();
  const { text } = await get('/metrics');
  expect(await judge(text)).toEqual({ code: 0, said: '' });
  expect((await judge(`${text}bad_total{a="1} 1\n`)).code).toBe(1);
});

test('what is above a limit is left out and counted', async () => {
  const { daemon, get } = await full();
  const one = checkView('web-1', 'app.running', 'ok');
  const many = { length: checkLimit + 7 };
  daemon.eachCheck = function* () {
    for (let i = 0; i < many.length; i += 1) yield { ...one, check: `app.c${i}` };
  } as never;
  const stats = daemon.stats();
  const actions = Array.from({ length: 2_003 }, (_, i) => ({
    action: `app.a${i}`,
    outcome: 'verified' as const,
    count: 1,
  }));
  daemon.stats = () => ({ ...stats, actions });
  const { text } = await get('/metrics');
  expect(text).toContain(`mendd_scrape_series_left_out ${2 * 7 + 3}\n`);
  expect(text.match(/^mendd_check_state\{/gm)).toHaveLength(checkLimit);
  expect(text.match(/^mendd_actions_total\{/gm)).toHaveLength(2_000);
});

const dashboards = new URL('../../contrib/grafana/', import.meta.url);

interface Dashboard {
  uid: string;
  title: string;
  panels: { id: number; title: string; targets: { expr: string }[]; gridPos: { x: number; w: number } }[];
  templating: { list: { query: { query: string } }[] };
}

test.each(readdirSync(dashboards))('%s asks only for metrics that there are', async (file) => {
  const { get } = await full();
  const { text } = await get('/metrics');
  const names = new Set(text.match(/^[a-z_]+(?=[{ ])/gm));
  const dashboard = JSON.parse(readFileSync(new URL(file, dashboards), 'utf8')) as Dashboard;
  const expressions = [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...dashboard.templating.list.map(({ query }) => query.query),
  ];
  expect(expressions.length).toBeGreaterThan(10);
  for (const expression of expressions) {
    const asked = expression.match(/\b(mendd|process|nodejs)_[a-z_]+/g) ?? [];
    expect([expression, asked.length > 0]).toEqual([expression, true]);
    expect([expression, asked.filter((name) => !names.has(name))]).toEqual([expression, []]);
  }
  const queries = expressions.filter((each) => !each.startsWith('label_values'));
  expect(await wrongRules(queries.map((each) => each.replaceAll(/\[\$__\w+\]/g, '[5m]')))).toBe('');
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { gridPos, title } of dashboard.panels)
    expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
});

/** As rules of Prometheus, which are checked whole. Empty: all are right. */
async function wrongRules(expressions: readonly string[]): Promise<string> {
  const rules = expressions.map((expr, index) => ({ record: `a:b${index}`, expr }));
  const tree = temporaryTree({ 'rules.json': JSON.stringify({ groups: [{ name: 'g', rules }] }) });
  return new Promise((resolve) => {
    execFile(promtool ?? 'promtool', ['check', 'rules', join(tree, 'rules.json')], (error, _stdout, stderr) =>
      resolve(error === null ? '' : stderr),
    );
  });
}
