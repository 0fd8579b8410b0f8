/** `mendd silence`: lets nothing act on some hosts or checks until a set end. */
import type { Command } from 'commander';
import type { SuppressionRow } from './api-types.ts';
import { type ApiOptions, addCommand, openSession, withChange, withReason } from './command.ts';
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
import { readTime } from './times.ts';

interface SilenceOptions extends ApiOptions, CoverOptions, EndOptions {
  reason: string;
  from?: string;
}

export function addSilence(program: Command): void {
  const silence = addCommand(
    program,
    'silence',
    'let nothing act on hosts or checks for a time; checks go on',
    ["silence add 'web-*' --for 2h --reason 'rack move'", 'silence list', 'silence remove <id>'],
  );
  const add = addCommand(silence, 'add [hosts...]', 'lay one on; names, globs, and !name to leave out', [
    "silence add web-1 web-2 --for 2h --reason 'rack move'",
    "silence add --label role=db --check 'backup.*' --until 2026-03-01T06:00:00Z --reason 'restore'",
  ]);
  withReason(withEnd(withCover(withChange(add))))
    .option('--from <time>', 'when it begins; at once without it')
    .action(async (hosts: string[], options: SilenceOptions) => {
      const end = endOf(options, true);
      const from = options.from === undefined ? {} : { from: readTime('--from', options.from) };
      const { client, out } = await openSession(options);
      const match = await coverOf(client, hosts, options);
      const body = { match, reason: options.reason, ...from, ...end };
      const made = await client.post<SuppressionRow>('/api/v1/silences', body);
      out.value(made, () => [`Nothing acts on ${plain(coverText(made))} ${whenText(made)}.`, plain(made.id)]);
    });
  addListAndRemove(silence, 'silence');
}
