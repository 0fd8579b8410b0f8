/**
 * Loads the definitions for a process that cannot go on without them: all of them, or one error that tells every problem.
 */
import { type LoadOptions, type LoadOutcome, loadDefinitions } from '../config/load.ts';
import { formatProblem, type Problem } from '../config/problems.ts';
import { MenddError } from '../core/errors.ts';

/** Errors: CONFIG_MISSING, and those of `refusalOf`. */
export function loadOrThrow(options: LoadOptions): Extract<LoadOutcome, { ok: true }> {
  const loaded = loadDefinitions(options);
  if (loaded.ok) return loaded;
  throw refusalOf(loaded.problems);
}

/** DEFINITIONS_INVALID, or the code that all problems have in common, such as KEY_UNUSABLE. */
export function refusalOf(problems: readonly Problem[]): MenddError {
  const [code, ...others] = new Set(problems.map((problem) => problem.code));
  const common = others.length === 0 ? code : undefined;
  return new MenddError(common ?? 'DEFINITIONS_INVALID', problems.map(formatProblem).join('\n'));
}
