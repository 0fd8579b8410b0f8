/** `mendd demo`: names the command; what it plays is in cli/demo.ts, loaded only when it is played. */
import type { Command } from 'commander';
import { addCommand } from './command.ts';

export function addDemo(program: Command): void {
  const summary = 'start a daemon with three embedded SSH hosts, break things, and tell how they heal';
  addCommand(program, 'demo', summary, [
    'demo',
    'demo --once   # exit code 0 only if the episodes ended as told',
  ])
    .option('--once', 'play the three episodes and end', false)
    .action(async (options: { once: boolean }) => {
      const { demo } = await import('./demo.ts');
      process.exitCode = await demo(options.once);
    });
}
