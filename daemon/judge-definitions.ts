/**
 * Owns what is known of definitions before they run: every problem, told as people find it in their repository, or what they would
 * change. It touches nothing that runs.
 */
import { type LoadOutcome, loadCalmly, resolveCalmly } from '../config/load.ts';
import { planSteps } from '../config/plan-definitions.ts';
import { formatProblem, type Problem } from '../config/problems.ts';
import type { DefinitionsRead } from '../config/read.ts';
import { calmly } from '../config/steps.ts';
import type { Definitions } from '../core/definitions.ts';
import type { DefinitionsPlan } from '../core/definitions-plan.ts';
import { MenddError } from '../core/errors.ts';
import type { World } from '../core/sources.ts';
import type { Brought } from './definitions-source.ts';

/** What goes on being asked of definitions while they are in force. */
export type Resolved = Pick<
  Extract<LoadOutcome, { ok: true }>,
  /** The files, to be resolved again when the world has changed. */
  'read' | 'factPaths' | 'explainHost'
>;

/** What is to be loaded: a commit, a directory, that of the daemon file when none is named, or what was read before. */
export type Wanted = Brought | { directory?: string } | { read: DefinitionsRead };

export interface Judged {
  definitions: Definitions;
  resolved: Resolved;
  plan: DefinitionsPlan;
  warnings: string[];
}

export interface Judge {
  configFile: string;
  world: () => World;
  current: () => Definitions;
  atStart: Definitions;
}

/** Or every problem. */
export async function judge(by: Judge, wanted: Wanted): Promise<Judged | string[]> {
  const loaded = await load(by, wanted);
  if (Array.isArray(loaded)) return loaded;
  const root = 'root' in wanted ? wanted.root : undefined;
  const told = (problem: Problem): string => relativeTo(root, formatProblem(problem));
  if (!loaded.ok) return loaded.problems.map(told);
  const { definitions, read, factPaths, explainHost, warnings } = loaded;
  const rewritten = 'rewritten' in wanted ? wanted.rewritten : undefined;
  const options = { atStart: by.atStart, ...(rewritten === undefined ? {} : { rewritten }) };
  const plan = await calmly(planSteps(by.current(), definitions, options));
  return { definitions, resolved: { read, factPaths, explainHost }, plan, warnings: warnings.map(told) };
}

async function load({ configFile, world }: Judge, wanted: Wanted): Promise<LoadOutcome | string[]> {
  try {
    if ('read' in wanted) return await resolveCalmly(wanted.read, world());
    const { directory } = wanted;
    return await loadCalmly({ configFile, ...(directory === undefined ? {} : { directory }) }, world());
  } catch (error) {
    if (!(error instanceof MenddError)) throw error;
    return [`${error.message} ${error.hint}`];
  }
}

/** As in the repository, so that people find the place in their own clone. */
export function relativeTo(root: string | undefined, text: string): string {
  return root === undefined ? text : text.replaceAll(`${root}/`, '');
}
