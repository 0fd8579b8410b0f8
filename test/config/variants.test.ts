/** Templates, conditions and shared items, from files to what each host gets. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';
import { formatProblem } from '../../config/problems.ts';
import type { CheckDefinition, Definitions, HostPlan } from '../../core/definitions.ts';
import { emptyWorld, type FactsByHost, type Json, type World } from '../../core/sources.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const daemonFile =
  'ssh: { agent: true, host_keys: accept_new }\nnotify: { oncall: { webhook: "https://x.example/y" } }\n';

function factsOf(byHost: Record<string, Record<string, Json>>): FactsByHost {
  return new Map(
    Object.entries(byHost).map(([host, values]) => [host, new Map([['builtin', { values, heardAtMs: 1 }]])]),
  );
}

function outcome(
  files: Record<string, string>,
  world: Partial<World> = {},
): ReturnType<typeof loadDefinitions> {
  const root = temporaryTree({ 'mendd.yaml': daemonFile, ...files });
  return loadDefinitions({
    configFile: join(root, 'mendd.yaml'),
    environment: {},
    world: { ...emptyWorld, ...world },
  });
}

function load(files: Record<string, string>, world: Partial<World> = {}): Definitions {
  const loaded = outcome(files, world);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.definitions;
}

/** Without the directory that each test has of its own. */
function problems(files: Record<string, string>, world: Partial<World> = {}): string[] {
  const loaded = outcome(files, world);
  return loaded.ok
    ? []
    : loaded.problems.map((each) =>
        formatProblem({ ...each, file: each.file.replace(/^.*\/definitions\//, '') }),
      );
}

function planOf(definitions: Definitions, host: string): HostPlan {
  const plan = definitions.byHost.get(host);
  if (plan === undefined) throw new Error(`there is no plan of ${host}`);
  return plan;
}

function checkOf(definitions: Definitions, host: string, id: string): CheckDefinition {
  const check = planOf(definitions, host).checks.find((each) => each.id === id);
  if (check === undefined) throw new Error(`${host} has no ${id}`);
  return check;
}

const hosts = `hosts:
  web-1: { address: 10.0.0.1, labels: { role: web }, vars: { port: 8080, every: 10s, limit: 5 } }
  web-2: { address: 10.0.0.2, labels: { role: web }, vars: { port: 8081, every: 20s, limit: 7 } }
`;

test('a value is rendered for each host, and then judged as if it were written', () => {
  const definitions = load({
    'definitions/hosts/all.yaml': hosts,
    'definitions/runbooks/web.yaml': `runbook: web
hosts: { role: web }
every: "{{ vars.every }}"
checks:
  port: { tcp: "{{ vars.port }}" }
  queue: { plugin: check_queue, args: [-H, "{{ host.address }}", "{{ check.id }} of {{ host.name }}"], max_attempts: "{{ vars.limit }}" }
  run: { run: "echo {{ labels.role }} {{ vars.port }}", env: { NAME: "{{ host.name }}" } }
`,
  });
  expect(checkOf(definitions, 'web-1', 'web.port')).toMatchObject({
    probe: { kind: 'tcp', port: 8080 },
    timing: { everyMs: 10_000 },
  });
  expect(checkOf(definitions, 'web-2', 'web.port')).toMatchObject({
    probe: { kind: 'tcp', port: 8081 },
    timing: { everyMs: 20_000 },
  });
  expect(checkOf(definitions, 'web-2', 'web.queue')).toMatchObject({
    maxAttempts: 7,
    probe: { args: ['-H', '10.0.0.2', 'web.queue of web-2'] },
  });
  expect(checkOf(definitions, 'web-1', 'web.run')).toMatchObject({
    probe: { run: '_mendd_1=web\n_mendd_2=8080\necho "${_mendd_1}" "${_mendd_2}"' },
    env: { NAME: 'web-1' },
  });
});

test('hosts on which a runbook is the same share its checks', () => {
  const definitions = load({
    'definitions/hosts/all.yaml': 'hosts: { "web-[1:50]": { labels: { role: web } } }\n',
    'definitions/runbooks/web.yaml':
      'runbook: web\nhosts: { role: web }\nchecks: { a: { run: "echo {{ labels.role }}" } }\n',
  });
  expect(new Set([...definitions.byHost.values()].map(({ checks }) => checks)).size).toBe(1);
});

const queue = `runbook: queue
hosts: { role: web }
checks:
  backlog: { plugin: check_queue, args: [-c, "{{ facts.queue_max }}"] }
  running: { systemd_unit: "{{ facts.unit }}" }
  plain: { run: "true" }
actions:
  restart: { when: { check: running }, systemd_restart: "{{ facts.unit }}" }
  reboot: { after: restart, reboot: 10m }
  page: { after: reboot, notify: oncall }
  clean: { when: { check: plain }, run: "clean {{ facts.unit }}" }
  next: { after: clean, reboot: 10m }
  tell: { after: next, notify: oncall }
`;

test('what a host has not told yet keeps a check UNKNOWN and its ladder from acting, and people are still told', () => {
  const definitions = load(
    { 'definitions/hosts/all.yaml': hosts, 'definitions/runbooks/queue.yaml': queue },
    { facts: factsOf({ 'web-1': { queue_max: 100, unit: 'worker' }, 'web-2': { queue_max: 50 } }) },
  );
  expect(checkOf(definitions, 'web-1', 'queue.backlog')).toMatchObject({ probe: { args: ['-c', '100'] } });
  expect(checkOf(definitions, 'web-1', 'queue.running')).toMatchObject({ probe: { unit: 'worker' } });
  expect(
    planOf(definitions, 'web-1').ladders.flatMap(({ rungs }) => rungs.map(({ blocked }) => blocked)),
  ).toEqual(Array.from({ length: 6 }, () => undefined));
  expect(checkOf(definitions, 'web-2', 'queue.running').blocked).toMatch(
    /^`facts.unit` is not known \(runbooks\/queue.yaml:5:32\)$/,
  );
  expect(checkOf(definitions, 'web-2', 'queue.plain').blocked).toBeUndefined();
  const blocked = Object.fromEntries(
    planOf(definitions, 'web-2').ladders.flatMap(({ rungs }) =>
      rungs.map(({ name, blocked: why }) => [name, why !== undefined]),
    ),
  );
  // The reboot after a restart that cannot be rendered is not climbed to.
  expect(blocked).toEqual({ restart: true, reboot: true, page: false, clean: true, next: true, tell: false });
});

test('a fact that makes a value wrong is told on that host, and not as a mistake of the files', () => {
  const definitions = load(
    {
      'definitions/hosts/all.yaml': hosts,
      'definitions/runbooks/queue.yaml':
        'runbook: queue\nhosts: { role: web }\nevery: "{{ facts.every }}"\nchecks: { unit: { systemd_unit: "{{ facts.unit }}" } }\n',
    },
    {
      facts: factsOf({
        'web-1': { unit: '-a; rm -rf /', every: '1m' },
        'web-2': { unit: 'x', every: 'often' },
      }),
    },
  );
  expect(checkOf(definitions, 'web-1', 'queue.unit').blocked).toMatch(/is no name of a systemd unit/);
  expect(checkOf(definitions, 'web-2', 'queue.unit').blocked).toMatch(/`every`: /);
});

test('what no answer of a host can mend is a problem at its place', () => {
  expect(
    problems({
      'definitions/hosts/all.yaml': hosts,
      'definitions/runbooks/web.yaml': `runbook: web
hosts: { role: web }
checks:
  a: { run: "echo {{ labels.rol }}" }
  b: { tcp: "{{ vars.every }}" }
  c: { run: "echo {{ host.nothing }}" }
  d:
    run: |
      set -e
      echo first {{ vars.port }}
      echo second {{ vars.prot }}
`,
    }),
  ).toEqual([
    expect.stringMatching(/^runbooks\/web.yaml:4:22: `labels.rol` is not known \(on the host `web-1`\)/),
    expect.stringMatching(/^runbooks\/web.yaml:6:22: `host.nothing` is not known/),
    expect.stringMatching(/^runbooks\/web.yaml:11:22: `vars.prot` is not known/),
  ]);
});

test('a rendered value of the wrong kind is a problem at the template', () => {
  expect(
    problems({
      'definitions/hosts/all.yaml': hosts,
      'definitions/runbooks/web.yaml':
        'runbook: web\nhosts: { role: web }\nchecks: { b: { tcp: "{{ vars.every }}" } }\n',
    }),
  ).toEqual([
    expect.stringMatching(
      /^runbooks\/web.yaml:3:21: `tcp`: expected a number or a map, not text \(on the host `web-1`\)/,
    ),
  ]);
});

test('conditions leave things out, and what hung on them', () => {
  const files = {
    'definitions/hosts/all.yaml': hosts,
    'definitions/runbooks/web.yaml': `runbook: web
hosts: { role: web }
checks:
  a: { run: "true" }
  deb: { when: 'facts.os.id == "debian"', run: "dpkg --audit" }
  b: { run: "true", depends_on: [deb, a] }
actions:
  fix: { when: { check: deb }, run: "dpkg --configure -a" }
  fixed: { on_recovery: deb, notify: oncall }
  soft: { when: { check: a }, only_if: 'vars.limit > 6', run: "soft" }
  hard: { after: soft, only_if: 'facts.os.id == "debian"', run: "hard" }
  page: { after: hard, notify: oncall }
`,
    'definitions/runbooks/deb.yaml':
      'runbook: only debian\nhosts: { role: web }\nwhen: facts.os.id == "debian"\nchecks: { a: { run: "true" } }\n',
  };
  const definitions = load(files, { facts: factsOf({ 'web-1': { os: { id: 'debian' } } }) });
  const shape = (host: string): unknown => ({
    checks: planOf(definitions, host).checks.map(({ id, dependsOn }) => [id, ...dependsOn]),
    ladders: planOf(definitions, host).ladders.map(({ trigger, rungs }) => [
      trigger.check,
      ...rungs.map(({ name }) => name),
    ]),
  });
  expect(shape('web-1')).toEqual({
    checks: [['only-debian.a'], ['web.a'], ['web.deb'], ['web.b', 'web.deb', 'web.a']],
    ladders: [
      ['web.deb', 'fix'],
      ['web.a', 'hard', 'page'],
      ['web.deb', 'fixed'],
    ],
  });
  expect(shape('web-2')).toEqual({
    checks: [['web.a'], ['web.b', 'web.a']],
    ladders: [['web.a', 'soft', 'page']],
  });
});

test('hosts and enabled may be templates, judged host by host', () => {
  const definitions = load({
    'definitions/hosts/all.yaml': `hosts:
  a: { labels: { site: x }, vars: { watch: x, on: true } }
  b: { labels: { site: x }, vars: { watch: y, on: true } }
  c: { labels: { site: y }, vars: { watch: y, on: false } }
`,
    'definitions/runbooks/site.yaml':
      'runbook: site\nhosts: { site: "{{ vars.watch }}" }\nenabled: "{{ vars.on }}"\nchecks: { a: { run: "true" } }\n',
  });
  expect([...definitions.byHost].map(([name, { checks }]) => [name, checks.length])).toEqual([
    ['a', 1],
    ['b', 0],
    ['c', 0],
  ]);
});

const shared = {
  'definitions/hosts/all.yaml': hosts,
  'definitions/actions/units.yaml': `actions:
  restart_unit:
    params: { unit: , within: 1m }
    systemd_restart: "{{ params.unit }}"
    sudo: true
    verify: { within: "{{ params.within }}" }
`,
  'definitions/checks/units.yaml': `checks:
  unit: { params: { unit: }, systemd_unit: "{{ params.unit }}", timeout: 5s }
`,
};

test('shared checks and actions take parameters, and keys beside them win', () => {
  const definitions = load({
    ...shared,
    'definitions/runbooks/web.yaml': `runbook: web
hosts: { role: web }
checks:
  nginx: { use: unit, with: { unit: nginx }, timeout: 9s }
  own: { use: unit, with: { unit: "app-{{ vars.port }}" } }
actions:
  nginx: { use: restart_unit, with: { unit: nginx }, when: { check: nginx } }
  own: { use: restart_unit, with: { unit: "app-{{ vars.port }}", within: 2m }, when: { check: own } }
`,
  });
  expect(checkOf(definitions, 'web-1', 'web.nginx')).toMatchObject({
    probe: { unit: 'nginx' },
    timeoutMs: 9_000,
  });
  expect(checkOf(definitions, 'web-2', 'web.own')).toMatchObject({
    probe: { unit: 'app-8081' },
    timeoutMs: 5_000,
  });
  expect(
    planOf(definitions, 'web-2').ladders.map(({ rungs: [rung] }) => [rung?.effect, rung?.verify.withinMs]),
  ).toEqual([
    [{ kind: 'systemd_restart', unit: 'nginx' }, 60_000],
    [{ kind: 'systemd_restart', unit: 'app-8081' }, 120_000],
  ]);
});

test('what is wrong with a use is told where it is', () => {
  expect(
    problems({
      ...shared,
      'definitions/checks/zz.yaml':
        'checks: { bad: { use: unit, pluginn: x }, unit: { run: "true" } }\nother: 1\n',
      'definitions/runbooks/web.yaml': `runbook: web
hosts: { role: web }
checks:
  a: { use: unti, with: { unit: nginx } }
  b: { use: unit }
  c: { use: unit, with: { unit: x, color: red } }
  d: { run: "true", with: { unit: x } }
`,
    }).map((each) => each.split('\n')[0]),
  ).toEqual([
    'checks/zz.yaml:1:18: `use` stands in a shared check',
    'checks/zz.yaml:1:29: unknown key `pluginn` in `bad`',
    'checks/zz.yaml:1:43: the shared check `unit` is defined twice',
    'checks/zz.yaml:2:1: unknown key `other`',
    'runbooks/web.yaml:4:13: there is no shared check `unti`',
    'runbooks/web.yaml:5:13: `b` gives nothing for the parameter `unit`',
    'runbooks/web.yaml:6:36: `unit` has no parameter `color`',
    'runbooks/web.yaml:7:21: `with` means nothing without `use`',
  ]);
});

test('files are not read again in another world', async () => {
  const first = outcome({ 'definitions/hosts/all.yaml': hosts, 'definitions/runbooks/queue.yaml': queue });
  if (!first.ok) throw new Error('it should load');
  expect([...first.factPaths].sort()).toEqual(['facts.queue_max', 'facts.unit']);
  const { resolveCalmly } = await import('../../config/load.ts');
  const { writeFileSync } = await import('node:fs');
  writeFileSync(join(first.definitions.daemon.definitionsPath, 'runbooks/queue.yaml'), 'garbage: [');
  const again = await resolveCalmly(first.read, {
    ...emptyWorld,
    facts: factsOf({ 'web-1': { unit: 'w', queue_max: 1 } }),
  });
  if (!again.ok) throw new Error(again.problems.map(formatProblem).join('\n'));
  expect(checkOf(again.definitions, 'web-1', 'queue.running')).toMatchObject({ probe: { unit: 'w' } });
  expect(again.definitions.revision).not.toBe(first.definitions.revision);
});
