/** `mendd config show`: what the daemon file comes to, with its defaults, and where each value stands. Needs no daemon, reads no secret. */
import type { Command } from 'commander';
import type { DaemonValue } from '../config/daemon-values.ts';
import { addCommand, type ConfigOptions, type OutputOptions, withConfig, withOutput } from './command.ts';
import { findDaemonFile } from './daemon-file.ts';
import { type Column, Output } from './output.ts';

interface ShowOptions extends ConfigOptions, OutputOptions {
  origin: boolean;
}

export function addConfigShow(config: Command): void {
  const summary = 'every value of the daemon file, defaults too; needs no daemon, shows no secret';
  withConfig(withOutput(addCommand(config, 'show', summary, ['config show', 'config show --origin -o json'])))
    .option('--origin', 'and where each comes from: file:line:column, or default', false)
    .action(show);
}

async function show({ config, output, origin }: ShowOptions): Promise<void> {
  const file = findDaemonFile(config);
  const [{ daemonValues }, { ProblemList, sortProblems }, { readDaemonAlone }] = await Promise.all([
    import('../config/daemon-values.ts'),
    import('../config/problems.ts'),
    import('../config/read.ts'),
  ]);
  const list = new ProblemList();
  const read = readDaemonAlone(file, list);
  if (read === undefined || list.problems.length > 0) {
    const { refusalOf } = await import('../daemon/load.ts');
    throw refusalOf(sortProblems(list.problems));
  }
  const values = daemonValues(read).map(({ from, ...value }) => (origin ? { ...value, from } : value));
  new Output(output).list(
    'values',
    values,
    origin ? [keyColumn, fromColumn, valueColumn] : [keyColumn, valueColumn],
    '',
  );
}

type Row = Omit<DaemonValue, 'from'> & { from?: string };

const keyColumn: Column<Row> = { title: 'KEY', cell: ({ key }) => key };
const fromColumn: Column<Row> = { title: 'FROM', cell: ({ from }) => from ?? '' };
/** Last: it is the one that may be long. */
const valueColumn: Column<Row> = {
  title: 'VALUE',
  cell: ({ value }) => (typeof value === 'string' ? value : JSON.stringify(value)),
};
