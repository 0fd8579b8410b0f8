/** Owns the keys under `api` of the daemon file. */
import { z } from 'zod';
import { map, matching, named, plain, text } from './fields.ts';
import { absolutePath, type HostAndPort, path, readHostAndPort } from './names.ts';

const usualListen = '127.0.0.1:8420';

function listen() {
  const shape = { examples: [usualListen, '[::1]:8420', 'none'] };
  return text<HostAndPort | 'none'>(
    `an address and port such as \`${usualListen}\``,
    shape,
    (input) => (input === 'none' ? { value: input } : readHostAndPort(input, usualListen, 0)),
    { numbers: true },
  );
}

/** As people reach it, through a proxy or not; without a slash at its end. */
function publicUrl() {
  const shape = { examples: ['https://mendd.example.com'] };
  return text('a URL', shape, (input) => {
    const example = 'write for example `https://mendd.example.com`';
    const url = URL.canParse(input) ? new URL(input) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol))
      return { problem: `\`${input.slice(0, 80)}\` is no http or https URL; ${example}` };
    if (url.username !== '' || url.password !== '')
      return { problem: `holds a user or password, which every message would tell; ${example}` };
    if (url.search !== '' || url.hash !== '')
      return { problem: `\`${input.slice(0, 80)}\` has a query or fragment; ${example}` };
    if (url.pathname !== '/')
      return { problem: `\`${input.slice(0, 80)}\` has a path; the page needs a host name of its own` };
    return { value: url.origin };
  });
}

export const apiSchema = map(
  {
    listen: listen()
      .prefault(usualListen)
      .meta({ description: 'Address and port of the API and the page; `none` when there is a `socket`.' }),
    socket: absolutePath('/run/mendd-api/api.sock').optional().meta({
      description:
        'A socket in the file system, for its owner and group: who may open it may read without a token.',
    }),
    tls: map({
      certificate: path().meta({
        description: 'PEM: the certificate, then those between it and its root.',
      }),
      key: path().meta({ description: 'PEM: its private key, without a passphrase.' }),
    })
      .optional()
      .meta({
        description:
          'TLS 1.2 and 1.3 on the port. New files are taken within ten seconds, without a restart.',
      }),
    public_url: publicUrl().optional().meta({
      description:
        'Under which people reach the page; for links in messages. Its host name is taken as the daemon’s own.',
    }),
    status_page: map({
      title: plain().prefault('Status').meta({ description: 'Heading of the page.' }),
      group_by: matching(
        'a label',
        /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/,
        'is no label; write for example `role`',
      )
        .optional()
        .meta({ description: 'Label whose values are the groups; each runbook is one without it.' }),
      labels: named(
        'a label',
        /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/,
        'use letters, digits and `. _ / -`',
        plain(),
      )
        .default({})
        .meta({ description: 'Only hosts with all of these labels are shown.' }),
      names: z
        .boolean()
        .default(false)
        .meta({ description: '`true`: name hosts, and answer badges of single hosts and checks.' }),
    })
      .optional()
      .meta({
        description:
          'Shows anybody, without a token, at /status and as badges (/badges/all.svg) how groups of hosts are; without it there is nothing.',
      }),
  },
  'tokens cors base_path',
)
  .prefault({})
  .meta({ description: 'The HTTP API and the page.' });
