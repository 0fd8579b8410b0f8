/**
 * Owns what a templated file can become: Jinja2 is rendered before YAML is read, so each way through its conditions is a
 * text of its own. The ways are a tree, and what differs between them is told by conditions on its branches.
 */

import { type JinjaNode, parseJinja } from './jinja.ts';
import type { Expression } from './jinja-expression.ts';
import { conditionText, liquidOf, type PathNames, type Scope, withScope } from './jinja-liquid.ts';

/** More ways than these are not looked at. */
const variantLimit = 32;
const unrolledLimit = 200;
const textLimit = 4_000_000;
/** Parts that are rendered in all, over all ways. */
const stepLimit = 4000;

/** One way through the conditions of a file. */
export interface Variant {
  text: string;
  /** Line of the source for each line of `text`, from 0. */
  lines: readonly number[];
}

export type Decision<T> =
  | { kind: 'leaf'; value: T }
  /** One branch for each condition, and a last one for when none holds. */
  | { kind: 'choice'; conditions: readonly (Expression | undefined)[]; branches: readonly Decision<T>[] };

export interface Variants {
  tree: Decision<Variant>;
  /** What stands in the texts for outputs, by `mark(index)`. */
  marks: readonly Mark[];
  problems: { line: number; message: string }[];
}

export type Mark = { liquid: string } | { unsaid: string };

/** Characters that no other text has: those of the private use area. */
export const markPattern = /\uE000(\d+)\uE001/g;

/** All ways through a file. Limits: 32 ways; loops of constants are unrolled up to 200 rounds. */
export function variantsOf(source: string, names: PathNames): Variants {
  const { nodes, problems } = parseJinja(source.replaceAll(/[\uE000\uE001]/g, '?'));
  const renderer = new Renderer(names, problems);
  const tree = renderer.decide(nodes);
  return { tree, marks: renderer.marks, problems: unique(problems) };
}

function unique(problems: Variants['problems']): Variants['problems'] {
  return [...new Map(problems.map((each) => [`${each.line} ${each.message}`, each])).values()];
}

/** A choice that a rendering has come to and nothing was decided for. */
class Undecided extends Error {
  readonly key: string;
  readonly conditions: readonly (Expression | undefined)[];

  constructor(key: string, conditions: readonly (Expression | undefined)[]) {
    super('undecided');
    this.key = key;
    this.conditions = conditions;
  }
}

class Renderer {
  readonly marks: Mark[] = [];
  readonly #names: PathNames;
  readonly #problems: Variants['problems'];
  readonly #known = new Map<string, number>();
  #variants = 0;
  #steps = 0;

  constructor(names: PathNames, problems: Variants['problems']) {
    this.#names = names;
    this.#problems = problems;
  }

  decide(nodes: readonly JinjaNode[], decided: ReadonlyMap<string, number> = new Map()): Decision<Variant> {
    try {
      const way = new Way();
      this.#render(nodes, { decided, scope: new Map(), way });
      this.#variants += 1;
      return { kind: 'leaf', value: way.variant() };
    } catch (error) {
      if (!(error instanceof Undecided)) throw error;
      const { key, conditions } = error;
      const branches: Decision<Variant>[] = [];
      for (let branch = 0; branch <= conditions.length; branch += 1) {
        if (this.#variants >= variantLimit) {
          const message = `more than ${variantLimit} ways through the conditions; the others are left out`;
          this.#problems.push({ line: 1, message });
          break;
        }
        branches.push(this.decide(nodes, new Map([...decided, [key, branch]])));
      }
      return { kind: 'choice', conditions, branches };
    }
  }

  #render(
    nodes: readonly JinjaNode[],
    state: { decided: ReadonlyMap<string, number>; scope: Map<string, Expression>; way: Way },
  ): void {
    const { scope, way, decided } = state;
    for (const node of nodes) {
      this.#steps += 1;
      if (this.#steps > stepLimit) {
        if (this.#steps === stepLimit + 1)
          this.#problems.push({
            line: node.line,
            message: 'this template is too large; the rest is left out',
          });
        return;
      }
      if (node.kind === 'text') way.add(node.text, node.line);
      else if (node.kind === 'set') scope.set(node.name, withScope(node.value, scope));
      else if (node.kind === 'if' && !node.inline) {
        const conditions = node.branches.map(({ condition }) =>
          condition === undefined ? undefined : withScope(condition, scope),
        );
        // An unsaid condition is like no other.
        const key = JSON.stringify(conditions.map((each) => each ?? `line ${node.line}`));
        const branch = constantBranch(conditions) ?? decided.get(key);
        if (branch === undefined) throw new Undecided(key, conditions);
        this.#render(node.branches[branch]?.body ?? node.otherwise, state);
      } else if (node.kind === 'for' && !node.inline) {
        const over = withScope(node.over, scope);
        if (over.kind !== 'list') {
          const message = `\`{% for ${node.name} %}\` around lines cannot be said: what it goes over is known only on the host`;
          this.#problems.push({ line: node.line, message });
          continue;
        }
        for (const item of over.items.slice(0, this.#steps > stepLimit ? 0 : unrolledLimit))
          this.#render(node.body, { decided, way, scope: new Map([...scope, [node.name, item]]) });
      } else this.#line(node, scope, way);
    }
  }

  /** Part of a line: a constant as it is, all else by a mark. */
  #line(node: JinjaNode, scope: Scope, way: Way): void {
    const value = node.kind === 'output' ? withScope(node.value, scope) : undefined;
    if (value?.kind === 'literal') {
      way.add(String(value.value ?? ''), node.line);
      return;
    }
    const said = liquidOf(node, scope, this.#names);
    if ('problem' in said) this.#problems.push({ line: node.line, message: said.problem });
    const mark: Mark =
      'text' in said ? { liquid: said.text } : { unsaid: 'source' in node ? node.source : said.problem };
    const key = JSON.stringify(mark);
    const index = this.#known.get(key) ?? this.marks.push(mark) - 1;
    this.#known.set(key, index);
    way.add(`\uE000${index}\uE001`, node.line);
  }
}

/** The branch that is taken whatever the host is. */
function constantBranch(conditions: readonly (Expression | undefined)[]): number | undefined {
  for (const [index, condition] of conditions.entries()) {
    if (condition?.kind !== 'literal') return undefined;
    if (condition.value !== false && condition.value !== null && condition.value !== '') return index;
  }
  return conditions.length;
}

/** The text of one way, with the line of the source that each of its lines begins on. */
class Way {
  readonly #parts: string[] = [];
  readonly #lines: number[] = [1];
  #length = 0;
  #lineStarts = true;

  add(text: string, line: number): void {
    if (text === '' || this.#length > textLimit) return;
    if (this.#lineStarts) this.#lines[this.#lines.length - 1] = line;
    const breaks = text.split('\n').length - 1;
    for (let each = 1; each <= breaks; each += 1) this.#lines.push(line + each);
    this.#parts.push(text);
    this.#length += text.length;
    this.#lineStarts = text.endsWith('\n');
  }

  variant(): Variant {
    return { text: this.#parts.join(''), lines: this.#lines };
  }
}

export function mapDecision<T, U>(tree: Decision<T>, change: (value: T) => U): Decision<U> {
  if (tree.kind === 'leaf') return { kind: 'leaf', value: change(tree.value) };
  return { ...tree, branches: tree.branches.map((branch) => mapDecision(branch, change)) };
}

export function leavesOf<T>(tree: Decision<T>): T[] {
  return tree.kind === 'leaf' ? [tree.value] : tree.branches.flatMap(leavesOf);
}

/** The condition under which a leaf holds: `true` for all of them, `false` for none. */
export function conditionOf(
  tree: Decision<boolean>,
  names: PathNames,
): { text: string } | boolean | { problem: string } {
  const expression = whenTrue(tree);
  if (typeof expression === 'boolean') return expression;
  return 'problem' in expression ? expression : conditionText(expression, names);
}

function whenTrue(tree: Decision<boolean>): Expression | boolean | { problem: string } {
  const leaves = leavesOf(tree);
  if (leaves.every((value) => value === leaves[0])) return leaves[0] ?? false;
  if (tree.kind === 'leaf') return tree.value;
  const shapes = new Set(tree.branches.map((branch) => JSON.stringify(branch)));
  const [first] = tree.branches;
  if (shapes.size === 1 && first !== undefined) return whenTrue(first);
  let all: Expression | undefined;
  for (const [index, branch] of tree.branches.entries()) {
    const inner = whenTrue(branch);
    if (inner === false) continue;
    if (typeof inner === 'object' && 'problem' in inner) return inner;
    let here = inner === true ? undefined : inner;
    const own = tree.conditions[index];
    if (index < tree.conditions.length && own === undefined)
      return { problem: 'its condition cannot be said in Liquid' };
    const before = tree.conditions.slice(0, index);
    if (before.includes(undefined)) return { problem: 'a condition before it cannot be said in Liquid' };
    if (own !== undefined) here = both('and', own, here);
    for (const other of before.toReversed())
      if (other !== undefined) here = both('and', { kind: 'not', operand: other }, here);
    if (here !== undefined) all = both('or', here, all);
  }
  return all ?? true;
}

function both(operator: 'and' | 'or', left: Expression, right: Expression | undefined): Expression {
  return right === undefined ? left : { kind: 'logic', operator, left, right };
}

/**
 * One value of Liquid for what a scalar is on each way; `undefined` leaves are ways on which it does not matter. Texts that
 * are the same on all ways stay as they are.
 */
export function valueOf(
  tree: Decision<string | undefined>,
  names: PathNames,
): { text: string } | { problem: string } | undefined {
  const texts = new Set(leavesOf(tree).filter((text) => text !== undefined));
  const [only] = texts;
  if (only === undefined) return undefined;
  if (texts.size === 1 || tree.kind === 'leaf') return { text: only };
  const inner = tree.branches.map((branch) => valueOf(branch, names));
  const wrong = inner.find((each) => each !== undefined && 'problem' in each);
  if (wrong !== undefined) return wrong;
  const said = inner.map((each) => (each !== undefined && 'text' in each ? each.text : undefined));
  const shapes = new Set(said.filter((text) => text !== undefined));
  const [same] = shapes;
  if (shapes.size === 1 && same !== undefined) return { text: same };
  let text = '';
  for (const [index, condition] of tree.conditions.entries()) {
    const value = said[index];
    if (value === undefined) continue;
    if (condition === undefined) return { problem: 'its condition cannot be said in Liquid' };
    const words = conditionText(condition, names);
    if ('problem' in words) return words;
    text += `{% ${text === '' ? 'if' : 'elsif'} ${words.text} %}${value}`;
  }
  const last = said[tree.conditions.length];
  return { text: `${text}${last === undefined ? '' : `{% else %}${last}`}{% endif %}` };
}
