/** Owns what becomes of one runbook of Automatron: all ways through its conditions, told as one runbook of mendd. */

import { mergeSchedules, templatedSchedule } from './automatron-head.ts';
import { actionOf, checkOf, type Item, type ItemContext, type ReadAction } from './automatron-items.ts';
import { type MergedItem, mergeItem } from './automatron-merge.ts';
import type { PluginTexts } from './automatron-plugins.ts';
import { readSchedule } from './automatron-schedule.ts';
import { isRecord, itemNameOf, type ReadYaml, readYaml, textsOf } from './automatron-source.ts';
import type { PathNames } from './jinja-liquid.ts';
import {
  type Decision,
  leavesOf,
  type Mark,
  mapDecision,
  markPattern,
  variantsOf,
} from './jinja-variants.ts';
import { literalTitle } from './literal-text.ts';
import type { ImportNote, NoteLevel } from './report.ts';
import type { YamlValue } from './yaml-text.ts';

export interface RunbookSource {
  /** As notes name it. */
  file: string;
  text: string;
}

export interface RunbookSettings {
  plugins: PluginTexts;
  logins: ReadonlyMap<string, string>;
  names: PathNames;
}

export interface MadeRunbook {
  title: string;
  /** Host globs of the older format, which stand in the runbook itself. */
  nodes: readonly string[];
  /** Keys of the head beside the title and the hosts. */
  head: Record<string, YamlValue>;
  checks: Record<string, YamlValue>;
  actions: Record<string, YamlValue>;
  /** What was left out, for a comment. */
  leftOut: readonly string[];
  notes: readonly ImportNote[];
}

/** What one way says. */
interface Way {
  title: string | undefined;
  nodes: readonly string[];
  schedule: Item;
  checks: ReadonlyMap<string, Item>;
  actions: ReadonlyMap<string, ReadAction>;
}

/** Undefined when nothing in it is checked; the notes say why. */
export function readRunbook(
  source: RunbookSource,
  settings: RunbookSettings,
): { made?: MadeRunbook; notes: ImportNote[] } {
  return new RunbookReader(source, settings).read();
}

class RunbookReader {
  readonly #source: RunbookSource;
  readonly #settings: RunbookSettings;
  readonly #lines: readonly string[];
  readonly #notes = new Map<string, ImportNote>();
  readonly #leftOut = new Set<string>();

  constructor(source: RunbookSource, settings: RunbookSettings) {
    this.#source = source;
    this.#settings = settings;
    this.#lines = source.text.split('\n');
  }

  read(): { made?: MadeRunbook; notes: ImportNote[] } {
    const { tree, marks, problems } = variantsOf(this.#source.text, this.#settings.names);
    for (const { line, message } of problems) this.#note(line, 'check', message);
    const yamls = mapDecision(tree, (variant) => readYaml(variant));
    const ways = mapDecision(yamls, (yaml) => this.#way(yaml, marks));
    const all = leavesOf(ways).filter((way) => way !== undefined);
    const checks = this.#items(ways, 'checks', [...new Set(all.flatMap((way) => [...way.checks.keys()]))]);
    if (checks.size === 0) {
      this.#note(1, 'left_out', 'no check of this file can be carried over, and so no runbook');
      return { notes: [...this.#notes.values()] };
    }
    const title = all.find((way) => way.title !== undefined)?.title ?? this.#source.file;
    if (new Set(all.map((way) => way.title)).size > 1)
      this.#note(1, 'changed', 'the name depends on the host; the first one is taken');
    const made: MadeRunbook = {
      title,
      nodes: [...new Set(all.flatMap((way) => way.nodes))],
      head: this.#head(ways),
      checks: Object.fromEntries([...checks.values()].flat().map(({ name, keys }) => [name, keys])),
      actions: this.#actions(ways, all, [...checks.values()].flat()),
      leftOut: [...this.#leftOut],
      notes: [],
    };
    return { made, notes: [...this.#notes.values()] };
  }

  #way(yaml: ReadYaml, marks: readonly Mark[]): Way | undefined {
    for (const { line, message } of yaml.problems) this.#note(line, 'check', message);
    const { value, lineOf } = yaml;
    if (!isRecord(value)) {
      if (value !== undefined) this.#note(1, 'left_out', 'this is no map of `name`, `checks` and `actions`');
      return undefined;
    }
    for (const key of Object.keys(value)) {
      if (!['name', 'schedule', 'nodes', 'checks', 'actions'].includes(key))
        this.#note(lineOf([key]), 'left_out', `\`${key.slice(0, 60)}\` is not known`);
    }
    const written = value['schedule'];
    const templated = typeof written === 'string' ? templatedSchedule(written, marks) : undefined;
    const { keys, remarks } = templated ?? readSchedule(written);
    for (const remark of remarks) this.#note(lineOf(['schedule']), 'changed', remark);
    const title =
      typeof value['name'] === 'string' ? value['name'].replaceAll(markPattern, '…').trim() : undefined;
    const actions = isRecord(value['actions']) ? value['actions'] : {};
    const context = { marks, lineOf, wantsUnknown: Object.values(actions).some(wantsUnknown) };
    return {
      title:
        title === undefined || title === ''
          ? undefined
          : literalTitle(title.replaceAll(/[\s\p{C}]+/gu, ' '))
              .trim()
              .slice(0, 190),
      nodes: textsOf(value['nodes']),
      schedule: keys,
      checks: this.#read('checks', value['checks'], context, checkOf),
      actions: this.#read('actions', value['actions'], context, actionOf),
    };
  }

  #read<T extends object>(
    key: 'checks' | 'actions',
    written: unknown,
    {
      marks,
      lineOf,
      wantsUnknown: keepsCodes,
    }: { marks: readonly Mark[]; lineOf: ReadYaml['lineOf']; wantsUnknown: boolean },
    read: (item: unknown, context: ItemContext) => T | { leftOut: string },
  ): Map<string, T> {
    const items = new Map<string, T>();
    if (written === undefined || written === null) return items;
    if (!isRecord(written)) {
      this.#note(lineOf([key]), 'left_out', `\`${key}\` is no map`);
      return items;
    }
    for (const [name, item] of Object.entries(written)) {
      const clean = name.replaceAll(markPattern, '');
      const result = read(item, {
        marks,
        plugins: this.#settings.plugins,
        logins: this.#settings.logins,
        wantsUnknown: keepsCodes,
        secretName: itemNameOf(clean, new Set()),
        note: (inner, level, message, hint) =>
          this.#note(lineOf([key, name, inner]), level, `${clean}: ${message}`, hint),
      });
      if ('leftOut' in result) this.#omit(key, clean, lineOf([key, name]), result.leftOut);
      else items.set(clean, result);
    }
    return items;
  }

  /** Names in the order of the source; each may have become more than one. */
  #items(
    ways: Decision<Way | undefined>,
    key: 'checks',
    names: readonly string[],
  ): Map<string, MergedItem[]> {
    const merged = new Map<string, MergedItem[]>();
    const taken = new Set<string>();
    for (const name of names) {
      const item = mapDecision(ways, (way) => way?.[key].get(name));
      const result = mergeItem(item, { names: this.#settings.names, conditionKey: 'when', name, taken });
      if ('problem' in result) this.#omit(key, name, this.#lineOfName(name), result.problem);
      else merged.set(name, result.items);
    }
    return merged;
  }

  #actions(
    ways: Decision<Way | undefined>,
    all: readonly Way[],
    checks: readonly MergedItem[],
  ): Record<string, YamlValue> {
    const taken = new Set<string>();
    const made: Record<string, YamlValue> = {};
    const recoveries: MergedItem[] = [];
    for (const name of new Set(all.flatMap((way) => [...way.actions.keys()]))) {
      for (const part of ['problem', 'recovery'] as const) {
        const item = mapDecision(ways, (way) => way?.actions.get(name)?.[part]);
        if (leavesOf(item).every((leaf) => leaf === undefined)) continue;
        const named =
          part === 'recovery' && taken.has(itemNameOf(name, new Set())) ? `${name}_recovery` : name;
        const names = part === 'recovery' ? taken : new Set<string>();
        const result = mergeItem(item, {
          names: this.#settings.names,
          conditionKey: 'only_if',
          name: named,
          taken: names,
        });
        if ('problem' in result) this.#omit('actions', name, this.#lineOfName(name), result.problem);
        else if (part === 'recovery') recoveries.push(...result.items);
        else for (const each of result.items) this.#ladders(each, checks, taken, made, name);
      }
    }
    for (const { name, keys } of recoveries) {
      if (Object.keys(made).length > 0) made[name] = { ...keys, on_recovery: true };
      else
        this.#omit(
          'actions',
          name,
          this.#lineOfName(name),
          'no action acts on a problem whose end it could follow',
        );
    }
    return made;
  }

  /** An action of Automatron is for all checks of its runbook; one of mendd is for one check. */
  #ladders(
    item: MergedItem,
    checks: readonly MergedItem[],
    taken: Set<string>,
    made: Record<string, YamlValue>,
    name: string,
  ): void {
    if (checks.length > 1) {
      const words = `${name}: one action for each check; Automatron ran it only while every check was in \`call_on\``;
      this.#note(this.#lineOfName(name), 'changed', words);
    }
    for (const check of checks) {
      const { when, ...keys } = item.keys;
      const own = checks.length === 1 ? item.name : `${item.name.slice(0, 22)}-${check.name.slice(0, 22)}`;
      const unique = itemNameOf(own, taken);
      taken.add(unique);
      made[unique] = { when: { check: check.name, ...(when as Item) }, ...keys };
    }
  }

  #head(ways: Decision<Way | undefined>): Record<string, YamlValue> {
    const head = mergeSchedules(
      mapDecision(ways, (way) => way?.schedule),
      this.#settings.names,
    );
    if (head !== undefined) return head;
    const words = 'the schedule depends on the host in a way that cannot be said; it is every minute now';
    this.#note(this.#lineOfName('schedule'), 'check', words);
    return { every: '1m' };
  }

  #omit(key: 'checks' | 'actions', name: string, line: number, reason: string): void {
    this.#note(line, 'left_out', `${name}: ${reason}`);
    this.#leftOut.add(`Left out, line ${line}, ${key}.${name}: ${reason}`);
    for (const text of this.#block(line)) this.#leftOut.add(`  ${text}`);
  }

  /** The lines of the source that belong to a key, at most 30. */
  #block(line: number): string[] {
    const lines = this.#lines.slice(line - 1, line + 29);
    const indent = /^\s*/.exec(lines[0] ?? '')?.[0].length ?? 0;
    const end = lines.findIndex(
      (text, index) => index > 0 && text.trim() !== '' && !text.startsWith(' '.repeat(indent + 1)),
    );
    return lines
      .slice(0, end < 0 ? undefined : end)
      .map((text) => text.slice(indent, indent + 200).trimEnd());
  }

  #lineOfName(name: string): number {
    const at = this.#lines.findIndex((text) => text.trimStart().startsWith(`${name}:`));
    return at + 1 || 1;
  }

  #note(line: number, level: NoteLevel, message: string, hint?: string): void {
    const note: ImportNote = {
      file: this.#source.file,
      line,
      level,
      message,
      ...(hint === undefined ? {} : { hint }),
    };
    this.#notes.set(`${line} ${message}`, note);
  }
}

function wantsUnknown(action: unknown): boolean {
  const on = isRecord(action) ? textsOf(action['call_on']).map((state) => state.toLowerCase()) : [];
  return on.includes('unknown') && !on.includes('critical');
}
