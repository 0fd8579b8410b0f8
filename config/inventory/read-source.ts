/**
 * Owns reading those inventories that are files, while definitions are loaded: what they hold is in force at once, and what
 * is wrong with them is told like any other mistake. All other sources are only asked by the daemon.
 */
import type { InventorySource, InventoryState } from '../../core/sources.ts';
import { formatPlace, type ProblemList } from '../problems.ts';
import { readInventoryPath } from './read-path.ts';
import type { Note } from './reading.ts';

/** The state of a `file` source, or undefined: it is none, or cannot be read, and then the reason is among the problems. */
export function readFileSource(
  { name, from, format, source }: InventorySource,
  problems: ProblemList,
): InventoryState | undefined {
  if (from.kind !== 'file') return undefined;
  const reading = readInventoryPath({ path: from.path, format });
  const named = `named at ${formatPlace(source)}`;
  const place = ({ file, line }: Note) => ({ file: file ?? from.path, line: line ?? 1, column: 1 });
  for (const warning of reading.warnings) {
    const hint = warning.line === undefined ? named : undefined;
    problems.warn(place(warning), `inventory \`${name}\`: ${warning.message}`, hint);
  }
  if (reading.ok) return { hosts: reading.hosts };
  const { refusal } = reading;
  problems.add(place(refusal), `this inventory cannot be read: ${refusal.message}`, refusal.hint);
  return undefined;
}
