/**
 * Owns the forms of names that definitions give to things. Lengths are such that the id of an intent, which joins a host,
 * a runbook and an action, is a file name (255 bytes).
 */
import { isIPv6 } from 'node:net';
import type { z } from 'zod';
import type { Parsed } from '../core/types.ts';
import { matching, text } from './fields.ts';

export const hostNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/;
export const hostNameRule = 'use letters, digits, `.`, `_` and `-`, a letter or digit first, at most 120';

/** Checks and actions. */
export const itemNamePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/;
export const itemNameRule = 'use letters, digits, `_` and `-`, a letter or digit first, at most 48';

const slugLength = 60;

/** The id of a runbook from its title, empty when nothing of the title can stand in one. */
export function slug(title: string): string {
  const words = title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  return words.replace(/^-+/, '').slice(0, slugLength).replace(/-+$/, '');
}

/** Name of one host; that it exists is checked when all hosts are known. */
export function hostName(): z.ZodType<string> {
  return matching('a name of a host', hostNamePattern, `is no name of a host; ${hostNameRule}`);
}

export function loginName(): z.ZodType<string> {
  return matching(
    'a login name',
    /^[A-Za-z_][A-Za-z0-9._@\\$-]{0,63}$/,
    'is not a login name; write for example `mendd`',
  );
}

/** A path in the file system of the ops box; relative to the file that names it. */
export function path(): z.ZodType<string> {
  return matching('a path', /^[^\n]{1,4096}$/, 'is not a path; write for example `/var/lib/mendd/mendd.db`');
}

/** Name of a systemd unit; `.service` is understood when it has no suffix. Source: systemd.unit(5). */
export function unitName(): z.ZodType<string> {
  return matching(
    'a name of a unit',
    /^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}$/,
    'is no name of a systemd unit; write for example `nginx.service`',
  );
}

/** Name or address as it is given to the resolver. */
export function address(): z.ZodType<string> {
  return matching(
    'an address',
    /^[A-Za-z0-9_][A-Za-z0-9._:%-]{0,252}$|^::[0-9A-Fa-f:.]*$/,
    'is no address; write an IP address or a host name',
  );
}

/** Names and globs of hosts; `!` leaves out. What they match is asked of config/selectors.ts. */
export function hostGlob(): z.ZodType<string> {
  return matching(
    'a name of a host',
    /^!?[^\s!]{1,200}$/,
    'is no name or glob; write for example `web-*` or `"!web-1"`',
  );
}

export const labelPattern = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/;

/** The label whose value makes groups, from `label:role`. */
export function groupLabel(): z.ZodType<string> {
  const shape = { pattern: '^label:[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$', examples: ['label:role'] };
  return text('a label such as `label:role`', shape, (input) => {
    const label = input.startsWith('label:') ? input.slice('label:'.length) : '';
    if (labelPattern.test(label)) return { value: label };
    const example = labelPattern.test(input) ? `\`label:${input}\`` : 'for example `label:role`';
    return { problem: `\`${input.slice(0, 80)}\` makes no groups; write ${example}` };
  });
}

/** A path in the file system of a host. */
export function absolutePath(example: string): z.ZodType<string> {
  return matching(
    'an absolute path',
    /^\/[^\0\n]{0,4095}$/,
    `is not an absolute path; write for example \`${example}\``,
  );
}

export interface HostAndPort {
  host: string;
  port: number;
}

/** `127.0.0.1:8420` or `[::1]:8420`. */
export function hostAndPort(example: string, leastPort: 0 | 1): z.ZodType<HostAndPort> {
  const shape = { examples: [example, '[::1]:22'] };
  const read = (input: string) => readHostAndPort(input, example, leastPort);
  return text(`an address and port such as \`${example}\``, shape, read, { numbers: true });
}

export function readHostAndPort(input: string, example: string, leastPort: 0 | 1): Parsed<HostAndPort> {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(input);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || (match?.[1] !== undefined && !isIPv6(host))) {
    const meant = isIPv6(input) ? `\`[${input}]:PORT\`` : `for example \`${example}\` or \`[::1]:22\``;
    return { problem: `\`${input.slice(0, 80)}\` is not an address and port; write ${meant}` };
  }
  if (port >= leastPort && port <= 65_535) return { value: { host, port } };
  return {
    problem: `port ${port} does not exist; ${port === 0 ? 'the least is 1' : 'the most is 65535'}`,
  };
}
