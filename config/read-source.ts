/**
 * Owns what has to be known before any definition can be read: whether they come from a repository, and which. Everything else of the
 * daemon file is judged by config/load.ts.
 */
import type { GitSource } from '../core/definitions.ts';
import { type Problem, ProblemList, sortProblems } from './problems.ts';
import { readDaemonFile } from './resolve-daemon.ts';
import { resolveGit } from './resolve-source.ts';
import { SecretReader } from './secrets.ts';
import { readSourceText } from './source-text.ts';
import { parseYaml } from './yaml-source.ts';
import { buildTree } from './yaml-tree.ts';

export interface SourceRead {
  /** Absent also when what the daemon file says of it has problems. */
  git?: GitSource;
  /** Those of it alone; loading tells them as well. */
  problems: Problem[];
}

export function readSource(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): SourceRead {
  // Other sections are judged when everything is loaded.
  const aside = new ProblemList();
  const text = readSourceText(configFile, configFile, aside);
  const source = text === undefined ? undefined : parseYaml(text, configFile, aside);
  const tree = source && buildTree(source, aside);
  if (tree === undefined) return { problems: [] };
  const problems = new ProblemList();
  const secrets = new SecretReader({ resolve: true, environment, problems });
  const git = resolveGit(readDaemonFile(tree, aside).parts, tree, secrets, problems);
  return { problems: sortProblems(problems.problems), ...(git === undefined ? {} : { git }) };
}
