/**
 * Owns the keys of hosts files: their types, bounds and descriptions. Ranges, defaults and duplicates are resolved in
 * config/resolve-hosts.ts.
 */
import { z } from 'zod';
import { map, matching, named, plain, whole, word } from './fields.ts';
import { hostNameRule, labelPattern } from './names.ts';

const labels = named('a label', labelPattern, 'use letters, digits, `.`, `_`, `/` and `-`', plain('text'));

const rangedName = matching(
  'a name of a host',
  /^[A-Za-z0-9{][A-Za-z0-9._{}-]{0,119}$/,
  `is no name of a host; ${hostNameRule}`,
);

/** Texts in which `{n}` stands for the value of the name's range. */
const ranged = {
  address: matching(
    'an address',
    /^[A-Za-z0-9_:{][A-Za-z0-9._:%{}-]{0,252}$/,
    'is no address; write an IP address or a host name',
  )
    .optional()
    .meta({
      description: 'IP address or DNS name; the name of the host without it. `{n}` is the number of a range.',
    }),
  user: matching(
    'a login name',
    /^[A-Za-z_{][A-Za-z0-9._@\\${}-]{0,63}$/,
    'is not a login name; write for example `mendd`',
  )
    .optional()
    .meta({ description: 'Login name; `ssh.user` of the daemon file without it.' }),
  jump: rangedName
    .optional()
    .meta({ description: 'Host that this one is reached through; its own name means none.' }),
};

export const hostSchema = map(
  {
    ...ranged,
    transport: word(['ssh', 'openssh', 'local'], ['winrm', 'docker']).optional().meta({
      description:
        '`ssh`, `openssh` (by the `ssh` program of the ops box), or `local` (the ops box itself, reached without SSH); `ssh.transport` of the daemon file without it.',
    }),
    batch: z.boolean().optional().meta({
      description: '`false`: every check of this host has an exec of its own.',
      default: true,
    }),
    port: whole(1, 65_535).optional().meta({ description: 'SSH port.', default: 22 }),
    labels: labels.optional().meta({ description: 'Key/value pairs that selectors match.' }),
    parents: z.array(rangedName).max(20).optional().meta({
      description:
        'Hosts on the way to this one, such as its switch: while all of them are down it is unreachable, and nothing acts on it. `{n}` as in `address`.',
    }),
  },
  'host_keys fingerprint identity mac bmc zone weight hosts vars',
);

export const hostDefaultsSchema = map(
  {
    user: ranged.user,
    port: whole(1, 65_535).optional().meta({ description: 'SSH port.', default: 22 }),
    jump: ranged.jump,
    transport: word(['ssh', 'openssh']).optional().meta({ description: 'As for a host.' }),
    batch: z.boolean().optional().meta({ description: 'As for a host.', default: true }),
    labels: labels.optional().meta({ description: 'Labels of every host; a host can set its own value.' }),
  },
  'host_keys identity zone',
);

/** `web-[02:50]`, or a plain name. The parts of a range are read by config/host-range.ts. */
const hostPattern = /^[A-Za-z0-9[][A-Za-z0-9._:[\]-]{0,119}$/;

export const hostsSchema = map({
  $schema: z.string().optional().meta({ description: 'For editors; ignored.' }),
  defaults: hostDefaultsSchema.optional().meta({ description: 'For every host in every hosts file.' }),
  hosts: named('a host', hostPattern, hostNameRule, hostSchema.nullable())
    .optional()
    .meta({ description: 'Hosts by name. `web-[01:20]`, `web-[01:20:2]` and `db-[a:c]` stand for many.' }),
});

/** The top of a hosts file; defaults and hosts are read one by one. */
export const hostsFileSchema = map({
  $schema: z.string().optional(),
  defaults: z.unknown().optional(),
  hosts: z.record(z.string(), z.unknown()).optional(),
});

export const hostPatternSchema = z.string().regex(hostPattern);

export type HostInput = z.output<typeof hostSchema>;
export type HostDefaults = z.output<typeof hostDefaultsSchema>;
