/**
 * Owns the keys at the top of a runbook: their types and descriptions. Checks and actions have files of their own.
 */
import { z } from 'zod';
import { actionSchema } from './action-schema.ts';
import { checkSchema, sharedCheckKeys } from './check-schema.ts';
import { map, matching, named, plain } from './fields.ts';
import { hostSelector } from './hosts-schema.ts';
import { itemNamePattern, itemNameRule } from './names.ts';

const head = {
  $schema: z.string().optional().meta({ description: 'For editors; ignored.' }),
  runbook: matching(
    'a title',
    /^[^\n]{1,200}$/,
    'is no title; write one line of at most 200 characters',
  ).meta({ description: 'Title; ids are made from it.' }),
  hosts: hostSelector.meta({
    description: 'Labels that must all match, or a list of names and globs; `!` leaves out.',
  }),
  enabled: z.boolean().default(true).meta({ description: '`false` stops its checks and actions.' }),
  when: plain('a condition').optional().meta({
    description: 'Only for hosts where this holds, such as `facts.os.id == "debian"`.',
  }),
  ...sharedCheckKeys,
};

const later = 'labels for use with vars extends owner priority mode';

export const runbookSchema = map(
  {
    ...head,
    checks: named('a check', itemNamePattern, itemNameRule, checkSchema).meta({
      description: 'Checks by name.',
    }),
    actions: named('an action', itemNamePattern, itemNameRule, actionSchema)
      .optional()
      .meta({ description: 'Actions by name.' }),
  },
  later,
);

/** The top of a runbook; checks and actions are read one by one. */
export const runbookFileSchema = map(
  {
    ...head,
    checks: named('a check', itemNamePattern, itemNameRule, z.unknown()),
    actions: named('an action', itemNamePattern, itemNameRule, z.unknown()).optional(),
  },
  later,
);

export type RunbookInput = z.output<typeof runbookFileSchema>;
