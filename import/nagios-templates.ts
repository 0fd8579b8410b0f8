/**
 * Owns inheritance between Nagios objects: `use` with several templates, the first wins; `null` ends it; a leading `+`
 * adds to what is inherited. Source: Nagios Core, Object Inheritance.
 */
import type { Directive, NagiosBlock } from './nagios-source.ts';
import type { Notebook, Place } from './notebook.ts';

/** The value of a directive, and every line it came from. */
export interface NagiosValue {
  text: string;
  from: readonly Place[];
}

/** An object with all that it inherits. */
export interface NagiosObject extends Place {
  type: string;
  values: ReadonlyMap<string, NagiosValue>;
  /** A template only. */
  isTemplate: boolean;
}

/** Older names, and those that Nagios takes as well. */
const otherNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    normal_check_interval: 'check_interval',
    retry_check_interval: 'retry_interval',
    host: 'host_name',
    hosts: 'host_name',
    master_host: 'host_name',
    master_host_name: 'host_name',
    hostgroup: 'hostgroup_name',
    master_hostgroup: 'hostgroup_name',
    master_hostgroup_name: 'hostgroup_name',
    host_groups: 'hostgroups',
    description: 'service_description',
    master_description: 'service_description',
    master_service_description: 'service_description',
    dependent_host: 'dependent_host_name',
    dependent_hostgroup: 'dependent_hostgroup_name',
    dependent_description: 'dependent_service_description',
    service_groups: 'servicegroups',
    active_checks: 'active_checks_enabled',
  }),
);

/** Objects in which `hostgroups` is the list that the object is for. */
const forGroups = ['service', 'servicedependency', 'hostdependency', 'serviceescalation', 'hostescalation'];

const notInherited = ['name', 'use', 'register'];
const custom = /^_/;

export function resolveTemplates(blocks: readonly NagiosBlock[], book: Notebook): NagiosObject[] {
  const byName = new Map<string, NagiosBlock>();
  for (const block of blocks) {
    const name = own(block, 'name');
    if (name === undefined) continue;
    const known = byName.get(`${block.type} ${name.value}`);
    if (known === undefined) byName.set(`${block.type} ${name.value}`, block);
    else
      book.note(
        name,
        'check',
        `there is another template \`${name.value}\` at ${known.file}:${known.line}; that one is used`,
      );
  }
  const inheritance = new Inheritance(byName, book);
  return blocks.map((block) => {
    const register = own(block, 'register');
    book.carried(block, ...block.directives.filter(({ name }) => notInherited.includes(name)));
    const { type, file, line } = block;
    return { type, file, line, values: inheritance.of(block), isTemplate: register?.value === '0' };
  });
}

function own(block: NagiosBlock, name: string): Directive | undefined {
  return block.directives.findLast((each) => each.name === name);
}

/** Days have several words (`monday 1 september`), and their times come last. */
function timeRange({ name, value }: Directive): [days: string, times: string] {
  const whole = `${name} ${value}`.replaceAll(/\s+/g, ' ').trim();
  const [, days, times] = /^(.*?) ((?:\d{1,2}:\d{2} ?- ?\d{1,2}:\d{2}[ ,]*)+)$/.exec(whole) ?? [];
  return days === undefined || times === undefined ? [name, value] : [days.toLowerCase(), times];
}

export function canonical(type: string, name: string): string {
  if (custom.test(name)) return name.toUpperCase();
  if (type === 'timeperiod' || type === 'contact') return name;
  if ((name === 'hostgroups' || name === 'host_groups') && forGroups.includes(type)) return 'hostgroup_name';
  return otherNames.get(name) ?? name;
}

class Inheritance {
  readonly #byName: ReadonlyMap<string, NagiosBlock>;
  readonly #book: Notebook;
  readonly #done = new Map<NagiosBlock, ReadonlyMap<string, NagiosValue>>();
  readonly #open = new Set<NagiosBlock>();

  constructor(byName: ReadonlyMap<string, NagiosBlock>, book: Notebook) {
    this.#byName = byName;
    this.#book = book;
  }

  /** Without values that are `null`. */
  of(block: NagiosBlock): ReadonlyMap<string, NagiosValue> {
    const all = this.#all(block);
    // What ends an inheritance has done its work.
    for (const { text, from } of all.values()) if (text === 'null') this.#book.carried(...from);
    const values = [...all].filter(([, { text }]) => text !== 'null');
    return new Map(values.map(([name, value]) => [name, { ...value, text: value.text.replace(/^\+/, '') }]));
  }

  #all(block: NagiosBlock): ReadonlyMap<string, NagiosValue> {
    const known = this.#done.get(block);
    if (known !== undefined) return known;
    const values = new Map<string, NagiosValue>();
    this.#open.add(block);
    for (const directive of block.directives) {
      const { file, line } = directive;
      if (notInherited.includes(directive.name)) continue;
      const [name, text] =
        block.type === 'timeperiod' ? timeRange(directive) : [directive.name, directive.value];
      const key = canonical(block.type, name);
      const earlier = values.get(key)?.from[0];
      if (earlier !== undefined)
        this.#book.note(earlier, 'check', `\`${name}\` is set again below; the last one is used`);
      values.set(key, { text, from: [{ file, line }] });
    }
    for (const template of this.#templates(block)) this.#inherit(values, this.#all(template));
    this.#open.delete(block);
    this.#done.set(block, values);
    return values;
  }

  #inherit(values: Map<string, NagiosValue>, template: ReadonlyMap<string, NagiosValue>): void {
    for (const [name, theirs] of template) {
      const mine = values.get(name);
      if (mine === undefined) values.set(name, theirs);
      else if (mine.text.startsWith('+') && theirs.text !== 'null' && !custom.test(name))
        // Theirs may begin with `+` too, and then adds to what comes after.
        values.set(name, {
          text: `${theirs.text},${mine.text.slice(1)}`,
          from: [...theirs.from, ...mine.from],
        });
    }
  }

  #templates(block: NagiosBlock): NagiosBlock[] {
    const use = own(block, 'use');
    const names = use === undefined ? [] : listOf(use.value);
    return names.flatMap((name) => {
      const template = this.#byName.get(`${block.type} ${name}`);
      if (template !== undefined && !this.#open.has(template)) return [template];
      const message =
        template === undefined
          ? `there is no template \`${name}\``
          : `\`use\` goes in a circle at \`${name}\``;
      this.#book.note(use ?? block, 'check', `${message}; nothing is inherited from it`);
      return [];
    });
  }
}

/** Comma-separated, without empty parts. */
export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
