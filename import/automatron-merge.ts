/** Owns making one item of what it is on each way through the conditions of its file: values become templates. */
import type { Item } from './automatron-items.ts';
import { itemNameOf } from './automatron-source.ts';
import type { PathNames } from './jinja-liquid.ts';
import { conditionOf, type Decision, leavesOf, mapDecision, valueOf } from './jinja-variants.ts';
import type { YamlValue } from './yaml-text.ts';

export interface MergedItem {
  name: string;
  keys: Record<string, YamlValue>;
}

export interface MergeSettings {
  names: PathNames;
  /** Key of the condition under which an item exists. */
  conditionKey: 'when' | 'only_if';
  name: string;
  /** Names that are in use; the new ones are added. */
  taken: Set<string>;
}

/**
 * Most often one item. Those whose keys differ in more than their values become several, each with its condition.
 */
export function mergeItem(
  tree: Decision<Item | undefined>,
  { names, conditionKey, name, taken }: MergeSettings,
): { items: MergedItem[] } | { problem: string } {
  const shapes = new Set(leavesOf(tree).flatMap((item) => (item === undefined ? [] : [shapeOf(item)])));
  const items: MergedItem[] = [];
  for (const shape of shapes) {
    const mine = mapDecision(tree, (item) =>
      item !== undefined && shapeOf(item) === shape ? item : undefined,
    );
    const condition = conditionOf(
      mapDecision(mine, (item) => item !== undefined),
      names,
    );
    if (typeof condition === 'object' && 'problem' in condition) return condition;
    const merged = mergeValue(mine, names);
    if (merged === undefined) continue;
    if ('problem' in merged) return merged;
    const keys = merged.value as Record<string, YamlValue>;
    const unique = itemNameOf(name, taken);
    taken.add(unique);
    const text = typeof condition === 'object' ? condition.text : undefined;
    items.push({ name: unique, keys: text === undefined ? keys : withCondition(keys, conditionKey, text) });
  }
  return { items };
}

/** An action has a `when` of its own, a map; then the condition has another name. */
function withCondition(
  keys: Record<string, YamlValue>,
  key: string,
  text: string,
): Record<string, YamlValue> {
  return key === 'when' ? { [key]: text, ...keys } : { ...keys, [key]: text };
}

/** What must be alike for values to be templates of one item. */
function shapeOf(value: YamlValue | undefined): string {
  if (typeof value !== 'object') return 'text';
  if (Array.isArray(value)) return `[${value.map(shapeOf).join()}]`;
  return `{${Object.entries(value)
    .map(([key, each]) => `${key}:${shapeOf(each as YamlValue)}`)
    .join()}}`;
}

function mergeValue(
  tree: Decision<YamlValue | undefined>,
  names: PathNames,
): { value: YamlValue } | { problem: string } | undefined {
  const values = leavesOf(tree).filter((value) => value !== undefined);
  const [first] = values;
  if (first === undefined) return undefined;
  const text = JSON.stringify(first);
  if (values.every((value) => JSON.stringify(value) === text)) return { value: first };
  if (typeof first !== 'object') {
    const said = valueOf(
      mapDecision(tree, (value) =>
        value === undefined ? undefined : String(value as string | number | boolean),
      ),
      names,
    );
    return said === undefined || 'problem' in said ? said : { value: said.text };
  }
  const merged: [string, YamlValue][] = [];
  for (const key of Object.keys(first)) {
    const part = mapDecision(tree, (value) => (value as Record<string, YamlValue> | undefined)?.[key]);
    const said = mergeValue(part, names);
    if (said === undefined) continue;
    if ('problem' in said) return said;
    merged.push([key, said.value]);
  }
  return { value: Array.isArray(first) ? merged.map(([, value]) => value) : Object.fromEntries(merged) };
}
