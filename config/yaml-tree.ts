/**
 * Owns the tree of values with their places that everything after reads: aliases followed, `<<` merged, duplicate keys
 * found, expansion limited. It judges no meaning.
 */
import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar, visit } from 'yaml';
import type { SourcePlace } from '../core/definitions.ts';
import { formatPlace, type ProblemList } from './problems.ts';
import { hasTemplate } from './templates.ts';
import { depthLimit, type YamlSource } from './yaml-source.ts';

/** Values that all aliases of one file may add up to: what keeps a bomb of aliases or merges small. */
const aliasedValuesLimit = 100_000;

export interface Tree {
  /** Plain data: string, number, boolean, null, array or object. */
  value: unknown;
  place: SourcePlace;
  /** A plain scalar as it stands in the file: `1.10`, not 1.1. */
  written?: string;
  /** Where a part of a text stands in the file. */
  locate?: (snippet: string) => SourcePlace;
  /** The entries of a map by key, of a list by index. */
  entries: ReadonlyMap<string, Entry>;
}

export interface Entry {
  /** Where the key stands; for a list item where the item stands. */
  keyPlace: SourcePlace;
  tree: Tree;
}

const noEntries: ReadonlyMap<string, Entry> = new Map();

/**
 * The tree of a document, or undefined with the reasons among the problems. A key written twice is a problem too, but
 * the rest of the file can still be judged.
 */
export function buildTree(source: YamlSource, problems: ProblemList): Tree | undefined {
  const root = source.document.contents;
  if (root === null) return undefined;
  const builder = new TreeBuilder(source, problems);
  const tree = builder.build(root, 0);
  return builder.broken ? undefined : tree;
}

class TreeBuilder {
  readonly #source: YamlSource;
  readonly #problems: ProblemList;
  readonly #targets: ReadonlyMap<Alias, Node>;
  /** Aliases being followed at present; one that is met again contains itself. */
  readonly #following: Alias[] = [];
  /** True when values are missing from the tree, so that judging the rest would be guessing. */
  broken = false;
  #aliasedValues = 0;
  #exhausted = false;

  constructor(source: YamlSource, problems: ProblemList) {
    this.#source = source;
    this.#problems = problems;
    this.#targets = aliasTargets(source);
  }

  build(node: Node | null | undefined, depth: number): Tree {
    const place = this.#placeOf(node);
    if (this.#following.length > 0 && !this.#spend(depth)) return { value: null, place, entries: noEntries };
    if (isAlias(node)) return this.#follow(node, place, (target) => this.build(target, depth));
    if (isMap(node)) return mapTree(this.#mapEntries(node.items, depth), place);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.build(item as Node, depth + 1));
      return listTree(items, place);
    }
    if (!isScalar(node)) return { value: null, place, entries: noEntries };
    const written = node.source === undefined ? {} : { written: node.source };
    const text = typeof node.value === 'string' && hasTemplate(node.value) ? this.#locator(node) : {};
    return { value: node.value ?? null, place, ...written, ...text, entries: noEntries };
  }

  /** Keys written here win over merged ones; of merged ones the first wins, as YAML's merge type says. */
  #mapEntries(pairs: readonly Pair[], depth: number): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    const merged: Map<string, Entry>[] = [];
    for (const pair of pairs) {
      const key = pair.key as Node | null;
      const value = pair.value as Node | null;
      if (isMergeKey(key)) {
        merged.push(...this.#mergeSources(value, depth));
        continue;
      }
      const name = this.#keyName(key);
      if (name === undefined) continue;
      const at = this.#placeOf(key);
      const earlier = entries.get(name);
      if (earlier !== undefined) {
        this.#problems.add(
          at,
          `\`${name}\` is written twice in one map`,
          `it also stands at ${formatPlace(earlier.keyPlace)}; keep one`,
        );
        continue;
      }
      const tree = this.build(value, depth + 1);
      entries.set(name, { keyPlace: at, tree: value === null ? { ...tree, place: at } : tree });
    }
    for (const source of merged) {
      for (const [name, entry] of source) if (!entries.has(name)) entries.set(name, entry);
    }
    return entries;
  }

  #mergeSources(node: Node | null, depth: number): Map<string, Entry>[] {
    if (isSeq(node)) return node.items.flatMap((item) => this.#mergeSources(item as Node, depth));
    if (isMap(node)) return [this.#mapEntries(node.items, depth)];
    if (isAlias(node)) {
      const found: Map<string, Entry>[] = [];
      this.#follow(node, this.#placeOf(node), (target) => {
        if (this.#spend(depth)) found.push(...this.#mergeSources(target, depth));
        return { value: null, place: this.#placeOf(target), entries: noEntries };
      });
      return found;
    }
    this.#fail(this.#placeOf(node), '`<<` merges maps only', 'give an alias of a map, or a list of such');
    return [];
  }

  #follow(alias: Alias, place: SourcePlace, use: (target: Node) => Tree): Tree {
    const target = this.#targets.get(alias);
    const empty = { value: null, place, entries: noEntries };
    if (target === undefined) {
      this.#fail(
        place,
        `the alias \`*${alias.source}\` has no anchor before it`,
        `define \`&${alias.source}\` first`,
      );
      return empty;
    }
    if (this.#following.includes(alias)) {
      this.#fail(place, `the alias \`*${alias.source}\` contains itself`, 'break the circle');
      return empty;
    }
    this.#following.push(alias);
    const tree = use(target);
    this.#following.pop();
    return tree;
  }

  /** Counts one aliased value. False once the limits are passed; then the rest is skipped. */
  #spend(depth: number): boolean {
    this.#aliasedValues += 1;
    const deep = depth > depthLimit || this.#following.length > depthLimit;
    if (this.#exhausted || (!deep && this.#aliasedValues <= aliasedValuesLimit)) return !this.#exhausted;
    this.#exhausted = true;
    const message = deep
      ? `aliases nest more than ${depthLimit} levels deep`
      : `aliases expand to more than ${aliasedValuesLimit.toLocaleString('en-US')} values`;
    this.#fail(this.#placeOf(this.#following[0]), message, 'write less with anchors, or split the file');
    return false;
  }

  #keyName(key: Node | null): string | undefined {
    const place = this.#placeOf(key);
    if (isMap(key) || isSeq(key)) {
      const template = isMap(key) && key.flow === true;
      if (template) this.#fail(place, 'a template stands without quotes', 'write `"{{ name }}"`');
      else this.#fail(place, 'a key must be plain text', 'put the key in quotes if it is meant as text');
      return undefined;
    }
    if (isAlias(key)) {
      this.#fail(place, 'an alias cannot be a key', 'write the key itself');
      return undefined;
    }
    const value = isScalar(key) ? (key.value ?? null) : null;
    if (value === null || value === '__proto__') {
      this.#fail(place, value === null ? 'a key is empty' : '`__proto__` cannot be a key', 'name it');
      return undefined;
    }
    // A number as it is written: `08` and `8` are two names.
    return typeof value === 'string' ? value : isScalar(key) ? key.source : undefined;
  }

  #fail(place: SourcePlace, message: string, hint: string): void {
    this.broken = true;
    this.#problems.add(place, message, hint);
  }

  /** In the text as it is written: escapes and folded lines are not undone, so what they tear apart is not found. */
  #locator(node: Scalar): Pick<Tree, 'locate'> {
    const [from = 0, to = 0] = node.range ?? [];
    return {
      locate: (snippet) => {
        const at = this.#source.text.slice(from, to).indexOf(snippet);
        return this.#source.place(at === -1 ? from : from + at);
      },
    };
  }

  #placeOf(node: Node | null | undefined): SourcePlace {
    return this.#source.place(node?.range?.[0] ?? 0);
  }
}

/** `<<` in quotes is a key like any other. */
function isMergeKey(key: Node | null): key is Scalar {
  return isScalar(key) && key.type === 'PLAIN' && key.value === '<<';
}

/** Which node each alias means: the last of that anchor before it. One pass, since the library's search is one pass each. */
function aliasTargets(source: YamlSource): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(source.document, {
    Alias(_key, alias) {
      const target = anchors.get(alias.source);
      if (target !== undefined) targets.set(alias, target);
    },
    Value(_key, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

export function mapTree(entries: ReadonlyMap<string, Entry>, place: SourcePlace): Tree {
  const value = Object.fromEntries([...entries].map(([name, entry]) => [name, entry.tree.value]));
  return { value, place, entries };
}

function listTree(items: readonly Tree[], place: SourcePlace): Tree {
  const entries = new Map(items.map((tree, index) => [String(index), { keyPlace: tree.place, tree }]));
  return { value: items.map((item) => item.value), place, entries };
}

/** The tree of an absent section: an empty map at the place of what should hold it. */
export function emptyTree(place: SourcePlace): Tree {
  return mapTree(noEntries, place);
}

export function isMapTree(tree: Tree): boolean {
  return typeof tree.value === 'object' && tree.value !== null && !Array.isArray(tree.value);
}

/** The same map without some of its keys. */
export function withoutKeys(tree: Tree, leaveOut: (key: string) => boolean): Tree {
  return mapTree(new Map([...tree.entries].filter(([key]) => !leaveOut(key))), tree.place);
}

/** Maps merge, lists append, and a scalar set twice is a problem that names both places. */
export function mergeTrees(into: Tree, from: Tree, problems: ProblemList): Tree {
  if (Array.isArray(into.value) && Array.isArray(from.value)) {
    return listTree(
      [...into.entries.values(), ...from.entries.values()].map((entry) => entry.tree),
      into.place,
    );
  }
  const entries = new Map(into.entries);
  for (const [name, entry] of from.entries) {
    const earlier = entries.get(name);
    if (earlier === undefined) {
      entries.set(name, entry);
      continue;
    }
    const [a, b] = [asContainer(earlier.tree, entry.tree), asContainer(entry.tree, earlier.tree)];
    if (a !== undefined && b !== undefined) {
      entries.set(name, { keyPlace: earlier.keyPlace, tree: mergeTrees(a, b, problems) });
      continue;
    }
    problems.add(
      entry.keyPlace,
      `\`${name}\` is set twice`,
      `it is also set at ${formatPlace(earlier.keyPlace)}; keep one of the two`,
    );
  }
  return mapTree(entries, into.place);
}

/** A list or map that can be merged with the other; nothing at all counts as an empty map beside a map. */
function asContainer(tree: Tree, other: Tree): Tree | undefined {
  if (Array.isArray(tree.value)) return Array.isArray(other.value) ? tree : undefined;
  if (isMapTree(tree)) return isMapTree(other) || other.value === null ? tree : undefined;
  return tree.value === null && (isMapTree(other) || other.value === null)
    ? emptyTree(tree.place)
    : undefined;
}

export function treeAt(tree: Tree, path: readonly PropertyKey[]): Tree | undefined {
  let at: Tree | undefined = tree;
  for (const key of path) at = at?.entries.get(String(key))?.tree;
  return at;
}

/** The entries of the map at a place; none when no map is there. */
export function mapEntries(tree: Tree, path: readonly PropertyKey[]): ReadonlyMap<string, Entry> {
  const at = treeAt(tree, path);
  return at !== undefined && isMapTree(at) ? at.entries : noEntries;
}

/** The place of a key in a map, or of the map when it is not there. */
export function keyPlace(tree: Tree, key: string): SourcePlace {
  return tree.entries.get(key)?.keyPlace ?? tree.place;
}

/** The place of the value at a path, or of the nearest thing that should hold it. */
export function placeOf(tree: Tree, path: readonly PropertyKey[]): SourcePlace {
  for (let length = path.length; length > 0; length -= 1) {
    const at = treeAt(tree, path.slice(0, length));
    if (at !== undefined) return at.place;
  }
  return tree.place;
}
