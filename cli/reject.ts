/** `mendd reject`: says no to a question; the action is not done. */
import type { Command } from 'commander';
import { addCommand, type ChangeOptions, openSession, withChange, withReason } from './command.ts';
import { plain } from './plain-text.ts';
import { answerQuestion, readWaiting } from './questions.ts';

export function addReject(program: Command): void {
  const command = addCommand(program, 'reject <id>', 'say no to a question', [
    "reject 'web-1~queue-workers.reboot~lx3k2a~1' --reason 'a deploy runs'",
  ]);
  withReason(withChange(command)).action(async (id: string, options: ChangeOptions & { reason: string }) => {
    const { client, out } = await openSession(options);
    const asked = await readWaiting(client, id, options.key);
    const settled = await answerQuestion(client, asked, 'reject', options.reason);
    out.value(settled, () => [plain(`Rejected: ${settled.action} on ${settled.host} is not done.`)]);
  });
}
