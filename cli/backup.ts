/** `mendd backup`: copies the store while the daemon runs; each copy is checked and opens on its own. */
import type { Command } from 'commander';
import { addCommand, type ConfigOptions, type OutputOptions, withConfig, withOutput } from './command.ts';
import { Output } from './output.ts';
import { storePath } from './store-path.ts';

export function addBackup(program: Command): void {
  const summary = 'copy the store into a directory, also while the daemon runs';
  const command = addCommand(program, 'backup <directory>', summary, [
    'backup /var/backups/mendd/$(date +%F)',
  ]);
  withConfig(withOutput(command)).action(
    async (directory: string, options: ConfigOptions & OutputOptions) => {
      const path = await storePath(options.config);
      const { backupStores } = await import('../store/open.ts');
      const copies = backupStores(path, directory);
      new Output(options.output).value(copies, () => [copies.history, copies.ledger]);
    },
  );
}
