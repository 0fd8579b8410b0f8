/** `mendd cancel`: takes back a run that was not sent yet, or closes one whose end nobody can tell. It decides nothing. */
import type { Command } from 'commander';
import type { RunStory } from './api-types.ts';
import {
  type ApiOptions,
  addCommand,
  bodyOf,
  type MaybeReason,
  openSession,
  withChange,
  withMaybeReason,
} from './command.ts';
import { plain } from './plain-text.ts';

export function addCancel(program: Command): void {
  const summary = 'take back a run that was not sent yet, or close one that is not known to have ended';
  const command = addCommand(program, 'cancel <run-id>', summary, [
    "cancel 'web-1~queue-workers.restart~lx3k2a~1'   # needs a token with the scope act",
  ]);
  withMaybeReason(withChange(command)).action(async (id: string, options: ApiOptions & MaybeReason) => {
    const { client, out } = await openSession(options);
    const run = await client.post<RunStory>(`/api/v1/runs/${encodeURIComponent(id)}/cancel`, bodyOf(options));
    out.value(run, () => [plain(`${run.action} on ${run.host}: ${run.status}.`)]);
  });
}
