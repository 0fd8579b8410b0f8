/**
 * Owns what Nagios objects say together: which hosts there are, which are in a group, which a service is for. What
 * becomes of them is in the other files. Source: Nagios Core, Object Tricks; base/xodtemplate.c expands lists.
 */

import { isIPv4, isIPv6 } from 'node:net';
import { NagiosDirectory } from './nagios-lists.ts';
import type { NagiosSource } from './nagios-source.ts';
import { type NagiosObject, type NagiosValue, resolveTemplates } from './nagios-templates.ts';
import { hostNameFrom, hostNames } from './names.ts';
import type { Notebook } from './notebook.ts';

export interface NagiosHost {
  object: NagiosObject;
  /** As Nagios calls it. */
  name: string;
  /** As the definitions call it. */
  id: string;
  address: string;
  /** The machine that Nagios itself runs on. */
  isLocal: boolean;
  alias: string;
  /** Custom variables, by name in lower case without the `_`. */
  vars: ReadonlyMap<string, NagiosValue>;
}

export interface NagiosService {
  object: NagiosObject;
  description: string;
  hosts: readonly NagiosHost[];
  /** The one group that says exactly the same hosts. */
  group?: string;
  /** Written as `*`. */
  isForAll: boolean;
  vars: ReadonlyMap<string, NagiosValue>;
}

export interface NagiosModel {
  source: NagiosSource;
  book: Notebook;
  hosts: ReadonlyMap<string, NagiosHost>;
  /** Members by name of the group; the label is `group/NAME`. */
  groups: ReadonlyMap<string, ReadonlySet<string>>;
  services: readonly NagiosService[];
  commands: ReadonlyMap<string, NagiosObject>;
  directory: NagiosDirectory;
  objects: readonly NagiosObject[];
  ofType: (type: string) => readonly NagiosObject[];
  /** What templates read of a host beside its custom variables: name of the host, line feed, expression. */
  wanted: Set<string>;
}

export function modelOf(source: NagiosSource): NagiosModel {
  const { book } = source;
  const objects = resolveTemplates(source.blocks, book);
  const byType = new Map<string, NagiosObject[]>();
  for (const object of objects) {
    if (object.isTemplate) continue;
    const known = byType.get(object.type);
    if (known === undefined) byType.set(object.type, [object]);
    else known.push(object);
  }
  const ofType = (type: string): readonly NagiosObject[] => byType.get(type) ?? [];
  const hosts = hostsOf(ofType('host'), book);
  const directory = new NagiosDirectory(hosts, ofType('hostgroup'), source, book);
  const services = servicesOf(ofType('service'), directory, book);
  return {
    source,
    book,
    hosts,
    groups: directory.groups,
    services,
    commands: commandsOf(ofType('command'), book),
    directory,
    objects,
    ofType,
    wanted: new Set(),
  };
}

function commandsOf(objects: readonly NagiosObject[], book: Notebook): Map<string, NagiosObject> {
  const commands = new Map<string, NagiosObject>();
  for (const object of objects) {
    const name = object.values.get('command_name')?.text.trim();
    const known = name === undefined ? undefined : commands.get(name);
    if (name !== undefined && known === undefined) commands.set(name, object);
    else {
      const why =
        known === undefined ? 'has no command_name' : `is there already at ${known.file}:${known.line}`;
      for (const { from } of object.values.values())
        for (const place of from) book.note(place, 'left_out', `this command ${why}`);
    }
  }
  return commands;
}

/** The text of a directive, which is carried over by whoever asks. */
export function take(book: Notebook, { values }: NagiosObject, name: string): string | undefined {
  const value = values.get(name);
  if (value === undefined) return undefined;
  book.carried(...value.from);
  return value.text;
}

function hostsOf(objects: readonly NagiosObject[], book: Notebook): Map<string, NagiosHost> {
  const names = hostNames();
  const hosts = new Map<string, NagiosHost>();
  for (const object of objects) {
    const name = take(book, object, 'host_name')?.trim() ?? '';
    const place = object.values.get('host_name')?.from[0] ?? object;
    if (name === '' || hosts.has(name)) {
      const why =
        name === '' ? 'has no host_name' : `is there already at ${placeOf(hosts.get(name)?.object)}`;
      book.note(place, 'left_out', `this host ${why}`);
      continue;
    }
    const id = names.unique(hostNameFrom(name));
    if (id !== name)
      book.note(place, 'changed', `\`${name}\` is no name of a host here; it is now \`${id}\``);
    const address = addressOf(object, name, id, book);
    hosts.set(name, {
      object,
      name,
      id,
      address,
      isLocal: /^(127\.\d+\.\d+\.\d+|::1|localhost|localhost\.localdomain)$/i.test(address),
      alias: object.values.get('alias')?.text ?? name,
      vars: customOf(object),
    });
  }
  return hosts;
}

function placeOf(object: NagiosObject | undefined): string {
  return object === undefined ? '' : `${object.file}:${object.line}`;
}

/** As written; Nagios takes the name when there is none. */
function addressOf(object: NagiosObject, name: string, id: string, book: Notebook): string {
  const written = take(book, object, 'address')?.trim() ?? '';
  if (written === '') return isAddress(name) ? name : id;
  const plain = /^\d+(\.\d+){3}$/.test(written) ? written.split('.').map(Number).join('.') : written;
  if (isAddress(plain)) return plain;
  const place = object.values.get('address')?.from[0] ?? object;
  book.note(place, 'check', `\`${written.slice(0, 60)}\` is no address; the name of the host stands for it`);
  return isAddress(name) ? name : id;
}

function isAddress(text: string): boolean {
  if (/^\d+(\.\d+){3}$/.test(text)) return isIPv4(text);
  return text.includes(':') ? isIPv6(text) : /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/.test(text);
}

export function customOf(object: NagiosObject): Map<string, NagiosValue> {
  const all = [...object.values].filter(([name]) => name.startsWith('_') && name.length > 1);
  return new Map(all.map(([name, value]) => [name.slice(1).toLowerCase(), value]));
}

function key(host: NagiosHost, description: string): string {
  return `${host.name}\n${description}`;
}

/** A service named by a host wins over one that the host has through a group, as in Nagios. */
function servicesOf(
  objects: readonly NagiosObject[],
  directory: NagiosDirectory,
  book: Notebook,
): NagiosService[] {
  const all = objects.flatMap((object) => {
    const description = take(book, object, 'service_description')?.trim() ?? '';
    const found = directory.select(object, 'host_name', 'hostgroup_name');
    if (description === '') book.note(object, 'left_out', 'this service has no service_description');
    return description === '' ? [] : [{ object, description, ...found }];
  });
  const named = new Set(
    all.flatMap(({ direct, description }) => direct.map((host) => key(host, description))),
  );
  const taken = new Set<string>();
  return all.flatMap(({ object, description, hosts, direct, group, isForAll }) => {
    const twice: string[] = [];
    const mine = hosts.filter((host) => {
      const mark = key(host, description);
      if (named.has(mark) && !direct.includes(host)) return false;
      if (taken.has(mark)) twice.push(host.name);
      else taken.add(mark);
      return !twice.includes(host.name);
    });
    if (twice.length > 0)
      book.note(
        object,
        'check',
        `\`${description}\` is there already for ${shortList(twice)}; the first one is used`,
      );
    if (mine.length === 0) {
      if (twice.length === 0) book.note(object, 'left_out', `\`${description}\` is for no host`);
      for (const value of object.values.values()) leaveOut(book, value);
      return [];
    }
    const whole = mine.length === hosts.length;
    return [
      {
        object,
        description,
        hosts: mine,
        isForAll: isForAll && whole,
        vars: customOf(object),
        ...(group === undefined || !whole ? {} : { group }),
      },
    ];
  });
}

function leaveOut(book: Notebook, { from }: NagiosValue): void {
  for (const place of from) if (book.isOpen(place)) book.note(place, 'left_out', 'it is for no host');
}

/** Some of the names, and how many more. */
export function shortList(names: readonly string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return names.slice(0, 5).join(', ') + more;
}
