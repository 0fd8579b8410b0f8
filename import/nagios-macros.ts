/**
 * Owns macros: what `$HOSTADDRESS$`, `$ARG1$` and the others become. Values that differ between hosts become templates,
 * carried through as marks so that no quoting can touch them. Source: Nagios Core, Standard Macros in Nagios.
 */
import { basename } from 'node:path';
import { literalStart, literalValue, literalWord } from './literal-text.ts';
import type { NagiosHost, NagiosModel } from './nagios-model.ts';
import type { NagiosValue } from './nagios-templates.ts';

/** What a macro stands for in a text. */
export type Mark =
  /** A Liquid expression. */
  | { kind: 'template'; expression: string }
  /** A file of the ops box whose content it is, for what must not stand in definitions. */
  | { kind: 'secret'; file: string };

/** A text with marks in it. */
export interface Expanded {
  text: string;
  marks: readonly Mark[];
  /** Macros that stand for something only Nagios knows. */
  unknown: readonly string[];
}

export interface MacroScope {
  model: NagiosModel;
  hosts: readonly NagiosHost[];
  /** Custom variables and name of the service; absent for what belongs to a host. */
  service?: { description: string; vars: ReadonlyMap<string, NagiosValue> };
  args: readonly string[];
  /** Macros with one value here, such as the state an event handler is run for. */
  fixed?: Readonly<Record<string, string>>;
}

/** Private characters that a source cannot hold, one for each mark. */
const firstMark = 0xe000;
const marksLimit = 200;
export const markPattern = /[\uE000-\uE0FF]/;
const marksPattern = /[\uE000-\uE0FF]/g;

const secretsDirectory = '/etc/mendd/secrets';
const depthLimit = 3;
const expandedLimit = 32_768;

export function expandMacros(text: string, scope: MacroScope): Expanded {
  const expansion = new Expansion(scope);
  const expanded = expansion.expand(text, 0);
  const short = expanded.length > expandedLimit ? expanded.slice(0, expandedLimit) : expanded;
  return { text: short, marks: expansion.marks, unknown: [...expansion.unknown] };
}

class Expansion {
  readonly marks: Mark[] = [];
  readonly unknown = new Set<string>();
  readonly #scope: MacroScope;

  constructor(scope: MacroScope) {
    this.#scope = scope;
  }

  expand(text: string, depth: number): string {
    return text.replaceAll(/\$\$|\$([A-Za-z_][\w:. -]*)\$/g, (written, name: string | undefined) =>
      name === undefined ? '$' : (this.#macro(name, depth) ?? this.#unsaid(written)),
    );
  }

  #unsaid(written: string): string {
    this.unknown.add(written);
    return written;
  }

  #mark(mark: Mark): string {
    const same = this.marks.findIndex((each) => JSON.stringify(each) === JSON.stringify(mark));
    const index =
      same === -1 && this.marks.length < marksLimit ? this.marks.push(mark) - 1 : Math.max(0, same);
    return String.fromCharCode(firstMark + index);
  }

  #macro(name: string, depth: number): string | undefined {
    const { args, fixed = {}, service, model } = this.#scope;
    const number = /^ARG(\d{1,2})$/.exec(name)?.[1];
    if (number !== undefined) {
      const arg = args[Number(number) - 1] ?? '';
      return depth < depthLimit ? this.expand(arg, depth + 1) : arg;
    }
    const user = model.source.users.get(name);
    if (user !== undefined) return this.#user(name, user.value);
    if (Object.hasOwn(fixed, name)) return fixed[name];
    if (service !== undefined && name === 'SERVICEDESC') return service.description;
    const ofService = /^_SERVICE(.+)$/.exec(name)?.[1]?.toLowerCase();
    if (ofService !== undefined) {
      const value = service?.vars.get(ofService);
      if (value !== undefined) model.book.carried(...value.from);
      return value?.text ?? '';
    }
    return this.#ofHost(name);
  }

  /** A path is told; all else may be a password. */
  #user(name: string, value: string): string {
    const user = this.#scope.model.source.users.get(name);
    if (/^\/[\w./+@-]*$/.test(value)) {
      if (user !== undefined) this.#scope.model.book.carried(user);
      return value;
    }
    const file = `${secretsDirectory}/${name}`;
    if (user !== undefined) {
      const hint = `put its value into ${file} on the ops box, for the user mendd runs as alone`;
      this.#scope.model.book.note(
        user,
        'check',
        `$${name}$ may be secret, so it is not written down here`,
        hint,
      );
    }
    return this.#mark({ kind: 'secret', file });
  }

  #ofHost(name: string): string | undefined {
    const [, macro = name, other] = /^([A-Z]+):(.+)$/.exec(name) ?? [];
    const hosts =
      other === undefined ? this.#scope.hosts : [this.#scope.model.hosts.get(other)].filter(isHost);
    if (hosts.length === 0) return undefined;
    const ofHost = /^_HOST(.+)$/.exec(macro)?.[1]?.toLowerCase();
    if (ofHost !== undefined) return this.#customOf(ofHost, hosts);
    const told: Record<string, [expression: string, value: (host: NagiosHost) => string]> = {
      HOSTADDRESS: ['host.address', ({ address }) => address],
      HOSTNAME: ['host.name', ({ name: own }) => own],
      HOSTALIAS: ['vars.alias', ({ alias }) => alias],
      HOSTDISPLAYNAME: ['vars.alias', ({ alias }) => alias],
    };
    const found = Object.hasOwn(told, macro) ? told[macro] : undefined;
    if (found === undefined) return undefined;
    const [expression, value] = found;
    const [first] = hosts;
    if (other !== undefined && first !== undefined) return value(first);
    // What a template would tell must be what Nagios told.
    if (macro === 'HOSTNAME' && hosts.some((host) => host.id !== host.name))
      return this.#template('vars.nagios_name', hosts);
    return this.#template(expression, hosts);
  }

  #template(expression: string, hosts: readonly NagiosHost[]): string {
    for (const host of hosts) this.#scope.model.wanted.add(`${host.name}\n${expression}`);
    return this.#mark({ kind: 'template', expression });
  }

  #customOf(name: string, hosts: readonly NagiosHost[]): string {
    const having = hosts.filter((host) => host.vars.has(name));
    if (having.length === 0) return '';
    const expression = `vars${memberOf(name)}`;
    return this.#mark({
      kind: 'template',
      expression: having.length === hosts.length ? expression : `${expression} | default: ""`,
    });
  }
}

function isHost(host: NagiosHost | undefined): host is NagiosHost {
  return host !== undefined;
}

/** How a template names a member of a map. */
function memberOf(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? `.${name}` : `["${name.replaceAll(/["\\]/g, '')}"]`;
}

/** A value of YAML: literal braces of the source stay what they are. Secrets cannot stand in one. */
export function templateText(text: string, marks: readonly Mark[]): string {
  return literalValue(text).replaceAll(marksPattern, (mark) => {
    const found = marks[mark.charCodeAt(0) - firstMark];
    return found?.kind === 'template' ? `{{ ${found.expression} }}` : '';
  });
}

export function holdsSecret(text: string, marks: readonly Mark[]): boolean {
  return [...text.matchAll(marksPattern)].some(
    ([mark]) => marks[mark.charCodeAt(0) - firstMark]?.kind === 'secret',
  );
}

/** One word for a shell; templates quote themselves, and so stand outside of quotes. */
export function shellWord(text: string, marks: readonly Mark[]): string {
  if (text === '') return "''";
  const parts = text.split(/([\uE000-\uE0FF])/).filter((part) => part !== '');
  return parts
    .map((part) => (markPattern.test(part) ? shellMark(part, marks, '') : literalWord(part)))
    .join('');
}

function shellMark(mark: string, marks: readonly Mark[], inside: '' | '"' | "'"): string {
  const found = marks[mark.charCodeAt(0) - firstMark];
  if (found === undefined) return '';
  if (found.kind === 'template') return `{{ ${found.expression} }}`;
  const command = `$(cat ${found.file})`;
  return inside === '"' ? command : `"${command}"`;
}

/** A command line as it was written; a template within quotes closes them and opens them again. */
export function shellLine({ text, marks }: Expanded): string {
  let quote: '' | '"' | "'" = '';
  let line = '';
  for (let at = 0; at < text.length; at += 1) {
    const each = text[at] ?? '';
    if (markPattern.test(each)) {
      const said = shellMark(each, marks, quote);
      // A template quotes itself and stands outside of quotes; so does all within single ones.
      line += quote !== '' && (quote === "'" || said.startsWith('{')) ? `${quote}${said}${quote}` : said;
      continue;
    }
    const next = text[at + 1] ?? '';
    if (each === '\\' && quote !== "'" && !markPattern.test(next)) {
      line += each + next;
      at += 1;
      continue;
    }
    const start = literalStart(text, at, quote);
    if (start !== undefined) {
      line += start;
      continue;
    }
    if (each === quote) quote = '';
    else if (quote === '' && (each === '"' || each === "'")) quote = each;
    line += each;
  }
  return line;
}

/** The words of a line that needs no shell; undefined when it does. */
export function simpleWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const each = text[at] ?? '';
    if (/\s/.test(each)) {
      if (each !== ' ' && each !== '\t') return undefined;
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (each === "'" || each === '"') {
      const quoted = quotedFrom(text, at);
      if (quoted === undefined) return undefined;
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (each === '\\') {
      const next = text[at + 1];
      if (next === undefined || next === '\n') return undefined;
      word = (word ?? '') + next;
      at += 1;
    } else {
      if (/[|&;<>()$`*?[\]#]/.test(each) && !(each === '#' && word !== undefined)) return undefined;
      if (each === '~' && word === undefined) return undefined;
      word = (word ?? '') + each;
    }
  }
  if (word !== undefined) words.push(word);
  const [first = ''] = words;
  return /^[^/]*=|^[!{}]$/.test(first) ? undefined : words;
}

function quotedFrom(text: string, start: number): { text: string; end: number } | undefined {
  const quote = text[start];
  let inner = '';
  for (let at = start + 1; at < text.length; at += 1) {
    const each = text[at] ?? '';
    if (each === quote) return { text: inner, end: at };
    if (quote === '"') {
      if (each === '$' || each === '`') return undefined;
      if (each === '\\' && /["\\$`]/.test(text[at + 1] ?? '')) {
        inner += text[at + 1];
        at += 1;
        continue;
      }
    }
    inner += each;
  }
  return undefined;
}

/** The name of a program without the directories that mendd searches by itself. */
export function pluginName(path: string, usualDirs: readonly string[]): string | undefined {
  const name = basename(path);
  const usual = !path.includes('/') || usualDirs.includes(path.slice(0, path.length - name.length - 1));
  if (usual) return /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/.test(name) ? name : undefined;
  return path.startsWith('/') && !/[\n\0]/.test(path) ? path : undefined;
}
