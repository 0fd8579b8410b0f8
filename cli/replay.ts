/** `mendd replay`: what definitions would have done with what was recorded. On the store itself, without a daemon; nothing changes. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { LoadOptions } from '../config/load.ts';
import type { Definitions } from '../core/definitions.ts';
import { exitCodes } from '../core/errors.ts';
import type { ReplayReport } from '../daemon/replay.ts';
import type { Recorded } from '../store/recorded.ts';
import { addCommand, type ConfigOptions, type OutputOptions, withConfig, withOutput } from './command.ts';
import { findDaemonFile } from './daemon-file.ts';
import { usageError } from './exit.ts';
import { isDirectory, namedDefinitions } from './named-definitions.ts';
import { Output } from './output.ts';
import { plain } from './plain-text.ts';
import { differenceColumns, differenceRow, replayLines } from './replay-lines.ts';
import { storePath } from './store-path.ts';
import { readInstant } from './times.ts';

interface ReplayOptions extends OutputOptions, ConfigOptions {
  since: string;
  until?: string;
  store?: string;
}

export function addReplay(program: Command): void {
  const summary =
    'what definitions would have done with what was recorded; exit code 0 the same, 1 something else, 65 they are invalid';
  const command = addCommand(program, 'replay [path]', summary, [
    'replay                                  # those in force: how well a replay agrees with what happened',
    'replay ./definitions --since 7d         # judged with the daemon file, as `mendd validate` does',
    'replay ./new.yaml --since 2d -o json    # another daemon file: other limits, other modes',
    'replay --config ./new.yaml --store /var/lib/mendd/mendd.db',
  ]);
  withConfig(withOutput(command))
    .option('--since <time>', 'compare from there: 7d, or 2026-03-01T02:41:00Z', '7d')
    .option('--until <time>', 'and to there; now without it')
    .option('--store <file>', 'the history that was recorded; as the daemon file says without it')
    .action(replayed);
}

async function replayed(path: string | undefined, options: ReplayOptions): Promise<void> {
  const out = new Output(options.output);
  const nowMs = Date.now();
  const sinceMs = Date.parse(readInstant('--since', options.since, nowMs));
  // Of what is to come nothing was recorded, and nothing is made up.
  const untilMs = Math.min(nowMs, Date.parse(readInstant('--until', options.until ?? '0s', nowMs)));
  if (sinceMs >= untilMs) throw usageError('--since: must be before --until, and before now.');
  // A directory of definitions is no daemon file, and can only be meant to be replayed.
  const isNamed = path === undefined && options.config !== undefined && isDirectory(options.config);
  const [named, config] = isNamed ? [options.config, undefined] : [path, options.config];
  const loaded = await load(wanted(named, config));
  const { openRecorded } = await import('../store/recorded.ts');
  const { replay } = await import('../daemon/replay.ts');
  const recorded = openRecorded(
    options.store === undefined ? await storePath(config) : resolve(options.store),
  );
  try {
    const definitions = await loaded.inWorldOf(recorded);
    show(out, await replay({ recorded, definitions, sinceMs, untilMs }), loaded.warnings);
  } finally {
    recorded.close();
  }
}

/** Definitions without a daemon file are judged with the one that a daemon here has. Errors: 64, CONFIG_MISSING. */
function wanted(path: string | undefined, config: string | undefined): LoadOptions {
  const named = namedDefinitions(path, config);
  if (named.isWithoutDaemonFile !== true || path === undefined) return named;
  return { configFile: findDaemonFile(config), directory: path };
}

interface Loaded {
  warnings: string[];
  /** With the hosts and facts that were told from outside, as they are known now. */
  inWorldOf: (recorded: Recorded) => Promise<Definitions>;
}

/** No secret is read: nothing is sent to anybody. Errors: those of `loadOrThrow`. */
async function load(options: LoadOptions): Promise<Loaded> {
  const [{ loadOrThrow }, { formatProblem }, { inKeptWorld }, { createLog }] = await Promise.all([
    import('../daemon/load.ts'),
    import('../config/problems.ts'),
    import('../daemon/kept-world.ts'),
    import('../daemon/log.ts'),
  ]);
  const { warnings, ...loaded } = loadOrThrow({ ...options, resolveSecrets: false });
  return {
    warnings: warnings.map(formatProblem),
    async inWorldOf(recorded) {
      const log = createLog('silent');
      return (await inKeptWorld({ ...loaded, log }, { store: recorded, coordinator: recorded })).definitions;
    },
  };
}

function show(out: Output, report: ReplayReport, warnings: readonly string[]): void {
  const { sinceMs, untilMs, beganAtMs, isWarm, isComplete, differences, ...rest } = report;
  const rows = differences.map(differenceRow);
  const span = {
    since: instant(sinceMs),
    until: instant(untilMs),
    began: instant(beganAtMs),
    warm: isWarm,
    complete: isComplete,
  };
  for (const warning of out.format === 'json' ? [] : warnings)
    out.talk(`warning: ${plain(warning, { lines: true })}`);
  if (out.format === 'ndjson') out.list('differences', rows, differenceColumns, '');
  else
    out.value({ ...span, differs: rows.length > 0, ...rest, differences: rows, warnings }, () =>
      replayLines(out, report, rows),
    );
  if (rows.length > 0) process.exitCode = exitCodes.failed;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
