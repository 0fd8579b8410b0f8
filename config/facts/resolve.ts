/**
 * Owns the way from facts files to sources of facts: the program in plugins/facts/, its hosts, when and where it runs. It
 * runs none of them.
 */
import { z } from 'zod';
import type { FactSource } from '../../core/sources.ts';
import { sudo } from '../check-schema.ts';
import { duration, map, matching, named, plain, word } from '../fields.ts';
import { hostSelector } from '../hosts-schema.ts';
import type { PluginFiles } from '../plugin-files.ts';
import { formatPlace, type ProblemList, suggest } from '../problems.ts';
import { sudoOf } from '../resolve-checks.ts';
import { type HostIndex, selectHosts } from '../selectors.ts';
import { mapEntries, placeOf, type Tree, treeAt } from '../yaml-tree.ts';
import { readPartly } from '../zod-problems.ts';

export const factSchema = map({
  plugin: matching(
    'a name of a program',
    /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/,
    'is no name of a file in plugins/facts/; write its name without a path',
  ).meta({
    description: 'Program in plugins/facts/; it prints one JSON object and leaves with exit code 0.',
  }),
  args: z.array(plain()).default([]).meta({ description: 'Its arguments, each one word.' }),
  hosts: hostSelector
    .default(['*'])
    .meta({ description: 'Whose facts it tells, as `hosts` of a runbook; all without it.' }),
  every: duration({ min: '10s' }).prefault('10m').meta({ description: 'Interval between runs.' }),
  timeout: duration({ max: '1h' }).prefault('30s').meta({ description: 'Time limit of one run.' }),
  run_on: word(['target', 'local']).prefault('target').meta({
    description:
      '`local`: on the ops box, once for each host, with MENDD_HOST and MENDD_ADDRESS in its environment.',
  }),
  sudo: sudo.optional().meta({ description: '`true` for root, or `{ user: name }`; always `sudo -n`.' }),
});

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,47}$/;
const nameRule = 'use letters, digits and `_`, no digit first, at most 48';

export const factsSchema = map({
  $schema: z.string().optional().meta({ description: 'For editors; ignored.' }),
  facts: named('facts', namePattern, nameRule, factSchema).meta({
    description: 'Programs by the name that templates read their facts by: `facts.<name>`.',
  }),
});

/** The top of a facts file; the entries are read one by one. */
const factsFileSchema = map({
  $schema: z.string().optional(),
  facts: named('facts', namePattern, nameRule, z.unknown()),
});

interface Context {
  plugins: PluginFiles;
  problems: ProblemList;
  /** Absent when hosts files have problems: then no name of a host is judged. */
  fleet?: HostIndex;
}

/** Top-level names of what mendd gathers itself. */
export const builtinFacts: readonly string[] = [
  'os',
  'kernel',
  'architecture',
  'hostname',
  'fqdn',
  'addresses',
  'cpus',
  'memory',
  'boot_id',
  'package_manager',
  'systemd_units',
  'virtualization',
];

export function resolveFacts(trees: readonly Tree[], context: Context): FactSource[] {
  const { problems } = context;
  const byName = new Map<string, FactSource>();
  for (const tree of trees) {
    readPartly(factsFileSchema, tree, 'facts file', problems);
    for (const [name, entry] of mapEntries(tree, ['facts'])) {
      const source = resolveOne(name, entry.tree, context);
      if (source === undefined) continue;
      const earlier = byName.get(name);
      if (builtinFacts.includes(name) || name === 'builtin') {
        problems.add(
          entry.keyPlace,
          `\`${name}\` is a fact that mendd gathers itself`,
          'give it another name',
        );
      } else if (earlier !== undefined) {
        const hint = `it is also defined at ${formatPlace(earlier.source)}; give one another name`;
        problems.add(entry.keyPlace, `the facts \`${name}\` are defined twice`, hint);
      } else byName.set(name, source);
    }
  }
  return [...byName.values()];
}

function resolveOne(name: string, tree: Tree, { plugins, problems, fleet }: Context): FactSource | undefined {
  const { whole } = readPartly(factSchema, tree, name, problems);
  if (whole === undefined) return undefined;
  const place = placeOf(tree, ['plugin']);
  const found = problems.problems.length;
  const plugin = plugins.find(whole.plugin, place, problems);
  if (plugin === undefined && problems.problems.length === found)
    problems.add(
      place,
      `there is no program \`${whole.plugin}\` in plugins/facts/`,
      suggest(whole.plugin, plugins.names, 'write it there'),
    );
  if (plugin === undefined) return undefined;
  const selector = treeAt(tree, ['hosts']) ?? tree;
  const sudoers = sudoOf(whole.sudo);
  return {
    name,
    plugin,
    args: whole.args,
    hosts: fleet === undefined ? [] : selectHosts(whole.hosts, selector, fleet, problems),
    everyMs: whole.every,
    timeoutMs: whole.timeout,
    runOn: whole.run_on,
    ...(sudoers === undefined ? {} : { sudo: sudoers }),
    source: place,
  };
}
