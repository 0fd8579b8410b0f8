/**
 * `mendd approve`: shows the exact command and where it would run, wants a second, deliberate step, and answers exactly what it has
 * shown.
 */
import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import type { ApprovalRow, HostRow } from './api-types.ts';
import { addCommand, type ChangeOptions, openSession, withChange } from './command.ts';
import { CommandError, usageError } from './exit.ts';
import { plain } from './plain-text.ts';
import { answerQuestion, questionLines, readWaiting, typedAnswer } from './questions.ts';

interface ApproveOptions extends ChangeOptions {
  yes: boolean;
  reason?: string;
}

export function addApprove(program: Command): void {
  const command = addCommand(
    program,
    'approve <id>',
    'say yes to a question, after it has shown what will run',
    [
      "approve 'web-1~queue-workers.reboot~lx3k2a~1'         # asks for the name of the host",
      "approve 'web-1~queue-workers.reboot~lx3k2a~1' --yes",
    ],
  );
  withChange(command)
    .option('--yes', 'do not ask again', false)
    .option('--reason <text>', 'recorded with your name')
    .action(approve);
}

async function approve(id: string, options: ApproveOptions): Promise<void> {
  const reason = options.reason?.trim();
  if (reason === '') throw usageError('--reason is empty.', 'Leave it out, or say why.');
  const { client, out } = await openSession(options);
  const asked = await readWaiting(client, id, options.key);
  const hosts = await client.list<HostRow>('/api/v1/hosts');
  out.talk(questionLines(asked, hosts).join('\n'));
  if (!options.yes) await confirm(asked);
  const settled = await answerQuestion(client, asked, 'approve', reason);
  out.value(settled, () => [plain(`Approved: ${settled.action} on ${settled.host}.`)]);
  out.talk(`What becomes of it: mendd runs '${id}'`);
}

/** The name of the host, typed: a key pressed too early is no yes. Errors: 64 where nobody can be asked, 1 for anything else typed. */
async function confirm({ host }: ApprovalRow): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw usageError(
      'Nothing was approved: there is no terminal to ask on.',
      'Read the above, then add --yes.',
    );
  const typed = await typedAnswer('Type the name of the host to let it run there: ');
  if (typed === host) return;
  throw new CommandError(exitCodes.failed, 'Nothing was approved: that is not the name of the host.');
}
