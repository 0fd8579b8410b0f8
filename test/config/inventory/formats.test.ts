import { expect, test } from 'vitest';
import { readInventory } from '../../../config/inventory/read-text.ts';

function read(text: string, path = 'hosts') {
  const reading = readInventory({ text, format: 'auto', path });
  if (!reading.ok) throw new Error(reading.refusal.message);
  return { hosts: reading.hosts, warnings: reading.warnings.map(({ message }) => message) };
}

test('targets of Prometheus are hosts by their addresses; the port and `__` labels are not ours', () => {
  const { hosts, warnings } = read(`
- targets: ["web-1.example.com:9100", "web-1.example.com:9113", "10.0.0.7:9100"]
  labels: { env: prod, __metrics_path__: /x, empty: "" }
- targets: ["[2001:db8::1]:9100", "https://db-1.example.com/health", "not a target"]
`);
  expect(hosts).toEqual([
    { name: '10.0.0.7', address: '10.0.0.7', labels: { env: 'prod' }, vars: {} },
    { name: '2001-db8--1', address: '2001:db8::1', labels: {}, vars: {} },
    { name: 'db-1.example.com', labels: {}, vars: {} },
    { name: 'web-1.example.com', labels: { env: 'prod' }, vars: {} },
  ]);
  expect(warnings).toEqual([expect.stringContaining('host `not a target` is no name')]);
});

test('the same in JSON', () => {
  expect(read('[{"targets": ["a:1"], "labels": {"x": 1}}]').hosts).toEqual([
    { name: 'a', labels: { x: '1' }, vars: {} },
  ]);
});

test('mendd’s own form is that of hosts files, with ranges', () => {
  const { hosts, warnings } = read(`
hosts:
  web-[01:02]: { address: "10.0.0.{n}", user: ops, port: 2222, labels: { n: "{n}" }, vars: { a: { b: 1 } }, color: red }
  ops-box: { transport: local }
  plain:
`);
  expect(hosts).toMatchObject([
    { name: 'ops-box', transport: 'local' },
    { name: 'plain' },
    {
      name: 'web-01',
      address: '10.0.0.1',
      user: 'ops',
      port: 2222,
      labels: { n: '01' },
      vars: { a: { b: 1 } },
    },
    { name: 'web-02' },
  ]);
  expect(warnings).toEqual(['2 hosts, such as `web-01`: the key `color` is not read here']);
});

test.each([
  ["ansible_ssh_common_args='-o ProxyJump=bastion'", 'bastion'],
  ["ansible_ssh_common_args='-J ops@first:22,bastion'", 'bastion'],
  ["ansible_ssh_common_args='-oProxyJump=10.9.9.9'", 'bastion'],
  [`ansible_ssh_common_args='-o ProxyCommand="ssh -W %h:%p -q ops@bastion"'`, 'bastion'],
  ["ansible_ssh_extra_args='-o ProxyJump=none'", undefined],
  ["ansible_ssh_common_args='-o StrictHostKeyChecking=no'", undefined],
])('%s: the jump host is %s', (vars, jump) => {
  const { hosts } = read(`bastion ansible_host=10.9.9.9\ninner ${vars}\n`);
  expect(hosts.find(({ name }) => name === 'inner')?.jump).toBe(jump);
});

test('what changes how a host is reached and is not taken over is told, and no secret comes in', () => {
  const { hosts, warnings } = read(
    'web ansible_password=hunter2 ansible_become_pass=hunter2 ansible_ssh_private_key_file=~/.ssh/x ansible_python_interpreter=/usr/bin/python3 ansible_port=99999 keep=1\n',
  );
  expect(hosts).toEqual([{ name: 'web', labels: { 'group/ungrouped': 'true' }, vars: { keep: 1 } }]);
  expect(warnings.join('\n')).not.toContain('hunter2');
  expect(warnings).toHaveLength(4);
});

test('groups become labels, made safe', () => {
  const { hosts, warnings } = read('[we,ird+name]\nweb\n[all-of-it:children]\nwe,ird+name\n');
  expect(hosts[0]?.labels).toEqual({ 'group/all-of-it': 'true', 'group/we_ird_name': 'true' });
  expect(warnings).toEqual(['the group `we,ird+name` is the label `group/we_ird_name`']);
});

test.each([
  ['[web]\nx=\n[y:what]\n', '', 3, 'no kind of section'],
  ['[web]\na b\n', '', 2, 'no variable'],
  ['a "b\n', '', 1, 'not closed'],
  ['web-[5:1]\n', '', 1, 'runs backwards'],
  ['[a:vars]\nx=1\n', '', 1, 'which is nowhere'],
  ['all:\n  hosts: 1\n', 'hosts.yml', undefined, 'no map'],
  ['all:\n\thosts: a\n', 'hosts.yml', 2, 'no valid YAML'],
  ['plugin: amazon.aws.aws_ec2\n', 'aws.yml', undefined, 'inventory plugin'],
  ['', 'hosts.json', undefined, 'empty'],
])('%j is refused with its line', (text, path, line, words) => {
  const reading = readInventory({ text, format: 'auto', path });
  expect(reading).toMatchObject({ ok: false, refusal: { message: expect.stringContaining(words) } });
  expect(reading.ok ? undefined : reading.refusal.line).toBe(line);
});
