/**
 * Owns the templates and conditions of one runbook as it is written, and what they come to on one host. It resolves no
 * checks and no actions.
 */
import { hostSelector } from './hosts-schema.ts';
import { slug } from './names.ts';
import { neutralItem } from './neutral-item.ts';
import { ProblemList } from './problems.ts';
import { HostIndex, type HostSelector, selectHosts } from './selectors.ts';
import { expandUses, type ItemKind, type Params, type SharedItems } from './shared-items.ts';
import {
  type Condition,
  compileTemplate,
  hasTemplate,
  type Scope,
  type TemplateProblem,
} from './templates.ts';
import {
  addProblem,
  conditionAt,
  findSites,
  hostNames,
  pathKey,
  replaceValues,
  type Site,
} from './tree-templates.ts';
import { mapEntries, type Tree, treeAt } from './yaml-tree.ts';

/** Hosts between two moments at which others may go on. */
const slice = 50;

/** What templates see of one host. */
export interface HostView {
  host: string;
  scope: Scope;
  /** Some of what it is made of is not known yet. */
  isPending: boolean;
  /** It comes from an inventory: what it lacks is no mistake of the definitions. */
  isForeign: boolean;
}

/** A check or an action. */
export interface Item {
  kind: ItemKind;
  name: string;
  key: string;
}

export interface Blocked {
  site: Site;
  problem: TemplateProblem;
}

/** What a runbook comes to on a host. */
export class Outcome {
  readonly view: HostView;
  /** Rendered texts by path. */
  readonly values = new Map<string, string>();
  /** What could not be rendered, by path. */
  readonly blocked = new Map<string, Blocked>();
  /** Keys of items whose condition does not hold. */
  readonly absent = new Set<string>();

  constructor(view: HostView) {
    this.view = view;
  }

  /** Equal for hosts on which the runbook is the same. */
  key(): string {
    const blocked = [...this.blocked].map(([path, { problem }]) => [path, problem.message]);
    const { isPending, isForeign } = this.view;
    return JSON.stringify([[...this.values], blocked, [...this.absent], isPending, isForeign]);
  }
}

/** Of these a person is told, so that they must not depend on what a host answers. */
const untemplated = ['runbook', '$schema', 'notify', 'webhook', 'use', 'when', 'only_if'];

export class RunbookTemplate {
  /** With shared checks and actions in place. */
  readonly tree: Tree;
  readonly sites: readonly Site[];
  readonly #params: ReadonlyMap<string, Params>;
  readonly #conditions = new Map<string, Condition>();
  readonly #id: string;

  constructor(written: Tree, shared: SharedItems, problems: ProblemList) {
    const { tree, params } = expandUses(written, shared, problems);
    this.tree = tree;
    this.#params = params;
    const title = treeAt(tree, ['runbook'])?.value;
    this.#id = slug(typeof title === 'string' ? title : '');
    this.sites = findSites(
      tree,
      problems,
      (path) => this.#namesAt(path),
      (path) => this.#refuses(path, problems),
    );
    const own = conditionAt(tree, 'when', hostNames, problems);
    if (own !== undefined) this.#conditions.set('', own);
    for (const { kind, key, name } of this.items()) {
      const at = treeAt(tree, [kind, name]);
      const known = this.#namesAt([kind, name]);
      const condition = at && conditionAt(at, kind === 'checks' ? 'when' : 'only_if', known, problems);
      if (condition !== undefined) this.#conditions.set(key, condition);
    }
    for (const values of params.values()) {
      for (const value of values.values()) {
        const compiled = isTemplate(value) ? compileTemplate(value.value, 'text') : undefined;
        if (compiled !== undefined && 'problem' in compiled) addProblem(problems, value, compiled.problem);
      }
    }
  }

  /** What templates may read there. */
  #namesAt(path: readonly string[]): readonly string[] {
    const item = itemOf(path);
    if (item === undefined) return hostNames;
    const shared = this.#params.has(item.key) ? ['params'] : [];
    return [...hostNames, item.kind === 'checks' ? 'check' : 'action', ...shared];
  }

  /** A trigger is a map, a condition a text: only where a text is meant is one refused. */
  #refuses(path: readonly string[], problems: ProblemList): boolean {
    const [part = '', , key = ''] = path;
    const isHead = part !== 'checks' && part !== 'actions';
    const wrong = isHead ? untemplated.includes(part) : untemplated.includes(key) && path.length === 3;
    const isInside = !isHead && (key === 'webhook' || key === 'notify');
    if (!wrong && !isInside) return false;
    const place = treeAt(this.tree, path)?.place ?? this.tree.place;
    const isCondition = path.at(-1) === 'when' || path.at(-1) === 'only_if';
    const hint = isCondition ? 'a condition is written without braces' : 'write the value itself';
    problems.add(place, 'a template cannot stand here', hint);
    return true;
  }

  get isStatic(): boolean {
    return this.sites.length === 0 && this.#conditions.size === 0;
  }

  /** `hosts` has templates: who is selected is asked host by host. */
  get hasOwnSelection(): boolean {
    return this.sites.some(({ path }) => path[0] === 'hosts');
  }

  /** What is read of facts: `facts.os.id`. */
  get factPaths(): string[] {
    const params = [...this.#params.values()].flatMap((values) => [...values.values()]);
    const compiled = params.flatMap((each) =>
      isTemplate(each) ? [compileTemplate(each.value, 'text')] : [],
    );
    const reads = [
      ...this.sites.flatMap(({ template }) => template.reads),
      ...[...this.#conditions.values()].flatMap((condition) => condition.reads),
      ...compiled.flatMap((each) => ('problem' in each ? [] : each.reads)),
    ];
    return reads.filter((path) => /^facts\b/.test(path));
  }

  *items(): Generator<Item> {
    for (const kind of ['checks', 'actions'] as const)
      for (const name of mapEntries(this.tree, [kind]).keys())
        yield { kind, name, key: pathKey([kind, name]) };
  }

  /** As if nothing could be rendered: what is wrong in it is wrong on every host. */
  get neutral(): Tree {
    const values = new Map<string, unknown>();
    for (const { path } of this.sites) {
      const item = itemOf(path);
      if (item === undefined)
        values.set(path[0] === 'hosts' ? 'hosts' : pathKey(path), path[0] === 'hosts' ? ['*'] : undefined);
      else values.set(item.key, neutralItem(this.#itemTree(item), item, this.sites));
    }
    return replaceValues(this.tree, values);
  }

  #itemTree({ kind, name }: Item): Tree {
    const tree = treeAt(this.tree, [kind, name]);
    if (tree === undefined) throw new Error(`${kind}.${name} is not there`);
    return tree;
  }

  /** Hosts that their own rendering of `hosts` selects. */
  *select(
    fleet: HostIndex,
    viewOf: (host: string) => HostView,
    problems: ProblemList,
  ): Generator<void, string[]> {
    const at = treeAt(this.tree, ['hosts']);
    const sites = this.sites.filter(({ path }) => path[0] === 'hosts');
    const selectors = new Map<string, HostSelector | undefined>();
    const selected: string[] = [];
    if (at === undefined) return [];
    for (const [index, host] of [...fleet.hosts.values()].entries()) {
      if (index % slice === slice - 1) yield;
      const values = renderedOn(viewOf(host.name).scope, sites);
      if (values === undefined) continue;
      const key = JSON.stringify([...values.values()]);
      const selector = selectors.has(key)
        ? selectors.get(key)
        : selectorOf(replaceValues(at, values), problems);
      selectors.set(key, selector);
      // Asked of this host alone, since no two may have the same selector.
      const alone = new HostIndex(new Map([[host.name, host]]), true);
      if (selector !== undefined && selectHosts(selector, at, alone, new ProblemList()).length > 0)
        selected.push(host.name);
    }
    return selected;
  }

  /** Undefined: the runbook is not for this host. */
  outcomeOn(view: HostView): Outcome | undefined {
    if (this.#conditions.get('')?.holds(view.scope, view.isPending) === false) return undefined;
    const outcome = new Outcome(view);
    const scopes = new Map<string, Scope>();
    for (const item of this.items()) {
      const scope = this.#scopeOf(item, view.scope, outcome);
      scopes.set(item.key, scope);
      if (this.#conditions.get(item.key)?.holds(scope, view.isPending) === false)
        outcome.absent.add(item.key);
    }
    const checks = mapEntries(this.tree, ['checks']);
    if (checks.size > 0 && [...checks.keys()].every((name) => outcome.absent.has(pathKey(['checks', name]))))
      return undefined;
    for (const site of this.sites) {
      if (site.path[0] === 'hosts') continue;
      const item = itemOf(site.path);
      if (item !== undefined && outcome.absent.has(item.key)) continue;
      const rendered = site.template.render((item && scopes.get(item.key)) ?? view.scope);
      const path = pathKey(site.path);
      if ('problem' in rendered) outcome.blocked.set(path, { site, problem: rendered.problem });
      else if (isOtherProgram(site, rendered.text))
        outcome.blocked.set(path, { site, problem: otherProgram });
      else outcome.values.set(path, rendered.text);
    }
    return outcome.values.get('enabled') === 'false' ? undefined : outcome;
  }

  /** Whether another answer of a host or an inventory may change what a template makes. */
  waits({ path, template }: Site, { view }: Outcome): boolean {
    if (view.isForeign) return true;
    const params = this.#params.get(itemOf(path)?.key ?? '');
    const mayChange = (read: string): boolean => {
      if (/^facts\b/.test(read)) return true;
      if (/^(labels|vars)\b/.test(read)) return view.isPending;
      const value = params?.get(/^params\.(\w+)/.exec(read)?.[1] ?? '');
      const given = value && isTemplate(value) ? compileTemplate(value.value, 'text') : undefined;
      return given !== undefined && !('problem' in given) && given.reads.some(mayChange);
    };
    return template.reads.some(mayChange);
  }

  #scopeOf({ kind, name, key }: Item, scope: Scope, outcome: Outcome): Scope {
    const self = { name, id: `${this.#id}.${name}` };
    const own = { ...scope, [kind === 'checks' ? 'check' : 'action']: self };
    const given = this.#params.get(key);
    if (given === undefined) return own;
    const params: Record<string, unknown> = {};
    for (const [param, tree] of given) {
      if (!isTemplate(tree)) params[param] = tree.value;
      else {
        const template = compileTemplate(tree.value, 'text');
        if ('problem' in template) continue;
        const rendered = template.render(own);
        if ('text' in rendered) params[param] = rendered.text;
        else
          outcome.blocked.set(pathKey([key, 'with', param]), {
            site: { path: [kind, name, 'with', param], tree, template },
            problem: rendered.problem,
          });
      }
    }
    return { ...own, params };
  }
}

function isTemplate(tree: Tree): tree is Tree & { value: string } {
  return typeof tree.value === 'string' && hasTemplate(tree.value);
}

const otherProgram: TemplateProblem = {
  message: 'a template makes the path of a program',
  hint: 'it may stand for a name, or for a part of one; write the path itself',
};

/** What a host tells chooses among plugins, never any file as one. */
function isOtherProgram({ path, tree }: Site, text: string): boolean {
  if (path[0] !== 'checks' || path.length !== 3 || path[2] !== 'plugin') return false;
  const written = String(tree.value).replaceAll(/\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g, '');
  return text.split('/').length > written.split('/').length;
}

export function itemOf(path: readonly string[]): Item | undefined {
  const [kind, name] = path;
  if ((kind !== 'checks' && kind !== 'actions') || name === undefined) return undefined;
  return { kind, name, key: pathKey([kind, name]) };
}

/** By path below `hosts`; undefined when some of it has no value there. */
function renderedOn(scope: Scope, sites: readonly Site[]): Map<string, string> | undefined {
  const values = new Map<string, string>();
  for (const { path, template } of sites) {
    const rendered = template.render(scope);
    if ('problem' in rendered) return undefined;
    values.set(pathKey(path.slice(1)), rendered.text);
  }
  return values;
}

/** Undefined, with the problem, when it is none. */
function selectorOf(tree: Tree, problems: ProblemList): HostSelector | undefined {
  const parsed = hostSelector.safeParse(tree.value);
  if (parsed.success) return parsed.data;
  const hint = 'it must make texts: names, globs or values of labels';
  problems.add(tree.place, '`hosts`: a template makes no selector', hint);
  return undefined;
}
