/** `mendd pause`: the global off switch for actions. */
import type { Command } from 'commander';
import { formatDuration } from '../core/duration.ts';
import type { PauseRow } from './api-types.ts';
import { type ApiOptions, addCommand, openSession, withChange, withReason } from './command.ts';
import { readDuration, showInstant } from './times.ts';

interface PauseOptions extends ApiOptions {
  reason: string;
  for?: string;
}

export function addPause(program: Command): void {
  const command = addCommand(
    program,
    'pause',
    'start no action until resumed; checks go on, restarts keep it',
    ["pause --reason 'core switch is being replaced' --for 2h"],
  );
  withReason(withChange(command))
    .option('--for <duration>', 'resume by itself after that: 30m, 2h')
    .action(async (options: PauseOptions) => {
      const { reason } = options;
      const length =
        options.for === undefined ? {} : { for: formatDuration(readDuration('--for', options.for)) };
      const { client, out } = await openSession(options);
      const answer = await client.post<{ paused: boolean; pause: PauseRow }>('/api/v1/pause', {
        reason,
        ...length,
      });
      const { until } = answer.pause;
      const end = until === undefined ? 'until `mendd resume`' : `until ${showInstant(until)}`;
      out.value(answer, () => [`Actions are paused ${end}. Checks go on.`]);
    });
}
