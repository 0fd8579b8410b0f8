/** What Nagios itself makes of its files, and what we make of them, are the same: hosts, groups, services and their values. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { importNagios } from '../../import/nagios.ts';
import { modelOf, type NagiosModel } from '../../import/nagios-model.ts';
import { readNagios } from '../../import/nagios-source.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { problemsOf } from './judge.ts';

const fixture = fileURLToPath(new URL('../fixtures/import/nagios/full', import.meta.url));
const program = ['/usr/sbin/nagios4', '/usr/sbin/nagios'].find((path) => existsSync(path));
const installed = '/etc/nagios4/nagios.cfg';

/** What is compared of a service, with Nagios's own defaults. */
const serviceKeys = [
  'check_command',
  'max_check_attempts',
  'check_interval',
  'retry_interval',
  'check_period',
  'event_handler',
];

interface Facts {
  hosts: Record<string, string>;
  groups: Record<string, string[]>;
  services: Record<string, Record<string, string>>;
}

function factsOfNagios(precache: string): Facts {
  const facts: Facts = { hosts: {}, groups: {}, services: {} };
  for (const [, type = '', body = ''] of precache.matchAll(/^define (\w+) \{\n([\s\S]*?)\n\t\}/gm)) {
    const values = Object.fromEntries(
      body.split('\n').map((line) => {
        const [, name = '', value = ''] = /^\t(\S+)\t(.*)$/.exec(line) ?? [];
        return [name, value];
      }),
    );
    const name = values[`${type}_name`] ?? '';
    if (type === 'host') facts.hosts[name] = hostFacts(values['address'], values['parents']);
    if (type === 'hostgroup')
      facts.groups[name] = (values['members'] ?? '').split(',').filter(Boolean).sort();
    if (type === 'service')
      facts.services[`${values['host_name']} / ${values['service_description']}`] = pick(
        (key) => values[key],
      );
  }
  return facts;
}

function hostFacts(address = '', parents = ''): string {
  return `${address} ${parents.split(',').sort().join(',')}`.trim();
}

function factsOfOurs(model: NagiosModel): Facts {
  const facts: Facts = { hosts: {}, groups: {}, services: {} };
  for (const { name, address, object } of model.hosts.values())
    facts.hosts[name] = hostFacts(address, object.values.get('parents')?.text);
  for (const [name, members] of model.groups) facts.groups[name] = [...members].sort();
  for (const { hosts, description, object } of model.services)
    for (const { name } of hosts)
      facts.services[`${name} / ${description}`] = pick((key) => object.values.get(key)?.text);
  return facts;
}

function pick(value: (key: string) => string | undefined): Record<string, string> {
  const pairs = serviceKeys.map((key): [string, string] => {
    const text = value(key) ?? '';
    return [key, /^[\d.]+$/.test(text) ? String(Number(text)) : text];
  });
  return Object.fromEntries(pairs.filter(([, text]) => text !== ''));
}

function precached(directory: string): Facts {
  const precache = join(directory, 'objects.precache');
  const more = {
    precached_object_file: precache,
    object_cache_file: join(directory, 'objects.cache'),
    check_result_path: directory,
    temp_path: directory,
    nagios_user: 'root',
    nagios_group: 'root',
  };
  const lines = Object.entries(more).map(([key, value]) => `${key}=${value}`);
  appendFileSync(join(directory, 'nagios.cfg'), `\n${lines.join('\n')}\n`);
  execFileSync(program ?? '', ['-vp', join(directory, 'nagios.cfg')], { stdio: 'pipe' });
  return factsOfNagios(readFileSync(precache, 'utf8'));
}

test.skipIf(program === undefined)(
  'the fixture means to Nagios what it means to us (needs nagios4-core)',
  () => {
    const directory = join(temporaryTree({}), 'etc');
    cpSync(fixture, directory, { recursive: true });
    expect(factsOfOurs(modelOf(readNagios(join(directory, 'nagios.cfg'))))).toEqual(precached(directory));
  },
);

/** The sample of Debian: installed, or unpacked from the package that apt fetches. */
function debianSample(): string | undefined {
  if (existsSync(installed) && existsSync('/etc/nagios4/objects/localhost.cfg')) return installed;
  const directory = temporaryTree({});
  try {
    execFileSync('apt-get', ['download', 'nagios4-common', 'monitoring-plugins-basic'], {
      cwd: directory,
      stdio: 'pipe',
      timeout: 60_000,
    });
  } catch (error) {
    // Without apt or network there is no sample; the test says so.
    return error instanceof Error ? undefined : undefined;
  }
  mkdirSync(join(directory, 'root'));
  for (const name of readdirSync(directory).filter((each) => each.endsWith('.deb')))
    execFileSync('dpkg-deb', ['-x', join(directory, name), join(directory, 'root')]);
  return join(directory, 'root/etc/nagios4/nagios.cfg');
}

test('the sample of Debian’s nagios4 imports and validates (skipped where it is neither installed nor to be fetched)', ({
  skip,
}) => {
  const sample = debianSample();
  if (sample === undefined) return skip('nagios4-common is not installed, and apt cannot fetch it');
  const imported = importNagios(sample, {});
  expect(problemsOf(imported)).toEqual([]);
  expect(imported.counts).toMatchObject({ hosts: 1, runbooks: 9, checks: 9 });
  const every = imported.notes.every(({ message }) => message !== '');
  expect(every && imported.notes.length > 100).toBe(true);
});
