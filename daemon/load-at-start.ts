/**
 * Loads the definitions a daemon starts with. Those from git are the commit that was in force before, so that a start needs no network
 * and surprises nobody; the branch is looked at afterwards.
 */
import { loadDefinitions } from '../config/load.ts';
import { formatProblem, type Problem } from '../config/problems.ts';
import { readSource } from '../config/read-source.ts';
import type { Definitions } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { type Brought, DefinitionsSource } from './definitions-source.ts';
import { type Resolved, relativeTo } from './judge-definitions.ts';
import { loadOrThrow } from './load.ts';

export interface LoadedAtStart extends Resolved {
  definitions: Definitions;
  /** In sentences with their places. */
  warnings: string[];
}

/** `stopped`: ends what git is doing. Errors: CONFIG_MISSING, DEFINITIONS_UNREACHABLE, and those of `refusalOf`. */
export async function loadAtStart(
  configFile: string,
  clock: Clock,
  stopped: Promise<unknown>,
): Promise<LoadedAtStart> {
  const { git } = readSource(configFile);
  if (git === undefined) {
    const { warnings, ...loaded } = loadOrThrow({ configFile });
    return { ...loaded, warnings: warnings.map(formatProblem) };
  }
  const ending = new AbortController();
  void stopped.then(() => ending.abort());
  const source = new DefinitionsSource(git, { clock, signal: ending.signal });
  const { pinned } = source;
  const before = pinned && loadCommit(configFile, pinned);
  if (before !== undefined && 'definitions' in before) return before;
  // What was valid may not be so any more, as after an update of mendd: then only the branch can help.
  const brought = await source.bring();
  if ('kind' in brought) {
    const unheard = brought.problems.join('\n');
    if (before === undefined && brought.kind === 'unreachable')
      throw new MenddError('DEFINITIONS_UNREACHABLE', unheard);
    throw new MenddError('DEFINITIONS_INVALID', [...(before?.problems ?? []), unheard].join('\n'));
  }
  const newest = loadCommit(configFile, brought);
  if ('problems' in newest) throw new MenddError('DEFINITIONS_INVALID', newest.problems.join('\n'));
  await source.pinTo(brought.commit, source.pin?.rollback);
  return newest;
}

function loadCommit(
  configFile: string,
  { directory, root }: Brought,
): LoadedAtStart | { problems: string[] } {
  const loaded = loadDefinitions({ configFile, directory });
  const told = (problem: Problem): string => relativeTo(root, formatProblem(problem));
  if (!loaded.ok) return { problems: loaded.problems.map(told) };
  return { ...loaded, warnings: loaded.warnings.map(told) };
}
