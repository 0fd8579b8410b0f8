/** The shapes of signing in. See api/shapes.ts for the rules. */
import { z } from 'zod';
import { named, noted } from './shapes.ts';

export const scopes = ['read', 'ack', 'act', 'admin', 'register', 'submit'] as const;

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
