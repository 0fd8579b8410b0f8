/**
 * Owns hosts and groups as Ansible relates them: membership, order of precedence of variables. It reads no text.
 * Source: ansible-core 2.14 to 2.19, inventory/data.py, inventory/group.py, vars/manager.py.
 */
import type { Json } from '../../core/sources.ts';
import { shown, Unreadable } from './reading.ts';

export type Vars = Record<string, Json>;

/** Hosts of one inventory. */
const hostsLimit = 100_000;
const groupsLimit = 20_000;

export interface AnsibleGroup {
  name: string;
  vars: Vars;
  hosts: Set<string>;
  children: Set<string>;
  priority: number;
}

export interface AnsibleHost {
  name: string;
  vars: Vars;
}

/** A host with all that holds for it. */
export interface WholeHost {
  name: string;
  vars: Vars;
  /** Own and inherited, without `all`, in order of their names. */
  groups: readonly string[];
}

/** What stands in `group_vars/` and `host_vars/`, by name. */
export interface VarsBeside {
  groups: ReadonlyMap<string, Vars>;
  hosts: ReadonlyMap<string, Vars>;
}

export const noVarsBeside: VarsBeside = { groups: new Map(), hosts: new Map() };

export class AnsibleInventory {
  readonly groups = new Map<string, AnsibleGroup>();
  readonly hosts = new Map<string, AnsibleHost>();

  constructor() {
    this.addGroup('all');
    this.addGroup('ungrouped');
  }

  addGroup(name: string): AnsibleGroup {
    if (name === '') throw new Unreadable('a group has no name', 'name it');
    const known = this.groups.get(name);
    if (known !== undefined) return known;
    if (this.groups.size >= groupsLimit)
      throw new Unreadable(`there are more than ${groupsLimit.toLocaleString('en-US')} groups`, 'split it');
    const group = { name, vars: {}, hosts: new Set<string>(), children: new Set<string>(), priority: 1 };
    this.groups.set(name, group);
    return group;
  }

  /** A port counts for a host that was not there before. */
  addHost(name: string, group: AnsibleGroup, port?: number): AnsibleHost {
    group.hosts.add(name);
    const known = this.hosts.get(name);
    if (known !== undefined) return known;
    if (this.hosts.size >= hostsLimit)
      throw new Unreadable(`there are more than ${hostsLimit.toLocaleString('en-US')} hosts`, 'split it');
    const host = { name, vars: port === undefined ? {} : { ansible_port: port } };
    this.hosts.set(name, host);
    return host;
  }

  addChild(parent: AnsibleGroup, child: AnsibleGroup): void {
    if (parent !== child) parent.children.add(child.name);
    else throw new Unreadable(`the group ${shown(child.name)} is its own child`, 'take it out');
  }

  /** Every host with its variables. Errors: Unreadable, when groups contain themselves. */
  wholeHosts(beside: VarsBeside): WholeHost[] {
    const ancestors = new Ancestors(this.groups);
    const byHost = new Map<string, Set<string>>();
    for (const group of this.groups.values()) {
      for (const host of group.hosts) byHost.set(host, (byHost.get(host) ?? new Set()).add(group.name));
    }
    const allVars = this.addGroup('all').vars;
    const orders = new Map<string, { groups: string[]; vars: Vars }>();
    return [...this.hosts.values()].map((host) => {
      const own = [...(byHost.get(host.name) ?? [])].filter((name) => name !== 'ungrouped');
      const direct = own.some((name) => name !== 'all') ? own : ['ungrouped'];
      const key = direct.join('\n');
      // Fleets are large, and their hosts are in few combinations of groups.
      const known = orders.get(key) ?? this.#inherited(ancestors.of(direct), ancestors, allVars, beside);
      orders.set(key, known);
      const vars = { ...known.vars, ...host.vars, ...beside.hosts.get(host.name) };
      return { name: host.name, vars, groups: known.groups };
    });
  }

  #inherited(
    names: ReadonlySet<string>,
    ancestors: Ancestors,
    allVars: Vars,
    beside: VarsBeside,
  ): { groups: string[]; vars: Vars } {
    const groups = [...names]
      .filter((name) => name !== 'all')
      .map((name) => ({ name, depth: ancestors.depth(name), group: this.addGroup(name) }))
      .sort((a, b) => a.depth - b.depth || a.group.priority - b.group.priority || (a.name < b.name ? -1 : 1));
    const vars: Vars = { ...allVars };
    for (const { group } of groups) Object.assign(vars, group.vars);
    Object.assign(vars, beside.groups.get('all'));
    for (const { name } of groups) Object.assign(vars, beside.groups.get(name));
    return { groups: groups.map(({ name }) => name).sort(), vars };
  }
}

/** Which groups contain which, and how far each is from `all`. */
class Ancestors {
  readonly #parents = new Map<string, string[]>();
  readonly #depths = new Map<string, number>();

  constructor(groups: ReadonlyMap<string, AnsibleGroup>) {
    const waiting = new Map<string, number>();
    for (const { name, children } of groups.values()) {
      for (const child of children) {
        const parents = this.#parents.get(child);
        if (parents === undefined) this.#parents.set(child, [name]);
        else parents.push(name);
        waiting.set(child, (waiting.get(child) ?? 0) + 1);
      }
    }
    // From the tops down; a group comes after all that contain it, and never when it contains itself.
    const ready = [...groups.values()].filter(({ name }) => !waiting.has(name));
    for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
      const depth = this.#depths.get(next.name) ?? (next.name === 'all' ? 0 : 1);
      this.#depths.set(next.name, depth);
      for (const child of next.children) {
        this.#depths.set(child, Math.max(this.#depths.get(child) ?? 0, depth + 1));
        const left = (waiting.get(child) ?? 1) - 1;
        waiting.set(child, left);
        const group = groups.get(child);
        if (left === 0 && group !== undefined) ready.push(group);
      }
    }
    const [circle] = [...waiting].find(([, left]) => left > 0) ?? [];
    if (circle !== undefined)
      throw new Unreadable(
        `the group ${shown(circle)} is in a circle of groups`,
        'take one of its children out',
      );
  }

  depth(name: string): number {
    return this.#depths.get(name) ?? 1;
  }

  /** Those and all that contain them. */
  of(names: readonly string[]): Set<string> {
    const found = new Set(names);
    for (const name of found) for (const parent of this.#parents.get(name) ?? []) found.add(parent);
    return found;
  }
}
