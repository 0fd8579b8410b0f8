/**
 * Owns the keys of one entry under `inventories` of a hosts file. What they mean together is checked in
 * config/inventory/resolve.ts.
 */
import { z } from 'zod';
import { duration, map, matching, named, percent, plain, secret, word } from '../fields.ts';
import { labelPattern, path } from '../names.ts';

/** Source: RFC 2782; names of zones may hold what names of hosts may not. */
const srvRecord = matching(
  'a name of SRV records',
  /^_[A-Za-z0-9-]{1,62}\._[A-Za-z0-9-]{1,62}(\.[A-Za-z0-9_-]{1,63}){1,30}\.?$/,
  'is no name of SRV records; write for example `_ssh._tcp.example.com`',
);

export const inventorySchema = map(
  {
    name: matching(
      'a name',
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
      'is no name; use letters, digits, `.`, `_` and `-`, at most 63',
    )
      .optional()
      .meta({ description: 'What it is called; without it its path, program, record or URL.' }),
    file: path().optional().meta({
      description:
        'File of hosts, or an Ansible inventory directory, with `group_vars/` and `host_vars/` beside it. A relative path begins at the definitions directory. Read while loading, so that `mendd validate` sees its hosts.',
    }),
    exec: path().optional().meta({
      description:
        'Program that prints hosts, such as a dynamic inventory of Ansible, which is asked with `--list`. Run without a shell in the definitions directory; a relative path begins there.',
    }),
    args: z.array(plain()).max(100).optional().meta({
      description: 'Arguments of the program in place of `--list`.',
    }),
    http: secret().optional().meta({
      description:
        'URL that answers hosts; may hold secret references. No redirect to another host is followed.',
    }),
    dns_srv: srvRecord.optional().meta({
      description: 'SRV records whose targets are the hosts; their ports are not those of SSH.',
    }),
    ssh_config: path().optional().meta({
      description:
        'ssh_config whose aliases without wildcards are the hosts, such as `~/.ssh/config`; read by `ssh -G`.',
    }),
    format: word(['auto', 'ansible', 'prometheus', 'mendd'], ['nagios', 'consul']).prefault('auto').meta({
      description:
        'How the text is read: an `ansible` inventory (INI, YAML or JSON), file_sd of `prometheus`, or `hosts:` as in hosts files. `auto` looks at it.',
    }),
    every: duration({ min: '10s', max: '7d' })
      .prefault('5m')
      .meta({ description: 'Time between two reads.' }),
    timeout: duration({ min: '1s', max: '10m' })
      .prefault('30s')
      .meta({ description: 'Time limit of one read.' }),
    expire: duration({ min: '0ms', max: '365d' })
      .prefault('1h')
      .meta({ description: 'A host that is no longer told is kept so long.' }),
    vanish: percent().prefault('20%').meta({
      description:
        'Share of its hosts that may vanish at once, one host always; when it is more, all stay until a person says `mendd inventory accept`.',
    }),
    labels: named('a label', labelPattern, 'use letters, digits, `.`, `_`, `/` and `-`', plain('text'))
      .default({})
      .meta({ description: 'Labels of its hosts; what it says itself wins.' }),
    vars: z
      .record(z.string(), z.unknown())
      .default({})
      .meta({ description: 'Variables of its hosts for templates; what it says itself wins.' }),
  },
  'script consul ec2 user port jump cache',
);

export type InventoryInput = z.output<typeof inventorySchema>;
