import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readInventoryPath } from '../../../config/inventory/read-path.ts';
import { readInventory } from '../../../config/inventory/read-text.ts';
import type { InventoryReading } from '../../../config/inventory/reading.ts';
import { askAnsible, compared, hasAnsible } from '../../support/ansible.ts';
import { temporaryTree } from '../../support/temporary-tree.ts';

const fixtures = fileURLToPath(new URL('../../fixtures/inventory', import.meta.url));
const oracle = hasAnsible ? 'what ansible-inventory gives' : 'what ansible-inventory once gave';

/** Case, and what Ansible is pointed at. */
const cases = [
  ['docs-groups', 'hosts'],
  ['docs-groups-yaml', 'hosts.yaml'],
  ['docs-nested', 'hosts.yml'],
  ['docs-variables', 'hosts.ini'],
  ['docs-variables-yaml', 'hosts.yaml'],
  ['docs-inheritance', 'hosts'],
  ['quoting', 'hosts'],
  ['yaml-types', 'hosts.yaml'],
  ['directory', 'inventory'],
] as const;

async function expectLikeAnsible(name: string, path: string, reading: InventoryReading): Promise<void> {
  if (!reading.ok) throw new Error(reading.refusal.message);
  const ours = compared(reading.hosts);
  expect(Object.keys(ours).length).toBeGreaterThan(1);
  if (hasAnsible) expect(ours).toEqual(await askAnsible(path));
  await expect(`${JSON.stringify(ours, null, 2)}\n`).toMatchFileSnapshot(
    join(fixtures, name, 'expected.json'),
  );
}

test.each(cases)(`%s gives ${oracle}`, async (name, file) => {
  const path = join(fixtures, name, file);
  await expectLikeAnsible(name, path, readInventoryPath({ path, format: 'auto' }));
});

test(`a dynamic script with _meta gives ${oracle}`, async () => {
  const list = readFileSync(join(fixtures, 'script-meta/list.json'), 'utf8');
  const root = temporaryTree({ 'script.sh': `#!/bin/sh\ncat <<'END'\n${list}\nEND\n` }, ['script.sh']);
  const reading = readInventory({ text: list, format: 'auto', isScript: true });
  expect(reading).not.toHaveProperty('askHosts');
  await expectLikeAnsible('script-meta', join(root, 'script.sh'), reading);
});

test(`a dynamic script that is asked for each host gives ${oracle}`, async () => {
  const directory = join(fixtures, 'script-hosts');
  const script = '#!/bin/sh\ncase $1 in --list) cat "DIR/list.json";; --host) cat "DIR/$2.json";; esac\n';
  const root = temporaryTree({ 'script.sh': script.replaceAll('DIR', directory) });
  chmodSync(join(root, 'script.sh'), 0o755);
  const input = {
    text: readFileSync(join(directory, 'list.json'), 'utf8'),
    format: 'auto',
    isScript: true,
  } as const;
  const first = readInventory(input);
  if (!first.ok) throw new Error(first.refusal.message);
  expect(first.askHosts).toEqual(['host1.example.com', 'host2.example.com', 'host3.example.com']);
  const answers = readdirSync(directory).filter((name) => name.startsWith('host'));
  const hostVars = new Map(
    answers.map((name) => {
      const text = readFileSync(join(directory, name), 'utf8');
      return [name.replace(/\.json$/, ''), text === '' ? {} : JSON.parse(text)];
    }),
  );
  await expectLikeAnsible('script-hosts', join(root, 'script.sh'), readInventory({ ...input, hostVars }));
});
