/** Owns asking the real `ansible-inventory` what an inventory says, and putting both answers into one form. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { FoundHost, Json } from '../../core/sources.ts';

type HostVars = Record<string, Record<string, Json>>;
type Groups = Record<string, { hosts?: string[]; children?: string[] }>;

export const hasAnsible = spawnSync('ansible-inventory', ['--version']).status === 0;

/** A host as mendd and Ansible both can tell it. */
export interface ComparedHost {
  address: Json;
  port: Json;
  user: Json;
  groups: string[];
  vars: Readonly<Record<string, Json>>;
}

export async function askAnsible(path: string): Promise<Record<string, ComparedHost>> {
  const env = { ...process.env, LC_ALL: 'C.UTF-8', ANSIBLE_LOCALHOST_WARNING: 'false' };
  const run = promisify(execFile)('ansible-inventory', ['-i', path, '--list'], { env });
  const { _meta, ...rest } = JSON.parse((await run).stdout) as { _meta: { hostvars: HostVars } };
  const { hostvars } = _meta;
  const listing: Groups = rest;
  const groups = new Map<string, Set<string>>();
  const visit = (host: string, group: string): void => {
    const mine = groups.get(host) ?? new Set<string>();
    groups.set(host, mine.add(group));
    for (const [parent, { children }] of Object.entries(listing))
      if (children?.includes(group) === true) visit(host, parent);
  };
  for (const [name, { hosts }] of Object.entries(listing)) for (const host of hosts ?? []) visit(host, name);
  return Object.fromEntries(
    [...groups].sort(byName).map(([name, own]) => {
      const vars = hostvars[name] ?? {};
      const { ansible_host: address = null, ansible_port: port = null, ansible_user: user = null } = vars;
      const kept = Object.entries(vars).filter(isTaken);
      const listed = [...own].filter((group) => group !== 'all').sort();
      return [name, { address, port, user, groups: listed, vars: sorted(Object.fromEntries(kept)) }];
    }),
  );
}

export function compared(hosts: readonly FoundHost[]): Record<string, ComparedHost> {
  const entries = hosts.map(({ name, address = null, port = null, user = null, labels, vars }) => {
    const groups = Object.keys(labels).map((label) => label.replace(/^group\//, ''));
    return [name, { address, port, user, groups: groups.sort(), vars: sorted(vars) }] as const;
  });
  return Object.fromEntries([...entries].sort(byName));
}

function sorted(vars: Readonly<Record<string, Json>>): Record<string, Json> {
  return Object.fromEntries(Object.entries(vars).sort(byName));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** Templates of Ansible are not taken for ours. */
function isTaken([key, value]: [string, Json]): boolean {
  return !key.startsWith('ansible_') && !JSON.stringify(value).includes('{{');
}
