/**
 * `mendd submit`: tells the daemon results of passive checks: one, lines of send_nsca, or that of a command it runs (for cron). What the
 * result leads to is the daemon's matter.
 */
import { type Command, Option } from 'commander';
import { exitCodes, MenddError } from '../core/errors.ts';
import { type ApiClient, isAway } from './client.ts';
import { addCommand, type ChangeOptions, openSession, withApi, withDryRun } from './command.ts';
import { CommandError, usageError } from './exit.ts';
import { splitTarget } from './names.ts';
import { type Column, Output } from './output.ts';
import { readDuration } from './times.ts';
import { pauseFor } from './wait.ts';
import { runWrapped } from './wrapped-command.ts';

interface SubmitOptions extends ChangeOptions {
  state?: string;
  exitCode?: number;
  text?: string;
  ttl?: string;
  stdin: boolean;
  plugin: boolean;
  patience: string;
}

interface ToldRow {
  host: string;
  check: string;
  accepted: boolean;
  problem?: string;
}

interface ToldAnswer {
  accepted: number;
  refused: number;
  items: ToldRow[];
}

const stdinBytes = 1_048_576;
/** ETB. */
const endOfBlock = String.fromCharCode(0x17);
/** Lines that one request may hold. */
const linesAtOnce = 500;
/** Between two attempts, at first. Milliseconds. */
const firstPauseMs = 1_000;

export function addSubmit(program: Command): void {
  const summary =
    'tell the result of a passive check, or run a command and tell its result; needs a token with the scope submit';
  const command = addCommand(program, 'submit [host] [check] [command...]', summary, [
    "submit db-1 backup --exit-code 0 --text 'backup done | size=4GB'",
    'submit db-1 backup -- /usr/local/bin/backup --full       # for cron: leaves with its exit code',
    'submit --stdin < results.tsv                             # host<TAB>check<TAB>exit code<TAB>output, as send_nsca',
  ]);
  withDryRun(withApi(command))
    .addOption(
      new Option('--state <state>', 'what is told').choices(['ok', 'warning', 'critical', 'unknown']),
    )
    .option('--exit-code <code>', 'what is told, as of a plugin: 0 to 3, or what `exit_map` names', readCode)
    .option('--text <text>', 'as a plugin prints it: text | performance data')
    .option('--ttl <duration>', 'in place of the `ttl` of the check, until its next result')
    .option('--stdin', 'read lines of send_nsca from standard input', false)
    .option('--plugin', 'the command is a plugin: its exit code is a state and its output a result', false)
    .option('--patience <duration>', 'how long an absent daemon is waited for', '1m')
    .action(submit);
}

function readCode(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return Number(text);
  throw usageError(`--exit-code: \`${text}\` is no exit code.`, 'Write a number from 0 to 255.');
}

async function submit(
  target: string | undefined,
  named: string | undefined,
  words: readonly string[],
  options: SubmitOptions,
): Promise<void> {
  const patienceMs = options.patience === '0s' ? 0 : readDuration('--patience', options.patience);
  if (options.stdin) {
    if (target !== undefined)
      throw usageError('--stdin reads hosts and checks from its lines.', 'Leave them out.');
    const { state, exitCode, text, ttl, plugin } = options;
    if ((state ?? exitCode ?? text ?? ttl) !== undefined || plugin)
      throw usageError(
        '--stdin reads results from its lines.',
        'Leave out --state, --exit-code, --text, --ttl and --plugin.',
      );
    const { client, out } = await openSession(options);
    return tellAll(await readLines(), client, out, patienceMs);
  }
  if (target === undefined)
    throw usageError('Which host and which check?', 'Write: mendd submit HOST CHECK --state ok');
  const isWhole = target.includes('/');
  const { host, check } = splitTarget(target, isWhole ? undefined : named);
  if (check === undefined) throw usageError('Which check?', `Write: mendd submit ${host} CHECK --state ok`);
  const own = { host, check, ...(options.ttl === undefined ? {} : { ttl: options.ttl }) };
  const rest = isWhole && named !== undefined ? [named, ...words] : words;
  const given = [options.state, options.exitCode].filter((each) => each !== undefined).length;
  if (rest.length > 0) {
    if (given > 0 || options.text !== undefined)
      throw usageError('A command tells its own result.', 'Leave out --state, --exit-code and --text.');
    if (options.dryRun === true)
      throw usageError(
        '--dry-run would run the command all the same.',
        'Try it with --state ok in place of the command.',
      );
    return wrap(own, rest, options, patienceMs);
  }
  if (options.plugin) throw usageError('--plugin is for a command, which stands behind --.');
  if (given !== 1)
    throw usageError('What is its result?', 'Write one of --state and --exit-code, or -- and a command.');
  const { state, exitCode, text: output = '' } = options;
  const result = state === undefined ? { ...own, exitCode, output } : { ...own, state, output };
  const { client, out } = await openSession(options);
  showAnswer(await tell(client, { results: [result] }, patienceMs), out);
}

/** The command's own exit code stays, whatever becomes of the result: it is what cron looks at. */
async function wrap(
  own: { host: string; check: string },
  words: readonly string[],
  options: SubmitOptions,
  patienceMs: number,
): Promise<void> {
  const { exitCode, result } = await runWrapped(words, options.plugin);
  process.exitCode = exitCode;
  const out = new Output(options.output);
  try {
    const { client } = await openSession(options);
    const { items } = await tell(client, { results: [{ ...own, ...result }] }, patienceMs);
    for (const { problem } of items)
      if (problem !== undefined) out.talk(`mendd: the result was refused: ${problem}`);
  } catch (error) {
    if (!(error instanceof MenddError || error instanceof CommandError)) throw error;
    out.talk(`mendd: the result could not be told: ${error.message}`);
  }
}

async function readLines(): Promise<string[]> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > stdinBytes) throw usageError(`Standard input holds more than ${stdinBytes} bytes.`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  // What senders end with ETB may have lines of its own.
  const ends = text.includes(endOfBlock) ? endOfBlock : '\n';
  return text
    .split(ends)
    .filter((line) => line.trim() !== '')
    .map((line) => line + ends);
}

async function tellAll(
  lines: readonly string[],
  client: ApiClient,
  out: Output,
  patienceMs: number,
): Promise<void> {
  const all: ToldAnswer = { accepted: 0, refused: 0, items: [] };
  for (let from = 0; from < lines.length; from += linesAtOnce) {
    const text = lines.slice(from, from + linesAtOnce).join('');
    const { accepted, refused, items } = await tell(client, { text }, patienceMs);
    all.accepted += accepted;
    all.refused += refused;
    all.items.push(...items);
  }
  showAnswer(all, out);
}

/** Again until `patienceMs` are over while the daemon is away or has no room; a result that is told twice counts once. */
async function tell(client: ApiClient, body: object, patienceMs: number): Promise<ToldAnswer> {
  const untilMs = performance.now() + patienceMs;
  for (let waitMs = firstPauseMs; ; waitMs *= 2) {
    try {
      return await client.post<ToldAnswer>('/api/v1/results', body);
    } catch (error) {
      if (!isAway(error) || performance.now() + waitMs > untilMs) throw error;
      await pauseFor(waitMs);
    }
  }
}

function showAnswer(answer: ToldAnswer, out: Output): void {
  out.value(answer, () => {
    const refused = answer.items.filter(({ accepted }) => !accepted);
    if (refused.length > 0) return out.table(refused, columns);
    return [`${answer.accepted} ${answer.accepted === 1 ? 'result was' : 'results were'} taken.`];
  });
  if (answer.refused > 0) process.exitCode = exitCodes.failed;
}

const columns: readonly Column<ToldRow>[] = [
  { title: 'HOST', cell: ({ host }) => host },
  { title: 'CHECK', cell: ({ check }) => check },
  { title: 'REFUSED', cell: ({ problem }) => problem ?? '', hue: () => 'bad' },
];
