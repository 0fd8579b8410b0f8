/**
 * Owns when two parts of definitions are the same. Where something is written is no part of it, so moving it in its file changes
 * nothing.
 */
import type { Definitions } from '../core/definitions.ts';
import type { NameChanges, Names } from '../core/definitions-plan.ts';
import { compareText } from './problems.ts';
import { SecretValue } from './secrets.ts';

/** Text that is equal for equal values. Secrets count by their digest, since their JSON form hides them. */
export function fingerprint(value: unknown): string {
  return JSON.stringify(value, function replace(this: Record<string, unknown>, key: string, shown: unknown) {
    const own = this[key];
    if (own instanceof SecretValue) return own.digest();
    if (own instanceof Map) return [...own];
    if (key === 'source') return undefined;
    // An uploaded file is known by its content; each commit has it at a path of its own.
    return key === 'path' && typeof this['sha256'] === 'string' ? undefined : shown;
  });
}

/** As by their fingerprints, and a hundred times faster: fleets are large. */
export function areSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((each, index) => areSame(each, b[index]));
  if (a instanceof SecretValue) return b instanceof SecretValue && a.digest() === b.digest();
  if (a instanceof Map)
    return (
      b instanceof Map && a.size === b.size && [...a].every(([key, value]) => areSame(value, b.get(key)))
    );
  return areSameRecords(a as Record<string, unknown>, b as Record<string, unknown>);
}

function areSameRecords(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const isFile = typeof a['sha256'] === 'string';
  for (const key in a) {
    if (key === 'source' || (isFile && key === 'path')) continue;
    if (!areSame(a[key], b[key])) return false;
  }
  for (const key in b) if (!(key in a) && b[key] !== undefined && key !== 'source') return false;
  return true;
}

/** Limits: `shown` names of each, in their order; all are counted. */
export function diffNames(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
  shown: number,
): NameChanges {
  const gained = [...after.keys()].filter((name) => !before.has(name));
  const lost = [...before.keys()].filter((name) => !after.has(name));
  const changed = [...after.keys()].filter(
    (name) => before.has(name) && !areSame(before.get(name), after.get(name)),
  );
  return { gained: namesOf(gained, shown), lost: namesOf(lost, shown), changed: namesOf(changed, shown) };
}

export function namesOf(names: readonly string[], shown: number): Names {
  return { count: names.length, names: names.toSorted(compareText).slice(0, shown) };
}

/** Their names are their places, so what they say tells which are the same. */
export function diffSuppressions(before: Definitions, after: Definitions, shown: number): NameChanges {
  const [was, is] = [suppressionsOf(before), suppressionsOf(after)];
  return diffNames(unknownTo(is, was), unknownTo(was, is), shown);
}

function suppressionsOf({ suppressions }: Definitions): Map<string, string> {
  return new Map(suppressions.map(({ id, ...said }) => [id, fingerprint(said)]));
}

function unknownTo(
  other: ReadonlyMap<string, string>,
  from: ReadonlyMap<string, string>,
): Map<string, string> {
  const known = new Set(other.values());
  return new Map([...from].filter(([, said]) => !known.has(said)));
}

/** Directories that paths before and after are relative to. */
export type Roots = readonly [before: string, after: string];

/** Fingerprint in which paths below the directory are relative to it. */
export function relativeText(value: unknown, root: string | undefined): string {
  const text = fingerprint(value);
  if (root === undefined) return text;
  return text
    .replaceAll(JSON.stringify(root), '"."')
    .replaceAll(JSON.stringify(`${root}/`).slice(1, -1), './');
}

/** Names of sections. Where a commit was checked out is no part of what it says. */
export function diffDaemon(before: Definitions, after: Definitions, roots?: Roots): string[] {
  const [was, is] = [before, after].map(({ daemon: { definitionsPath, git, ...daemon } }, index) => {
    const sections = Object.entries({ ...daemon, definitions: git ?? definitionsPath });
    return new Map(sections.map(([name, value]) => [name, relativeText(value, roots?.[index])]));
  });
  return [...(is ?? [])]
    .filter(([name, text]) => was?.get(name) !== text)
    .map(([name]) => name)
    .toSorted(compareText);
}
