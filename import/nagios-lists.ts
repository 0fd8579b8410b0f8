/**
 * Owns the lists that name hosts in Nagios objects: names, `*`, `!name`, groups with groups in them. Each list is
 * answered with hosts in the order of their definition.
 */
import type { NagiosHost } from './nagios-model.ts';
import type { NagiosSource } from './nagios-source.ts';
import { listOf, type NagiosObject } from './nagios-templates.ts';
import type { Notebook, Place } from './notebook.ts';

export interface Selected {
  hosts: NagiosHost[];
  /** Those that were named, not reached through a group. */
  direct: NagiosHost[];
  /** The one group that says the same. */
  group?: string;
  isForAll: boolean;
}

interface Group {
  object: NagiosObject;
  own: readonly string[];
  nested: readonly string[];
}

export class NagiosDirectory {
  /** Names of members, with those of groups inside. */
  readonly groups = new Map<string, ReadonlySet<string>>();
  readonly #hosts: ReadonlyMap<string, NagiosHost>;
  readonly #book: Notebook;
  readonly #patterns: boolean;
  readonly #written = new Map<string, Group>();

  constructor(
    hosts: ReadonlyMap<string, NagiosHost>,
    groups: readonly NagiosObject[],
    source: NagiosSource,
    book: Notebook,
  ) {
    this.#hosts = hosts;
    this.#book = book;
    this.#patterns = this.#usesPatterns(source);
    for (const object of groups) this.#readGroup(object);
    const joined = this.#joined();
    for (const name of new Set([...this.#written.keys(), ...joined.keys()]))
      this.groups.set(name, this.#members(name, joined));
  }

  /** The hosts that two directives of an object name together; both are carried over. */
  select(object: NagiosObject, namesKey: string, groupsKey: string): Selected {
    const names = this.#list(object, namesKey);
    const groups = this.#list(object, groupsKey);
    const place = object.values.get(namesKey)?.from[0] ?? object.values.get(groupsKey)?.from[0] ?? object;
    const direct = this.#named(names.filter(isWanted), place);
    const reached = this.#grouped(groups.filter(isWanted), place);
    const without = new Set([
      ...this.#named(names.filter(isUnwanted).map(bare), place),
      ...this.#grouped(groups.filter(isUnwanted).map(bare), place),
    ]);
    const wanted = new Set([...direct, ...reached].filter((host) => !without.has(host)));
    const hosts = [...this.#hosts.values()].filter((host) => wanted.has(host));
    const [group] = groups;
    const isGroup =
      names.length === 0 && groups.length === 1 && group !== undefined && this.groups.has(group);
    return {
      hosts,
      direct: [...direct].filter((host) => wanted.has(host)),
      isForAll: names.includes('*') && without.size === 0,
      ...(isGroup ? { group } : {}),
    };
  }

  #list(object: NagiosObject, key: string): string[] {
    const value = object.values.get(key);
    if (value === undefined) return [];
    this.#book.carried(...value.from);
    return listOf(value.text);
  }

  #named(names: readonly string[], place: Place): Set<NagiosHost> {
    return new Set(
      names.flatMap((name) => {
        if (name === '*') return [...this.#hosts.values()];
        const host = this.#hosts.get(name);
        if (host !== undefined) return [host];
        const matched = this.#matching(name, this.#hosts.keys());
        if (matched.length === 0) this.#missing(place, 'host', name);
        return matched.flatMap((each) => this.#hosts.get(each) ?? []);
      }),
    );
  }

  #grouped(names: readonly string[], place: Place): Set<NagiosHost> {
    const all = names.flatMap((name) => {
      if (name === '*') return [...this.groups.keys()];
      if (this.groups.has(name)) return [name];
      const matched = this.#matching(name, this.groups.keys());
      if (matched.length === 0) this.#missing(place, 'hostgroup', name);
      return matched;
    });
    const members = all.flatMap((group) => [...(this.groups.get(group) ?? [])]);
    return new Set(members.flatMap((name) => this.#hosts.get(name) ?? []));
  }

  #missing(place: Place, what: string, name: string): void {
    this.#book.note(place, 'check', `there is no ${what} \`${name.slice(0, 80)}\`; it is not counted`);
  }

  #usesPatterns({ settings }: NagiosSource): boolean {
    const plain = settings.get('use_regexp_matching');
    const always = settings.get('use_true_regexp_matching');
    for (const setting of [plain, always]) if (setting !== undefined) this.#book.carried(setting);
    return plain?.value === '1' || always?.value === '1';
  }

  /** With use_regexp_matching, names may be patterns; only what a glob could say is understood, so that none can be slow. */
  #matching(name: string, names: Iterable<string>): string[] {
    if (!this.#patterns || !/[*?+.^$|[\]]/.test(name)) return [];
    const parts = name
      .replace(/^\^/, '')
      .replace(/\$$/, '')
      .split(/\.?\*|\.\+/);
    if (parts.length > 5 || parts.some((part) => /[?+^$|[\](){}]/.test(part))) return [];
    const source = parts
      .map(
        (part, at) => (at === 0 ? '' : '.*') + part.replaceAll(/\\?\./g, '\\.').replaceAll(/\\(?!\.)/g, ''),
      )
      .join('');
    const from = name.startsWith('^') ? '^' : '';
    const pattern = new RegExp(`${from}${source}${name.endsWith('$') ? '$' : ''}`);
    return [...names].filter((each) => each.length <= 255 && pattern.test(each));
  }

  #readGroup(object: NagiosObject): void {
    const name = object.values.get('hostgroup_name');
    if (name === undefined || this.#written.has(name.text)) {
      const why = name === undefined ? 'has no hostgroup_name' : `\`${name.text}\` is there already`;
      this.#book.note(name?.from[0] ?? object, 'left_out', `this hostgroup ${why}`);
      return;
    }
    this.#book.carried(...name.from);
    this.#written.set(name.text, {
      object,
      own: this.#list(object, 'members'),
      nested: this.#list(object, 'hostgroup_members'),
    });
  }

  /** Names of hosts by the group that they say themselves to be in. */
  #joined(): Map<string, string[]> {
    const joined = new Map<string, string[]>();
    for (const { object, name } of this.#hosts.values()) {
      const value = object.values.get('hostgroups');
      for (const group of this.#list(object, 'hostgroups')) {
        joined.set(group, [...(joined.get(group) ?? []), name]);
        if (this.#written.has(group)) continue;
        const place = value?.from[0] ?? object;
        this.#book.note(
          place,
          'changed',
          `there is no hostgroup \`${group}\`; its label is made all the same`,
        );
      }
    }
    return joined;
  }

  #members(name: string, joined: ReadonlyMap<string, string[]>): Set<string> {
    const members = new Set<string>();
    // Grows while it is walked: groups in groups, each once, so that circles end.
    const reached = new Set([name]);
    for (const each of reached) {
      for (const host of joined.get(each) ?? []) members.add(host);
      const group = this.#written.get(each);
      if (group === undefined) continue;
      const place = group.object.values.get('members')?.from[0] ?? group.object;
      const without = this.#named(group.own.filter(isUnwanted).map(bare), place);
      for (const host of this.#named(group.own.filter(isWanted), place))
        if (!without.has(host)) members.add(host.name);
      for (const inner of group.nested) {
        const from = group.object.values.get('hostgroup_members')?.from[0] ?? group.object;
        if (!this.#written.has(inner) && !joined.has(inner)) this.#missing(from, 'hostgroup', inner);
        reached.add(inner);
      }
    }
    return members;
  }
}

function isUnwanted(name: string): boolean {
  return name.startsWith('!');
}

function isWanted(name: string): boolean {
  return !isUnwanted(name);
}

function bare(name: string): string {
  return name.slice(1).trim();
}
