/**
 * The shapes of what comes from outside of the definitions: inventories and registrations, asked and answered. See
 * api/shapes.ts and api/queries.ts for the rules.
 */
import { z } from 'zod';
import { reason } from './queries.ts';
import { count, named, noted, time } from './shapes.ts';

const Held = z.object({
  tag: noted('What a person confirms', z.string()),
  since: time,
  vanished: z.array(z.string()),
  of: noted('How many hosts it told before', count),
});

export const Inventory = named(
  'Inventory',
  z.object({
    name: z.string(),
    kind: z.enum(['file', 'exec', 'http', 'dns_srv', 'ssh_config']),
    hosts: noted('In force, also those that it no longer tells', z.array(z.string())),
    gone: noted(
      'No longer told, and kept until they expire',
      z.array(z.object({ host: z.string(), since: time, expiresAt: time })),
    ),
    heardAt: noted('Its newest answer', time.optional()),
    problem: noted('Why the newest attempt changed nothing', z.string().optional()),
    warnings: z.array(z.string()),
    held: noted('An answer that lacks too many hosts, and waits for a person', Held.optional()),
    everyMs: count,
  }),
);

const hostKey = z
  .string()
  .regex(
    /^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]{40,4096}={0,2}$/,
    'must be a public host key without its comment, such as `ssh-ed25519 AAAA...`',
  );

/** What daemon/registrations.ts judges; here are forms and limits. */
const registering = {
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/, 'must be a name of letters, digits and . _ -'),
  address: z.string().min(1).max(253).optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  user: z.string().min(1).max(64).optional(),
  hostKey: hostKey.optional(),
};

const labels = z
  .record(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/, 'must be a name of letters, digits and . _ / -'),
    z
      .string()
      .regex(
        /^(?!\s*$)[^\p{Cc}\p{Cf}{}$]{1,253}$/u,
        'must be text without braces, control and hidden characters',
      ),
  )
  .refine((all) => Object.keys(all).length <= 20, 'must be 20 labels or less');

const { hostKey: _, ...said } = registering;

export const RegisterBody = z.strictObject({
  ...said,
  labels: labels.optional(),
  host_key: noted('As in /etc/ssh/ssh_host_ed25519_key.pub, without the comment', hostKey.optional()),
});

const Registering = named(
  'Registering',
  z.object({ ...registering, labels: z.record(z.string(), z.string()) }),
);

export const Registration = named(
  'Registration',
  z.object({
    name: z.string(),
    status: noted(
      '`changed`: let in, and it tells something else since then, which waits',
      z.enum(['pending', 'admitted', 'changed', 'rejected']),
    ),
    tag: noted('Fingerprint of what would be let in; send it quoted as If-Match with `admit`', z.string()),
    told: Registering,
    from: noted('The address it was told from', z.string()),
    firstAt: time,
    lastAt: time,
    expiresAt: time,
    fingerprint: z.string().optional(),
    admitted: z.object({ told: Registering, at: time, by: z.string() }).optional(),
    rejected: z.object({ at: time, by: z.string(), reason: z.string() }).optional(),
  }),
);

export const Registered = named(
  'Registered',
  z.object({ name: z.string(), status: Registration.shape.status, expiresAt: time }),
);

/** A path, an URL or a name of its own. */
export const InventoryPath = z.object({ name: z.string().min(1).max(600) });

export const RegistrationPath = z.object({ name: registering.name });

export const AcceptBody = z.strictObject({
  reason,
  tag: noted('`held.tag` as it was read', z.string().min(1).max(64)),
});
