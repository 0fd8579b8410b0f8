/**
 * Owns reading hosts from Prometheus file_sd and from mendd's own form, `hosts:` as in hosts files.
 * Source: prometheus.io, configuration, `<file_sd_config>`.
 */
import { isIP, isIPv6 } from 'node:net';
import type { FoundHost, Json } from '../../core/sources.ts';
import { expandHostRange } from '../host-range.ts';
import { splitHint } from '../zod-problems.ts';
import { isPlainMap, type PlainMap } from './plain-data.ts';
import { type Notes, shown, Unreadable } from './reading.ts';

/** Whether a list is one of target groups. */
export function isPrometheus(data: Json): boolean {
  return Array.isArray(data) && data.every((group) => isPlainMap(group) && Object.hasOwn(group, 'targets'));
}

/** Several targets of one address, such as two exporters, are one host; its labels are those of all. */
export function readPrometheus(data: Json, notes: Notes): FoundHost[] {
  if (!Array.isArray(data)) throw new Unreadable('file_sd is a list', 'write `- targets: [...]` lines');
  const hosts = new Map<string, { name: string; address: string; labels: Record<string, string> }>();
  for (const group of data) {
    const targets = isPlainMap(group) ? group['targets'] : undefined;
    if (!isPlainMap(group) || !Array.isArray(targets))
      throw new Unreadable('an entry has no list of `targets`', 'write `targets: ["web-1:9100"]`');
    const labels = prometheusLabels(group['labels']);
    for (const target of targets) {
      const address = typeof target === 'string' ? addressOfTarget(target) : undefined;
      if (address === undefined) {
        notes.add(`the target ${shown(String(target))} is no address, and left out`);
        continue;
      }
      const name = address.replaceAll(':', '-').replace(/^-+/, '');
      const known = hosts.get(address);
      hosts.set(address, { name, address, labels: { ...known?.labels, ...labels } });
    }
  }
  return [...hosts.values()].map(({ name, address, labels }) => ({
    name,
    labels,
    vars: {},
    ...(name === address && isIP(address) === 0 ? {} : { address }),
  }));
}

/** Of `host:port`, `[::1]:9100` or a URL, as the blackbox exporter is given. */
function addressOfTarget(target: string): string | undefined {
  const host = /^(?:https?:\/\/)?(?:[^/@]*@)?(\[[^\]]+\]|[^:/[\]]+)(?::\d+)?(?:\/.*)?$/.exec(target)?.[1];
  if (host !== undefined) return host.replace(/^\[|\]$/g, '');
  return isIPv6(target) ? target : undefined;
}

/** Labels that begin with `__` are for Prometheus itself. */
function prometheusLabels(written: Json | undefined): Record<string, string> {
  if (written === undefined || written === null) return {};
  if (!isPlainMap(written)) throw new Unreadable('`labels` is no map', 'write `labels: { env: prod }`');
  const entries = Object.entries(written).filter(
    ([key, value]) => !key.startsWith('__') && value !== '' && value !== null,
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, textOf(value)]));
}

function textOf(value: Json): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Whether a map is `hosts:` and nothing else of meaning; a group of Ansible that is called so looks otherwise. */
export function isMenddForm(data: Json): boolean {
  if (!isPlainMap(data)) return false;
  const keys = Object.keys(data).filter((key) => key !== '$schema' && !key.startsWith('x-'));
  const hosts = data['hosts'];
  if (keys.length !== 1 || !isPlainMap(hosts)) return false;
  return !['hosts', 'vars', 'children'].some((key) => Object.hasOwn(hosts, key));
}

const hostKeys = ['address', 'port', 'user', 'transport', 'jump', 'labels', 'vars'];

export function readMenddForm(data: Json, notes: Notes): FoundHost[] {
  const hosts = isPlainMap(data) ? data['hosts'] : undefined;
  if (!isPlainMap(hosts)) throw new Unreadable('there is no map `hosts`', 'write `hosts: { web-1: {...} }`');
  return Object.entries(hosts).flatMap(([pattern, written]) => {
    const expanded = expandHostRange(pattern);
    if ('problem' in expanded) {
      const [message, hint = 'mend the range'] = splitHint(expanded.problem);
      throw new Unreadable(`${shown(pattern)}: ${message}`, hint);
    }
    if (written !== null && !isPlainMap(written))
      throw new Unreadable(`${shown(pattern)} is no map`, 'write `{}`');
    return expanded.value.map(({ name, n }) => menddHost(name, n, written ?? {}, notes));
  });
}

function menddHost(name: string, n: string | undefined, data: PlainMap, notes: Notes): FoundHost {
  for (const key of Object.keys(data)) {
    if (!hostKeys.includes(key)) notes.ofHost(name, `the key ${shown(key)} is not read here`);
  }
  const text = (key: string): Record<string, string> => {
    const value = data[key];
    if (value === undefined || value === null) return {};
    if (typeof value === 'object')
      throw new Unreadable(`\`${key}\` of ${shown(name)} is no text`, 'write text');
    return { [key]: n === undefined ? String(value) : String(value).replaceAll('{n}', n) };
  };
  const map = (key: string): PlainMap => {
    const value = data[key] ?? {};
    if (isPlainMap(value)) return value;
    throw new Unreadable(`\`${key}\` of ${shown(name)} is no map`, 'write `key: value` lines');
  };
  const { port, transport } = data;
  if (transport !== undefined && transport !== 'ssh' && transport !== 'local')
    throw new Unreadable(`\`transport\` of ${shown(name)} is not known`, 'write `ssh` or `local`');
  const labels = Object.entries(map('labels')).map(([key, value]) => {
    const written = textOf(value);
    return [key, n === undefined ? written : written.replaceAll('{n}', n)];
  });
  return {
    name,
    ...plainAddress(text('address'), n),
    ...text('user'),
    ...text('jump'),
    ...(port === undefined || port === null ? {} : { port: Number(port) }),
    ...(transport === undefined ? {} : { transport }),
    labels: Object.fromEntries(labels) as Record<string, string>,
    vars: map('vars'),
  };
}

/** Digits that came from a range lose their zeros, which some resolvers read as octal. */
function plainAddress(written: Record<string, string>, n: string | undefined): Record<string, string> {
  const { address } = written;
  if (n === undefined || address === undefined || !/^\d+(\.\d+){3}$/.test(address)) return written;
  return { address: address.split('.').map(Number).join('.') };
}
