/** What stands for things that cannot be rendered on a host, and what many hosts cost. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type LoadOutcome, loadDefinitions } from '../../config/load.ts';
import { formatProblem } from '../../config/problems.ts';
import type { ActionDefinition, Definitions, HostPlan } from '../../core/definitions.ts';
import { emptyWorld, type FoundHost, type Json, type World } from '../../core/sources.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const daemonFile =
  'ssh: { agent: true, host_keys: accept_new }\nnotify: { oncall: { webhook: "https://x.example/y" } }\n';

function outcome(hosts: string, runbook: string, world: Partial<World> = {}): LoadOutcome {
  const root = temporaryTree({
    'mendd.yaml': daemonFile,
    'definitions/hosts/all.yaml': hosts,
    'definitions/runbooks/a.yaml': runbook,
  });
  const configFile = join(root, 'mendd.yaml');
  return loadDefinitions({ configFile, environment: {}, world: { ...emptyWorld, ...world } });
}

function load(hosts: string, runbook: string, world: Partial<World> = {}): Definitions {
  const loaded = outcome(hosts, runbook, world);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.definitions;
}

function problems(hosts: string, runbook: string, world: Partial<World> = {}): string[] {
  const loaded = outcome(hosts, runbook, world);
  return loaded.ok
    ? []
    : loaded.problems.map((each) => formatProblem({ ...each, file: each.file.replace(/^.*\//, '') }));
}

function planOf(definitions: Definitions, host: string): HostPlan {
  const plan = definitions.byHost.get(host);
  if (plan === undefined) throw new Error(`there is no plan of ${host}`);
  return plan;
}

function actionOf(definitions: Definitions, host: string, name: string): ActionDefinition {
  const rungs = planOf(definitions, host).ladders.flatMap((ladder) => ladder.rungs);
  const action = rungs.find((each) => each.name === name);
  if (action === undefined) throw new Error(`${host} has no ${name}`);
  return action;
}

const facts = (byHost: Record<string, Record<string, Json>>): World['facts'] =>
  new Map(
    Object.entries(byHost).map(([host, values]) => [host, new Map([['builtin', { values, heardAtMs: 1 }]])]),
  );

test('of an action that cannot be rendered any more all that has no template stays, for a run of it may be under way', () => {
  const definitions = load(
    'hosts: { a: {}, b: {} }\n',
    `runbook: app
hosts: ["*"]
checks: { up: { run: "true" } }
actions:
  fix:
    when: { check: up }
    run: "fix {{ facts.unit }}"
    sudo: { user: app }
    timeout: 7m
    verify: { within: 9m, stays_ok: 2m }
    max_runs: 2 per 5h
    env: { A: b }
  boot:
    after: fix
    reboot: { back_within: 20m, drain: "drain {{ facts.unit }}", undrain: undrain }
    sudo: true
`,
    { facts: facts({ a: { unit: 'x' } }) },
  );
  const [good, blocked] = ['a', 'b'].map((host) => actionOf(definitions, host, 'fix'));
  expect(blocked).toEqual({
    ...good,
    effect: { kind: 'command', run: 'false' },
    blocked: expect.stringMatching(/^`facts.unit` is not known/),
  });
  expect(actionOf(definitions, 'b', 'boot')).toMatchObject({
    blocked: expect.stringMatching(/^`facts.unit` is not known/),
    sudo: { user: 'root' },
    effect: {
      kind: 'reboot',
      backWithinMs: 1_200_000,
      drain: { run: 'false' },
      undrain: { run: 'undrain', runOn: { kind: 'target' } },
    },
  });
});

test.each([
  'run_on: "{{ facts.x }}", human_intent: true, min_uptime: 1m, run: "true"',
  'run_on: "{{ facts.x }}", before: "echo {{ facts.x }}", require_evidence: true, run: "true"',
  'reboot: { back_within: "{{ facts.x }}", command: "boot {{ facts.x }}" }',
  'reboot: { drain: { run: "a {{ facts.x }}", run_on: "{{ facts.x }}", timeout: "{{ facts.x }}" } }',
  'reboot: "{{ facts.x }}", run_on: "{{ facts.x }}"',
  'systemd_restart: "{{ facts.x }}", sudo: { user: "{{ facts.x }}" }, guard: { per: role, max_concurrent: "{{ facts.x }}" }',
  'run: "true", env: { A: "{{ facts.x }}" }, mode: "{{ facts.x }}", enabled: "{{ facts.x }}"',
])('nothing is wrong with an action but that it waits: { %s }', (keys) => {
  const definitions = load(
    'hosts: { a: { labels: { role: x } } }\n',
    `runbook: app\nhosts: ["*"]\nchecks: { up: { run: "true" } }\nactions: { fix: { when: { check: up }, ${keys} } }\n`,
  );
  expect(actionOf(definitions, 'a', 'fix').blocked).toMatch(/^`facts.x` is not known/);
});

test('what has no template is judged once, also beside one', () => {
  expect(
    problems(
      'hosts: { a: {}, b: {} }\n',
      'runbook: app\nhosts: ["*"]\nchecks: { up: { run: "true" } }\nactions: { fix: { when: { check: up }, run: "fix {{ host.name }}", timeout: never } }\n',
    ).map((each) => each.split('\n')[0]),
  ).toEqual([expect.stringMatching(/^a.yaml:4:77: `timeout`: [^(]*$/)]);
});

test('a mistake of the definitions is one, whatever hosts of an inventory are like it', () => {
  const registered: FoundHost[] = [{ name: 'early', labels: {}, vars: { port: 'none' } }];
  const runbook = 'runbook: app\nhosts: ["*"]\nchecks: { up: { tcp: "{{ vars.port }}" } }\n';
  const written = 'hosts: { early: {}, own: { vars: { port: none } }, good: { vars: { port: 1 } } }\n';
  expect(problems(written, runbook, { registered })).toEqual([
    expect.stringMatching(/^a.yaml:3:22: `tcp`: .* \(on the host `own`\)/),
  ]);
  const found = load('hosts: { good: { vars: { port: 1 } } }\n', runbook, { registered });
  expect(planOf(found, 'early').checks[0]?.blocked).toMatch(/^`tcp`: /);
});

test('no two hosts get what is made for another', () => {
  const definitions = load(
    'hosts: { "h-[1:300]": { vars: { a: "{{ host.name }}" } } }\n',
    'runbook: app\nhosts: ["{{ vars.a }}"]\nchecks: { up: { run: "echo {{ host.name }}" } }\nactions: { fix: { when: { check: up }, run: "fix {{ host.name }}" } }\n',
  );
  for (const { host, checks, ladders } of definitions.byHost.values()) {
    expect(checks.map(({ probe }) => probe)).toEqual([
      { kind: 'command', run: `_mendd_1=${host.name}\necho "\${_mendd_1}"` },
    ]);
    expect(ladders[0]?.rungs[0]?.effect).toMatchObject({ run: `_mendd_1=${host.name}\nfix "\${_mendd_1}"` });
  }
});

test('a selector that no template makes is told once', () => {
  expect(
    problems(
      'hosts: { "h-[1:50]": {} }\n',
      'runbook: app\nhosts: "{{ host.name }}"\nchecks: { up: { run: "true" } }\n',
    ),
  ).toHaveLength(1);
});

function revisionWith(host: FoundHost): string {
  return load('hosts: { a: {} }\n', 'runbook: app\nhosts: ["*"]\nchecks: { up: { run: "true" } }\n', {
    registered: [host],
  }).revision;
}

test('the revision is another whatever an inventory tells of a host, and the same when it tells the same', () => {
  const plain: FoundHost = { name: 'x', labels: {}, vars: {} };
  const told: FoundHost[] = [
    plain,
    { ...plain, port: 23 },
    { ...plain, user: 'root' },
    { ...plain, jump: 'a' },
    { ...plain, address: '192.0.2.1' },
    { ...plain, transport: 'local' },
  ];
  expect(new Set(told.map(revisionWith)).size).toBe(told.length);
  expect(told.map(revisionWith)).toEqual(told.map(revisionWith));
});

const set = (command: string): string => `_mendd_1=web\n${command} "\${_mendd_1}"`;

test('only what a shell runs is made for one', () => {
  const definitions = load(
    'defaults: { vars: { command: "it\'s {{ host.name }}" } }\nhosts: { a: { labels: { run: x, role: web }, vars: { run: "{{ host.name }} isn\'t" } } }\n',
    `runbook: app
hosts: { run: "{{ labels.run }}" }
checks:
  up: { run: 'echo "$before"', env: { run: "{{ vars.command }}", before: "{{ vars.run }}" } }
  old: { plugin: check_x, args: ["{{ vars.run }}"] }
actions:
  boot:
    when: { check: up }
    before: log {{ labels.role }}
    env: { command: "it is {{ labels.role }}" }
    reboot:
      command: boot {{ labels.role }}
      drain: drain {{ labels.role }}
      undrain: { run: "undrain {{ labels.role }}", run_on: local }
`,
  );
  const [up, old] = planOf(definitions, 'a').checks;
  expect(up?.env).toEqual({ run: "it's a", before: "a isn't" });
  expect(old?.probe).toMatchObject({ args: ["a isn't"] });
  expect(actionOf(definitions, 'a', 'boot')).toMatchObject({
    env: { command: 'it is web' },
    evidence: { run: set('log') },
    effect: {
      command: set('boot'),
      drain: { run: set('drain') },
      undrain: { run: set('undrain'), runOn: { kind: 'local' } },
    },
  });
});

test.each([
  ['disk: { path: /, warn: "{{ facts.x }}", crit: 90 }', 99],
  ['process: { name: a, min: "{{ facts.x }}", max: 3 }', 9],
  ['http: ":8080/", run_on: "{{ facts.x }}"', 'gone'],
  ['plugin: "{{ facts.x }}"', 'notes'],
  ['plugin: "{{ facts.x }}"', '../notes'],
  ['plugin: "{{ facts.x }}"', '/bin/sh'],
  ['plugin: "/usr/lib/{{ facts.x }}"', '../../bin/sh'],
])('what a host tells stops its own check and no other: { %s } with %j', (keys, x) => {
  const root = temporaryTree({
    'mendd.yaml': daemonFile,
    'definitions/plugins/notes': 'no program',
    'definitions/hosts/all.yaml': 'hosts: { good: {}, bad: {} }\n',
    'definitions/runbooks/a.yaml': `runbook: app\nhosts: ["*"]\nchecks:\n  up: { run: "echo {{ facts.x }}" }\n  other: { ${keys} }\n`,
  });
  const loaded = loadDefinitions({
    configFile: join(root, 'mendd.yaml'),
    environment: {},
    world: { ...emptyWorld, facts: facts({ bad: { x } }) },
  });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const [up, other] = planOf(loaded.definitions, 'bad').checks;
  expect(up).toMatchObject({ probe: { kind: 'command' } });
  expect(up?.blocked).toBeUndefined();
  expect(other?.blocked).toMatch(/\(runbooks\/a.yaml:5:\d+\)$/);
});
