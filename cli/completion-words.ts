/** What can come next on a command line, read from the commands themselves; names of hosts, checks, actions and the like are asked of the daemon. */
import type { Argument, Command, Option } from 'commander';
import { openSession } from './command.ts';
import { namesFor, namesForCommand, type Reader, type Word } from './known-names.ts';

/** A person waits for it with a finger on the key. Milliseconds. */
const patienceMs = 1_000;
const fileNames: readonly string[] = ['file', 'dir', 'directory', 'path', 'command'];

/** Words and what they mean; `files`: paths are wanted. */
export interface Candidates {
  words: readonly Word[];
  files: boolean;
}

/** `words`: after `mendd`, the last one being what is typed now, often empty. */
export async function candidatesFor(program: Command, words: readonly string[]): Promise<Candidates> {
  const typed = words.at(-1) ?? '';
  const line = readLine(program, words.slice(0, -1));
  if (line === 'foreign') return { words: [], files: true };
  const { command, given, pending } = line;
  if (pending !== undefined) return valuesOf(pending, line, typed);
  if (typed.startsWith('-')) return { words: optionsOf(command).map(flagOf), files: false };
  const subcommands = command.createHelp().visibleCommands(command);
  if (given.length === 0 && subcommands.length > 0)
    return { words: subcommands.map((each) => [each.name(), each.description()] as const), files: false };
  const known = command.registeredArguments;
  const argument = known[given.length] ?? known.findLast(({ variadic }) => variadic);
  if (argument === undefined) return { words: [], files: false };
  return argumentOf(argument, line, typed);
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

async function valuesOf(option: Option, line: Line, typed: string): Promise<Candidates> {
  if (option.argChoices !== undefined) return wordsOf(option.argChoices);
  const wanted = /[<[](\w+)/.exec(option.flags)?.[1] ?? '';
  const reader = namesFor[option.long ?? ''];
  if (reader !== undefined) return { words: await ask(reader, line, typed), files: false };
  return { words: [], files: fileNames.includes(wanted) };
}

async function argumentOf(argument: Argument, line: Line, typed: string): Promise<Candidates> {
  if (argument.argChoices !== undefined) return wordsOf(argument.argChoices);
  const name = argument.name();
  const reader = namesForCommand[`${pathOf(line.command)} ${name}`] ?? namesFor[name];
  if (reader !== undefined) return { words: await ask(reader, line, typed), files: false };
  return { words: [], files: fileNames.includes(name) };
}

/** `silence remove`, without the program itself. */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

function wordsOf(choices: readonly string[]): Candidates {
  return { words: choices.map((choice) => [choice, ''] as const), files: false };
}

/** No answer, or none in time, is no name: what is wrong is told when the command runs. */
async function ask(reader: Reader, { given, options }: Line, typed: string): Promise<Word[]> {
  const { MENDD_API: env } = process.env;
  const place = env === undefined || env === '' ? {} : { api: env };
  const [host = ''] = (given[0] ?? options['host'] ?? '').split('/', 1);
  const late = new Promise<Word[]>((resolve) => setTimeout(resolve, patienceMs, []).unref());
  const answer = async (): Promise<Word[]> => {
    const { client } = await openSession({ ...place, ...options, output: 'table' });
    return reader(client, { host, typed });
  };
  return Promise.race([answer().catch((): Word[] => []), late]);
}
