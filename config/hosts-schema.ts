/**
 * Owns the keys of hosts files: their types, bounds and descriptions. Ranges, defaults and duplicates are resolved in
 * config/resolve-hosts.ts.
 */
import { z } from 'zod';
import { map, matching, named, plain, templated, whole, word } from './fields.ts';
import { inventorySchema } from './inventory/schema.ts';
import { hostGlob, hostNameRule, labelPattern } from './names.ts';

const labels = named('a label', labelPattern, 'use letters, digits, `.`, `_`, `/` and `-`', plain('text'));

const rangedName = matching(
  'a name of a host',
  /^[A-Za-z0-9{][A-Za-z0-9._{}-]{0,119}$/,
  `is no name of a host; ${hostNameRule}`,
);

/** Texts in which `{n}` stands for the value of the name's range. */
const ranged = {
  address: templated(
    matching(
      'an address',
      /^[A-Za-z0-9_:{][A-Za-z0-9._:%{}-]{0,252}$/,
      'is no address; write an IP address or a host name',
    ),
  )
    .optional()
    .meta({
      description: 'IP address or DNS name; the name of the host without it. `{n}` is the number of a range.',
    }),
  user: templated(
    matching(
      'a login name',
      /^[A-Za-z_{][A-Za-z0-9._@\\${}-]{0,63}$/,
      'is not a login name; write for example `mendd`',
    ),
  )
    .optional()
    .meta({ description: 'Login name; `ssh.user` of the daemon file without it.' }),
  jump: rangedName
    .optional()
    .meta({ description: 'Host that this one is reached through; its own name means none.' }),
};

const vars = named(
  'a variable',
  /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/,
  'use letters, digits, `_` and `-`',
  z.unknown(),
);

const parents = z.array(rangedName).max(20).optional();

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
    vars: vars
      .optional()
      .meta({ description: 'What templates read as `vars`: texts, numbers, lists, maps.' }),
    parents: parents.meta({
      description:
        'Hosts on the way to this one, such as its switch: while all of them are down it is unreachable, and nothing acts on it. `{n}` as in `address`.',
    }),
  },
  'host_keys fingerprint identity mac bmc zone weight hosts',
);

/** Keys that hosts get from elsewhere than their own entry. */
const inherited = {
  user: ranged.user,
  port: whole(1, 65_535).optional().meta({ description: 'SSH port.', default: 22 }),
  jump: ranged.jump,
  transport: word(['ssh', 'openssh']).optional().meta({ description: 'As for a host.' }),
  batch: z.boolean().optional().meta({ description: 'As for a host.', default: true }),
  labels: labels.optional().meta({ description: 'Labels of each host; a host can set its own value.' }),
  vars: vars.optional().meta({ description: 'Merged with those of each host, maps by their keys.' }),
};

export const hostDefaultsSchema = map(inherited, 'host_keys identity zone');

export const hostSelector = z.union([z.record(z.string(), plain()), z.array(hostGlob()).min(1)]);

export const hostGroupSchema = map(
  {
    hosts: hostSelector.meta({
      description:
        'Labels that must all match, or a list of names and globs; `!` leaves out. Labels of groups do not count here.',
    }),
    ...inherited,
    parents: parents.meta({ description: 'As for a host.' }),
  },
  'host_keys identity zone',
);

/** `web-[02:50]`, or a plain name. The parts of a range are read by config/host-range.ts. */
const hostPattern = /^[A-Za-z0-9[][A-Za-z0-9._:[\]-]{0,119}$/;

const groupPattern = /^[^\n]{1,80}$/;
const groupRule = 'write one line of at most 80 characters';

export const hostsSchema = map({
  $schema: z.string().optional().meta({ description: 'For editors; ignored.' }),
  defaults: hostDefaultsSchema
    .optional()
    .meta({ description: 'For the hosts and the inventories of this file.' }),
  hosts: named('a host', hostPattern, hostNameRule, hostSchema.nullable())
    .optional()
    .meta({ description: 'Hosts by name. `web-[01:20]`, `web-[01:20:2]` and `db-[a:c]` stand for many.' }),
  groups: named('a group', groupPattern, groupRule, hostGroupSchema).optional().meta({
    description:
      'What hosts have in common, by any name: for those of all files and inventories that `hosts` selects.',
  }),
  inventories: z.array(inventorySchema).optional().meta({ description: 'Hosts from elsewhere.' }),
});

/** The top of a hosts file; defaults and hosts are read one by one. */
export const hostsFileSchema = map({
  $schema: z.string().optional(),
  defaults: z.unknown().optional(),
  hosts: z.record(z.string(), z.unknown()).optional(),
  groups: named('a group', groupPattern, groupRule, z.unknown()).optional(),
  inventories: z.unknown().optional(),
});

export const hostPatternSchema = z.string().regex(hostPattern);

export type HostInput = z.output<typeof hostSchema>;
export type HostDefaults = z.output<typeof hostDefaultsSchema>;
export type HostGroupInput = z.output<typeof hostGroupSchema>;
