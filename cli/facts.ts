/** `mendd facts`: what a host tells of itself, how old that is, and what is wrong with it. */
import type { Command } from 'commander';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import type { Column, Output } from './output.ts';
import { plain } from './plain-text.ts';
import { showAge, showDuration } from './times.ts';

/** As the API tells it. */
interface FactsRow {
  name: string;
  values: Record<string, unknown>;
  heardAt?: string;
  everyMs: number;
  problem?: string;
  warnings: string[];
}

export function addFacts(program: Command): void {
  const command = addCommand(program, 'facts <host>', 'what a host tells of itself, and how old it is', [
    'facts web-1',
    'facts web-1 -o json',
  ]);
  withApi(command).action(async (host: string, options: ApiOptions) => {
    const { client, out } = await openSession(options);
    const answer = await client.get<{ host: string; sources: FactsRow[] }>(
      `/api/v1/hosts/${encodeURIComponent(host)}/facts`,
    );
    out.value(answer, () =>
      answer.sources.length === 0
        ? ['It is asked for no facts: `facts.enabled` is false, and no facts file names it.']
        : answer.sources.flatMap((source, index) => [...(index === 0 ? [] : ['']), ...linesOf(source, out)]),
    );
  });
}

interface Fact {
  name: string;
  value: string;
}

const columns: readonly Column<Fact>[] = [
  { title: 'FACT', cell: ({ name }) => name },
  { title: 'VALUE', cell: ({ value }) => value },
];

function linesOf({ name, values, heardAt, everyMs, problem, warnings }: FactsRow, out: Output): string[] {
  const told = heardAt === undefined ? 'never told' : `told ${showAge(heardAt)} ago`;
  const every = `asked every ${showDuration(everyMs)}`;
  const facts = [...factsIn(values, name === 'builtin' ? '' : `${name}.`)];
  return [
    `${out.paint('strong', plain(name))}  ${told}, ${every}`,
    ...(problem === undefined ? [] : [out.paint('bad', `  ${plain(problem)}`)]),
    ...warnings.map((warning) => out.paint('warn', `  ${plain(warning)}`)),
    ...(facts.length === 0 ? [] : out.table(facts, columns, '  ')),
  ];
}

/** As templates name them, without `facts.` before. */
function* factsIn(values: Readonly<Record<string, unknown>>, before: string): Generator<Fact> {
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      yield* factsIn(value as Record<string, unknown>, `${before}${key}.`);
    else yield { name: `${before}${key}`, value: textOf(value) };
  }
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
