/** What can come next on a command line, read from the commands themselves; names of hosts and checks are asked of the daemon. */
import type { Argument, Command, Option } from 'commander';
import type { CheckRow, HostRow } from './api-types.ts';
import type { ApiClient } from './client.ts';
import { openSession } from './command.ts';

/** A person waits for it with a finger on the key. Milliseconds. */
const patienceMs = 1_000;
const shownNames = 500;
const fileNames: readonly string[] = ['file', 'dir', 'directory', 'path', 'command'];

/** By the names commander gives them. */
type Options = Readonly<Record<string, string>>;

/** Words and what they mean; `files`: paths are wanted. */
export interface Candidates {
  words: readonly (readonly [word: string, meaning: string])[];
  files: boolean;
}

/** `words`: after `mendd`, the last one being what is typed now, often empty. */
export async function candidatesFor(program: Command, words: readonly string[]): Promise<Candidates> {
  const typed = words.at(-1) ?? '';
  const line = readLine(program, words.slice(0, -1));
  if (line === 'foreign') return { words: [], files: true };
  const { command, given, options, pending } = line;
  if (pending !== undefined) return valuesOf(pending, options);
  if (typed.startsWith('-')) return { words: optionsOf(command).map(flagOf), files: false };
  const subcommands = command.createHelp().visibleCommands(command);
  if (given.length === 0 && subcommands.length > 0)
    return { words: subcommands.map((each) => [each.name(), each.description()] as const), files: false };
  const known = command.registeredArguments;
  const argument = known[given.length] ?? known.findLast(({ variadic }) => variadic);
  if (argument === undefined) return { words: [], files: false };
  return argumentOf(argument, { typed, given, options });
}

interface Line {
  command: Command;
  /** Arguments of the command. */
  given: string[];
  options: Record<string, string>;
  /** Waits for its value. */
  pending?: Option;
}

/** Behind `--` stands a command of somebody else. */
function readLine(program: Command, words: readonly string[]): Line | 'foreign' {
  const line: Line = { command: program, given: [], options: {} };
  for (const word of words) {
    if (word === '--') return 'foreign';
    // bash takes `--state=ok` apart.
    if (word === '=') continue;
    const { pending } = line;
    if (pending !== undefined) {
      line.options[pending.attributeName()] = word;
      delete line.pending;
    } else if (word.startsWith('-')) {
      const [flag = '', value] = word.split('=', 2);
      const option = optionsOf(line.command).find((each) => each.long === flag || each.short === flag);
      if (option === undefined || !(option.required || option.optional)) continue;
      if (value === undefined) line.pending = option;
      else line.options[option.attributeName()] = value;
    } else {
      const sub =
        line.given.length > 0 ? undefined : line.command.commands.find((each) => each.name() === word);
      if (sub === undefined) line.given.push(word);
      else line.command = sub;
    }
  }
  return line;
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function flagOf(option: Option): readonly [string, string] {
  return [option.long ?? option.short ?? '', option.description];
}

async function valuesOf(option: Option, options: Options): Promise<Candidates> {
  if (option.argChoices !== undefined) return wordsOf(option.argChoices);
  if (option.long === '--host') return { words: await hostNames(options), files: false };
  const wanted = /[<[](\w+)/.exec(option.flags)?.[1] ?? '';
  return { words: [], files: fileNames.includes(wanted) };
}

async function argumentOf(
  argument: Argument,
  { typed, given, options }: { typed: string; given: readonly string[]; options: Options },
): Promise<Candidates> {
  if (argument.argChoices !== undefined) return wordsOf(argument.argChoices);
  const name = argument.name();
  if (name === 'check') return { words: await checkNames(given[0] ?? '', options), files: false };
  if (!['host', 'hosts', 'host/check'].includes(name)) return { words: [], files: fileNames.includes(name) };
  const isPair = typed.includes('/') || name === 'host/check';
  return { words: await (isPair ? pairNames(typed, options) : hostNames(options)), files: false };
}

function wordsOf(choices: readonly string[]): Candidates {
  return { words: choices.map((choice) => [choice, ''] as const), files: false };
}

function hostNames(options: Options): Promise<[string, string][]> {
  return ask(options, async (client) => {
    const hosts = await client.list<HostRow>('/api/v1/hosts', {}, shownNames);
    return hosts.map(({ name, status }) => [name, status.state]);
  });
}

async function checkNames(host: string, options: Options): Promise<[string, string][]> {
  const checks = await ask(options, (client) => readChecks(client, host));
  return checks.map(({ check, status }) => [check, status.state]);
}

/** `host/check`, of those that begin with what is typed. */
async function pairNames(typed: string, options: Options): Promise<[string, string][]> {
  const [host = '', ...rest] = typed.split('/');
  const checks = await ask(options, (client) => readChecks(client, rest.length > 0 ? host : `${host}*`));
  return checks.map((row) => [`${row.host}/${row.check}`, row.status.state]);
}

function readChecks(client: ApiClient, host: string): Promise<CheckRow[]> {
  return client.list<CheckRow>('/api/v1/checks', { host }, shownNames);
}

/** No answer, or none in time, is no name: what is wrong is told when the command runs. */
async function ask<T>(options: Options, read: (client: ApiClient) => Promise<T[]>): Promise<T[]> {
  const { MENDD_API: env } = process.env;
  const place = env === undefined || env === '' ? {} : { api: env };
  const late = new Promise<T[]>((resolve) => setTimeout(resolve, patienceMs, []).unref());
  const answer = async (): Promise<T[]> => {
    const { client } = await openSession({ ...place, ...options, output: 'table' });
    return read(client);
  };
  return Promise.race([answer().catch((): T[] => []), late]);
}
