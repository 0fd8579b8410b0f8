/** `mendd outcomes`: what each action came to: how often it healed, whether it lasted, how long it took. */
import type { Command } from 'commander';
import { parseDuration } from '../core/duration.ts';
import type { OutcomeRow } from './api-types.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { resolveAction } from './names.ts';
import type { Column, Hue } from './output.ts';
import { readInstant, showAge, showDuration } from './times.ts';

interface OutcomesOptions extends ApiOptions {
  since: string;
  host?: string;
  action?: string;
  perHost: boolean;
}

export function addOutcomes(program: Command): void {
  const command = addCommand(program, 'outcomes', 'how often each action healed, and whether it lasted', [
    'outcomes',
    'outcomes --since 7d --host web-1',
    'outcomes --per-host -o json',
  ]);
  withApi(command)
    .option('--since <time>', 'of runs decided since: 30d, or 2026-03-01T02:41:00Z', '30d')
    .option('--host <host>', 'only on this host')
    .option('--action <action>', 'only this action')
    .option('--per-host', 'each host by itself', false)
    .action(outcomes);
}

async function outcomes(options: OutcomesOptions): Promise<void> {
  const { host, action: named } = options;
  const since = readInstant('--since', options.since);
  const { client, out } = await openSession(options);
  const isShort = named !== undefined && host !== undefined && !named.includes('.');
  const action = isShort ? await resolveAction(client, host, named) : named;
  const perHost = options.perHost ? 'true' : undefined;
  const rows = await client.list<OutcomeRow>('/api/v1/outcomes', { since, host, action, perHost });
  const columns = rows.some((row) => row.host !== undefined)
    ? [hostColumn, ...outcomeColumns]
    : outcomeColumns;
  const span = 'value' in parseDuration(options.since) ? `in ${options.since}` : `since ${since}`;
  out.list('outcomes', rows, columns, `No action ran ${span}.`);
}

const hostColumn: Column<OutcomeRow> = { title: 'HOST', cell: ({ host }) => host ?? '' };

const outcomeColumns: readonly Column<OutcomeRow>[] = [
  { title: 'ACTION', cell: ({ action }) => action },
  { title: 'RUNS', cell: ({ runs }) => String(runs) },
  {
    title: 'SUCCESS',
    cell: ({ successRate }) => percent(successRate),
    hue: ({ successRate }) => rateHue(successRate),
  },
  { title: 'VERIFIED', cell: ({ verified }) => String(verified) },
  { title: 'NOT VERIFIED', cell: ({ notVerified }) => String(notVerified) },
  { title: 'FAILED', cell: ({ failed }) => String(failed) },
  { title: 'UNCLEAR', cell: ({ inconclusive, unknown }) => String(inconclusive + unknown) },
  { title: 'BACK IN 24H', cell: ({ recurred }) => String(recurred) },
  { title: 'HEALS IN', cell: ({ medianTimeToHealMs: ms }) => (ms === undefined ? '' : showDuration(ms)) },
  { title: 'LAST', cell: ({ lastRunAt }) => (lastRunAt === undefined ? '' : `${showAge(lastRunAt)} ago`) },
];

/** Rounded down: 99.9 % is not always. */
function percent(rate: number | undefined): string {
  return rate === undefined ? '' : `${Math.floor(rate * 100)}%`;
}

function rateHue(rate: number | undefined): Hue | undefined {
  if (rate === undefined) return undefined;
  return rate >= 0.9 ? 'good' : rate >= 0.5 ? 'warn' : 'bad';
}
