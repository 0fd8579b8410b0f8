/** Owns the hosts files that Nagios hosts become: address, login, labels from groups, parents, variables. */

import { literalValue, looksSecret } from './literal-text.ts';
import type { Plan } from './nagios-checks.ts';
import { type NagiosHost, type NagiosModel, take } from './nagios-model.ts';
import { listOf } from './nagios-templates.ts';
import { labelFrom, Names } from './names.ts';
import { Commented, type YamlValue, yamlText } from './yaml-text.ts';

/** A file stays far below what the loader reads. */
const hostsPerFile = 2000;
const parentsLimit = 20;

const labelsByModel = new WeakMap<NagiosModel, ReadonlyMap<string, string>>();

/** The label of a hostgroup; two groups never share one. */
export function groupLabel(model: NagiosModel, group: string): string {
  let labels = labelsByModel.get(model);
  if (labels === undefined) {
    const names = new Names(63);
    labels = new Map(
      [...model.groups.keys()].map((name) => [name, names.unique(labelFrom(`group/${name}`))]),
    );
    labelsByModel.set(model, labels);
  }
  return labels.get(group) ?? labelFrom(`group/${group}`);
}

export function hostFiles(model: NagiosModel, plans: readonly Plan[]): [path: string, text: string][] {
  const labels = new Map<string, Record<string, string>>();
  for (const [group, members] of model.groups) {
    for (const name of members) {
      const mine = labels.get(name) ?? {};
      labels.set(name, { ...mine, [groupLabel(model, group)]: 'true' });
    }
  }
  const parents = parentsOf(model);
  const logins = loginsOf(model, plans);
  const hosts = [...model.hosts.values()].map((host): [string, YamlValue] => [
    host.id,
    new Commented(
      commentOf(host),
      hostValue(model, host, {
        labels: labels.get(host.name),
        parents: parents.get(host.name),
        login: logins.get(host.name),
      }),
    ),
  ]);
  const files: [string, string][] = [];
  for (let at = 0; at < hosts.length; at += hostsPerFile) {
    const number = at === 0 ? '' : `-${at / hostsPerFile + 1}`;
    const text = yamlText('Imported from Nagios.', {
      hosts: Object.fromEntries(hosts.slice(at, at + hostsPerFile)),
    });
    files.push([`hosts/nagios${number}.yaml`, text]);
  }
  return files;
}

function commentOf({ object, alias, name }: NagiosHost): string {
  const place = `from ${object.file}:${object.line}`;
  return alias === name ? place : `${alias.replaceAll(/\s+/g, ' ')}; ${place}`;
}

interface HostParts {
  labels: Record<string, string> | undefined;
  parents: readonly string[] | undefined;
  login: Plan['login'] | undefined;
}

function hostValue(model: NagiosModel, host: NagiosHost, { labels, parents, login }: HostParts): YamlValue {
  // Without a prototype, since the names are of others.
  const vars = Object.create(null) as Record<string, YamlValue>;
  for (const [name, value] of host.vars) {
    model.book.carried(...value.from);
    vars[name] = literalValue(value.text);
    if (looksSecret(value.text)) {
      const message = `the variable \`_${name.toUpperCase()}\` reads like a reference to a secret; it has a space in it now`;
      model.book.note(value.from[0] ?? host.object, 'check', message);
    }
    if (/pass|secret|token|community/i.test(name)) {
      const place = value.from[0] ?? host.object;
      model.book.note(
        place,
        'check',
        `the variable \`_${name.toUpperCase()}\` may be secret, and stands in the hosts file now`,
      );
    }
  }
  take(model.book, host.object, 'alias');
  if (model.wanted.has(`${host.name}\nvars.alias`)) vars['alias'] = literalValue(host.alias);
  if (model.wanted.has(`${host.name}\nvars.nagios_name`)) vars['nagios_name'] = literalValue(host.name);
  const reach: Record<string, YamlValue> = host.isLocal
    ? { transport: 'local' }
    : {
        ...(host.address === host.id ? {} : { address: host.address }),
        ...login,
        ...(parents === undefined || parents.length === 0 ? {} : { parents }),
      };
  return {
    ...reach,
    ...(labels === undefined ? {} : { labels }),
    ...(Object.keys(vars).length === 0 ? {} : { vars }),
  };
}

/** Parents that exist, at most so many, in no circle. */
function parentsOf(model: NagiosModel): Map<string, string[]> {
  const { book, hosts } = model;
  const kept = new Map<string, string[]>();
  for (const host of hosts.values()) {
    const named = [...new Set(listOf(take(book, host.object, 'parents') ?? ''))];
    const place = host.object.values.get('parents')?.from[0] ?? host.object;
    const mine: string[] = [];
    for (const name of named) {
      const parent = hosts.get(name);
      const refused =
        parent === undefined
          ? `there is no host \`${name.slice(0, 80)}\``
          : parent.isLocal || host.isLocal
            ? 'the ops box itself is never down, and has no parents'
            : mine.length >= parentsLimit
              ? `a host has at most ${parentsLimit} parents`
              : isAbove(kept, host.name, name)
                ? `\`${name}\` and \`${host.name}\` are parents of each other`
                : undefined;
      if (refused === undefined) mine.push(name);
      else book.note(place, 'left_out', `parent left out: ${refused}`);
      kept.set(host.name, mine);
    }
    if (mine.length > 0) {
      const message =
        'a parent counts as down when SSH to it fails, so something must be checked on it over SSH';
      book.note(place, 'changed', message);
    }
  }
  return new Map([...kept].map(([name, list]) => [name, list.map((each) => hosts.get(each)?.id ?? each)]));
}

/** Whether `host` is on the way to `parent`. */
function isAbove(kept: ReadonlyMap<string, readonly string[]>, host: string, parent: string): boolean {
  const reached = new Set([parent]);
  for (const each of reached) for (const next of kept.get(each) ?? []) reached.add(next);
  return reached.has(host);
}

/** How check_by_ssh logged in, where all commands of a host agree. */
function loginsOf({ book }: NagiosModel, plans: readonly Plan[]): Map<string, Plan['login']> {
  const logins = new Map<string, { user?: string; port?: number }>();
  for (const { login, hosts, object } of plans) {
    for (const { name } of hosts) {
      const known = logins.get(name) ?? {};
      const clash =
        (login.user !== undefined && known.user !== undefined && login.user !== known.user) ||
        (login.port !== undefined && known.port !== undefined && login.port !== known.port);
      if (clash) {
        const hint = 'a host has one login; use `sudo: { user: … }` for the other';
        book.note(
          object,
          'check',
          `check_by_ssh logs in to \`${name}\` as another user or on another port than elsewhere`,
          hint,
        );
      } else logins.set(name, { ...known, ...login });
    }
  }
  return logins;
}
