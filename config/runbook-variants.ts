/**
 * Owns what a runbook with templates or conditions is on each host: templates are rendered first and the result is judged as
 * if it were written. Hosts for which the result is the same share one variant.
 */
import type { RunbookDefinition } from '../core/definitions.ts';
import type { RunbookContext } from './resolve-checks.ts';
import { resolveRunbook } from './resolve-runbook.ts';
import { type HostView, type Outcome, RunbookTemplate } from './runbook-template.ts';
import type { SharedItems } from './shared-items.ts';
import { VariantMaker } from './variant-maker.ts';
import type { Tree } from './yaml-tree.ts';

type Context = Omit<RunbookContext, 'id' | 'head' | 'tree'>;

/** Hosts between two moments at which others may go on. */
const slice = 50;

/** The runbook, or undefined with every reason among the problems. Adds what its templates read of facts to `factPaths`. */
export function* resolveWithTemplates(
  written: Tree,
  context: Context,
  shared: SharedItems,
  viewOf: (host: string) => HostView,
  factPaths: Set<string>,
): Generator<void, RunbookDefinition | undefined> {
  const { problems, fleet } = context;
  const found = problems.problems.length;
  const template = new RunbookTemplate(written, shared, problems);
  if (problems.problems.length > found) {
    // What else is wrong is told in the same go.
    resolveRunbook(template.neutral, { ...context });
    return undefined;
  }
  if (template.isStatic) return resolveRunbook(template.tree, context);
  for (const path of template.factPaths) factPaths.add(path);
  const selected =
    fleet && template.hasOwnSelection ? yield* template.select(fleet, viewOf, problems) : undefined;
  const base = resolveRunbook(template.neutral, context, selected);
  yield;
  if (base === undefined || fleet === undefined) return base;
  const groups = new Map<string, { outcome: Outcome; hosts: string[] }>();
  const included: string[] = [];
  for (const [index, name] of base.hosts.entries()) {
    const outcome = template.outcomeOn(viewOf(name));
    if (outcome !== undefined) {
      included.push(name);
      const key = outcome.key();
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { outcome, hosts: [name] });
      else group.hosts.push(name);
    }
    if (index % slice === slice - 1) yield;
  }
  const maker = new VariantMaker(template, context);
  const variants = new Map<string, Pick<RunbookDefinition, 'checks' | 'ladders'>>();
  for (const { outcome, hosts } of groups.values()) {
    const variant = maker.make(outcome, hosts);
    for (const name of hosts) if (variant !== undefined) variants.set(name, variant);
    yield;
  }
  return problems.problems.length > found ? undefined : { ...base, hosts: included, variants };
}
