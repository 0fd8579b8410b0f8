/** `mendd db check`: looks at the whole store, with or without a daemon, and says what is wrong and how large it is. It changes nothing. */
import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import type { FileSize, StoreInspection } from '../store/inspection.ts';
import { addCommand, type ConfigOptions, type OutputOptions, withConfig, withOutput } from './command.ts';
import { findingLines } from './doctor.ts';
import type { Finding } from './examination.ts';
import { CommandError } from './exit.ts';
import { Output } from './output.ts';
import { plain } from './plain-text.ts';
import { storePath } from './store-path.ts';
import { showInstant } from './times.ts';

/** Of one file, the largest first. */
const shownTables = 8;

export function addDb(program: Command): void {
  const db = addCommand(program, 'db', 'the store: is it whole, how large is it; needs no daemon', [
    'db check',
  ]);
  const summary = 'look at all of the store, also while the daemon runs; exit code 1 when it is damaged';
  const command = addCommand(db, 'check', summary, [
    'db check',
    'db check --config /etc/mendd/mendd.yaml -o json',
  ]);
  withConfig(withOutput(command)).action(check);
}

async function check(options: ConfigOptions & OutputOptions): Promise<void> {
  const path = await storePath(options.config);
  const { inspectStore } = await import('../store/inspection.ts');
  const out = new Output(options.output);
  const isWatched = process.stderr.isTTY && out.format === 'table';
  const found = inspectStore(path, Date.now(), (file, step) => {
    if (isWatched) out.talk(`looking at ${file}: ${step}`);
  });
  if (found === undefined)
    throw new CommandError(exitCodes.configMissing, `There is no store at ${path}.`, {
      hint: '`store.path` in the daemon file says where it lies; the first start of `mendd serve` makes it.',
    });
  const { findings, files } = found;
  const ok = findings.every(({ verdict }) => verdict !== 'bad');
  const span = spanOf(found);
  out.value({ ok, findings, files, ...span }, () => {
    const sizes = files.map((file): Finding => ({ verdict: 'note', what: sizeText(file) }));
    const times: Finding[] =
      span.oldestResultAt === undefined
        ? []
        : [
            {
              verdict: 'note',
              what: `results from ${showInstant(span.oldestResultAt)} to ${showInstant(span.newestResultAt ?? '')}`,
            },
          ];
    const whole: Finding[] = ok ? [{ verdict: 'good', what: 'the store is whole' }] : [];
    return [...sizes, ...times, ...findings, ...whole].flatMap((finding) => findingLines(out, finding));
  });
  process.exitCode = ok ? exitCodes.ok : exitCodes.failed;
}

function spanOf({ oldestResultMs, newestResultMs }: StoreInspection): {
  oldestResultAt?: string;
  newestResultAt?: string;
} {
  if (oldestResultMs === undefined || newestResultMs === undefined) return {};
  return {
    oldestResultAt: new Date(oldestResultMs).toISOString(),
    newestResultAt: new Date(newestResultMs).toISOString(),
  };
}

function sizeText({ kind, path, bytes, walBytes, schema, newestSchema, tables }: FileSize): string {
  const version = schema === undefined ? '' : `, schema ${schema} of ${newestSchema}`;
  const rows = tables.slice(0, shownTables).map(({ name, rows: count }) => `${count} ${name}`);
  const more = tables.length > shownTables ? ', and smaller ones' : '';
  const content = rows.length === 0 ? 'no rows' : `rows: ${rows.join(', ')}${more}`;
  return `${kind} ${plain(path)}: ${megabytes(bytes)}, write-ahead log ${megabytes(walBytes)}${version}\n${content}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
