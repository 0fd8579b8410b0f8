/**
 * Owns what a reload changed, by name, for the log. It decides nothing.
 */
import type { Definitions } from '../core/definitions.ts';
import { compareText } from './problems.ts';
import { SecretValue } from './secrets.ts';

export interface NameDiff {
  added: string[];
  removed: string[];
  changed: string[];
}

export interface DefinitionsDiff {
  hosts: NameDiff;
  /** By id, `<runbook>.<check>`. */
  checks: NameDiff;
  /** By id, `<runbook>.<action>`; also changed when what triggers its ladder, or its place in it, changed. */
  actions: NameDiff;
  /** Silences and downtimes, `<file>:<line>`; one that only moved did not change. */
  suppressions: NameDiff;
  /** Sections of the daemon file. */
  daemon: string[];
}

/** Where something is written is no part of it: moving a check in its file changes nothing. */
export function diffDefinitions(before: Definitions, after: Definitions): DefinitionsDiff {
  return {
    hosts: diffNames(hostsOf(before), hostsOf(after)),
    checks: diffNames(checksOf(before), checksOf(after)),
    actions: diffNames(actionsOf(before), actionsOf(after)),
    suppressions: diffSuppressions(before, after),
    daemon: diffNames(daemonOf(before), daemonOf(after)).changed,
  };
}

function diffNames(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): NameDiff {
  const added = [...after.keys()].filter((name) => !before.has(name));
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const changed = [...after.keys()].filter(
    (name) => before.has(name) && before.get(name) !== after.get(name),
  );
  for (const names of [added, removed, changed]) names.sort(compareText);
  return { added, removed, changed };
}

function hostsOf({ hosts }: Definitions): Map<string, string> {
  return new Map([...hosts].map(([name, host]) => [name, fingerprint(host)]));
}

/** A check changes with the hosts it applies to. */
function checksOf({ runbooks }: Definitions): Map<string, string> {
  return new Map(
    runbooks.flatMap(({ checks, hosts, enabled }) =>
      checks.map((check): [string, string] => [check.id, fingerprint([check, hosts, enabled])]),
    ),
  );
}

/** An action that follows several recoveries stands in several ladders. */
function actionsOf({ runbooks }: Definitions): Map<string, string> {
  const actions = new Map<string, string>();
  for (const { ladders, hosts, enabled } of runbooks) {
    for (const { rungs, trigger } of ladders) {
      for (const [index, rung] of rungs.entries()) {
        const earlier = actions.get(rung.id) ?? '';
        actions.set(rung.id, `${earlier}${fingerprint([rung, index, trigger, hosts, enabled])}`);
      }
    }
  }
  return actions;
}

/** Their names are their places, so what they say tells which are the same. */
function diffSuppressions(before: Definitions, after: Definitions): NameDiff {
  const [was, is] = [suppressionsOf(before), suppressionsOf(after)];
  return diffNames(unknownTo(is, was), unknownTo(was, is));
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

function daemonOf({ daemon }: Definitions): Map<string, string> {
  return new Map(Object.entries(daemon).map(([section, value]) => [section, fingerprint(value)]));
}

/** Text that is equal for equal definitions. Secrets count by their digest, since their JSON form hides them. */
function fingerprint(value: unknown): string {
  return JSON.stringify(value, function replace(this: Record<string, unknown>, key: string, shown: unknown) {
    const own = this[key];
    if (own instanceof SecretValue) return own.digest();
    if (own instanceof Map) return [...own];
    return key === 'source' ? undefined : shown;
  });
}
