/** Decides whether a rule lets a host in that registered itself, and what host it then is. Pure: it keeps and records nothing. */
import { BlockList, isIP } from 'node:net';
import { anyOf } from '../config/selectors.ts';
import type { Registering, Registration, RegistrationRule } from '../core/outside-port.ts';
import type { FoundHost } from '../core/sources.ts';
import { keyType } from '../runner/known-hosts.ts';

export interface Admission {
  labels: Readonly<Record<string, string>>;
  /** As the audit names it. */
  actor: string;
  reason: string;
}

/** Types that mendd's own client and OpenSSH both know. */
const keyTypes = new Set([
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
]);

/** The first that fits. A network must hold both the address it tells and the one it comes from. */
export function ruleFor(
  rules: readonly RegistrationRule[],
  told: Registering,
  from: string,
): RegistrationRule | undefined {
  return rules.find(({ network, name }) => {
    const isNamed = name === undefined || anyOf([name])(told.name);
    return (
      isNamed && (network === undefined || [told.address ?? from, from].every((each) => isIn(network, each)))
    );
  });
}

function isIn({ address, prefix }: NonNullable<RegistrationRule['network']>, tested: string): boolean {
  const families = [isIP(address), isIP(tested)];
  if (families[0] === 0 || families[0] !== families[1]) return false;
  const family = families[0] === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, prefix, family);
  return list.check(tested, family);
}

/** Without an address of its own it is where it came from; what came from this box says nothing of that. */
export function hostOf(
  { name, address, port, user, labels }: Registering,
  from: string,
  added: Readonly<Record<string, string>> = {},
): Omit<FoundHost, 'vars'> {
  const isLoopback = from === '::1' || from.startsWith('127.');
  const reached = address ?? (isLoopback ? undefined : from);
  return {
    name,
    ...(reached === undefined ? {} : { address: reached }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    labels: { ...labels, ...added },
  };
}

/** Of `ssh-ed25519 AAAA…`; undefined for what is no such key. */
export function keyBytes(written: string | undefined): Buffer | undefined {
  const [, type = '', base64 = ''] =
    /^([a-z0-9-]+) ([A-Za-z0-9+/]{40,4096}={0,2})$/.exec(written ?? '') ?? [];
  const key = Buffer.from(base64, 'base64');
  return keyTypes.has(type) && keyType(key) === type ? key : undefined;
}

/** As it is once it was let in. */
export function admittedOf(registration: Registration, { labels, actor }: Admission, atMs: number) {
  const { rejected: _, ...known } = registration;
  const { told, from } = known;
  const host = { ...hostOf(told, from, labels), vars: {} };
  return { ...known, admitted: { host, told, atMs, by: actor } };
}
