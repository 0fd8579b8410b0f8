/** Options of the form key=value that may come several times. */
import type { Command } from 'commander';
import { usageError } from './exit.ts';

export function withPairs(command: Command, flags: string, description: string): Command {
  return command.option(flags, description, onePair);
}

/** Unlike names, values may hold commas. */
function onePair(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Errors: 64. */
export function pairsOf(option: string, texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw usageError(`${option}: \`${text}\` is no pair.`, 'Write key=value.');
      return [text.slice(0, at), text.slice(at + 1)] as const;
    }),
  );
}
