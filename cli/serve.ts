/** `mendd serve`: runs the daemon in the foreground until a signal ends it. */
import type { Command } from 'commander';
import { addCommand, type ConfigOptions, withConfig } from './command.ts';
import { findDaemonFile } from './daemon-file.ts';

export function addServe(program: Command): void {
  const command = addCommand(
    program,
    'serve',
    'run the daemon in the foreground; it logs JSON lines on stdout',
    ['serve --config /etc/mendd/mendd.yaml', 'serve --observe'],
  );
  withConfig(command)
    .option('--observe', 'decide and record, never act', false)
    .action(async (options: ConfigOptions & { observe: boolean }) => {
      const configFile = findDaemonFile(options.config);
      // Loaded only here: asking a daemon must not need its database driver.
      const { serve } = await import('../daemon/main.ts');
      await serve({ configFile, observe: options.observe });
    });
}
