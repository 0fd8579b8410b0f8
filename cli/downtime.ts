/** `mendd downtime`: planned work, once, with a problem that may come, or again and again. */
import type { Command } from 'commander';
import { formatDuration } from '../core/duration.ts';
import type { SuppressionRow } from './api-types.ts';
import { type ApiOptions, addCommand, openSession, withChange, withReason } from './command.ts';
import { usageError } from './exit.ts';
import { plain } from './plain-text.ts';
import {
  addListAndRemove,
  type CoverOptions,
  coverOf,
  coverText,
  type EndOptions,
  endOf,
  whenText,
  withCover,
  withEnd,
} from './suppressions.ts';
import { readDuration, readTime } from './times.ts';

interface DowntimeOptions extends ApiOptions, CoverOptions, EndOptions {
  reason: string;
  from?: string;
  flexible?: string;
  schedule?: string;
  timezone?: string;
  lasts?: string;
}

export function addDowntime(program: Command): void {
  const downtime = addCommand(
    program,
    'downtime',
    'planned work: nothing acts on hosts or checks meanwhile',
    [
      "downtime add web-1 --from 2026-03-01T22:00:00Z --for 4h --reason 'new kernel'",
      'downtime list',
      'downtime remove <id>',
    ],
  );
  const add = addCommand(downtime, 'add [hosts...]', 'plan one; names, globs, and !name to leave out', [
    "downtime add 'web-*' --for 2h --reason 'rack move'",
    "downtime add db-1 --for 8h --flexible 30m --reason 'it restarts itself once tonight'",
    "downtime add --label role=db --schedule '0 2 * * 0' --timezone Europe/Berlin --lasts 2h --reason patches",
  ]);
  withReason(withEnd(withCover(withChange(add))))
    .option('--from <time>', 'when it begins; at once without it')
    .option('--flexible <duration>', 'begins with a problem inside the window, and lasts so long from there')
    .option('--schedule <cron>', 'begins whenever this fires, in place of --from and an end')
    .option('--timezone <name>', 'of --schedule; UTC without it')
    .option('--lasts <duration>', 'how long each time of --schedule lasts')
    .action(async (hosts: string[], options: DowntimeOptions) => {
      const form = formOf(options);
      const { client, out } = await openSession(options);
      const match = await coverOf(client, hosts, options);
      const body = { match, reason: options.reason, ...form };
      const made = await client.post<SuppressionRow>('/api/v1/downtimes', body);
      out.value(made, () => [
        `Nothing acts on ${plain(coverText(made))}: ${plain(whenText(made))}.`,
        plain(made.id),
      ]);
    });
  addListAndRemove(downtime, 'downtime');
}

/** One of its three forms, as the API takes it. Errors: 64 when options of two stand together. */
function formOf(options: DowntimeOptions): Record<string, string> {
  const { schedule, timezone, lasts, from, flexible } = options;
  if (schedule !== undefined) {
    const other = (['from', 'for', 'until', 'flexible'] as const).find((name) => options[name] !== undefined);
    if (other !== undefined)
      throw usageError(`--${other} means nothing beside --schedule.`, 'A downtime has one form; plan two.');
    if (lasts === undefined)
      throw usageError('--schedule needs --lasts: how long each time lasts.', 'Add for example --lasts 2h.');
    return { schedule, ...(timezone === undefined ? {} : { timezone }), ...durationOf('lasts', lasts) };
  }
  for (const name of ['timezone', 'lasts'] as const)
    if (options[name] !== undefined) throw usageError(`--${name} means nothing without --schedule.`);
  return {
    ...endOf(options, true),
    ...(from === undefined ? {} : { from: readTime('--from', from) }),
    ...(flexible === undefined ? {} : durationOf('flexible', flexible)),
  };
}

function durationOf(name: 'flexible' | 'lasts', text: string): Record<string, string> {
  return { [name]: formatDuration(readDuration(`--${name}`, text)) };
}
