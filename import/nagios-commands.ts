/**
 * Owns what becomes of one command of a check: a plugin on the ops box as under Nagios, or, where it only carried a command
 * to the host (check_by_ssh, check_nrpe), that command over mendd’s own SSH.
 */
import { looksSecret } from './literal-text.ts';
import { nrpeOptions, splitCommand, sshOptions, withoutSudo } from './nagios-carriers.ts';
import { usualPluginDirs } from './nagios-dirs.ts';
import { ownKind } from './nagios-kinds.ts';
import {
  type Expanded,
  expandMacros,
  holdsSecret,
  type MacroScope,
  type Mark,
  pluginName,
  shellLine,
  shellWord,
  simpleWords,
  templateText,
} from './nagios-macros.ts';
import { type NagiosHost, take } from './nagios-model.ts';
import type { Place } from './notebook.ts';
import type { Nrpe } from './nrpe.ts';
import { readOptions } from './word-options.ts';
import type { YamlValue } from './yaml-text.ts';

export interface Asked {
  /** Of a check, or of an action when `kind` is `run`. */
  keys: Record<string, YamlValue>;
  /** One of several that one command ran. */
  name?: string;
}

export interface AskedCommand {
  asked: readonly Asked[];
  /** Why it cannot run as it is. */
  problem?: string;
  login: { user?: string; port?: number };
  timeoutSec?: number;
}

export interface CommandRequest extends Omit<MacroScope, 'args'> {
  /** `name!first!second`. */
  command: string;
  /** Where it is written, for notes. */
  place: Place;
  nrpe?: Nrpe;
  /** Only whether a host is up matters: then a warning is as good as OK. */
  isHostCheck?: boolean;
  /** It mends something: a command line, never a check. */
  isAction?: boolean;
}

/** Undefined, with a note, when there is no such command. */
export function askCommand(request: CommandRequest): AskedCommand | undefined {
  const { model, command, place } = request;
  const [name = '', ...args] = splitCommand(command);
  const definition = model.commands.get(name.trim());
  const line = definition && take(model.book, definition, 'command_line');
  if (definition !== undefined) take(model.book, definition, 'command_name');
  if (line === undefined) {
    model.book.note(place, 'left_out', `there is no command \`${name.trim().slice(0, 80)}\``);
    return undefined;
  }
  const expanded = expandMacros(line, { ...request, args });
  const asked = new Command(request, expanded).ask();
  const [unknown] = expanded.unknown;
  return unknown === undefined
    ? asked
    : { ...asked, problem: `it uses ${expanded.unknown.slice(0, 5).join(', ')}, which only Nagios knows` };
}

class Command {
  readonly #request: CommandRequest;
  readonly #line: Expanded;
  readonly #marks: readonly Mark[];

  constructor(request: CommandRequest, line: Expanded) {
    this.#request = request;
    this.#line = line;
    this.#marks = line.marks;
  }

  ask(): AskedCommand {
    const words = simpleWords(this.#line.text);
    const [program = '', ...rest] = words ?? [];
    const name = program === '' ? undefined : pluginName(program, usualPluginDirs);
    const base = program.slice(program.lastIndexOf('/') + 1);
    if (base === 'check_by_ssh') return this.#overSsh(rest) ?? this.#local(name, rest);
    if (base === 'check_nrpe') return this.#overNrpe(rest) ?? this.#local(name, rest);
    return this.#local(name, rest);
  }

  #local(plugin: string | undefined, args: readonly string[]): AskedCommand {
    const { isHostCheck = false, isAction = false } = this.#request;
    const own =
      plugin === undefined || isAction ? undefined : ownKind(plugin, args, this.#line.marks, this.#request);
    if (own !== undefined) return { asked: [{ keys: own }], login: {} };
    const up = isHostCheck ? { exit_map: { 1: 'ok', 3: 'critical' } } : {};
    const keys = this.#program(plugin, args, { ...this.#line, text: this.#line.text.trim() });
    return { asked: [{ keys: { ...keys, run_on: 'local', ...up } }], login: {} };
  }

  /** A plugin with its words, or the line for a shell. */
  #program(plugin: string | undefined, args: readonly string[], line: Expanded): Record<string, YamlValue> {
    this.#warnOfPasswords(args);
    const isPlugin =
      plugin !== undefined && /^\/|^check_|^negate$|^urlize$/.test(plugin) && args.length <= 1000;
    const hasSecret = holdsSecret(line.text, this.#marks) || looksSecret(line.text);
    const { isAction = false } = this.#request;
    if (!isPlugin || hasSecret || isAction) {
      const simple = hasSecret || isAction ? simpleWords(line.text) : undefined;
      const run =
        simple === undefined ? shellLine(line) : simple.map((word) => shellWord(word, this.#marks)).join(' ');
      return { run };
    }
    return {
      plugin,
      ...(args.length === 0 ? {} : { args: args.map((arg) => templateText(arg, this.#marks)) }),
    };
  }

  #warnOfPasswords(args: readonly string[]): void {
    const { model, place } = this.#request;
    if (
      args.some((arg) =>
        /^--?(pass|passwd|password|secret|token|community|authorization)(=[^\uE000-\uE0FF]|$)/i.test(arg),
      )
    )
      model.book.note(place, 'check', 'a password may stand in this command, and so in the definitions');
  }

  #overSsh(words: readonly string[]): AskedCommand | undefined {
    const options = readOptions(words, sshOptions);
    const commands = options?.values.get('C') ?? [];
    const at = options && this.#reached(options.values.get('H')?.[0]);
    if (options === undefined || at === undefined || commands.length === 0 || options.values.has('O'))
      return undefined;
    this.#tellSsh(options.values);
    const names = (options.values.get('s')?.[0] ?? '').split(':');
    const user = options.values.get('l')?.[0];
    const port = Number(options.values.get('p')?.[0]);
    const timeoutSec = Number(options.values.get('t')?.[0]);
    return {
      asked: commands.map((command, index) => ({
        keys: { ...this.#onTarget(command, undefined), ...at },
        ...(commands.length > 1 ? { name: names[index] ?? `${index + 1}` } : {}),
      })),
      login: {
        ...(user !== undefined && /^[A-Za-z_][A-Za-z0-9._@\\$-]{0,63}$/.test(user) ? { user } : {}),
        ...(Number.isInteger(port) && port > 0 && port < 65_536 ? { port } : {}),
      },
      ...(timeoutSec > 0 ? { timeoutSec } : {}),
    };
  }

  #tellSsh(values: ReadonlyMap<string, readonly string[]>): void {
    const { book } = this.#request.model;
    const { place } = this.#request;
    if (values.has('i') || values.has('F') || values.has('o')) {
      const hint = 'set ssh.identity of mendd.yaml, or ssh.config with transport: openssh';
      book.note(place, 'check', 'check_by_ssh names a key or options of its own for SSH', hint);
    }
    if (values.has('S') || values.has('E'))
      book.note(place, 'changed', 'check_by_ssh skipped lines of output; all of it is read now');
    if ((values.get('C') ?? []).length > 1)
      book.note(
        place,
        'changed',
        'check_by_ssh ran several commands at once; each is a check of its own now',
      );
  }

  #overNrpe(words: readonly string[]): AskedCommand | undefined {
    const { nrpe, model, place } = this.#request;
    const options = readOptions(words, nrpeOptions);
    const name = options?.values.get('c')?.[0];
    const at = options && this.#reached(options.values.get('H')?.[0]);
    if (options === undefined || at === undefined || name === undefined) return undefined;
    const command = nrpe?.commands.get(name);
    if (command === undefined) {
      const message =
        nrpe === undefined
          ? `check_nrpe \`${name}\` still asks the NRPE daemon of the host`
          : `nrpe.cfg has no command \`${name}\`; it still asks the NRPE daemon of the host`;
      const hint = 'with --nrpe and the nrpe.cfg of the hosts, its command runs over SSH instead';
      model.book.note(place, 'check', message, hint);
      return undefined;
    }
    const args = options.values.get('a') ?? [];
    const text = command.replaceAll(
      /\$ARG(\d{1,2})\$/g,
      (_, number: string) => args[Number(number) - 1] ?? '',
    );
    const timeoutSec = Number.parseInt(options.values.get('t')?.[0] ?? '', 10);
    return {
      asked: [{ keys: { ...this.#onTarget(text, nrpe?.prefix), ...at } }],
      login: {},
      ...(timeoutSec > 0 ? { timeoutSec } : {}),
    };
  }

  /** A line that the shell of the host was given. */
  #onTarget(line: string, prefix: string | undefined): Record<string, YamlValue> {
    const text = prefix === undefined ? line : `${prefix} ${line}`;
    const all = simpleWords(text);
    const words = all && withoutSudo(all);
    const [program = '', ...args] = words?.words ?? [];
    const name = program === '' ? undefined : pluginName(program, usualPluginDirs);
    if (words === undefined || holdsSecret(text, this.#marks)) return { run: this.#shell(text) };
    const sudo = words.sudo === undefined ? {} : { sudo: words.sudo };
    if (name !== undefined && this.#request.isAction !== true && /^\/.*check_|^check_/.test(name))
      return { ...this.#program(name, args, { ...this.#line, text }), ...sudo };
    return { run: words.words.map((word) => shellWord(word, this.#marks)).join(' '), ...sudo };
  }

  #shell(text: string): string {
    return shellLine({ text, marks: this.#marks, unknown: [] });
  }

  /** Which host a command was carried to: the checked one, or another that is known. */
  #reached(address: string | undefined): Record<string, YamlValue> | undefined {
    const { hosts, model } = this.#request;
    if (address === undefined || hosts.length === 0) return undefined;
    const mark = templateText(address, this.#marks);
    if (mark === '{{ host.address }}' || mark === '{{ host.name }}') return {};
    if (hosts.every((host) => isAt(host, address))) return {};
    const other = [...model.hosts.values()].find((host) => isAt(host, address));
    if (other === undefined) return undefined;
    return { run_on: other.isLocal ? 'local' : other.id };
  }
}

function isAt(host: NagiosHost, address: string): boolean {
  return host.address === address || host.name === address;
}
