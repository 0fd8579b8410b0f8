/** Which value a host gets, and from where. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';
import { formatProblem } from '../../config/problems.ts';
import { emptyWorld, type FoundHost, type World } from '../../core/sources.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const runbook = {
  'definitions/runbooks/a.yaml': 'runbook: a\nhosts: ["*"]\nchecks: { a: { run: "true" } }\n',
};
const daemonFile = 'ssh: { agent: true, host_keys: accept_new, user: daemon-user }\n';

function outcome(
  files: Record<string, string>,
  world: Partial<World> = {},
): ReturnType<typeof loadDefinitions> {
  const root = temporaryTree({ 'mendd.yaml': daemonFile, ...runbook, ...files });
  return loadDefinitions({
    configFile: join(root, 'mendd.yaml'),
    environment: {},
    world: { ...emptyWorld, ...world },
  });
}

function loaded(
  files: Record<string, string>,
  world: Partial<World> = {},
): Extract<ReturnType<typeof loadDefinitions>, { ok: true }> {
  const answer = outcome(files, world);
  if (!answer.ok) throw new Error(answer.problems.map(formatProblem).join('\n'));
  return answer;
}

function found(name: string, told: Partial<FoundHost> = {}): FoundHost {
  return { name, labels: {}, vars: {}, ...told };
}

const files = {
  'definitions/hosts/a.yaml': `defaults: { user: default-user, port: 2200, labels: { env: prod, tier: low }, vars: { app: { port: 1, name: a }, list: [1] } }
hosts:
  web-[1:2]: { labels: { role: web } }
  own: { user: me, labels: { role: web, tier: high }, vars: { app: { port: 9 } } }
groups:
  web tier: { hosts: { role: web }, user: group-user, labels: { tier: mid }, vars: { app: { port: 5 }, list: [2] } }
inventories:
  - { exec: ./inventories/list, name: cmdb, labels: { from: cmdb } }
`,
  'definitions/hosts/b.yaml': 'hosts: { plain: { address: 10.0.0.9 } }\n',
  'definitions/inventories/list': '#!/bin/sh\n',
};

test('the host, its inventory, groups, the defaults of its file, the daemon file: the first that says something', async () => {
  const { chmodSync } = await import('node:fs');
  const root = temporaryTree({ 'mendd.yaml': daemonFile, ...runbook, ...files });
  chmodSync(join(root, 'definitions/inventories/list'), 0o755);
  const world: World = {
    ...emptyWorld,
    inventories: new Map([
      [
        'cmdb',
        {
          hosts: [
            found('told', { user: 'told-user', labels: { role: 'web' } }),
            found('web-1', { address: '10.9.9.9', user: 'x' }),
          ],
        },
      ],
    ]),
  };
  const answer = loadDefinitions({ configFile: join(root, 'mendd.yaml'), environment: {}, world });
  if (!answer.ok) throw new Error(answer.problems.map(formatProblem).join('\n'));
  const seen = Object.fromEntries(
    [...answer.definitions.hosts.values()].map(({ name, user, port, address, labels, vars, origin }) => [
      name,
      { user, port, address, labels, vars, origin },
    ]),
  );
  const prod = { env: 'prod', role: 'web' };
  expect(seen).toEqual({
    'web-1': {
      user: 'x',
      port: 2200,
      address: '10.9.9.9',
      labels: { ...prod, tier: 'mid', from: 'cmdb' },
      vars: { app: { port: 5, name: 'a' }, list: [2] },
      origin: 'the inventory `cmdb`',
    },
    'web-2': {
      user: 'group-user',
      port: 2200,
      address: 'web-2',
      labels: { ...prod, tier: 'mid' },
      vars: { app: { port: 5, name: 'a' }, list: [2] },
      origin: 'hosts',
    },
    own: {
      user: 'me',
      port: 2200,
      address: 'own',
      labels: { ...prod, tier: 'high' },
      vars: { app: { port: 9, name: 'a' }, list: [2] },
      origin: 'hosts',
    },
    plain: { user: 'daemon-user', port: 22, address: '10.0.0.9', labels: {}, vars: {}, origin: 'hosts' },
    told: {
      user: 'told-user',
      port: 2200,
      address: 'told',
      labels: { ...prod, tier: 'mid', from: 'cmdb' },
      vars: { app: { port: 5, name: 'a' }, list: [2] },
      origin: 'the inventory `cmdb`',
    },
  });
  expect(
    answer
      .explainHost('own')
      .map(({ key, value, from }) => [key, value, from.replace(/\(.*mendd/, '(mendd')]),
  ).toEqual([
    ['transport', 'ssh', 'the daemon file (mendd.yaml:1:6)'],
    ['vars.app', { port: 9, name: 'a' }, 'the host (hosts/a.yaml:4:68)'],
    ['vars.list', [2], 'the group `web tier` (hosts/a.yaml:6:110)'],
    ['labels.env', 'prod', 'the defaults (hosts/a.yaml:1:60)'],
    ['labels.tier', 'high', 'the host (hosts/a.yaml:4:47)'],
    ['labels.role', 'web', 'the host (hosts/a.yaml:4:36)'],
    ['user', 'me', 'the host (hosts/a.yaml:4:16)'],
    ['port', 2200, 'the defaults (hosts/a.yaml:1:39)'],
  ]);
  expect(answer.explainHost('nobody')).toEqual([]);
});

test('two groups that disagree are a problem, unless the host says it itself', () => {
  const groups = `groups:
  a: { hosts: ["*"], port: 1, labels: { x: one }, vars: { v: { a: 1 } } }
  b: { hosts: [web-1], port: 2, labels: { x: two }, vars: { v: { b: 2 } } }
`;
  const answer = outcome({ 'definitions/hosts/a.yaml': `hosts: { web-1: , web-2: }\n${groups}` });
  expect(
    answer.ok ? [] : answer.problems.map(({ line, column, message }) => `${line}:${column} ${message}`),
  ).toEqual([
    '4:30 `port` of `web-1` is set by two of a kind: the group `a` and the group `b`',
    '4:46 `labels.x` of `web-1` is set by two of a kind: the group `a` and the group `b`',
  ]);
  const mended = loaded({
    'definitions/hosts/a.yaml': `hosts: { web-1: { port: 3, labels: { x: own } }, web-2: }\n${groups}`,
  });
  expect(mended.definitions.hosts.get('web-1')).toMatchObject({
    port: 3,
    labels: { x: 'own' },
    vars: { v: { a: 1, b: 2 } },
  });
});

test('labels and variables from facts, and a group by such a label', () => {
  const hosts = {
    'definitions/hosts/a.yaml': `defaults: { labels: { os: "{{ facts.os.id }}", big: "{% if facts.cpus > 8 %}yes{% endif %}" }, vars: { where: "{{ host.name }}.{{ facts.zone | default: 'x' }}" } }
hosts: { web-1: , web-2: }
groups: { debian: { hosts: { os: debian }, user: deb } }
`,
    'definitions/runbooks/b.yaml': 'runbook: b\nhosts: { os: debian }\nchecks: { a: { run: "true" } }\n',
  };
  const before = loaded(hosts);
  expect(before.definitions.hosts.get('web-1')).toMatchObject({
    labels: {},
    user: 'daemon-user',
    vars: { where: 'web-1.x' },
  });
  expect(before.warnings.map(({ message }) => message)).toContain('no host has the label `os`');
  expect([...before.factPaths].sort()).toEqual(['facts.cpus', 'facts.os.id', 'facts.zone']);
  const facts = new Map([
    [
      'web-1',
      new Map([['builtin', { heardAtMs: 1, values: { os: { id: 'debian' }, cpus: 16, zone: 'eu' } }]]),
    ],
  ]);
  const after = loaded(hosts, { facts });
  expect(after.definitions.hosts.get('web-1')).toMatchObject({
    labels: { os: 'debian', big: 'yes' },
    user: 'deb',
    vars: { where: 'web-1.eu' },
  });
  expect(after.definitions.byHost.get('web-1')?.checks.map(({ id }) => id)).toEqual(['a.a', 'b.a']);
  expect(after.definitions.byHost.get('web-2')?.checks.map(({ id }) => id)).toEqual(['a.a']);
});

test('the way to a host may use its labels and variables, and no facts', () => {
  const one = loaded({
    'definitions/hosts/a.yaml':
      'hosts: { web-1: { address: "{{ host.name }}.{{ vars.domain }}", user: "u-{{ labels.team }}", labels: { team: x }, vars: { domain: example.com } } }\n',
  });
  expect(one.definitions.hosts.get('web-1')).toMatchObject({ address: 'web-1.example.com', user: 'u-x' });
  const wrong = outcome({
    'definitions/hosts/a.yaml':
      'hosts: { web-1: { address: "{{ facts.ip }}" }, web-2: { address: "{{ vars.a }}", vars: { a: "x y" } }, web-3: { port: "{{ vars.p }}" } }\n',
  });
  expect(wrong.ok ? [] : wrong.problems.map(({ message }) => message)).toEqual([
    '`address` depends on facts',
    '`address`: the template makes `x y`',
    '`port`: expected a number, not text',
    'a template cannot stand here',
  ]);
});

test('what an inventory tells wrongly is left out with a warning, and stops nobody else', () => {
  const world = {
    inventories: new Map(),
    registered: [
      found('good', { address: '10.0.0.1' }),
      found('bad name'),
      found('worse', { address: '10.0.0.300' }),
      found('target'),
      found('port', { port: 0 }),
    ],
  };
  const answer = loaded({ 'definitions/hosts/a.yaml': 'hosts: { web-1: }\n' }, world);
  expect([...answer.definitions.hosts.keys()]).toEqual(['web-1', 'good']);
  expect(
    answer.warnings.filter(({ message }) => message.includes('is left out')).map(({ message }) => message),
  ).toHaveLength(4);
});

test('while hosts may still come, a selector that selects nobody is a warning', () => {
  const some = {
    'definitions/hosts/a.yaml': 'hosts: { web-1: }\n',
    'definitions/runbooks/b.yaml': 'runbook: b\nhosts: { role: db }\nchecks: { a: { run: "true" } }\n',
    'definitions/runbooks/c.yaml': 'runbook: c\nhosts: [db-1]\nchecks: { a: { run: "true" } }\n',
  };
  const alone = outcome(some);
  expect(alone.ok).toBe(false);
  const open = { 'mendd.yaml': `${daemonFile}registration: { expire: 7d }\n` };
  const growing = loaded({ ...some, ...open }, { registered: [found('web-9')] });
  expect(growing.warnings.map(({ message }) => message)).toEqual(
    expect.arrayContaining(['no host has the label `role`', 'there is no host `db-1`']),
  );
  expect(growing.definitions.runbooks.map(({ hosts }) => hosts.length)).toEqual([2, 0, 0]);
});

test('an inventory in a file is read with the definitions', () => {
  const answer = loaded({
    'definitions/hosts/a.yaml': 'inventories: [{ file: ./inventories/hosts.ini }]\n',
    'definitions/inventories/hosts.ini': '[web]\nweb-[1:3] ansible_port=2222 color=red\n',
  });
  expect(
    [...answer.definitions.hosts.values()].map(({ name, port, labels, vars }) => [name, port, labels, vars]),
  ).toEqual(
    ['web-1', 'web-2', 'web-3'].map((name) => [name, 2222, { 'group/web': 'true' }, { color: 'red' }]),
  );
});
