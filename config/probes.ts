/**
 * Owns the way from the key of a check's kind to its probe, shorthands and defaults included. How a probe is carried out
 * is known in checks/.
 */
import type { HostDefinition, PluginFile, ProbeDefinition, RunOn } from '../core/definitions.ts';
import type { CheckInput, CheckKind } from './check-schema.ts';
import type { ProblemList } from './problems.ts';
import { keyPlace, type Tree, treeAt } from './yaml-tree.ts';

/** The probe of a check whose keys are right. */
export function probeOf(
  kind: CheckKind,
  input: CheckInput,
  findPlugin: (name: string) => PluginFile | undefined,
): ProbeDefinition {
  switch (kind) {
    case 'run':
      return { kind: 'command', run: given(input.run) };
    case 'plugin': {
      const plugin = given(input.plugin);
      const file = findPlugin(plugin);
      return { kind: 'plugin', plugin, args: input.args ?? [], ...(file === undefined ? {} : { file }) };
    }
    case 'systemd_unit': {
      const unit = given(input.systemd_unit);
      return { kind: 'systemd_unit', unit: typeof unit === 'string' ? unit : unit.unit };
    }
    case 'tcp': {
      const tcp = given(input.tcp);
      return typeof tcp === 'number'
        ? { kind: 'tcp', port: tcp }
        : { kind: 'tcp', port: tcp.port, ...addressOf(tcp), ...timesOf(tcp) };
    }
    case 'http':
      return httpProbe(given(input.http));
    case 'disk': {
      const disk = given(input.disk);
      return typeof disk === 'string'
        ? { kind: 'disk', path: disk, warnPercent: 80, critPercent: 90 }
        : { kind: 'disk', path: disk.path, warnPercent: disk.warn, critPercent: disk.crit };
    }
    case 'process': {
      const process = given(input.process);
      if (typeof process === 'string') return { kind: 'process', name: process, min: 1 };
      const { name, min, max } = process;
      return { kind: 'process', name, min, ...(max === undefined ? {} : { max }) };
    }
    case 'passive': {
      const passive = given(input.passive);
      if (passive === true) return { kind: 'passive', state: 'unknown' };
      return {
        kind: 'passive',
        ...(passive.ttl === undefined ? {} : { ttlMs: passive.ttl }),
        state: passive.state,
      };
    }
    case 'alert':
      return alertProbe(given(input.alert));
    case 'ping':
    default: {
      const ping = given(input.ping);
      if (typeof ping !== 'object') {
        const address = ping === true ? {} : { address: ping };
        return { kind: 'ping', ...address, count: 5, lossPercent: 60 };
      }
      return {
        kind: 'ping',
        ...addressOf(ping),
        count: ping.count,
        lossPercent: ping.loss,
        ...timesOf(ping),
      };
    }
  }
}

function httpProbe(http: NonNullable<CheckInput['http']>): ProbeDefinition {
  if (typeof http === 'string') return { kind: 'http', url: http, method: 'GET' };
  const { url, method, status, contains } = http;
  return {
    kind: 'http',
    url,
    method,
    ...(status === undefined ? {} : { status: typeof status === 'number' ? [status] : status }),
    ...(contains === undefined ? {} : { contains }),
    ...timesOf(http),
  };
}

function alertProbe(alert: NonNullable<CheckInput['alert']>): ProbeDefinition {
  const { match, host, state, resolve_timeout: resolveMs } = alert;
  return {
    kind: 'alert',
    match,
    ...(host === undefined ? {} : { hostLabel: host }),
    ...(state === undefined ? {} : { state }),
    ...(resolveMs === undefined ? {} : { resolveMs }),
  };
}

/** The kind was chosen by its key, so the key has a value. */
function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a check without the key of its kind');
  return value;
}

function addressOf({ address }: { address?: string | undefined }): { address?: string } {
  return address === undefined ? {} : { address };
}

function timesOf({ warn, crit }: { warn?: number | undefined; crit?: number | undefined }): {
  warnMs?: number;
  critMs?: number;
} {
  return { ...(warn === undefined ? {} : { warnMs: warn }), ...(crit === undefined ? {} : { critMs: crit }) };
}

/** Pairs of limits that must not cross: lower key, upper key, within the map of a kind. */
const orderedPairs = [
  ['tcp', 'warn', 'crit'],
  ['http', 'warn', 'crit'],
  ['ping', 'warn', 'crit'],
  ['disk', 'warn', 'crit'],
  ['process', 'min', 'max'],
  ['flapping', 'low', 'high'],
] as const;

export function checkLimits(parts: Partial<CheckInput>, tree: Tree, problems: ProblemList): void {
  for (const [key, lower, upper] of orderedPairs) {
    const limits = parts[key];
    if (typeof limits !== 'object' || limits === null) continue;
    const { [lower]: low, [upper]: high } = limits as Record<string, unknown>;
    if (typeof low !== 'number' || typeof high !== 'number' || low <= high) continue;
    const written = treeAt(tree, [key]) ?? tree;
    const place = keyPlace(written, written.entries.has(lower) ? lower : upper);
    problems.add(place, `\`${lower}\` is above \`${upper}\``, 'swap them, or mend one');
  }
  if (Array.isArray(parts.args) && parts.args.length > 1000) {
    problems.add(keyPlace(tree, 'args'), '`args` has more than 1,000 items', 'put them into a file');
  }
}

/** A URL without a host, `:8080/health`, is one on the checked host itself. */
export function asksHostItself(probe: ProbeDefinition): boolean {
  return probe.kind === 'http' && /^[:/]/.test(probe.url);
}

/** Such a URL made whole: the host's address when asked from elsewhere, loopback when asked on it. */
export function probeFor(probe: ProbeDefinition, runOn: RunOn, host: HostDefinition): ProbeDefinition {
  if (probe.kind !== 'http' || !asksHostItself(probe)) return probe;
  const url = urlOn(runOn.kind === 'target' ? '127.0.0.1' : host.address, probe.url);
  if (url === undefined) throw new Error(`a URL for ${host.name} that was not checked`);
  return { ...probe, url };
}

/** Undefined when the address cannot stand in a URL, as `fe80::1%eth0` cannot. */
export function urlOn(address: string, rest: string): string | undefined {
  const text = `http://${address.includes(':') ? `[${address}]` : address}${rest}`;
  return URL.canParse(text) ? new URL(text).href : undefined;
}
