/**
 * Owns reading the text of an inventory, whatever its form: the way from text to the hosts that mendd may have. Pure: it
 * opens no file and runs nothing.
 */
import type { FoundHost, InventorySource, Json } from '../../core/sources.ts';
import { ansibleHosts } from './ansible-hosts.ts';
import { readIni } from './ansible-ini.ts';
import { AnsibleInventory, noVarsBeside, type VarsBeside } from './ansible-model.ts';
import { readScriptGroups, readYamlGroups } from './ansible-yaml.ts';
import { admitFound } from './found-hosts.ts';
import { isMenddForm, isPrometheus, readMenddForm, readPrometheus } from './other-formats.ts';
import { isPlainMap, type PlainMap, readPlainData } from './plain-data.ts';
import { type InventoryReading, Notes, Unreadable } from './reading.ts';

export interface InventoryText {
  text: string;
  format: InventorySource['format'];
  /** Its ending tells the form where it has one: `.ini`, `.json`, `.yaml`, `.yml`. */
  path?: string;
  /** It is what a program printed: groups in JSON are those of a dynamic script. */
  isScript?: boolean;
  /** What a script answered to `--host` for each host, when it was asked. */
  hostVars?: ReadonlyMap<string, PlainMap>;
  beside?: VarsBeside;
}

/** What stands in the text. Never throws for what it holds. */
export function readInventory(input: InventoryText): InventoryReading {
  const inventory = new AnsibleInventory();
  return reading((notes) => {
    const read = readInto(input, inventory, notes);
    if (read.hosts !== undefined) return { hosts: read.hosts };
    const hosts = ansibleHosts(inventory.wholeHosts(input.beside ?? noVarsBeside), notes);
    return { hosts, askHosts: read.askHosts };
  });
}

/** Several files of one Ansible inventory, in their order. */
export function readAnsibleFiles(
  files: readonly { path: string; text: string }[],
  beside: VarsBeside,
): InventoryReading {
  const inventory = new AnsibleInventory();
  return reading((notes) => {
    for (const { path, text } of files) {
      try {
        readInto({ text, path, format: 'ansible' }, inventory, notes);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        Object.assign(error.refusal, { file: path });
        throw error;
      }
    }
    return { hosts: ansibleHosts(inventory.wholeHosts(beside), notes) };
  });
}

function reading(
  read: (notes: Notes) => { hosts: FoundHost[]; askHosts?: readonly string[] },
): InventoryReading {
  const notes = new Notes();
  try {
    const { hosts, askHosts = [] } = read(notes);
    const admitted = admitFound(hosts, notes);
    return {
      ok: true,
      hosts: admitted,
      warnings: notes.list(),
      ...(askHosts.length === 0 ? {} : { askHosts }),
    };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { ok: false, refusal: error.refusal, warnings: notes.list() };
  }
}

/** Hosts themselves, or groups and hosts in the inventory, and which of those to ask for. */
function readInto(
  input: InventoryText,
  inventory: AnsibleInventory,
  notes: Notes,
): { hosts: FoundHost[] } | { hosts?: undefined; askHosts: string[] } {
  const { text, format, path = '' } = input;
  if (text.includes('\0')) throw new Unreadable('is no text', 'give a text');
  const data = isIniPath(path) && format !== 'mendd' ? undefined : dataOf(input, notes);
  if (data === undefined) {
    readIni(text, inventory);
    return { askHosts: [] };
  }
  if (format === 'prometheus' || (format === 'auto' && isPrometheus(data)))
    return { hosts: readPrometheus(data, notes) };
  if (format === 'mendd' || (format === 'auto' && isMenddForm(data)))
    return { hosts: readMenddForm(data, notes) };
  if (!isPlainMap(data))
    throw new Unreadable('an inventory of Ansible is a map of groups', 'write `all:` at its top');
  if (looksDynamic(data) || (input.isScript === true && !looksStatic(data)))
    return { askHosts: readScriptGroups(data, input.hostVars, inventory) };
  readYamlGroups(data, inventory, notes);
  return { askHosts: [] };
}

function isIniPath(path: string): boolean {
  return /\.(ini|cfg|toml)$/i.test(path);
}

/** What a text holds when it is YAML or JSON; undefined when it can only be INI. */
function dataOf({ text, format, path = '', isScript }: InventoryText, notes: Notes): Json | undefined {
  const isNamed =
    /\.(ya?ml|json)$/i.test(path) || format === 'mendd' || format === 'prometheus' || isScript === true;
  if (isNamed) {
    const data = readPlainData(text, notes);
    if (data === null) throw new Unreadable('is empty', 'write hosts');
    return data;
  }
  if (isSurelyIni(text)) return undefined;
  const tried = new Notes();
  try {
    const data = readPlainData(text, tried);
    if (!isPlainMap(data) && !isPrometheus(data)) return undefined;
    for (const { message, line } of tried.list()) notes.add(message, line);
    return data;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    // A key that opens a map stands in no INI.
    if (!/^[^\s#[=]+:[ \t]*(#.*)?$/m.test(text)) return undefined;
    throw error;
  }
}

/** The header of a section stands in no YAML, and without a colon before a space or an end there is no map in it. */
function isSurelyIni(text: string): boolean {
  if (/^\s*\{/.test(text)) return false;
  if (/^[ \t]*\[[^\]\s"'{,]+\][ \t]*(#.*)?$/m.test(text)) return true;
  return !/^\s*\[/.test(text) && !/:(\s|$)/.test(text);
}

/** A list of hosts, or `_meta`, is written by scripts alone. */
function looksDynamic(data: PlainMap): boolean {
  if (Object.hasOwn(data, '_meta')) return true;
  return Object.values(data).some(
    (group) => Array.isArray(group) || (isPlainMap(group) && Array.isArray(group['hosts'])),
  );
}

/** Maps of hosts, as `ansible-inventory --list --yaml` prints them. */
function looksStatic(data: PlainMap): boolean {
  return Object.values(data).some(
    (group) => isPlainMap(group) && (isPlainMap(group['hosts']) || isPlainMap(group['children'])),
  );
}
