import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseDocument, stringify } from 'yaml';
import { type LoadOutcome, loadDefinitions } from '../../config/load.ts';
import { emptyWorld, type World } from '../../core/sources.ts';
import { importAutomatron } from '../../import/automatron.ts';
import type { Imported } from '../../import/report.ts';
import { writeImported } from '../../import/write.ts';

const fixtures = join(import.meta.dirname, '../fixtures/import/automatron');
const directory = mkdtempSync(join(tmpdir(), 'mendd-automatron-'));
afterAll(() => rmSync(directory, { recursive: true }));

const imported = importAutomatron(join(fixtures, 'fleet'), {});

test('every runbook of Automatron’s documentation and examples becomes a runbook, as it was reviewed', async () => {
  const shown = [...imported.files].filter(([name]) => !name.startsWith('plugins/'));
  // How the YAML is set is not what is reviewed.
  const text = shown
    .map(([name, content]) => {
      const document = parseDocument(content);
      return `===== ${name}\n#${document.commentBefore}\n${stringify(document.toJS(), { lineWidth: 0 })}`;
    })
    .join('\n');
  await expect(text).toMatchFileSnapshot(join(fixtures, 'expected.txt'));
  const sources = readdirSync(join(fixtures, 'fleet/config/runbooks'), { recursive: true, encoding: 'utf8' });
  const runbooks = sources.filter((name) => {
    const path = join(fixtures, 'fleet/config/runbooks', name);
    return name.endsWith('.yml') && readFileSync(path, 'utf8').includes('\nchecks:');
  });
  expect(imported.counts['runbooks']).toBe(runbooks.length);
  expect(imported.counts['runbooks']).toBeGreaterThanOrEqual(16);
});

test('what is not carried over is told by file and line', async () => {
  const lines = imported.notes.map(
    ({ file, line, level, message }) => `${file}:${line}: ${level}: ${message}`,
  );
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(join(fixtures, 'expected-notes.txt'));
});

test('what was imported is valid', () => {
  expect(problemsOf(imported)).toEqual([]);
});

test('no key and no password of the source is in the result', () => {
  const all = JSON.stringify([[...imported.files], imported.notes]);
  for (const secret of [
    'cloudflare-secret',
    'mysql-secret',
    'redis-secret',
    'aws-secret',
    'PRIVATE KEY',
    'bm90IGEga2V5',
  ])
    expect(all).not.toContain(secret);
  expect(all).toContain('${file:/etc/mendd/automatron_default_key}');
});

test('programs of checks are copied, those of actions stand in the action', () => {
  expect(imported.files.get('plugins/network_tcp_connect.py')).toContain('socket.create_connection');
  const runbook = imported.files.get('runbooks/convert.yaml');
  expect(runbook).toContain("bash -s -- /srv/app <<'END_OF_PLUGIN'");
  expect(runbook).toContain(`find "$1" -type f`);
});

test('a directory of nothing is refused', () => {
  const empty = join(directory, 'empty');
  mkdirSync(empty);
  expect(() => importAutomatron(empty, {})).toThrow(/holds no runbook/);
  expect(() => importAutomatron(join(directory, 'none'), {})).toThrow(/there is nothing at/);
});

test('with facts of a host, what depended on them is what Automatron would have run there', () => {
  const values = { hostname: 'web1.prod', os: 'Linux', network: { eth0: { v4: ['10.9.0.11'], v6: [] } } };
  const heard = new Map([['automatron', { values, heardAtMs: 0 }]]);
  const loaded = loaderOf(imported, { ...emptyWorld, facts: new Map([['web-example', heard]]) });
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('\n'));
  const plan = loaded.definitions.byHost.get('web-example');
  const checks = new Map(plan?.checks.map((check) => [check.id, check]));
  expect(checks.get('nginx-by-operating-system.nginx_is_running')?.probe).toEqual({
    kind: 'command',
    run: 'service nginx status',
  });
  expect(checks.get('nginx-with-facts.nginx_is_running')?.timing).toEqual({
    kind: 'interval',
    everyMs: 20_000,
  });
  expect(checks.get('nginx-with-facts.port_443_is_up')?.probe).toMatchObject({
    args: ['--host=10.9.0.11', '--port', '443'],
  });
  const actions = plan?.ladders.flatMap((ladder) => ladder.rungs).map(({ id }) => id);
  expect(actions).not.toContain('memory.ping');
});

let count = 0;

function problemsOf(made: Imported): string[] {
  const loaded = loaderOf(made);
  if (loaded.ok && loaded.definitions.runbooks.length !== made.counts['runbooks'])
    return ['runbooks are missing'];
  return loaded.ok ? [] : loaded.problems.map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

function loaderOf(made: Imported, world: World = emptyWorld): LoadOutcome {
  const target = join(directory, `out-${(count += 1)}`);
  const daemonFile =
    'definitions: { path: ./definitions }\nstore: { path: ./mendd.db }\nssh: { agent: true }\n';
  writeImported(made, { directory: target, from: 'fixtures', daemonFile });
  return loadDefinitions({
    configFile: join(target, 'mendd.yaml'),
    resolveSecrets: false,
    environment: { SSH_AUTH_SOCK: '/run/agent' },
    world,
  });
}
