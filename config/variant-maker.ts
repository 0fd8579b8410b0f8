/**
 * Owns the way from what a runbook comes to on some hosts to its checks and ladders there: absent items taken out and the
 * chain closed again, what cannot be rendered blocked, the rest judged as if it were written.
 */
import type { ActionDefinition, CheckDefinition, HostPlan, LadderDefinition } from '../core/definitions.ts';
import { neutralItem } from './neutral-item.ts';
import { formatPlace, ProblemList, toldWithin } from './problems.ts';
import type { RunbookContext } from './resolve-checks.ts';
import { resolveRunbook } from './resolve-runbook.ts';
import { itemOf, type Outcome, type RunbookTemplate } from './runbook-template.ts';
import { addProblem, pathKey, placeOfSnippet, replaceValues, type Site, treeOf } from './tree-templates.ts';
import { type Entry, mapEntries, type Tree, treeAt } from './yaml-tree.ts';

type Variant = Pick<HostPlan, 'checks' | 'ladders'>;

export class VariantMaker {
  readonly #template: RunbookTemplate;
  readonly #context: Omit<RunbookContext, 'id' | 'head' | 'tree'>;
  /** A shared item stands at one place and is used at several. */
  readonly #byPlace: ReadonlyMap<string, readonly Site[]>;
  /** Keys of items by all places in them; those of a shared one are in several. */
  readonly #around = new Map<string, string[]>();
  /** Paths whose rendered text means a number or a truth value. */
  readonly #retyped = new Set<string>();
  /** Mistakes told already: the same on another host is no news. */
  readonly #told = new Set<string>();

  constructor(template: RunbookTemplate, context: Omit<RunbookContext, 'id' | 'head' | 'tree'>) {
    this.#template = template;
    this.#context = context;
    const byPlace = new Map<string, Site[]>();
    for (const site of template.sites) {
      const place = formatPlace(site.tree.place);
      byPlace.set(place, [...(byPlace.get(place) ?? []), site]);
    }
    this.#byPlace = byPlace;
    for (const { kind, name, key } of template.items()) {
      const entry = mapEntries(template.tree, [kind]).get(name);
      if (entry !== undefined)
        for (const place of placesIn(entry))
          this.#around.set(place, [...(this.#around.get(place) ?? []), key]);
    }
  }

  /** Undefined when it is wrong in a way that no answer of a host explains, which is among the problems then. */
  make(outcome: Outcome, hosts: readonly string[]): Variant | undefined {
    const mistakes = new ProblemList();
    for (const { site, problem } of outcome.blocked.values())
      if (!this.#template.waits(site, outcome)) addProblem(mistakes, site.tree, problem);
    if (mistakes.problems.length > 0) {
      this.#tell(mistakes, outcome);
      return undefined;
    }
    // Each turn blocks or retypes a site that was not before.
    for (let turns = 0; turns <= 2 * this.#template.sites.length; turns += 1) {
      const problems = new ProblemList();
      const runbook = resolveRunbook(this.#treeOf(outcome), { ...this.#context, problems }, hosts);
      if (runbook !== undefined) return this.#withBlocked(runbook, outcome);
      const changed = problems.problems.filter(({ place, message, hint }) => {
        const at = formatPlace(place);
        const why = `${message}${typeof hint === 'string' ? `; ${hint}` : ''}`;
        const sites = this.#byPlace.get(at);
        if (sites !== undefined) return sites.filter((site) => this.#mend(site, outcome, why)).length > 0;
        // Nothing is wrong without what was rendered: some value beside it is the reason.
        const items = this.#around.get(at) ?? [];
        const beside = this.#template.sites.filter(({ path }) => items.includes(itemOf(path)?.key ?? ''));
        return beside.some((site) => this.#block(site, outcome, why));
      });
      if (changed.length > 0) continue;
      this.#tell(problems, outcome);
      return undefined;
    }
    return undefined;
  }

  /** True when another turn may go better. */
  #mend(site: Site, outcome: Outcome, message: string): boolean {
    const path = pathKey(site.path);
    const text = outcome.values.get(path);
    if (text === undefined) return false;
    if (!this.#retyped.has(path) && typedOf(text) !== text) {
      this.#retyped.add(path);
      return true;
    }
    return this.#block(site, outcome, message);
  }

  #block(site: Site, outcome: Outcome, message: string): boolean {
    const path = pathKey(site.path);
    if (!outcome.values.has(path) || !this.#template.waits(site, outcome)) return false;
    outcome.values.delete(path);
    outcome.blocked.set(path, { site, problem: { message, hint: '' } });
    return true;
  }

  #tell(problems: ProblemList, { view }: Outcome): void {
    for (const { place, message, hint } of problems.problems) {
      const known = `${formatPlace(place)} ${message.replace(/`[^`]*`/g, '')}`;
      if (this.#told.has(known)) continue;
      this.#told.add(known);
      this.#context.problems.add(place, `${message} (on the host \`${view.host}\`)`, hint);
    }
  }

  #treeOf(outcome: Outcome): Tree {
    const values = new Map<string, unknown>();
    for (const [path, text] of outcome.values)
      values.set(path, this.#retyped.has(path) ? typedOf(text) : text);
    for (const { path } of this.#template.sites) if (path[0] === 'hosts') values.set('hosts', ['*']);
    const isHeadBlocked = [...outcome.blocked.values()].some(({ site }) => itemOf(site.path) === undefined);
    for (const item of this.#template.items()) {
      if (!isHeadBlocked && !blockedItems(outcome).has(item.key)) continue;
      const tree = treeAt(this.#template.tree, [item.kind, item.name]);
      if (tree !== undefined) values.set(item.key, neutralItem(tree, item, this.#template.sites));
    }
    for (const [path, { site }] of outcome.blocked)
      if (itemOf(site.path) === undefined) values.set(path, undefined);
    return withoutAbsent(replaceValues(this.#template.tree, values), outcome.absent);
  }

  #withBlocked(runbook: Variant, outcome: Outcome): Variant {
    if (outcome.blocked.size === 0) return { checks: runbook.checks, ladders: runbook.ladders };
    const why = (kind: 'checks' | 'actions', name: string): string | undefined => {
      const blocked = [...outcome.blocked.values()].find(({ site }) => {
        const item = itemOf(site.path);
        return item === undefined || (item.kind === kind && item.name === name);
      });
      if (blocked === undefined) return undefined;
      const place = formatPlace(placeOfSnippet(blocked.site.tree, blocked.problem.snippet));
      return `${blocked.problem.message} (${toldWithin(this.#context.directory, place)})`;
    };
    const checks = runbook.checks.map((check): CheckDefinition => {
      const problem = why('checks', check.name);
      return problem === undefined ? check : { ...check, blocked: problem };
    });
    const silent = new Set(checks.filter(({ blocked }) => blocked !== undefined).map(({ id }) => id));
    const ladders = runbook.ladders.map((ladder) =>
      blockedLadder(ladder, (name) => why('actions', name), silent.has(ladder.trigger.check)),
    );
    return { checks, ladders };
  }
}

function* placesIn({ keyPlace, tree }: Entry): Generator<string> {
  yield formatPlace(keyPlace);
  yield formatPlace(tree.place);
  for (const entry of tree.entries.values()) yield* placesIn(entry);
}

function blockedItems(outcome: Outcome): ReadonlySet<string> {
  return new Set([...outcome.blocked.values()].flatMap(({ site }) => itemOf(site.path)?.key ?? []));
}

/** Numbers and truth values as YAML would read them. */
function typedOf(text: string): unknown {
  if (/^-?(0|[1-9]\d{0,14})(\.\d{1,9})?$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

/**
 * A rung that cannot be rendered is not climbed over: what comes after it changes nothing either, but people are told. Of a
 * check that cannot be asked nothing is known, so nothing acts on it.
 */
function blockedLadder(
  ladder: LadderDefinition,
  why: (action: string) => string | undefined,
  isBlind: boolean,
): LadderDefinition {
  let reason = isBlind ? `the check ${ladder.trigger.check} cannot be asked` : undefined;
  const rungs = ladder.rungs.map((rung): ActionDefinition => {
    const own = why(rung.name);
    const isMessage = rung.effect.kind === 'notify' || rung.effect.kind === 'webhook';
    if (!isMessage) reason ??= own === undefined ? undefined : own;
    const blocked = isMessage ? own : (own ?? reason);
    return blocked === undefined ? rung : { ...rung, blocked };
  });
  return { ...ladder, rungs };
}

/** Takes items out whose condition does not hold. What followed an action follows the one before it, or is started as it was. */
function withoutAbsent(tree: Tree, absent: ReadonlySet<string>): Tree {
  if (absent.size === 0) return tree;
  const goneChecks = new Set(
    [...absent].filter((key) => key.startsWith('checks\n')).map((key) => key.slice(7)),
  );
  const checks = new Map<string, Entry>();
  for (const [name, entry] of mapEntries(tree, ['checks']))
    if (!goneChecks.has(name))
      checks.set(name, { ...entry, tree: withoutNames(entry.tree, 'depends_on', goneChecks) });
  const actions = new Map(mapEntries(tree, ['actions']));
  for (const name of actions.keys()) if (absent.has(pathKey(['actions', name]))) takeOut(name, actions);
  dropLost(actions, goneChecks);
  const entries = new Map(tree.entries);
  for (const [key, items] of [
    ['checks', checks],
    ['actions', actions],
  ] as const) {
    const entry = entries.get(key);
    if (entry !== undefined) entries.set(key, { ...entry, tree: treeOf(items, entry.tree) });
  }
  return treeOf(entries, tree);
}

/** Actions that nothing starts any more, and those after them. */
function dropLost(actions: Map<string, Entry>, goneChecks: ReadonlySet<string>): void {
  const valueAt = (name: string, ...path: string[]): unknown => {
    const entry = actions.get(name);
    return entry && treeAt(entry.tree, path)?.value;
  };
  for (let before = -1; before !== actions.size; ) {
    before = actions.size;
    const healed = [...actions.keys()].flatMap(
      (name) => valueAt(name, 'when', 'check') ?? valueAt(name, 'when', 'host') ?? [],
    );
    for (const name of actions.keys()) {
      const after = valueAt(name, 'after');
      const recovery = valueAt(name, 'on_recovery');
      const isLost =
        goneChecks.has(String(valueAt(name, 'when', 'check'))) ||
        (typeof after === 'string' && !actions.has(after)) ||
        (recovery === true && healed.length === 0) ||
        (typeof recovery === 'string' && !healed.includes(recovery));
      if (isLost) actions.delete(name);
    }
  }
}

function takeOut(name: string, actions: Map<string, Entry>): void {
  const gone = actions.get(name)?.tree;
  actions.delete(name);
  if (gone === undefined) return;
  for (const [other, entry] of actions) {
    if (treeAt(entry.tree, ['after'])?.value !== name) continue;
    const start = ['when', 'after'].flatMap((key) => {
      const inherited = gone.entries.get(key);
      return inherited === undefined ? [] : [[key, inherited] as const];
    });
    const kept = [...entry.tree.entries].filter(([key]) => key !== 'after');
    actions.set(other, { ...entry, tree: treeOf(new Map([...kept, ...start]), entry.tree) });
  }
}

function withoutNames(tree: Tree, key: string, names: ReadonlySet<string>): Tree {
  const list = tree.entries.get(key);
  if (list === undefined || !Array.isArray(list.tree.value)) return tree;
  const kept = [...list.tree.entries].filter(([, item]) => !names.has(String(item.tree.value)));
  if (kept.length === list.tree.entries.size) return tree;
  return treeOf(new Map([...tree.entries, [key, { ...list, tree: treeOf(new Map(kept), list.tree) }]]), tree);
}
