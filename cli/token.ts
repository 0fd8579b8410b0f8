/**
 * `mendd token`: makes, lists and revokes tokens of the API in the ledger file itself, so that the first one needs none. The
 * secret is printed once and kept nowhere.
 */
import { type Command, Option } from 'commander';
import { exitCodes } from '../core/errors.ts';
import type { Token } from '../core/ports.ts';
import { tokenNamePattern, tokenNameRule } from '../core/tokens-port.ts';
import type { Scope } from '../core/types.ts';
import { addCommand, type ConfigOptions, type OutputOptions, withConfig, withOutput } from './command.ts';
import { CommandError, usageError } from './exit.ts';
import { type Ledger, loginName, withLedger } from './ledger-file.ts';
import { type Column, Output } from './output.ts';
import { readDuration, showInstant } from './times.ts';

type TokenOptions = OutputOptions & ConfigOptions;

const scopes: readonly Scope[] = ['read', 'ack', 'act', 'admin', 'register', 'submit'];

export function addToken(program: Command): void {
  const token = addCommand(
    program,
    'token',
    'make, list and revoke tokens of the API; needs the store, no daemon',
    [
      'token create --name alice --scope act --expires 90d > ~/.mendd-token',
      'token list',
      'token revoke <id>',
    ],
  );
  const example = ['token create --name grafana --scope read'];
  withConfig(withOutput(addCommand(token, 'create', 'make a token; prints its secret, once', example)))
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
    .action(create);
  withConfig(
    withOutput(addCommand(token, 'list', 'list tokens, without their secrets', ['token list -o json'])),
  ).action(list);
  withConfig(
    addCommand(token, 'revoke <id>', 'make a token worthless, at once', ['token revoke 3f9a0c12']),
  ).action(revoke);
}

async function create(
  options: TokenOptions & { scope: Scope; name?: string; expires?: string },
): Promise<void> {
  const name = (options.name ?? loginName()).trim();
  if (!tokenNamePattern.test(name))
    throw usageError(`--name: \`${name}\` is no name.`, `Use ${tokenNameRule}`);
  const nowMs = Date.now();
  const expiry =
    options.expires === undefined ? {} : { expiresAtMs: nowMs + readDuration('--expires', options.expires) };
  const wanted = { name, scopes: [options.scope], ...expiry };
  const { token, secret } = await withLedger(options, (ledger) => {
    // First: a token nobody is on record for must not exist.
    const { expiresAtMs = null } = wanted;
    record(ledger, nowMs, 'token.created', { name, scopes: wanted.scopes, expiresAtMs });
    return ledger.createToken({ ...wanted, nowMs });
  });
  const out = new Output(options.output);
  out.value({ ...shown(token), secret }, () => [secret]);
  const end =
    token.expiresAtMs === undefined ? 'never expires' : `expires ${showInstant(instant(token.expiresAtMs))}`;
  out.talk(
    `Token ${token.id} for ${name}, scope ${options.scope}, ${end}. Its secret is shown only this once.`,
  );
}

/** Whoever works on the file itself is known by their login name. */
function record(
  ledger: Pick<Ledger, 'audit'>,
  atMs: number,
  event: string,
  body: Record<string, unknown>,
): void {
  ledger.audit({ atMs, kind: 'command', actor: `person:${loginName()}`, event, body });
}

async function list(options: TokenOptions): Promise<void> {
  const tokens = await withLedger(options, (each) => each.tokens());
  new Output(options.output).list('tokens', tokens.map(shown), columns, 'There are no tokens.');
}

async function revoke(id: string, options: TokenOptions): Promise<void> {
  const revoked = await withLedger(options, (ledger) => {
    const found = ledger.tokens().find((each) => each.id === id);
    if (found === undefined) return false;
    record(ledger, Date.now(), 'token.revoked', { id, name: found.name, scopes: found.scopes });
    return ledger.revokeToken(id);
  });
  if (!revoked)
    throw new CommandError(exitCodes.failed, `There is no token ${id}.`, {
      hint: '`mendd token list` shows them.',
    });
  new Output().talk(`Token ${id} is worthless now.`);
}

interface TokenRow {
  id: string;
  name: string;
  scopes: Scope[];
  createdAt: string;
  expiresAt?: string;
  lastUsedAt?: string;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function shown({ id, name, scopes: held, createdAtMs, expiresAtMs, lastUsedAtMs }: Token): TokenRow {
  return {
    id,
    name,
    scopes: held,
    createdAt: instant(createdAtMs),
    ...(expiresAtMs === undefined ? {} : { expiresAt: instant(expiresAtMs) }),
    ...(lastUsedAtMs === undefined ? {} : { lastUsedAt: instant(lastUsedAtMs) }),
  };
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
