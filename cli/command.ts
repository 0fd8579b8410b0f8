/**
 * The options that commands share, and what they become: an output, a client, the daemon file. One command's own options are
 * in its file.
 */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { exitCodes } from '../core/errors.ts';
import { ApiClient } from './client.ts';
import { apiPlace } from './daemon-file.ts';
import { CommandError, usageError } from './exit.ts';
import { type Format, formats, Output } from './output.ts';

export interface OutputOptions {
  output: Format;
}

export interface ConfigOptions {
  config?: string;
}

export interface ApiOptions extends OutputOptions, ConfigOptions {
  api?: string;
  ca?: string;
  tokenFile?: string;
}

export interface ChangeOptions extends ApiOptions {
  dryRun?: boolean;
  key?: string;
}

export interface MaybeReason {
  reason?: string;
}

export interface Session {
  client: ApiClient;
  out: Output;
}

/** A command with its sentence and its examples, which every --help ends with. `isDefault`: what its parent does alone. */
export function addCommand(
  program: Command,
  usage: string,
  summary: string,
  examples: readonly string[],
  options: { isDefault?: boolean } = {},
): Command {
  const lines = examples.map((example) => `  $ mendd ${example}`);
  return program
    .command(usage, options)
    .description(summary)
    .addHelpText('after', `\nExample${lines.length > 1 ? 's' : ''}:\n${lines.join('\n')}`);
}

export function withOutput(command: Command): Command {
  const option = new Option('-o, --output <format>', 'form of the data on stdout')
    .choices(formats)
    .default('table');
  return command.addOption(option);
}

export function withConfig(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    'the daemon file (default: ./mendd.yaml, then /etc/mendd/mendd.yaml)',
  );
}

/** A command that asks the daemon. */
export function withApi(command: Command): Command {
  return withConfig(withOutput(command))
    .addOption(
      new Option(
        '--api <url>',
        'address of the daemon, or unix:/path of its socket (default: as the daemon file says)',
      ).env('MENDD_API'),
    )
    .option('--ca <file>', 'certificates to trust beside the usual ones, in PEM')
    .option('--token-file <file>', 'file with the token; $MENDD_TOKEN without it');
}

/** A command that changes something in the daemon. */
export function withChange(command: Command): Command {
  return withKey(withDryRun(withApi(command)));
}

export function withDryRun(command: Command): Command {
  return command.option('--dry-run', 'say what it would do, and do nothing', false);
}

export function withKey(command: Command): Command {
  return command.option(
    '--key <key>',
    'what is asked again under the same key within a day is not done again (Idempotency-Key)',
    (key: string) => {
      if (/^[\x21\x23-\x7e]{1,255}$/.test(key)) return key;
      throw usageError('--key: that can be no key.', 'Write 1 to 255 visible characters, none of them `"`.');
    },
  );
}

/** Errors: 64 for what only a daemon can do, where none is asked. */
export function mustAskDaemon({ dryRun, key }: ChangeOptions): void {
  const option = dryRun === true ? '--dry-run' : key === undefined ? undefined : '--key';
  if (option !== undefined)
    throw usageError(`${option} is for a daemon that is asked.`, 'Leave out --offline.');
}

export async function openSession(options: ChangeOptions): Promise<Session> {
  const { dryRun: isDry = false, key } = options;
  const token = readToken(options.tokenFile);
  const client = new ApiClient(await apiPlace(options), token, {
    isDry,
    ...(key === undefined ? {} : { key }),
  });
  const out = new Output(options.output);
  if (isDry) out.talk('A dry run, nothing is done. If it were:');
  return { client, out };
}

/** Whether a token is named or set; it may be none that is good. */
export function hasToken({ tokenFile }: Pick<ApiOptions, 'tokenFile'>): boolean {
  return tokenFile !== undefined || (process.env['MENDD_TOKEN'] ?? '').trim() !== '';
}

/** Errors: 77 when the file cannot be read, 64 when what it holds can be no token. */
function readToken(file: string | undefined): string | undefined {
  const token = (file === undefined ? (process.env['MENDD_TOKEN'] ?? '') : readTokenFile(file)).trim();
  if (token === '' && file === undefined) return undefined;
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw usageError(
    `${file ?? 'MENDD_TOKEN'} holds no token.`,
    'It is what `mendd token create` printed, on one line.',
  );
}

function readTokenFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const hint = 'Give the path of a readable file that holds the token, or set MENDD_TOKEN.';
    throw new CommandError(exitCodes.permission, `The token cannot be read: ${(error as Error).message}.`, {
      hint,
    });
  }
}

/** `--reason`, which everything that a person lays upon actions needs, and what lets more happen than before. */
export function withReason(command: Command): Command {
  return command.requiredOption('--reason <text>', 'why; recorded with your name', saidReason);
}

/** `--reason` of what takes back what a person did. */
export function withMaybeReason(command: Command): Command {
  return command.option('--reason <text>', 'why, if you like; recorded with your name', saidReason);
}

function saidReason(text: string): string {
  if (text.trim() === '') throw usageError('--reason is empty.', 'Say in a few words why.');
  return text.trim();
}

/** The body of a change whose reason may be left out. */
export function bodyOf({ reason }: MaybeReason): { reason?: string } {
  return reason === undefined ? {} : { reason };
}

/** `--tag`, where what was listed may have become something else. */
export function withTag(command: Command): Command {
  return command.option('--tag <tag>', 'of the list: exit code 75 when it is something else by now');
}

/** For commander: one more of an option that may come several times, or with commas. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').filter((part) => part !== '')];
}

/** For commander: a whole number of at least 1. */
export function countOption(flags: string, description: string, fallback: number): Option {
  const parse = (text: string): number => {
    if (!/^[1-9]\d{0,6}$/.test(text))
      throw usageError(`${flags}: \`${text}\` is not a whole number above 0.`);
    return Number(text);
  };
  return new Option(flags, description).argParser(parse).default(fallback);
}
