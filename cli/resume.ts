/** `mendd resume`: releases the pause. */
import type { Command } from 'commander';
import { type ApiOptions, addCommand, openSession, withChange } from './command.ts';

export function addResume(program: Command): void {
  withChange(addCommand(program, 'resume', 'let actions run again', ['resume'])).action(
    async (options: ApiOptions) => {
      const { client, out } = await openSession(options);
      const answer = await client.post<object>('/api/v1/resume');
      out.value(answer, () => ['Actions run again.']);
    },
  );
}
