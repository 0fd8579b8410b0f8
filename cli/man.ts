/** `mendd man`: the manual page mendd(1) as roff, made from the commands themselves. */
import type { Command } from 'commander';
import { addCommand } from './command.ts';

export function addMan(program: Command): void {
  addCommand(program, 'man', 'print the manual page', ['man | man -l -']).action(
    () => void process.stdout.write(manualOf(program)),
  );
}

const exitCodes: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done'],
  ['1', 'failed, or invalid'],
  ['0 to 3', 'of check, recheck and status: OK, WARNING, CRITICAL, UNKNOWN, as of a Nagios plugin'],
  ['64', 'wrong use of the command line'],
  ['65', 'bad definitions'],
  ['69', 'the daemon cannot be reached'],
  ['75', 'try again'],
  ['77', 'permission'],
  ['78', 'the configuration is missing'],
];

const environment: readonly (readonly [name: string, meaning: string])[] = [
  ['MENDD_API', 'address of the daemon, where --api is not given'],
  ['MENDD_TOKEN', 'token, where --token-file is not given'],
  ['NO_COLOR', 'when set, nothing is coloured'],
];

const files: readonly (readonly [path: string, meaning: string])[] = [
  ['./mendd.yaml, /etc/mendd/mendd.yaml', 'the daemon file, in the order it is looked for'],
  ['/var/lib/mendd/mendd.db, mendd-ledger.db', 'history and ledger'],
];

/** The whole page. Source: man(7). */
export function manualOf(program: Command): string {
  const commands = visible(program);
  return [
    '.\\" Made by `mendd man`; docs/mendd.1 is compared with it by a test.',
    `.TH MENDD 1 "" "mendd ${text(program.version() ?? '')}" "User Commands"`,
    '.SH NAME',
    'mendd \\- a self\\-healing ops daemon: checks over SSH, and repairs that are verified',
    '.SH SYNOPSIS',
    '.B mendd',
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    text(program.description()),
    '.PP',
    'Data goes to standard output, talk to standard error. Offline commands need no daemon; the others speak to its API.',
    '.SH COMMANDS',
    ...commands.flatMap((command) => commandLines(command)),
    ...table('EXIT STATUS', exitCodes),
    ...table('ENVIRONMENT', environment),
    ...table('FILES', files),
    '.SH SEE ALSO',
    '.BR ssh (1),',
    '.BR systemctl (1)',
    '',
  ].join('\n');
}

function visible(command: Command): readonly Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => each.name() !== 'help');
}

function commandLines(command: Command): string[] {
  const help = command.createHelp();
  const [own] = help.commandUsage(command).split(' [options]');
  const values = command.registeredArguments.map((each) => {
    const name = each.variadic ? `${each.name()}...` : each.name();
    return each.required ? `<${name}>` : `[${name}]`;
  });
  const title = [own ?? '', ...values].join(' ').trim();
  const sub = visible(command);
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  return [
    `.SS "${text(title)}"`,
    text(command.description()),
    ...options.flatMap((option) => [
      '.TP',
      `.B "${text(option.flags)}"`,
      text(help.optionDescription(option)),
    ]),
    ...sub.flatMap((each) => commandLines(each)),
  ];
}

function table(title: string, rows: readonly (readonly [string, string])[]): string[] {
  return [`.SH ${title}`, ...rows.flatMap(([term, meaning]) => ['.TP', `.B "${text(term)}"`, text(meaning)])];
}

/** Nothing in it is a request of roff: no line begins with a point or an apostrophe, and quotes stand for themselves. */
function text(words: string): string {
  const line = words.replaceAll(/\s+/g, ' ').trim();
  const escaped = line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll('`', '\\(ga')
    .replaceAll('’', "'")
    .replaceAll(/[^\x20-\x7e]/g, '?');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
