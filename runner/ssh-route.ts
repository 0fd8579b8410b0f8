/** Finds the way to a host through its jump hosts; it opens nothing. */
import type { HostDefinition, SshConfig } from '../core/definitions.ts';
import type { TransportFailure } from '../core/types.ts';
import { failure } from './ssh-failure.ts';

export type FindHost = (name: string) => HostDefinition | undefined;

/** A host that is the fleet's default jump host is reached directly. */
export function jumpOf(host: HostDefinition, hosts: FindHost, config: SshConfig): HostDefinition | undefined {
  const name = jumpName(host, config);
  return name === undefined ? undefined : hosts(name);
}

/** All that the way to a host depends on, to be compared; or why there is no way. */
export function routeTo(host: HostDefinition, hosts: FindHost, config: SshConfig): string | TransportFailure {
  const hops: string[] = [];
  const seen = new Set<string>();
  for (let hop: HostDefinition | undefined = host; hop; hop = jumpOf(hop, hosts, config)) {
    if (seen.has(hop.name)) {
      const circle = [...seen, hop.name].join(' -> ');
      return failure(
        'connect',
        `the jump hosts of ${host.name} go in a circle: ${circle}`,
        'Mend `jump` of one of them.',
      );
    }
    seen.add(hop.name);
    hops.push(`${hop.user}@${hop.address}:${hop.port}`);
    const name = jumpName(hop, config);
    if (name !== undefined && !hosts(name)) {
      return failure(
        'connect',
        `${hop.name} is behind ${name}, which is no host`,
        'Define that host, or mend `jump`.',
      );
    }
  }
  return hops.join(' ');
}

/** Whom an attempt shares its way with. */
export function stepsOf(
  host: HostDefinition,
  jump: string | undefined,
): { address: string; through?: string } {
  const address = `${host.address}:${host.port}`;
  return jump === undefined ? { address } : { address: `${jump} ${address}`, through: jump };
}

function jumpName(host: HostDefinition, config: SshConfig): string | undefined {
  const name = host.jump ?? config.jump;
  return name === host.name ? undefined : name;
}
