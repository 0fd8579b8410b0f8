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

export async function openSession(options: ApiOptions): Promise<Session> {
  const token = readToken(options.tokenFile);
  return { client: new ApiClient(await apiPlace(options), token), out: new Output(options.output) };
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

/** `--reason`, which everything that a person lays upon actions or lifts from them needs. */
export function withReason(command: Command): Command {
  return command.requiredOption('--reason <text>', 'why; recorded with your name', (text: string) => {
    if (text.trim() === '') throw usageError('--reason is empty.', 'Say in a few words why.');
    return text.trim();
  });
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
