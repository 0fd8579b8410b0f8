/** Inventories within whole definitions: which hosts come in, and that none of them stops the others. */
import { expect, test } from 'vitest';
import { loadDefinitions } from '../../../config/load.ts';
import { formatProblem } from '../../../config/problems.ts';
import { emptyWorld, type FoundHost } from '../../../core/sources.ts';
import { temporaryTree } from '../../support/temporary-tree.ts';

const base = {
  'mendd.yaml': 'ssh: { agent: true, host_keys: accept_new }\n',
  'definitions/runbooks/one.yaml': 'runbook: one\nhosts: ["*"]\nevery: 1m\nchecks: { up: { ping: {} } }\n',
};

function load(files: Record<string, string>, told: Record<string, Partial<FoundHost>[]> = {}) {
  const root = temporaryTree(
    { ...base, ...files },
    Object.keys(files).filter((name) => name.endsWith('/script')),
  );
  const inventories = new Map(
    Object.entries(told).map(([name, hosts]) => {
      const whole = hosts.map((host) => ({ name: '', labels: {}, vars: {}, ...host }));
      return [name, { hosts: whole, heardAtMs: 1 }];
    }),
  );
  const outcome = loadDefinitions({
    configFile: `${root}/mendd.yaml`,
    world: { ...emptyWorld, inventories },
  });
  const plain = (text: string) => text.replaceAll(`${root}/`, '').replaceAll(root, '');
  return {
    hosts: outcome.ok ? [...outcome.definitions.hosts.values()] : [],
    names: outcome.ok ? [...outcome.definitions.hosts.keys()].sort() : [],
    problems: outcome.ok ? [] : outcome.problems.map((problem) => plain(formatProblem(problem))),
    warnings: outcome.warnings.map((problem) => plain(formatProblem(problem))),
    sources: outcome.ok ? outcome.definitions.inventories : [],
  };
}

const script = { 'definitions/inventories/script': '#!/bin/sh\n' };

test('a file is read while loading; labels and vars of its source are added, what it says itself wins', () => {
  const { hosts, problems, warnings } = load({
    'definitions/hosts/all.yaml':
      'inventories: [{ file: inventories/hosts.ini, labels: { env: prod, group/web: own }, vars: { a: 1, b: 1 } }]\n',
    'definitions/inventories/hosts.ini': '[web]\nweb-1 ansible_host=10.0.0.1 b=2\n',
  });
  expect(problems).toEqual([]);
  expect(warnings).toEqual([]);
  expect(hosts).toMatchObject([
    {
      name: 'web-1',
      address: '10.0.0.1',
      labels: { env: 'prod', 'group/web': 'true' },
      vars: { a: 1, b: 2 },
    },
  ]);
});

test('a file that cannot be read is a problem at its own line', () => {
  const { problems } = load({
    'definitions/hosts/all.yaml':
      'inventories:\n  - { file: inventories/hosts.ini }\n  - { file: gone.ini }\n',
    'definitions/inventories/hosts.ini': 'web-1\n[nowhere:children]\nother\n',
  });
  expect(problems).toEqual([
    expect.stringContaining('definitions/gone.ini:1:1: this inventory cannot be read: does not exist'),
    expect.stringContaining('definitions/inventories/hosts.ini:3:1: this inventory cannot be read: '),
  ]);
});

test('what a program told is in force, and what it may yet tell keeps selectors from being wrong', () => {
  const files = {
    ...script,
    'definitions/hosts/all.yaml':
      'inventories: [{ name: ec2, exec: inventories/script }]\nhosts: { ops: {} }\n',
  };
  expect(load(files).names).toEqual(['ops']);
  expect(load(files, { ec2: [{ name: 'web-1' }] }).names).toEqual(['ops', 'web-1']);
});

test('a hostile or odd host of an inventory stops nothing', () => {
  const files = {
    ...script,
    'definitions/hosts/all.yaml':
      'inventories: [{ name: ec2, exec: inventories/script }]\nhosts: { ops: {} }\n',
  };
  const { names, problems, warnings } = load(files, {
    ec2: [
      { name: 'good' },
      { name: 'behind', jump: 'ops' },
      { name: 'lost', jump: 'nowhere' },
      { name: 'lost-too', jump: 'lost' },
      { name: 'round', jump: 'about' },
      { name: 'about', jump: 'round' },
      { name: '../../etc' },
      { name: 'target' },
      { name: 'bad-address', address: '$(reboot)' },
      { name: 'templated', address: '{{ facts.os.id }}' },
      { name: 'bad-port', port: 99_999 },
      { name: 'bad-user', user: '-oProxyCommand=x' },
      { name: 'odd-vars', vars: { constructor: 1 } },
      { name: 'template', vars: { x: ['{{ facts.secret }}'] } },
    ],
  });
  expect(problems).toEqual([]);
  expect(names).toEqual(['behind', 'good', 'odd-vars', 'ops']);
  expect(warnings.filter((each) => each.includes('left out'))).toHaveLength(11);
});

test('what is wrong with an entry is told where it stands', () => {
  const { problems } = load({
    ...script,
    'definitions/inventories/plain': 'no program\n',
    'definitions/hosts/all.yaml': `hosts: { ops: {} }
inventories:
  - { exec: inventories/script, every: 1s }
  - { exec: inventories/gone }
  - { exec: inventories/plain }
  - { exec: inventories/script, file: x }
  - {}
  - { dns_srv: example.com, format: ansible }
  - { http: "ftp://example.com" }
  - { file: mend.ini, vanish: 20 }
  - { name: twice, dns_srv: _ssh._tcp.example.com }
  - { name: twice, dns_srv: _ssh._tcp.example.com }
  - { scrip: x }
  - { dns_srv: _a._b.example.com, args: [x] }
`,
  });
  expect(problems.map((each) => each.split('\n')[0])).toMatchInlineSnapshot(`
    [
      "definitions/hosts/all.yaml:3:40: \`every\`: 1s is too short",
      "definitions/hosts/all.yaml:4:13: \`exec\`: definitions/inventories/gone does not exist",
      "definitions/hosts/all.yaml:5:13: \`exec\`: definitions/inventories/plain cannot be executed",
      "definitions/hosts/all.yaml:6:5: this inventory has \`file\` and \`exec\`",
      "definitions/hosts/all.yaml:7:5: this inventory says nothing of where hosts come from",
      "definitions/hosts/all.yaml:8:16: \`dns_srv\`: \`example.com\` is no name of SRV records",
      "definitions/hosts/all.yaml:8:29: \`format\` means nothing beside \`dns_srv\`",
      "definitions/hosts/all.yaml:9:13: \`http\`: this is not an http URL",
      "definitions/hosts/all.yaml:10:31: \`vanish\`: \`20\` is not a percentage",
      "definitions/hosts/all.yaml:12:5: the inventory \`twice\` is there twice",
      "definitions/hosts/all.yaml:13:7: unknown key \`scrip\` in \`inventory\`",
      "definitions/hosts/all.yaml:14:35: \`args\` means nothing beside \`dns_srv\`",
    ]
  `);
});

test('a URL is named without what may be secret', () => {
  const { sources } = load({
    'definitions/hosts/all.yaml':
      'hosts: { ops: {} }\ninventories: [{ http: "https://u:hunter2@cmdb.example.com/hosts?token=hunter2" }]\n',
  });
  expect(sources[0]?.name).toBe('https://cmdb.example.com/hosts');
  expect(JSON.stringify(sources)).not.toContain('hunter2');
});
