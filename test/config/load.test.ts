import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type JsonSchema, jsonSchema } from '../../config/json-schema.ts';
import { type LoadOptions, loadDefinitions } from '../../config/load.ts';
import type { Definitions } from '../../core/definitions.ts';
import { MenddError } from '../../core/errors.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

const fixtures = fileURLToPath(new URL('../fixtures/config', import.meta.url));
const repository = fileURLToPath(new URL('../..', import.meta.url));

const daemonFile = 'ssh: { agent: true, host_keys: accept_new }\n';
const hostsFile =
  'hosts: { web-1: { labels: { role: web } }, web-2: { address: "::1", labels: { role: web } } }\n';
const runbookFile = 'runbook: web\nhosts: { role: web }\nchecks: { a: { run: "true" } }\n';

function tree(changed: Record<string, string> = {}): string {
  return temporaryTree({
    'mendd.yaml': daemonFile,
    'definitions/hosts/all.yaml': hostsFile,
    'definitions/runbooks/web.yaml': runbookFile,
    ...changed,
  });
}

function load(root: string, options: Partial<LoadOptions> = {}): Definitions {
  const outcome = loadDefinitions({ configFile: join(root, 'mendd.yaml'), environment: {}, ...options });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems, null, 1));
  return outcome.definitions;
}

test('a tree that uses every key becomes these definitions', async () => {
  const outcome = loadDefinitions({
    configFile: join(fixtures, 'happy/mendd.yaml'),
    environment: { HOOK: 'x' },
  });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems, null, 1));
  const { definitions, warnings } = outcome;
  const plain = JSON.stringify(
    { definitions, warnings },
    (_key, value: unknown) => (value instanceof Map ? [...value] : value),
    1,
  );
  const told = plain.replaceAll(`${fixtures}/`, '');
  await expect(`${told}\n`).toMatchFileSnapshot(join(fixtures, 'happy/expected.json'));
});

test('an absent daemon file is CONFIG_MISSING, exit code 78', () => {
  try {
    loadDefinitions({ configFile: '/nonexistent/mendd.yaml' });
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(MenddError);
    expect((error as MenddError).exitCode).toBe(78);
  }
});

test('config.example.yaml is valid as it is, and with every commented key', () => {
  const example = readFileSync(join(repository, 'config.example.yaml'), 'utf8');
  const key = '-----BEGIN OPENSSH PRIVATE KEY-----\n';
  const root = tree({
    'credentials/ssh_key': key,
    'credentials/ssh_act': key,
    'credentials/ssh_passphrase': 'x',
    'credentials/smtp_password': 'x',
    'credentials/hook_secret': 'x',
    'credentials/ntfy_token': 'x',
    'credentials/pagerduty_key': 'x',
    'credentials/heartbeat_url': 'https://example.com/beat/1',
    'definitions/hosts/bastion.yaml': 'hosts: { bastion-1: }\n',
  });
  const environment = { CREDENTIALS_DIRECTORY: join(root, 'credentials'), HOOK_TOKEN: 't' };
  writeInto(root, 'mendd.yaml', example);
  const asIs = load(root, { environment });
  expect(asIs.daemon.remediation.mode).toBe('observe');
  const keys =
    /^( *)# ((?: {2})*(?:action_identity|passphrase|jump|guard_directory|page|audit_webhook|of|login_within): )/gm;
  const full = example
    .replace('notify: {}', 'notify:')
    .replace('groups: []', 'groups:')
    .replace(keys, '$1$2')
    .replace(/^ {2}# {3}(?=- of|  max_)/gm, '    ')
    .replace(
      /^# {3}(?=.*(?:oncall|alerts|mail|webhook|url|format|secret|allow_private|smtp|host|port|secure|user|password|from|to|chat|slack|phone|ntfy|topic|token|priority|critical|error|warning|info|pager|pagerduty|routing_key|own|exec|path|args|timeout|subject):)/gm,
      '  ',
    )
    .replace('# heartbeat:', 'heartbeat:')
    .replace('# status_page:', 'status_page:')
    .replace(/^ {2}# {3}(?=(?:title|group_by|labels|names):)/gm, '    ')
    .replace('routes: []', 'routes:')
    .replace(/(?<=^messages:\n[\s\S]*)^ {2}# /gm, '  ');
  writeInto(root, 'mendd.yaml', full);
  const { daemon } = load(root, { environment });
  expect(daemon.messages?.routes.map(({ name }) => name)).toEqual(['databases']);
  expect(daemon.api.statusPage).toEqual({
    title: 'Status',
    groupBy: 'role',
    labels: { env: 'prod' },
    names: false,
  });
  expect(daemon.heartbeat?.url.reveal()).toBe('https://example.com/beat/1');
  expect(daemon.messages?.digest?.to).toEqual(['mail']);
  expect([...daemon.notify.values()].map(({ kind }) => kind)).toEqual([
    'webhook',
    'webhook',
    'smtp',
    'slack',
    'ntfy',
    'pagerduty',
    'exec',
  ]);
  expect(daemon.ssh).toMatchObject({ jump: 'bastion-1' });
  expect(daemon.ssh.actionIdentity?.reveal()).toBe(key);
  expect(daemon.remediation).toMatchObject({
    page: 'oncall',
    groups: [{ label: 'role', maxRuns: { runs: 5, perMs: 3_600_000 }, maxConcurrent: 2 }],
    brake: { label: 'role' },
    humanIntent: { loginWithinMs: 900_000 },
  });
  expect(daemon.remediation.auditWebhook?.reveal()).toBe('https://example.com/audit/t');
});

test('every key of the daemon file stands in config.example.yaml', () => {
  const example = readFileSync(join(repository, 'config.example.yaml'), 'utf8');
  const keysOf = (schema: JsonSchema): string[] => [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, each]) => [key, ...keysOf(each)]),
    ...(typeof schema.additionalProperties === 'object' ? keysOf(schema.additionalProperties) : []),
    ...[...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])].flatMap(keysOf),
  ];
  const keys = keysOf(jsonSchema('daemon')).filter((key) => key !== '$schema');
  expect(keys.length).toBeGreaterThan(60);
  expect(keys.filter((key) => !new RegExp(`^[ #]*(- )?${key}:`, 'm').test(example))).toEqual([]);
});

test('what the example says is a default is one', () => {
  const example = readFileSync(join(repository, 'config.example.yaml'), 'utf8').replace(
    /identity: .*$/m,
    'agent: true',
  );
  const root = tree({ 'mendd.yaml': example.replace('  agent: false', '  #') });
  const written = load(root).daemon;
  writeInto(root, 'mendd.yaml', 'ssh: { agent: true }\n');
  expect(load(root).daemon).toEqual(written);
});

test('definitions cannot be changed, all the way down', () => {
  const definitions = load(tree());
  const host = definitions.hosts.get('web-1');
  const check = definitions.byHost.get('web-1')?.checks[0];
  for (const thing of [
    definitions,
    definitions.daemon.ssh,
    host,
    host?.labels,
    check,
    check?.probe,
    check?.env,
  ]) {
    expect(thing).toBeDefined();
    expect(Object.isFrozen(thing)).toBe(true);
  }
  expect(() => (definitions.hosts as Map<string, unknown>).delete('web-1')).toThrow('cannot be changed');
  expect(() => (definitions.byHost as Map<string, unknown>).set('x', 1)).toThrow('cannot be changed');
});

test('a URL without a host is one on the checked host, seen from where the check runs', () => {
  const checks =
    '{ out: { http: ":8080/a?b=1" }, in: { http: /a, run_on: target }, abs: { http: "https://x/" } }';
  const definitions = load(
    tree({ 'definitions/runbooks/web.yaml': `runbook: web\nhosts: { role: web }\nchecks: ${checks}\n` }),
  );
  const urls = (host: string) =>
    definitions.byHost.get(host)?.checks.map(({ probe }) => (probe.kind === 'http' ? probe.url : ''));
  expect(urls('web-1')).toEqual(['http://web-1:8080/a?b=1', 'http://127.0.0.1/a', 'https://x/']);
  expect(urls('web-2')).toEqual(['http://[::1]:8080/a?b=1', 'http://127.0.0.1/a', 'https://x/']);
});

test('the revision follows what is meant, not how it is written', () => {
  const root = tree({ 'definitions/plugins/p': 'one' });
  const runbook = runbookFile.replace('{ a: { run: "true" } }', '{ a: { plugin: p } }');
  writeInto(root, 'definitions/runbooks/web.yaml', runbook);
  const outcome = () => loadDefinitions({ configFile: join(root, 'mendd.yaml') });
  expect(outcome().ok).toBe(false);

  const plain = tree();
  const first = load(plain).revision;
  expect(first).toMatch(/^[0-9a-f]{12}$/);
  writeInto(plain, 'definitions/runbooks/web.yaml', `# a comment\n${runbookFile}`);
  expect(load(plain).revision).toBe(first);
  writeInto(plain, 'definitions/runbooks/web.yaml', runbookFile.replace('true', 'false'));
  expect(load(plain).revision).not.toBe(first);
});

test('the revision follows the content of plugins and the references of secrets, not their values', () => {
  const root = temporaryTree(
    {
      'mendd.yaml': `${daemonFile}notify: { a: { webhook: "https://x/\${env:T}" } }\n`,
      'definitions/hosts/all.yaml': hostsFile,
      'definitions/runbooks/web.yaml': runbookFile.replace('run: "true"', 'plugin: p'),
      'definitions/plugins/p': 'one',
    },
    ['definitions/plugins/p'],
  );
  const first = load(root, { environment: { T: 'a' } }).revision;
  expect(load(root, { environment: { T: 'b' } }).revision).toBe(first);
  writeInto(root, 'definitions/plugins/p', 'two');
  expect(load(root, { environment: { T: 'a' } }).revision).not.toBe(first);
});

test('a disabled runbook is known but applies to no host', () => {
  const definitions = load(
    tree({ 'definitions/runbooks/off.yaml': runbookFile.replace('web', 'off\nenabled: false') }),
  );
  expect(definitions.runbooks.map(({ id, enabled }) => [id, enabled])).toEqual([
    ['off', false],
    ['web', true],
  ]);
  expect(definitions.byHost.get('web-1')?.checks.map(({ id }) => id)).toEqual(['web.a']);
});

test('a runbook without problems of its own is still judged when hosts are wrong, but not its selection', () => {
  const root = tree({
    'definitions/hosts/all.yaml': 'hosts: { web-1: { prot: 22 } }\n',
    'definitions/runbooks/web.yaml': runbookFile
      .replace('role: web', 'role: none')
      .replace('"true"', '"true", timeout: 5'),
  });
  const outcome = loadDefinitions({ configFile: join(root, 'mendd.yaml') });
  expect(outcome.ok ? [] : outcome.problems.map(({ message }) => message)).toEqual([
    'unknown key `prot` in `web-1`',
    '`timeout`: 5 has no unit',
  ]);
});

test('silences are part of the revision, and may be absent', () => {
  const root = tree();
  const without = load(root);
  expect(without.suppressions).toEqual([]);
  const silence = '{ match: { hosts: ["*"] }, until: 2100-01-01T00:00:00Z, by: me, reason: x }';
  writeInto(root, 'definitions/silences/a.yaml', `silences:\n  - ${silence}\n`);
  const { revision, suppressions } = load(root);
  expect(revision).not.toBe(without.revision);
  expect(suppressions).toEqual([
    {
      id: 'silences/a.yaml:2',
      kind: 'silence',
      match: { hosts: ['*'], labels: {}, checks: [] },
      startsAtMs: 0,
      endsAtMs: Date.UTC(2100, 0, 1),
      by: 'me',
      reason: 'x',
      createdAtMs: 0,
      origin: 'definitions',
    },
  ]);
});

test('restraint that nobody wrote is there all the same', () => {
  const actions = `actions:
  fix: { when: { check: a }, run: "true" }
  up: { after: fix, systemd_restart: x }
  boot: { after: up, reboot: 5m }
  here: { after: boot, run: "true", run_on: local }
  tell: { after: here, notify: o }
  call: { after: tell, webhook: "https://example.com" }
  thanks: { on_recovery: a, run: "true" }
`;
  const root = tree({
    'mendd.yaml': `${daemonFile}notify: { o: { webhook: "https://x" } }\n`,
    'definitions/runbooks/web.yaml': runbookFile + actions,
  });
  const { daemon, runbooks } = load(root);
  expect(daemon.remediation).toMatchObject({
    mode: 'observe',
    maxRunsPerHost: { runs: 6, perMs: 3_600_000 },
    brake: { unhealthyAbovePercent: 30, minUnhealthy: 2, release: { kind: 'auto', afterMs: 600_000 } },
  });
  const rungs = runbooks.flatMap(({ ladders }) => ladders.flatMap((ladder) => ladder.rungs));
  const shown = rungs.map(({ name, evidence, humanIntent, minUptimeMs, chronic, demote }) => [
    name,
    evidence.kind,
    humanIntent,
    minUptimeMs,
    chronic?.runs,
    demote?.failures,
  ]);
  expect(shown).toEqual([
    ['fix', 'standard', true, 0, 5, 5],
    ['up', 'standard', true, 0, 5, 5],
    ['boot', 'standard', true, 300_000, 3, 5],
    ['here', 'none', false, 0, 5, 5],
    ['tell', 'none', false, 0, undefined, undefined],
    ['call', 'none', false, 0, undefined, undefined],
    ['thanks', 'standard', true, 0, undefined, undefined],
  ]);
});

test.each([
  ['check: a', { check: 'web.a', attempts: 7, forMs: 0 }],
  ['check: a, attempts: 2, for: 5m', { check: 'web.a', attempts: 2, forMs: 300_000 }],
  ['check: a, times: 3, within: 10m', { attempts: 1, times: { count: 3, withinMs: 600_000 } }],
  ['check: a, times: 3, within: 10m, attempts: 2', { attempts: 2, times: { count: 3, withinMs: 600_000 } }],
  ['host: down', { check: 'host', states: ['critical'], attempts: 1, forMs: 0 }],
  ['host: down, for: 5m, attempts: 4', { check: 'host', attempts: 4, forMs: 300_000 }],
])('when: { %s }', (when, expected) => {
  const runbook = runbookFile.replace('"true"', '"true", max_attempts: 7');
  const action = `actions: { x: { when: { ${when} }, run: "true", run_on: local } }\n`;
  const { runbooks } = load(tree({ 'definitions/runbooks/web.yaml': runbook + action }));
  const trigger = runbooks[0]?.ladders[0]?.trigger;
  expect(trigger).toMatchObject({ on: 'problem', ...expected });
  expect(trigger?.times === undefined).toBe(!when.includes('times'));
});
