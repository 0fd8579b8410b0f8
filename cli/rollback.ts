/** `mendd rollback`: back to an earlier commit of the definitions, and to following the branch again. */
import { type Command, Option } from 'commander';
import { type ApiOptions, addCommand, openSession, withChange, withReason } from './command.ts';
import { mustBeCommit, usageError } from './exit.ts';
import { type Reloaded, reloadedLines } from './reload.ts';

interface RollbackOptions extends ApiOptions {
  reason: string;
  resume: boolean;
}

export function addRollback(program: Command): void {
  const summary = 'go back to an earlier commit of the definitions, and stay there until --resume';
  const command = addCommand(program, 'rollback [commit]', summary, [
    'rollback --reason "pages everybody"          # to the commit that ran before',
    'rollback 1a2b3c4d --reason "the last good"   # `mendd config` lists them',
    'rollback --resume --reason "mended"          # follow the branch again',
  ]);
  withReason(withChange(command))
    .addOption(new Option('--resume', 'follow the branch again').default(false))
    .action(async (commit: string | undefined, options: RollbackOptions) => {
      const { reason, resume } = options;
      if (resume && commit !== undefined) throw usageError('--resume follows the branch: name no commit.');
      if (commit !== undefined) mustBeCommit(commit);
      const { client, out } = await openSession(options);
      const body = { reason, resume, ...(commit === undefined ? {} : { commit }) };
      const answer = await client.postSlow<Reloaded>('/api/v1/rollback', body);
      out.value(answer, () => reloadedLines(out, answer));
      if (!resume) out.talk('New commits are not taken until `mendd rollback --resume --reason ...`.');
    });
}
