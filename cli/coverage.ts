/** `mendd coverage`: which hosts and checks a silence or a downtime would be for, before it is made. */
import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { usageError } from './exit.ts';
import { plain } from './plain-text.ts';
import { type CoverOptions, coverOf, withCover } from './suppressions.ts';

interface Coverage {
  hosts: number;
  checks: number;
  examples: { host: string; check: string }[];
  problem?: string;
}

export function addCoverage(program: Command): void {
  const summary = 'which hosts and checks a silence or downtime of such names and labels would be for';
  const command = addCommand(program, 'coverage [hosts...]', summary, [
    "coverage 'web-*' '!web-3' --check 'backup.*'",
    'coverage --label role=db',
  ]);
  withCover(withApi(command)).action(async (hosts: string[], options: ApiOptions & CoverOptions) => {
    const glob = hosts.find((host) => host.includes(','));
    // They are asked for in one list.
    if (glob !== undefined)
      throw usageError(`\`${glob}\` holds a comma.`, 'Write each of its names or globs apart.');
    const { client, out } = await openSession(options);
    const match = await coverOf(client, hosts, options);
    const pairs = Object.entries(match.labels ?? {}).map((pair) => pair.join('='));
    const found = await client.get<Coverage>('/api/v1/coverage', {
      host: match.hosts?.join(),
      label: pairs.length === 0 ? undefined : pairs.join(),
      check: match.checks?.join(),
    });
    out.value(found, () => linesOf(found));
    if (found.problem !== undefined) process.exitCode = exitCodes.failed;
  });
}

function linesOf({ hosts, checks, examples, problem }: Coverage): string[] {
  if (problem !== undefined) return [plain(`It would be refused: ${problem}`)];
  const more = checks - examples.length;
  return [
    `${hosts} ${hosts === 1 ? 'host' : 'hosts'}, ${checks} ${checks === 1 ? 'check' : 'checks'}`,
    ...examples.map(({ host, check }) => plain(`  ${host}/${check}`)),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}
