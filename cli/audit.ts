/**
 * `mendd audit`: who did what, as a chain of hashes, and whether the chain is whole. On the store itself, so that a daemon need not
 * be believed; with --api through one.
 */
import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import type { AuditEntry, AuditVerdict } from '../core/safety.ts';
import type { AuditRow } from './api-types.ts';
import {
  addCommand,
  type ConfigOptions,
  countOption,
  type OutputOptions,
  openSession,
  type Session,
  withConfig,
  withOutput,
} from './command.ts';
import { usageError } from './exit.ts';
import { withExistingLedger } from './ledger-file.ts';
import { type Column, Output } from './output.ts';
import { plain } from './plain-text.ts';
import { readInstant, showInstant } from './times.ts';

interface AuditOptions extends OutputOptions, ConfigOptions {
  api?: string | true;
  ca?: string;
  tokenFile?: string;
}

interface ListOptions extends AuditOptions {
  since?: string;
  limit: number;
}

const pageSize = 500;

export function addAudit(program: Command): void {
  const audit = addCommand(
    program,
    'audit',
    'who did what, hash-chained: list it, verify it; needs the store, no daemon',
    ['audit verify', 'audit list --since 7d'],
  );
  const list = addCommand(
    audit,
    'list',
    'decisions to act, commands of people, changes of definitions; newest first',
    ['audit list --since 7d -o ndjson'],
  );
  withSource(list)
    .option('--since <time>', 'only since: 2026-03-01T02:41:00Z, or 7d')
    .addOption(countOption('--limit <count>', 'at most so many', 50))
    .action(listAudit);
  const verify = addCommand(
    audit,
    'verify',
    'walk the whole chain; exit code 1 names the first altered row',
    ['audit verify', 'audit verify --api   # ask the daemon; needs a token with the scope admin'],
  );
  withSource(verify).action(verifyAudit);
}

function withSource(command: Command): Command {
  return withConfig(withOutput(command))
    .option('--api [url]', 'ask the daemon (there, or where it usually is) in place of the store')
    .option('--ca <file>', 'with --api: certificates to trust beside the usual ones, in PEM')
    .option('--token-file <file>', 'with --api: file with the token; $MENDD_TOKEN without it');
}

async function sessionOf({ api, ...rest }: AuditOptions): Promise<Session> {
  const url = api === true ? process.env['MENDD_API'] : api;
  return openSession({ ...rest, ...(url === undefined ? {} : { api: url }) });
}

/** Errors: 64 for what only a daemon is asked with. */
function mustMeanApi({ api, ca, tokenFile }: AuditOptions): void {
  if (api !== undefined || (ca ?? tokenFile) === undefined) return;
  throw usageError(
    `--${ca === undefined ? 'token-file' : 'ca'} is for a daemon that is asked.`,
    'Add --api.',
  );
}

async function listAudit(options: ListOptions): Promise<void> {
  mustMeanApi(options);
  const since = options.since === undefined ? undefined : readInstant('--since', options.since);
  const rows =
    options.api === undefined
      ? await storedRows(options, since)
      : await (await sessionOf(options)).client.list<AuditRow>('/api/v1/audit', { since }, options.limit);
  new Output(options.output).list('entries', rows, columns, 'Nothing is recorded.');
}

async function storedRows(options: ListOptions, since: string | undefined): Promise<AuditRow[]> {
  const span = since === undefined ? {} : { sinceMs: Date.parse(since) };
  return withExistingLedger(options, (ledger) => {
    const rows: AuditRow[] = [];
    let cursor: string | undefined;
    do {
      const limit = Math.min(pageSize, options.limit - rows.length);
      const page = ledger.auditEntries({ limit, ...span, ...(cursor === undefined ? {} : { cursor }) });
      rows.push(...page.items.map(shown));
      cursor = page.next;
    } while (cursor !== undefined && rows.length < options.limit);
    return rows;
  });
}

function shown({ atMs, ...entry }: AuditEntry): AuditRow {
  return { ...entry, at: new Date(atMs).toISOString() };
}

async function verifyAudit(options: AuditOptions): Promise<void> {
  mustMeanApi(options);
  const verdict =
    options.api === undefined
      ? await withExistingLedger(options, (ledger) => ledger.verifyAudit())
      : await (await sessionOf(options)).client.getSlow<AuditVerdict>('/api/v1/audit/verify');
  const out = new Output(options.output);
  out.value(verdict, () => [verdictLine(out, verdict)]);
  if (verdict.ok) return;
  out.talk(
    'Keep the file for inspection, and compare the heads that were exported to the log and the webhook.',
  );
  process.exitCode = exitCodes.failed;
}

function verdictLine(out: Output, verdict: AuditVerdict): string {
  if (verdict.ok) {
    const { entries, firstSeq, head } = verdict;
    return `${out.paint('good', 'whole')}: ${entries} entries from ${firstSeq}; the head is ${head.seq} ${plain(head.hash)}`;
  }
  const { entries, brokenAtSeq, problem } = verdict;
  return `${out.paint('bad', 'ALTERED')} at row ${brokenAtSeq}: ${plain(problem)}; the ${entries} entries before it are whole`;
}

const columns: readonly Column<AuditRow>[] = [
  { title: 'SEQ', cell: ({ seq }) => String(seq) },
  { title: 'AT', cell: ({ at }) => showInstant(at) },
  { title: 'ACTOR', cell: ({ actor }) => actor },
  { title: 'EVENT', cell: ({ event }) => event },
  { title: 'HASH', cell: ({ hash }) => hash.slice(0, 12) },
  { title: 'ABOUT', cell: ({ body }) => JSON.stringify(body) },
];
