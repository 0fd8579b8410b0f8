/** `mendd plan`: what other definitions would change, against those that run or between two directories. Nothing changes. */
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import type { LoadOptions } from '../config/load.ts';
import type { Definitions } from '../core/definitions.ts';
import type { DefinitionsPlan } from '../core/definitions-plan.ts';
import { exitCodes } from '../core/errors.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { mustBeCommit, usageError } from './exit.ts';
import { namedDefinitions } from './named-definitions.ts';
import { Output } from './output.ts';
import { plain } from './plain-text.ts';
import { planLines } from './plan-lines.ts';

interface PlanOptions extends ApiOptions {
  branch?: string;
  commit?: string;
  from?: string;
}

interface Planned {
  plan: DefinitionsPlan;
  commit?: string;
  warnings: string[];
}

export function addPlan(program: Command): void {
  const summary =
    'what other definitions would change; exit code 0 fine, 1 it would be held for a person, 65 it is invalid';
  withApi(
    addCommand(program, 'plan [directory]', summary, [
      'plan                          # what a reload would load now',
      'plan --branch next            # of the repository that is followed',
      'plan ./definitions            # read by the daemon, on its machine',
      'plan --from ../base . -o json # two directories, without a daemon: for CI',
    ]),
  )
    .option('--branch <name>', 'compare with a branch of the repository')
    .option('--commit <hash>', 'compare with a commit of the repository')
    .option('--from <directory>', 'compare two directories, without a daemon and without secrets')
    .action(async (directory: string | undefined, options: PlanOptions) => {
      const { branch, commit, from } = options;
      const named = [directory, branch, commit].filter((each) => each !== undefined);
      if (named.length > 1)
        throw usageError('A directory, --branch and --commit stand for one thing each: name one.');
      if (commit !== undefined) mustBeCommit(commit);
      if (from !== undefined && directory === undefined)
        throw usageError(
          '--from needs a second directory.',
          'Write for example `mendd plan --from ../base .`.',
        );
      if (from !== undefined && directory !== undefined) await offline(from, directory, options);
      else await online(directory, options);
    });
}

async function online(directory: string | undefined, options: PlanOptions): Promise<void> {
  const { branch, commit } = options;
  const { client, out } = await openSession(options);
  const planned = await client.postSlow<Planned>('/api/v1/plan', {
    ...(branch === undefined ? {} : { branch }),
    ...(commit === undefined ? {} : { commit }),
    ...(directory === undefined ? {} : { directory: resolve(directory) }),
  });
  show(out, planned);
}

async function offline(from: string, to: string, options: PlanOptions): Promise<void> {
  const { planDefinitions } = await import('../config/plan-definitions.ts');
  const [was, is] = [namedDefinitions(from, options.config), namedDefinitions(to, options.config)];
  const after = await load(is);
  const before = await loadBase(was);
  const out = new Output(options.output);
  if (Array.isArray(before)) {
    // Who mends what was broken, or writes the first definitions, must not be refused for what was there.
    out.talk([`${from} is not valid, so there is nothing to compare with:`, ...before].join('\n'));
    out.value({ held: false, base: before, warnings: after.warnings }, () => [`${to} is valid`]);
    return;
  }
  const roots = [rootOf(was), rootOf(is)] as const;
  const plan = planDefinitions(before, after.definitions, { roots });
  show(out, { plan, warnings: after.warnings });
}

/** Or its problems. */
async function loadBase(options: LoadOptions): Promise<Definitions | string[]> {
  const { loadDefinitions } = await import('../config/load.ts');
  const { formatProblem } = await import('../config/problems.ts');
  const loaded = loadDefinitions({ ...options, resolveSecrets: false });
  return loaded.ok ? loaded.definitions : loaded.problems.map(formatProblem);
}

/** Two clones differ in where they are, which is no change. */
function rootOf({ configFile, directory }: LoadOptions): string {
  return resolve(directory ?? dirname(configFile));
}

/** Errors: those of `loadOrThrow`. */
async function load(options: LoadOptions): Promise<{ definitions: Definitions; warnings: string[] }> {
  const { loadOrThrow } = await import('../daemon/load.ts');
  const { formatProblem } = await import('../config/problems.ts');
  const { definitions, warnings } = loadOrThrow({ ...options, resolveSecrets: false });
  return { definitions, warnings: warnings.map(formatProblem) };
}

function show(out: Output, { plan, commit, warnings }: Planned): void {
  const held = plan.hold.length > 0;
  for (const warning of out.format === 'table' ? warnings : [])
    out.talk(`warning: ${plain(warning, { lines: true })}`);
  out.value({ held, ...(commit === undefined ? {} : { commit }), plan, warnings }, () =>
    planLines(out, plan),
  );
  if (held) process.exitCode = exitCodes.failed;
}
