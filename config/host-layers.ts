/**
 * Owns where the values of one host come from: its own entry, an inventory, groups, the defaults of a file, the daemon
 * file, strongest first. It knows nothing of other hosts.
 */
import type { SourcePlace } from '../core/definitions.ts';
import type { Json } from '../core/sources.ts';
import { formatPlace, type ProblemList } from './problems.ts';
import type { Scope } from './templates.ts';
import { type Tree, treeAt } from './yaml-tree.ts';

export interface HostValues {
  address?: string | undefined;
  port?: number | undefined;
  user?: string | undefined;
  jump?: string | undefined;
  transport?: 'ssh' | 'openssh' | 'local' | undefined;
  batch?: boolean | undefined;
  parents?: readonly string[] | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
  vars?: Readonly<Record<string, unknown>> | undefined;
}

export interface Layer {
  /** What people are told it is. */
  name: string;
  /** Layers of one rank must agree; of two ranks the lower number wins. */
  rank: 0 | 1 | 2 | 3 | 4;
  values: HostValues;
  /** Where it is written; its entries tell where each value is. */
  tree: Tree;
}

/** A value of a host and where it comes from. */
export interface HostValue {
  key: string;
  value: unknown;
  from: string;
}

/** Told of by the host in whose name it was found first. */
export class Layers {
  readonly #host: string;
  readonly #layers: readonly Layer[];
  readonly #problems: ProblemList;
  /** In the order they were asked for. */
  readonly values: HostValue[] = [];

  /** `layers`: strongest first. */
  constructor(host: string, layers: readonly Layer[], problems: ProblemList) {
    this.#host = host;
    this.#layers = layers;
    this.#problems = problems;
  }

  pick<K extends 'address' | 'port' | 'user' | 'jump' | 'transport' | 'batch' | 'parents'>(
    key: K,
  ): { value: NonNullable<HostValues[K]>; layer: Layer } | undefined {
    const having = this.#layers.filter(({ values }) => values[key] !== undefined);
    const [first, second] = having;
    const value = first?.values[key];
    if (first === undefined || value === undefined || value === null) return undefined;
    if (second?.rank === first.rank) this.#mustAgree([key], [first, second], [value, second.values[key]]);
    this.values.push({ key, value, from: placeOf(first, [key]) });
    return { value, layer: first };
  }

  /** Where the value that wins is written. */
  at([key, ...path]: readonly [keyof HostValues, ...string[]]): Tree {
    const layer = this.#layers.find(({ values }) => {
      let value: unknown = values[key];
      for (const each of path) value = Object.hasOwn(value ?? {}, each) ? (value as Scope)[each] : undefined;
      return value !== undefined;
    });
    const tree = layer?.tree ?? this.#layers[0]?.tree;
    if (tree === undefined) throw new Error(`the host ${this.#host} has no layers`);
    return treeAt(tree, [key, ...path]) ?? tree;
  }

  labels(): Record<string, string> {
    const merged: Record<string, string> = {};
    this.#eachKey('labels', (key, value) => {
      merged[key] = value as string;
    });
    return merged;
  }

  /** Maps in maps merge too; lists do not. */
  vars(): Record<string, Json> {
    const merged: Record<string, Json> = {};
    this.#eachKey('vars', (key, value, layers) => {
      merged[key] = layers.reduceRight<Json>(
        (below, layer) => mergeJson(below, layer.values.vars?.[key] as Json),
        null,
      );
    });
    return merged;
  }

  #eachKey(
    part: 'labels' | 'vars',
    take: (key: string, value: unknown, having: readonly Layer[]) => void,
  ): void {
    const keys = new Set(this.#layers.toReversed().flatMap(({ values }) => Object.keys(values[part] ?? {})));
    for (const key of keys) {
      const having = this.#layers.filter(({ values }) => Object.hasOwn(values[part] ?? {}, key));
      const [first, second] = having;
      if (first === undefined) continue;
      const value = first.values[part]?.[key];
      const other = second?.values[part]?.[key];
      if (second?.rank === first.rank && !(isMap(value) && isMap(other)))
        this.#mustAgree([part, key], [first, second], [value, other]);
      take(key, value, having);
      this.values.push({ key: `${part}.${key}`, value, from: placeOf(first, [part, key]) });
    }
  }

  #mustAgree(path: string[], [a, b]: [Layer, Layer], [left, right]: [unknown, unknown]): void {
    if (JSON.stringify(left) === JSON.stringify(right)) return;
    const place = treeAt(b.tree, path)?.place ?? b.tree.place;
    this.#problems.add(
      place,
      `\`${path.join('.')}\` of \`${this.#host}\` is set by two of a kind: ${a.name} and ${b.name}`,
      `it is also set at ${placeOf(a, path)}; keep one, or set it at the host itself`,
    );
  }
}

function placeOf(layer: Layer, path: readonly string[]): string {
  const place: SourcePlace = treeAt(layer.tree, path)?.place ?? layer.tree.place;
  return `${layer.name} (${formatPlace(place)})`;
}

function isMap(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mergeJson(below: Json, above: Json): Json {
  if (!isMap(below) || !isMap(above)) return above;
  const merged: Record<string, Json> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const lower = Object.hasOwn(merged, key) ? (merged[key] ?? null) : null;
    merged[key] = mergeJson(lower, value);
  }
  return merged;
}
