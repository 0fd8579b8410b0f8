/** The shapes of signing in and of tokens. See api/shapes.ts for the rules. */
import { z } from 'zod';
import { tokenNamePattern, tokenNameRule } from '../core/tokens-port.ts';
import { durationText, instantText } from './queries.ts';
import { named, noted, time } from './shapes.ts';

const scopes = ['read', 'ack', 'act', 'admin', 'register', 'submit'] as const;

export const SessionBody = z.strictObject({
  token: noted('What `mendd token create` printed', z.string().trim().min(1).max(256)),
});

export const Session = named(
  'Session',
  z.object({
    name: noted('Of the token', z.string().optional()),
    scopes: noted('All that are held, each with those it implies', z.array(z.enum(scopes))),
    signedIn: z.boolean(),
    canRead: noted('Also true without a token, on the machine of the daemon', z.boolean()),
    version: noted('Of the daemon', z.string()),
  }),
);
export type Session = z.output<typeof Session>;

export const Token = named(
  'Token',
  z.object({
    id: z.string(),
    name: noted('Who uses it; stands beside what is done with it', z.string()),
    scopes: z.array(z.enum(scopes)),
    createdAt: time,
    expiresAt: noted('Never without it', time.optional()),
    lastUsedAt: noted('To the minute', time.optional()),
  }),
);

export const MadeToken = named(
  'MadeToken',
  Token.extend({ secret: noted('Told this once; absent in a dry run', z.string().optional()) }),
);

export const TokenPath = z.object({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the id of a token'),
});

export const TokenBody = z
  .strictObject({
    name: z.string().trim().regex(tokenNamePattern, `must be ${tokenNameRule}`),
    scopes: noted(
      'Each of read, ack, act and admin holds those before it',
      z
        .array(z.enum(scopes))
        .min(1)
        .max(scopes.length)
        .refine((each) => new Set(each).size === each.length, 'must name each once'),
    ),
    for: noted(
      'How long it is good, such as 90d; for ever without `for` and `until`',
      durationText.optional(),
    ),
    until: noted('RFC 3339', instantText.optional()),
  })
  .refine((body) => body.until === undefined || body.for === undefined, {
    path: ['for'],
    error: 'must not stand beside `until`',
  });
