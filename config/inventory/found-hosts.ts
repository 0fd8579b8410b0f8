/**
 * Owns what may come in from outside: names, addresses, users and labels that mendd allows, each name once. What is not
 * allowed is left out and noted, since one odd host must not stop a fleet.
 */
import { isIP } from 'node:net';
import type { FoundHost, Json } from '../../core/sources.ts';
import { hostNamePattern, hostNameRule, labelPattern } from '../names.ts';
import { hasTemplate } from '../templates.ts';
import { type Notes, shown } from './reading.ts';

const addressPattern = /^[A-Za-z0-9_][A-Za-z0-9._:%-]{0,252}$|^::[0-9A-Fa-f:.]*$/;
const userPattern = /^[A-Za-z_][A-Za-z0-9._@\\$-]{0,63}$/;
const labelValueLength = 1_000;
/** As hosts files have them: no template, no secret reference, not empty. */
const labelValue = /^(?!\s*$)(?!.*(?:\{\{|\$\{(?:env|cred|file):))[^\0]*$/s;
const varPattern = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/;

/** Hosts in order of their names. */
export function admitFound(hosts: readonly FoundHost[], notes: Notes): FoundHost[] {
  const byName = new Map<string, FoundHost>();
  for (const host of hosts) {
    const wrong = problemOf(host);
    if (wrong !== undefined) notes.ofHost(host.name, `${wrong}; it is left out`);
    else if (byName.has(host.name)) notes.ofHost(host.name, 'is told twice; the first counts');
    else
      byName.set(host.name, { ...host, labels: allowedLabels(host, notes), vars: allowedVars(host, notes) });
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Why a host cannot be one of mendd's. */
export function problemOf({ name, address, user, jump, port, transport }: FoundHost): string | undefined {
  if (!hostNamePattern.test(name)) return `is no name that mendd allows (${hostNameRule})`;
  if (name === 'target' || (name === 'local' && transport !== 'local')) return 'is a reserved word';
  if (address !== undefined && addressProblem(address)) return `${shown(address)} is no address`;
  if (address === undefined && transport !== 'local' && addressProblem(name))
    return 'has no address, and its name is none';
  if (user !== undefined && !userPattern.test(user)) return `${shown(user)} is no login name`;
  if (jump !== undefined && !hostNamePattern.test(jump)) return `${shown(jump)} is no name of a jump host`;
  const isPort = port === undefined || (Number.isInteger(port) && port >= 1 && port <= 65_535);
  return isPort ? undefined : `${port} is no port`;
}

function addressProblem(address: string): boolean {
  if (!addressPattern.test(address)) return true;
  // Some resolvers read 010 as octal.
  if (/^\d+(\.\d+){3}$/.test(address)) return isIP(address) === 0;
  return address.includes(':') && isIP(address.replace(/%.*$/, '')) !== 6;
}

function allowedLabels(host: FoundHost, notes: Notes): Record<string, string> {
  const entries = Object.entries(host.labels).filter(([label, value]) => {
    const isAllowed = labelPattern.test(label) && value.length <= labelValueLength && labelValue.test(value);
    if (!isAllowed) notes.ofHost(host.name, `${shown(label)} is no label that mendd allows, and left out`);
    return isAllowed;
  });
  return Object.fromEntries(entries);
}

/** What comes from outside is data: text that would be a template in a hosts file is left out. */
function allowedVars(host: FoundHost, notes: Notes): Record<string, Json> {
  const entries = Object.entries(host.vars).filter(([name, value]) => {
    const why = !varPattern.test(name)
      ? 'has a name that is not allowed'
      : holdsTemplate(value)
        ? 'holds a template, which only hosts files may'
        : undefined;
    if (why !== undefined) notes.ofHost(host.name, `${shown(name)} ${why}, and is left out`);
    return why === undefined;
  });
  return Object.fromEntries(entries);
}

/** Whether some text of it is a template, at any depth. */
export function holdsTemplate(value: Json): boolean {
  if (typeof value === 'string') return hasTemplate(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsTemplate);
}
