/** Owns the schedule of a runbook that is templated, or differs between the ways through the conditions of its file. */
import type { Item } from './automatron-items.ts';
import { mergeItem } from './automatron-merge.ts';
import type { Schedule } from './automatron-schedule.ts';
import { restore } from './automatron-shell.ts';
import type { PathNames } from './jinja-liquid.ts';
import { type Decision, leavesOf, type Mark, mapDecision, markPattern } from './jinja-variants.ts';
import type { YamlValue } from './yaml-text.ts';

/** The keys of the head; undefined when they cannot be one value. */
export function mergeSchedules(
  schedules: Decision<Item | undefined>,
  names: PathNames,
): Record<string, YamlValue> | undefined {
  const kinds = new Set(leavesOf(schedules).flatMap((each) => (each === undefined ? [] : Object.keys(each))));
  // One key on all ways: an interval of minutes is a schedule as well.
  const same = kinds.size > 1 ? mapDecision(schedules, (each) => each && asCron(each)) : schedules;
  const result = mergeItem(same, { names, conditionKey: 'when', name: 'head', taken: new Set() });
  const [first] = 'problem' in result || result.items.length > 1 ? [] : result.items;
  if (first === undefined) return undefined;
  const { when: _, ...keys } = first.keys;
  return keys;
}

/** Undefined when there is no template in it. */
export function templatedSchedule(written: string, marks: readonly Mark[]): Schedule | undefined {
  if (written.search(markPattern) < 0) return undefined;
  const text = restore(written, marks, { command: false });
  if (text === undefined) return { keys: { every: '1m' }, remarks: ['the schedule is every minute now'] };
  return { keys: { schedule: text }, remarks: [] };
}

function asCron(keys: Item): Item {
  const { every } = keys;
  const [, count, unit] = typeof every === 'string' ? (/^(\d+)([sm])$/.exec(every) ?? []) : [];
  if (count === undefined) return keys;
  const step = count === '1' ? '*' : `*/${count}`;
  return { schedule: unit === 's' ? `${step} * * * * *` : `${step} * * * *` };
}
