/**
 * Owns the forms of names that definitions give to things. Lengths are such that the id of an intent, which joins a host,
 * a runbook and an action, is a file name (255 bytes).
 */
import type { z } from 'zod';
import { matching } from './fields.ts';

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
