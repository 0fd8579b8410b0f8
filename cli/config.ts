/** `mendd config`: where the definitions come from, what is in force, and which commits one can go back to; `show` is the daemon file. */
import type { Command } from 'commander';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { addConfigShow } from './config-show.ts';
import type { CommitRow, ConfigAnswer } from './config-types.ts';
import { definitionLines } from './definition-lines.ts';
import type { Column, Output } from './output.ts';
import { plain } from './plain-text.ts';
import { showAge } from './times.ts';

export function addConfig(program: Command): void {
  const summary = 'where the definitions come from, what is in force, which commits one can go back to';
  const config = addCommand(program, 'config', `${summary}; and the daemon file with its defaults`, [
    'config',
    'config -o json',
    'config show --origin',
  ]);
  // A command of its own beside `show`, or it would take the options of both.
  const first = { isDefault: true };
  withApi(addCommand(config, 'source', summary, ['config', 'config source -o json'], first)).action(
    async (options: ApiOptions) => {
      const { client, out } = await openSession(options);
      const answer = await client.get<ConfigAnswer>('/api/v1/config');
      out.value(answer, () => lines(out, answer));
    },
  );
  addConfigShow(config);
}

function lines(out: Output, config: ConfigAnswer): string[] {
  const { source, commits } = config;
  const commit = source.kind === 'git' ? source.commit : undefined;
  const about = definitionLines(out, { ...config, ...(commit === undefined ? {} : { commit: commit.id }) });
  if (source.kind === 'directory') return [`from the directory ${plain(source.path)}`, ...about];
  const where = source.path === '' ? '' : `, directory ${plain(source.path)}`;
  const looked =
    source.lookedAt === undefined ? 'not looked at yet' : `looked at ${showAge(source.lookedAt)} ago`;
  return [
    `from ${plain(source.url)}, branch ${plain(source.branch)}${where}; ${looked}`,
    ...about,
    '',
    out.paint('strong', 'Valid commits, newest first'),
    ...out.table(commits, columns(commit?.id), '  '),
  ];
}

function columns(inForce: string | undefined): Column<CommitRow>[] {
  return [
    {
      title: 'COMMIT',
      cell: ({ id }) => id.slice(0, 12),
      hue: ({ id }) => (id === inForce ? 'good' : undefined),
    },
    { title: 'IN FORCE', cell: ({ id }) => (id === inForce ? 'yes' : '') },
    { title: 'AGE', cell: ({ committedAt }) => showAge(committedAt) },
    { title: 'AUTHOR', cell: ({ author }) => author },
    { title: 'SUBJECT', cell: ({ subject }) => subject },
  ];
}
