/** `mendd resume`: releases the pause. */
import type { Command } from 'commander';
import {
  type ApiOptions,
  addCommand,
  bodyOf,
  type MaybeReason,
  openSession,
  withChange,
  withMaybeReason,
} from './command.ts';

export function addResume(program: Command): void {
  const command = addCommand(program, 'resume', 'let actions run again', [
    'resume',
    "resume --reason 'the switch is back'",
  ]);
  withMaybeReason(withChange(command)).action(async (options: ApiOptions & MaybeReason) => {
    const { client, out } = await openSession(options);
    const answer = await client.post<object>('/api/v1/resume', bodyOf(options));
    out.value(answer, () => ['Actions run again.']);
  });
}
