/** `mendd version`: which mendd this is, and what it runs on. */
import type { Command } from 'commander';
import { version } from '../daemon/version.ts';
import { addCommand, type OutputOptions, withOutput } from './command.ts';
import { Output } from './output.ts';

export function addVersion(program: Command): void {
  withOutput(addCommand(program, 'version', 'print the version', ['version -o json'])).action(
    (options: OutputOptions) => {
      const facts = {
        mendd: version,
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
      };
      new Output(options.output).value(facts, () => [`mendd ${version}`]);
    },
  );
}
