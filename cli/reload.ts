/** `mendd reload`: tells the daemon to read the definitions anew, or lets in what it holds. */
import type { Command } from 'commander';
import type { DefinitionsPlan } from '../core/definitions-plan.ts';
import { type ApiOptions, addCommand, openSession, withChange } from './command.ts';
import type { Output } from './output.ts';
import { plain } from './plain-text.ts';
import { planLines } from './plan-lines.ts';

interface ReloadOptions extends ApiOptions {
  confirm?: string;
}

export interface Reloaded {
  revision: string;
  commit?: string;
  restart: string[];
  plan?: DefinitionsPlan;
}

export function addReload(program: Command): void {
  const summary = 'read the definitions anew; bad ones change nothing and leave with exit code 65';
  const command = addCommand(program, 'reload', summary, [
    'reload',
    'reload --confirm 0f1e2d3c4b5a   # although it drops many hosts; `mendd status` shows the revision',
  ]);
  withChange(command)
    .option('--confirm <revision>', 'let in this revision or commit, and no other, although it would be held')
    .action(async ({ confirm, ...options }: ReloadOptions) => {
      const { client, out } = await openSession(options);
      const answer = await client.postSlow<Reloaded>(
        '/api/v1/reload',
        confirm === undefined ? {} : { confirm },
      );
      out.value(answer, () => reloadedLines(out, answer));
      if (answer.restart.length > 0)
        out.talk(`These keys take effect when mendd is started again: ${answer.restart.join(', ')}.`);
    });
}

export function reloadedLines(out: Output, { revision, commit, plan }: Reloaded): string[] {
  const of = commit === undefined ? '' : `, commit ${plain(commit.slice(0, 12))}`;
  const loaded = `The definitions are loaded; revision ${plain(revision)}${of}.`;
  return plan === undefined ? [loaded] : [loaded, ...planLines(out, { ...plan, hold: [], restart: [] })];
}
