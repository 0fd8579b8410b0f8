/**
 * Owns the keys of the daemon file that say where the definitions come from: a directory or a git repository, and what a reload may
 * drop. What they mean together is checked in config/resolve-source.ts.
 */
import { z } from 'zod';
import { protocolOf } from '../core/git-url.ts';
import { duration, map, matching, only, percent, secret, text } from './fields.ts';
import { path } from './names.ts';

const gitUrl = text(
  'the address of a repository',
  { examples: ['git@git.example.com:ops/definitions.git', 'https://git.example.com/ops/definitions.git'] },
  (input) => {
    const hint = 'write for example `git@git.example.com:ops/definitions.git`';
    if (/^https?:\/\/[^/]*@/.test(input))
      return { problem: 'a login stands in the address; write the access token to `token`, by reference' };
    if (protocolOf(input) !== undefined) return { value: input };
    return { problem: `this is no https, ssh, git or file address; ${hint}` };
  },
);

/** Those of git-check-ref-format(1) without what could be taken for anything else. */
const branch = matching(
  'a name of a branch',
  /^(?![-/.])(?!.*(?:\.\.|\/\/|\/\.|\.lock(?:\/|$)|[/.]$))[A-Za-z0-9._/+@#-]{1,200}$/,
  'is no name of a branch; write for example `main`',
);

const directoryInRepository = matching(
  'a directory in the repository',
  /^(?![/-])(?!(?:.*\/)?\.\.?(?:\/|$))(?!.*\/\/)[^\n\\*?[]{1,150}$/,
  'is no directory in the repository; write for example `ops/definitions`',
);

const gitSchema = map({
  url: gitUrl.meta({
    description:
      'Repository: https, ssh, git or file. It holds no secret; hosts of ssh must stand in `known_hosts`.',
  }),
  branch: branch.prefault('main').meta({ description: 'Branch that is followed.' }),
  path: directoryInRepository
    .optional()
    .meta({ description: 'Directory in the repository that holds hosts/ and runbooks/; its top without.' }),
  every: duration({ min: '1s', max: '7d' })
    .prefault('1m')
    .meta({ description: 'How often the branch is looked at.' }),
  key: secret().optional().meta({
    description:
      'Private key for ssh, by reference; the agent and the keys of the user without. A deploy key that may only read is best.',
  }),
  token: secret().optional().meta({ description: 'Access token for https, by reference.' }),
  known_hosts: path()
    .optional()
    .meta({ description: 'Host keys of the git server; those of `ssh.known_hosts` without. Always strict.' }),
  timeout: duration({ min: '1s', max: '1h' })
    .prefault('1m')
    .meta({ description: 'Time for each command of git.' }),
  signed: z
    .union([
      only(false),
      map({
        allowed_signers: path().meta({
          description: 'File of people and their keys, as ssh-keygen(1) reads it under ALLOWED SIGNERS.',
        }),
      }),
    ])
    .default(false)
    .meta({ description: 'Refuse commits without a signature (of ssh) by one of these people.' }),
  directory: path().optional().meta({
    description:
      'Where the copy and the newest ten valid commits are kept; `definitions` beside the store without.',
  }),
});

export const definitionsSchema = map(
  {
    path: path().optional().meta({
      description:
        'Directory with hosts/, runbooks/, silences/ and plugins/; ./definitions when there is no `git`.',
    }),
    git: gitSchema.optional().meta({ description: 'A repository that is followed, in place of `path`.' }),
    hold: map({
      hosts: percent()
        .prefault('20%')
        .meta({ description: 'Share of hosts that may go at once; one may go always.' }),
      checks: percent().prefault('20%').meta({
        description: 'Share of checks, counted on each host, that may go at once; one may go always.',
      }),
      rewritten: z.boolean().default(true).meta({
        description: 'Hold commits that do not follow upon the one in force, as after a force push.',
      }),
    })
      .prefault({})
      .meta({ description: 'A reload that drops more is held until `mendd reload --confirm`.' }),
  },
  'branch every url commit ref',
);

export type DefinitionsInput = z.output<typeof definitionsSchema>;
