/**
 * Owns `registration` of the daemon file: which hosts that register themselves are let in without a person. Letting them
 * in is decided in daemon/.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import type { RegistrationConfig } from '../../core/outside-port.ts';
import { duration, map, named, plain, text } from '../fields.ts';
import { hostGlob, labelPattern } from '../names.ts';

interface Network {
  address: string;
  prefix: number;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. */
const network = text(
  'a network such as `10.0.0.0/8`',
  { examples: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'] },
  (input): { value: Network } | { problem: string } => {
    const [, address = '', written] = /^([0-9A-Fa-f.:]+?)(?:\/(\d{1,3}))?$/.exec(input) ?? [];
    const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
    const prefix = written === undefined ? bits : Number(written);
    if (bits > 0 && prefix <= bits) return { value: { address, prefix } };
    return { problem: `\`${input.slice(0, 60)}\` is no network; write for example \`10.0.0.0/8\`` };
  },
);

const rule = map(
  {
    address: network.optional().meta({
      description: 'Network in which the address must be, the one it tells and the one it comes from.',
    }),
    name: hostGlob().optional().meta({ description: 'Glob of its name, such as `web-*`.' }),
    labels: named('a label', labelPattern, 'use letters, digits, `.`, `_`, `/` and `-`', plain('text'))
      .default({})
      .meta({ description: 'Labels it gets; they win over what it says itself.' }),
  },
  'user port',
).refine((value) => value.address !== undefined || value.name !== undefined, {
  error: 'lets everybody in; write `address`, `name` or both',
});

export const registrationSchema = map(
  {
    admit: z.array(rule).max(100).default([]).meta({
      description: 'Rules; a host that fits one is let in at once. All others wait for a person.',
    }),
    expire: duration({ min: '10m', max: '365d' })
      .prefault('7d')
      .meta({ description: 'A host that no longer registers is forgotten after so long.' }),
  },
  'reject limit',
);

export type RegistrationInput = z.output<typeof registrationSchema>;

export function resolveRegistration({ admit, expire }: RegistrationInput): RegistrationConfig {
  const rules = admit.map(({ address, name, labels }) => ({
    labels,
    ...(address === undefined ? {} : { network: address }),
    ...(name === undefined ? {} : { name }),
  }));
  return { rules, expireMs: expire };
}
