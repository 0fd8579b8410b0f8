/**
 * Owns reading INI inventories of Ansible into groups and hosts.
 * Source: ansible-core 2.14 to 2.19, plugins/inventory/ini.py; "How to build your inventory".
 */
import type { Json } from '../../core/sources.ts';
import type { AnsibleGroup, AnsibleInventory, Vars } from './ansible-model.ts';
import { expandPattern } from './ansible-pattern.ts';
import { setGroupVariable } from './ansible-yaml.ts';
import { readPythonLiteral } from './python-literal.ts';
import { shown, Unreadable } from './reading.ts';
import { splitShellWords } from './shell-words.ts';

const sectionPattern = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$/;
const groupNamePattern = /^([^:\]\s]+)\s*(?:#.*)?$/;
/** As Python splits lines, which counts some separators as ends. */
const lineEnd = /\r\n|[\n\r\v\f\x85\u2028\u2029]/;

type Section = 'hosts' | 'vars' | 'children';

/** Errors: Unreadable, with the line. */
export function readIni(text: string, inventory: AnsibleInventory): void {
  new IniReader(inventory).read(text);
}

class IniReader {
  readonly #inventory: AnsibleInventory;
  /** Groups that were named and must be declared somewhere. */
  readonly #awaited = new Map<string, { line: number; as: Section; by: string }>();
  #group: AnsibleGroup;
  #section: Section = 'hosts';
  #line = 0;

  constructor(inventory: AnsibleInventory) {
    this.#inventory = inventory;
    this.#group = inventory.addGroup('ungrouped');
  }

  read(text: string): void {
    for (const written of text.split(lineEnd)) {
      this.#line += 1;
      const line = written.trim();
      if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
      const section = sectionPattern.exec(line);
      if (section !== null) this.#open(section[1] ?? '', section[2] ?? 'hosts');
      else if (line.startsWith('[') && line.endsWith(']'))
        this.#fail(
          `${shown(line)} is no section`,
          'write for example `[web]`, `[web:vars]` or `[web:children]`',
        );
      else if (this.#section === 'hosts') this.#readHost(line);
      else if (this.#section === 'vars') this.#readVariable(line);
      else this.#readChild(line);
    }
    for (const [name, { line, as, by }] of this.#awaited) {
      const message = `${shown(`[${by}:${as}]`)} names the group ${shown(name)}, which is nowhere`;
      throw new Unreadable(message, `declare \`[${name}]\``, line);
    }
  }

  #open(name: string, section: string): void {
    if (section !== 'hosts' && section !== 'vars' && section !== 'children')
      this.#fail(`${shown(`[${name}:${section}]`)} is no kind of section`, 'write `:vars` or `:children`');
    const isNew = !this.#inventory.groups.has(name) && !this.#awaited.has(name);
    if (section !== 'vars') this.#awaited.delete(name);
    else if (isNew) this.#awaited.set(name, { line: this.#line, as: section, by: name });
    this.#group = this.#inventory.addGroup(name);
    this.#section = section;
  }

  #readHost(line: string): void {
    const words = splitShellWords(line);
    if ('problem' in words) this.#fail(`in ${shown(line)} ${words.problem}`, 'close it');
    const [pattern = '', ...assignments] = words.value;
    if (pattern === '---') this.#fail('`---` is no host', 'name the file `.yaml` when it is YAML');
    const { names, port } = expandPattern(pattern, this.#line);
    if (pattern.endsWith(':')) this.#fail(`${shown(pattern)} ends in a colon`, 'write the port behind it');
    const vars: Vars = {};
    for (const word of assignments) {
      const at = word.indexOf('=');
      if (at === -1) this.#fail(`${shown(word)} is no variable`, 'write `key=value`');
      vars[word.slice(0, at)] = valueOf(word.slice(at + 1));
    }
    for (const name of names) Object.assign(this.#inventory.addHost(name, this.#group, port).vars, vars);
  }

  #readVariable(line: string): void {
    const at = line.indexOf('=');
    if (at === -1) this.#fail(`${shown(line)} is no variable`, 'write `key=value`');
    setGroupVariable(this.#group, line.slice(0, at).trim(), valueOf(line.slice(at + 1).trim()));
  }

  #readChild(line: string): void {
    const name = groupNamePattern.exec(line)?.[1];
    if (name === undefined) this.#fail(`${shown(line)} is no name of a group`, 'write one group a line');
    if (!this.#inventory.groups.has(name))
      this.#awaited.set(name, { line: this.#line, as: 'children', by: this.#group.name });
    this.#inventory.addChild(this.#group, this.#inventory.addGroup(name));
  }

  #fail(message: string, hint: string): never {
    throw new Unreadable(message, hint, this.#line);
  }
}

function valueOf(text: string): Json {
  const literal = readPythonLiteral(text);
  return literal === undefined ? text : literal.value;
}
