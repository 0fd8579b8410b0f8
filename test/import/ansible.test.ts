import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { daemonFile } from '../../cli/scaffold.ts';
import { loadDefinitions } from '../../config/load.ts';
import { importAnsible } from '../../import/ansible.ts';
import type { Imported } from '../../import/report.ts';
import { writeImported } from '../../import/write.ts';
import { askAnsible, type ComparedHost, hasAnsible } from '../support/ansible.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { goldenText, problemsOf } from './judge.ts';

const fixtures = fileURLToPath(new URL('../fixtures/inventory', import.meta.url));

/** The hosts that the loader makes of what was imported, as Ansible would tell them. */
function loaded(imported: Imported): Record<string, Omit<ComparedHost, 'vars'>> {
  const directory = join(temporaryTree({}), 'out');
  writeImported(imported, { directory, from: 'a test', daemonFile: daemonFile('agent') });
  const outcome = loadDefinitions({ configFile: join(directory, 'mendd.yaml'), resolveSecrets: false });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  const hosts = [...outcome.definitions.hosts.values()].map(({ name, address, port, user, labels }) => {
    const groups = Object.keys(labels).map((label) => label.replace(/^group\//, ''));
    const told = {
      address: address === name || address === '127.0.0.1' ? null : address,
      port: port === 22 ? null : port,
      user: user === 'mendd' ? null : user,
    };
    return [name, { ...told, groups: groups.sort() }] as const;
  });
  return Object.fromEntries(hosts.sort(([a], [b]) => (a < b ? -1 : 1)));
}

test.each([
  'docs-groups/hosts',
  'docs-nested/hosts.yml',
  'docs-variables/hosts.ini',
  'docs-inheritance/hosts',
])(
  `%s imports to the hosts that ansible-inventory gives${hasAnsible ? '' : ' (which is not installed: only loaded)'}`,
  async (path) => {
    const imported = importAnsible(join(fixtures, path), {});
    const ours = loaded(imported);
    expect(Object.keys(ours).length).toBeGreaterThan(2);
    if (!hasAnsible) return;
    const told = Object.entries(await askAnsible(join(fixtures, path)));
    expect(ours).toEqual(
      Object.fromEntries(
        told.map(([name, { address, port, user, groups }]) => [name, { address, port, user, groups }]),
      ),
    );
  },
);

const whole = {
  'hosts.ini': `# the fleet
[web]
web-[1:2] ansible_host=10.0.0.1 http_port=80
web-3 ansible_password=hunter2 greeting="{{ other }}"
bad/name
winbox ansible_connection=winrm

[web:vars]
ansible_user=deploy
site=main

[behind]
inner ansible_ssh_common_args='-o ProxyJump=ops@bastion.example.com'

[all:vars]
ansible_user=deploy
site=main

[we ird:x]
`.replace('\n[we ird:x]\n', ''),
  'group_vars/web.yml': 'secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\nport_list: [80, 443]\n',
};

test('what is carried over and what is not is told by line', async () => {
  const root = temporaryTree(whole);
  const imported = importAnsible(join(root, 'hosts.ini'), {});
  expect(problemsOf(imported)).toEqual([]);
  const told = goldenText(imported).replaceAll(root, '');
  await expect(told).toMatchFileSnapshot(join(fixtures, 'import-report.txt'));
  expect(told).not.toContain('hunter2');
});

test('kept, it is read from where it is', () => {
  const root = temporaryTree(whole);
  const imported = importAnsible(join(root, 'hosts.ini'), { keep: true });
  expect(imported.files.get('hosts/ansible.yaml')).toContain(`file: ${root}/hosts.ini`);
  expect(Object.keys(loaded(imported))).toContain('web-2');
});

test('a program is run, or kept', () => {
  const script =
    '#!/bin/sh\ncase $1 in --list) echo \'{"web": ["a", "b"]}\';; --host) echo "{\\"n\\": \\"$2\\"}";; esac\n';
  const root = temporaryTree({ 'ec2.sh': script }, ['ec2.sh']);
  const imported = importAnsible(join(root, 'ec2.sh'), {});
  expect(Object.keys(loaded(imported))).toEqual(['a', 'b']);
  expect(imported.files.get('hosts/ansible.yaml')).toContain('vars: { n: a }');
  expect(imported.notes).toMatchObject([{ file: 'ec2.sh', line: 1, level: 'check' }]);
  const kept = importAnsible(join(root, 'ec2.sh'), { keep: true });
  expect(kept.files.get('hosts/ansible.yaml')).toContain(`exec: ${root}/ec2.sh`);
  expect(problemsOf(kept)).toEqual([]);
});

test('what is no inventory, or has no hosts, or fails, says so', () => {
  const root = temporaryTree(
    { bad: '[web]\nx\n[nowhere:children]\ny\n', empty: '# nothing\n', fails: '#!/bin/sh\nexit 3\n' },
    ['fails'],
  );
  expect(() => importAnsible(join(root, 'bad'), {})).toThrow(/bad:4: .*names the group `y`/);
  expect(() => importAnsible(join(root, 'empty'), {})).toThrow('has no hosts');
  expect(() => importAnsible(join(root, 'fails'), {})).toThrow('exit code 3');
  expect(() => importAnsible(join(root, 'absent'), {})).toThrow('does not exist');
});
