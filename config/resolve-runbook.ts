/**
 * Owns the way from one runbook file to its definition. What holds across runbooks is checked in config/load.ts.
 */
import type { LadderDefinition, RunbookDefinition } from '../core/definitions.ts';
import { slug } from './names.ts';
import { asksHostItself, urlOn } from './probes.ts';
import { suggest } from './problems.ts';
import { type RunbookContext, resolveChecks, timingOf } from './resolve-checks.ts';
import { resolveLadders } from './resolve-ladders.ts';
import { runbookFileSchema } from './runbook-schema.ts';
import { type HostIndex, selectHosts } from './selectors.ts';
import { isMapTree, keyPlace, mapEntries, placeOf, type Tree, treeAt } from './yaml-tree.ts';
import { readPartly } from './zod-problems.ts';

/** The runbook, or undefined with every reason among the problems. `chosen`: in place of those that its `hosts` select. */
export function resolveRunbook(
  tree: Tree,
  context: Omit<RunbookContext, 'id' | 'head' | 'tree'>,
  chosen?: readonly string[],
): RunbookDefinition | undefined {
  const { problems, fleet } = context;
  const found = problems.problems.length;
  const { whole, parts: head } = readPartly(runbookFileSchema, tree, 'runbook', problems);
  const titlePlace = treeAt(tree, ['runbook'])?.place ?? tree.place;
  const title = head.runbook ?? '';
  const id = slug(title);
  if (head.runbook !== undefined && id === '') {
    problems.add(
      titlePlace,
      'the title has no letter from a to z and no digit',
      'ids are made from the title; add such a word',
    );
  }
  const full: RunbookContext = { ...context, id, head, tree };
  timingOf(full, head, tree);
  if (head.timezone !== undefined && head.schedule === undefined && !usesSchedule(tree)) {
    problems.add(keyPlace(tree, 'timezone'), '`timezone` means nothing without `schedule`', 'delete it');
  }
  const checks = resolveChecks(full);
  const ladders = resolveLadders(full, checks);
  const selectorTree = treeAt(tree, ['hosts']);
  const selected =
    chosen ??
    (head.hosts === undefined || fleet === undefined || selectorTree === undefined
      ? []
      : selectHosts(head.hosts, selectorTree, fleet, problems));
  const written = treeAt(tree, ['checks']);
  if (written !== undefined && isMapTree(written) && written.entries.size === 0) {
    problems.add(keyPlace(tree, 'checks'), 'this runbook has no checks', 'write one under `checks`');
  }
  if (fleet !== undefined) checkRungs(full, ladders, selected, fleet);
  for (const { probe, runOn, source } of checks.checks.values()) {
    if (probe.kind !== 'http' || !asksHostItself(probe) || runOn.kind === 'target') continue;
    const odd = selected.find(
      (name) => urlOn(fleet?.hosts.get(name)?.address ?? '', probe.url) === undefined,
    );
    if (odd === undefined) continue;
    problems.add(
      source,
      `the address of \`${odd}\` cannot stand in a URL`,
      'write the whole URL, or `run_on: target`',
    );
  }
  if (whole === undefined || problems.problems.length > found) return undefined;
  return {
    id,
    title,
    enabled: whole.enabled,
    hosts: selected,
    checks: [...checks.checks.values()],
    ladders,
    source: titlePlace,
  };
}

/** What rungs ask of the hosts they are for. */
function checkRungs(
  { problems, tree }: RunbookContext,
  ladders: readonly LadderDefinition[],
  selected: readonly string[],
  { hosts }: HostIndex,
): void {
  const rungs = new Set(ladders.flatMap((ladder) => ladder.rungs));
  const local = selected.find((name) => hosts.get(name)?.transport === 'local');
  for (const { name, effect, guard, source } of rungs) {
    if (local !== undefined && effect.kind === 'reboot') {
      problems.add(
        source,
        `\`${name}\` would reboot the ops box, which is the host \`${local}\``,
        `leave it out: "!${local}"`,
      );
    }
    const per = guard?.per;
    const without =
      per === undefined ? undefined : selected.find((each) => hosts.get(each)?.labels[per] === undefined);
    if (per === undefined || without === undefined) continue;
    const known = selected.flatMap((each) => Object.keys(hosts.get(each)?.labels ?? {}));
    problems.add(
      placeOf(tree, ['actions', name, 'guard', 'per']),
      `\`per\`: the host \`${without}\` has no label \`${per}\``,
      suggest(
        per,
        new Set(known.filter((each) => each !== per)),
        `give it one, or leave it out: "!${without}"`,
      ),
    );
  }
}

/** A check may have a schedule of its own that the runbook's time zone is for. */
function usesSchedule(tree: Tree): boolean {
  const checks = mapEntries(tree, ['checks']).values();
  return [...checks].some((check) => check.tree.entries.has('schedule'));
}
