/**
 * Finds the host that an alert is of, by its labels, and the checks there that look at it. A label names a host by name or address,
 * in any case, also as `host:port` or as part of a URL; an address of several hosts names none.
 */
import { matchesGlob } from '../api/paging.ts';
import { type CheckDefinition, type Definitions, hostCheck } from '../core/definitions.ts';

export interface AlertTarget {
  host: string;
  check: CheckDefinition;
}

/** Tried in this order where a check names no label. */
const usualLabels: readonly string[] = [hostCheck, 'instance'];

interface Index {
  /** Name by name and address in lower case; undefined: of several. */
  hosts: ReadonlyMap<string, string | undefined>;
  checks: ReadonlyMap<string, readonly CheckDefinition[]>;
  labels: readonly string[];
}

export class AlertHosts {
  readonly #indexes = new WeakMap<Definitions, Index>();

  /** `problem`: why no host was found. */
  targetsOf(
    definitions: Definitions,
    labels: Readonly<Record<string, string>>,
  ): { targets: AlertTarget[]; problem?: string } {
    const { hosts, checks, labels: wanted } = this.#index(definitions);
    const named = new Map<string, string>();
    const unknown: string[] = [];
    for (const label of wanted) {
      const value = labels[label];
      if (value === undefined) continue;
      const host = hostIn(value, hosts);
      if (host === undefined) unknown.push(`${label}="${value.slice(0, 100)}"`);
      else named.set(label, host);
    }
    const targets = [...new Set(named.values())].flatMap((host) =>
      (checks.get(host) ?? []).flatMap((check): AlertTarget[] => {
        if (check.probe.kind !== 'alert') return [];
        const own = check.probe.hostLabel === undefined ? usualLabels : [check.probe.hostLabel];
        const of = own.map((label) => named.get(label)).find((each) => each !== undefined);
        return of === host && fits(check.probe.match, labels) ? [{ host, check }] : [];
      }),
    );
    if (targets.length > 0 || named.size > 0) return { targets };
    const why = unknown.length === 0 ? `no label of ${wanted.join(', ')}` : unknown.join(', ');
    return { targets, problem: `it names no host that is known, or one of several: ${why}` };
  }

  #index(definitions: Definitions): Index {
    const known = this.#indexes.get(definitions);
    if (known !== undefined) return known;
    const hosts = new Map<string, string | undefined>();
    const checks = new Map<string, CheckDefinition[]>();
    const labels = new Set(usualLabels);
    const { byHost } = definitions;
    for (const { host } of byHost.values()) {
      const address = host.address.toLowerCase();
      hosts.set(address, hosts.has(address) && hosts.get(address) !== host.name ? undefined : host.name);
    }
    for (const { host, checks: all } of byHost.values()) {
      hosts.set(host.name.toLowerCase(), host.name);
      const own = all.filter(({ probe }) => probe.kind === 'alert');
      if (own.length > 0) checks.set(host.name, own);
      for (const { probe } of own)
        if (probe.kind === 'alert' && probe.hostLabel !== undefined) labels.add(probe.hostLabel);
    }
    const index = { hosts, checks, labels: [...labels] };
    this.#indexes.set(definitions, index);
    return index;
  }
}

function hostIn(value: string, hosts: Index['hosts']): string | undefined {
  const text = value.trim().toLowerCase();
  const candidates = [text, withoutPort(text), ofUrl(text)];
  return candidates
    .map((each) => each && hosts.get(each))
    .find((found) => found !== undefined && found !== '');
}

function withoutPort(text: string): string {
  return /^\[([0-9a-f:.%]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text.replace(/^([^:]+):\d{1,5}$/, '$1');
}

function ofUrl(text: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text).hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Each label as its glob wants it; one that is not there is empty. */
export function fits(
  match: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(match).every(([label, glob]) => matchesGlob(glob, labels[label] ?? ''));
}
