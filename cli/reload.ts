/** `mendd reload`: tells the daemon to read the definitions anew. */
import type { Command } from 'commander';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { plain } from './plain-text.ts';

export function addReload(program: Command): void {
  const summary = 'read the definitions anew; bad ones change nothing and leave with exit code 65';
  withApi(addCommand(program, 'reload', summary, ['reload'])).action(async (options: ApiOptions) => {
    const { client, out } = await openSession(options);
    const answer = await client.post<{ revision: string; restart: string[] }>('/api/v1/reload');
    out.value(answer, () => [`The definitions are loaded; revision ${plain(answer.revision)}.`]);
    if (answer.restart.length > 0)
      out.talk(`These keys take effect when mendd is started again: ${answer.restart.join(', ')}.`);
  });
}
