/**
 * `mendd token`: makes, lists and revokes tokens of the API. With a token it asks the daemon; without one it works on the ledger
 * file. A secret is printed once and kept nowhere.
 */
import { type Command, Option } from 'commander';
import { tokenNamePattern, tokenNameRule } from '../core/tokens-port.ts';
import type { Scope } from '../core/types.ts';
import { isAbsent } from './client.ts';
import {
  addCommand,
  type ChangeOptions,
  hasToken,
  mustAskDaemon,
  openSession,
  withApi,
  withDryRun,
} from './command.ts';
import { usageError } from './exit.ts';
import { loginName } from './ledger-file.ts';
import { type Column, Output } from './output.ts';
import { plain } from './plain-text.ts';
import { readDuration, showInstant } from './times.ts';
import { type TokenBook, type TokenRow, tokensOfApi, tokensOfFile } from './token-book.ts';

interface TokenOptions extends ChangeOptions {
  offline: boolean;
}

interface CreateOptions extends TokenOptions {
  scope: Scope;
  name?: string;
  expires?: string;
}

const scopes: readonly Scope[] = ['read', 'ack', 'act', 'admin', 'register', 'submit'];

export function addToken(program: Command): void {
  const token = addCommand(
    program,
    'token',
    'make, list and revoke tokens of the API: with a token of scope admin by the API, without one in the ledger file',
    [
      'token create --name alice --scope act --expires 90d > ~/.mendd-token',
      'token list',
      'token revoke <id>',
    ],
  );
  const create = addCommand(token, 'create', 'make a token; prints its secret, once', [
    'token create --name grafana --scope read',
    'token create --name alice --scope admin --offline   # on the ledger file, whatever the environment holds',
  ]);
  withDryRun(withPlace(create))
    .addOption(
      new Option(
        '--scope <scope>',
        'what it may do; each holds those before it; `register` lets a host register and `submit` tell results and alerts, and nothing else',
      )
        .choices(scopes)
        .default('read'),
    )
    .option('--name <name>', 'who uses it; stands beside what is done with it (default: your login name)')
    .option('--expires <duration>', 'worthless after that: 90d; never without it')
    .action(createToken);
  withPlace(addCommand(token, 'list', 'list tokens, without their secrets', ['token list -o json'])).action(
    listTokens,
  );
  withDryRun(
    withPlace(addCommand(token, 'revoke <id>', 'make a token worthless, at once', ['token revoke 3f9a0c12'])),
  ).action(revokeToken);
}

function withPlace(command: Command): Command {
  return withApi(command).option(
    '--offline',
    'in the ledger file itself, also beside a daemon; needs no token, but the right to write it',
    false,
  );
}

async function createToken(options: CreateOptions, command: Command): Promise<void> {
  const name = (options.name ?? loginName()).trim();
  if (!tokenNamePattern.test(name))
    throw usageError(`--name: \`${name}\` is no name.`, `Use ${tokenNameRule}`);
  const expiry =
    options.expires === undefined
      ? {}
      : { expiresAtMs: Date.now() + readDuration('--expires', options.expires) };
  const wanted = { name, scopes: [options.scope], ...expiry };
  const made = await withBook(options, command, (book) => book.create(wanted));
  const out = new Output(options.output);
  out.value(made, () => (made.secret === undefined ? [] : [made.secret]));
  const end = made.expiresAt === undefined ? 'never expires' : `expires ${showInstant(made.expiresAt)}`;
  const told = made.secret === undefined ? '' : ' Its secret is shown only this once.';
  out.talk(`Token ${made.id} for ${made.name}, scope ${options.scope}, ${end}.${told}`);
}

async function listTokens(options: TokenOptions, command: Command): Promise<void> {
  const tokens = await withBook(options, command, (book) => book.list());
  new Output(options.output).list('tokens', tokens, columns, 'There are no tokens.');
}

async function revokeToken(id: string, options: TokenOptions, command: Command): Promise<void> {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id))
    throw usageError(`\`${id}\` is no token.`, 'Write its id: `mendd token list` shows them.');
  const revoked = await withBook(options, command, (book) => book.revoke(id));
  new Output(options.output).value(revoked, () => [
    plain(`Token ${id} of ${revoked.name} is worthless now.`),
  ]);
}

/**
 * Who has no token can be helped by the file alone, and so can who has one for a daemon that is not there. An address that was typed is
 * meant: then nothing else is touched.
 */
async function withBook<T>(
  options: TokenOptions,
  command: Command,
  use: (book: TokenBook) => Promise<T>,
): Promise<T> {
  const isTyped = command.getOptionValueSource('api') === 'cli';
  if (options.offline && isTyped) throw usageError('--offline asks no daemon.', 'Leave out --api.');
  const file = tokensOfFile(options);
  if (options.offline || (!isTyped && !hasToken(options))) {
    mustAskDaemon(options);
    return use(file);
  }
  const { client, out } = await openSession(options);
  try {
    return await use(tokensOfApi(client));
  } catch (error) {
    if (options.api !== undefined || options.dryRun === true || !isAbsent(error)) throw error;
    const done = await use(file);
    out.talk('No daemon runs; this is about the ledger file.');
    return done;
  }
}

const columns: readonly Column<TokenRow>[] = [
  { title: 'ID', cell: ({ id }) => id },
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'SCOPE', cell: (row) => row.scopes.join(' ') },
  { title: 'CREATED', cell: ({ createdAt }) => showInstant(createdAt) },
  { title: 'EXPIRES', cell: ({ expiresAt }) => (expiresAt === undefined ? 'never' : showInstant(expiresAt)) },
  {
    title: 'LAST USED',
    cell: ({ lastUsedAt }) => (lastUsedAt === undefined ? 'never' : showInstant(lastUsedAt)),
  },
];
