/**
 * Owns reading YAML inventories of Ansible, and the JSON of dynamic inventory scripts, into groups and hosts.
 * Source: ansible-core 2.14 to 2.19, plugins/inventory/yaml.py and script.py.
 */
import type { Json } from '../../core/sources.ts';
import type { AnsibleGroup, AnsibleInventory } from './ansible-model.ts';
import { expandPattern } from './ansible-pattern.ts';
import { isPlainMap, type PlainMap } from './plain-data.ts';
import { type Notes, shown, Unreadable } from './reading.ts';

export function setGroupVariable(group: AnsibleGroup, key: string, value: Json): void {
  if (key !== 'ansible_group_priority') {
    group.vars[key] = value;
    return;
  }
  const priority = Number(value);
  if (!Number.isInteger(priority))
    throw new Unreadable(
      `\`ansible_group_priority\` of ${shown(group.name)} is no whole number`,
      'write one',
    );
  group.priority = priority;
}

function setGroupVariables(group: AnsibleGroup, vars: PlainMap): void {
  for (const [key, value] of Object.entries(vars)) setGroupVariable(group, key, value);
}

/** Top-level keys are groups. Errors: Unreadable. */
export function readYamlGroups(data: PlainMap, inventory: AnsibleInventory, notes: Notes): void {
  if (data['plugin'] !== undefined && data['plugin'] !== null && data['plugin'] !== '') {
    const hint = 'run it: `exec: /usr/bin/ansible-inventory` with `args: [-i, FILE, --list]`';
    throw new Unreadable('this is the configuration of an inventory plugin of Ansible', hint);
  }
  for (const [name, group] of Object.entries(data)) readYamlGroup(name, group, inventory, notes);
}

function readYamlGroup(
  name: string,
  data: Json,
  inventory: AnsibleInventory,
  notes: Notes,
): AnsibleGroup | undefined {
  if (data !== null && !isPlainMap(data)) {
    notes.add(`the group ${shown(name)} is no map, and left out`);
    return undefined;
  }
  const group = inventory.addGroup(name);
  for (const [key, written] of Object.entries(data ?? {})) {
    const isSection = key === 'vars' || key === 'children' || key === 'hosts';
    // A single name may stand for a map of it alone.
    const section = isSection && typeof written === 'string' ? { [written]: null } : written;
    if (section === null) continue;
    if (!isSection) notes.add(`\`${key}\` of the group ${shown(name)} means nothing there`);
    else if (!isPlainMap(section))
      throw new Unreadable(`\`${key}\` of the group ${shown(name)} is no map`, 'write `name:` lines');
    else if (key === 'vars') setGroupVariables(group, section);
    else if (key === 'hosts') readYamlHosts(section, group, inventory, notes);
    else {
      for (const [child, each] of Object.entries(section)) {
        const read = readYamlGroup(child, each, inventory, notes);
        if (read !== undefined) inventory.addChild(group, read);
      }
    }
  }
  return group;
}

function readYamlHosts(
  hosts: PlainMap,
  group: AnsibleGroup,
  inventory: AnsibleInventory,
  notes: Notes,
): void {
  for (const [pattern, vars] of Object.entries(hosts)) {
    const { names, port } = expandPattern(pattern);
    if (vars !== null && vars !== '' && !isPlainMap(vars))
      notes.add(`the variables of ${shown(pattern)} are no map, and left out`);
    for (const name of names)
      Object.assign(inventory.addHost(name, group, port).vars, isPlainMap(vars) ? vars : {});
  }
}

/**
 * The answer to `--list`. Returns the hosts whose variables have to be asked for one by one; none when the answer has
 * `_meta.hostvars`, or when `hostVars` has them. Errors: Unreadable.
 */
export function readScriptGroups(
  data: PlainMap,
  hostVars: ReadonlyMap<string, PlainMap> | undefined,
  inventory: AnsibleInventory,
): string[] {
  for (const [name, group] of Object.entries(data)) {
    if (name !== '_meta') readScriptGroup(name, group, inventory);
  }
  const meta = data['_meta'];
  const told = isPlainMap(meta) ? meta['hostvars'] : undefined;
  if (told !== undefined && told !== null && !isPlainMap(told))
    throw new Unreadable('`_meta.hostvars` is no map', 'write the variables of each host by its name');
  if (!isPlainMap(told) && hostVars === undefined) return [...inventory.hosts.keys()];
  for (const host of inventory.hosts.values()) {
    const own = isPlainMap(told)
      ? Object.hasOwn(told, host.name)
        ? told[host.name]
        : undefined
      : hostVars?.get(host.name);
    if (isPlainMap(own)) Object.assign(host.vars, own);
  }
  return [];
}

function readScriptGroup(name: string, written: Json, inventory: AnsibleInventory): void {
  const group = inventory.addGroup(name);
  let data: PlainMap = isPlainMap(written) ? written : { hosts: written };
  // A host of its own with variables, in short.
  if (!['hosts', 'vars', 'children'].some((key) => Object.hasOwn(data, key)))
    data = { hosts: [name], vars: data };
  const { hosts, vars, children } = data;
  const list = (key: string, value: Json | undefined): string[] => {
    if (value === undefined || (value === null && key === 'children')) return [];
    if (Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== '')) return value;
    throw new Unreadable(`\`${key}\` of the group ${shown(name)} is no list of names`, 'write a list');
  };
  for (const host of list('hosts', hosts)) inventory.addHost(host, group);
  if (vars !== undefined && !isPlainMap(vars))
    throw new Unreadable(`\`vars\` of the group ${shown(name)} is no map`, 'write a map');
  setGroupVariables(group, vars ?? {});
  for (const child of list('children', children)) inventory.addChild(group, inventory.addGroup(child));
}
