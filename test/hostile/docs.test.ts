/** The table of docs/hostile-hosts.md is what the tests play. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { over, type Row, withinWords } from './matrix.ts';
import { channelRows } from './rows-channel.ts';
import { commandRows } from './rows-command.ts';
import { loginRows } from './rows-login.ts';
import { sshdRows } from './rows-sshd.ts';
import { tcpRows } from './rows-tcp.ts';

const parts: readonly [string, readonly Row[]][] = [
  ['Before the handshake is done', tcpRows],
  ['Host key and login', loginRows],
  ['Channels', channelRows],
  ['While a command runs', commandRows],
  ['Real sshd, login shells and machines', sshdRows],
];

function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.host, row.outcome, withinWords(row), row.next ?? 'the same']);
  const lines = [
    ['a host that', 'outcome', 'within', 'next request'],
    ['---', '---', '---', '---'],
    ...cells,
  ];
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** Rows that OpenSSH's own client ends otherwise. */
function differences(rows: readonly Row[]): string {
  const cells = rows.flatMap((row) => {
    if (!row.openssh) return [];
    const other = over(row, 'openssh');
    const anew = other.kept === false && !other.outcome.startsWith('unreachable');
    const next = other.next ?? (anew ? 'the same, over a new connection' : 'the same');
    return [[row.host, other.outcome, withinWords(other), next, row.openssh.because]];
  });
  const lines = [
    ['a host that', 'outcome', 'within', 'next request', 'why'],
    ['---', '---', '---', '---', '---'],
    ...cells,
  ];
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
}

test('docs/hostile-hosts.md has the rows that are played', async () => {
  const text = readFileSync('docs/hostile-hosts.md', 'utf8');
  const place = /(<!-- matrix -->)[\s\S]*?(<!-- \/matrix -->)/;
  expect(text).toMatch(place);
  const all = parts.flatMap(([, rows]) => rows);
  const content = [
    ...parts.map(([title, rows]) => `## ${title}\n\n${table(rows)}`),
    `## What differs over OpenSSH\n\n${differences(all)}`,
  ].join('\n\n');
  const wanted = text.replace(
    place,
    (_all, before: string, after: string) => `${before}\n\n${content}\n\n${after}`,
  );
  const fix =
    'run `npx vitest run --project unit test/hostile/docs.test.ts -u` and commit docs/hostile-hosts.md';
  await expect(wanted, fix).toMatchFileSnapshot('../../docs/hostile-hosts.md');
});

test('at least sixty behaviours are played, each once', () => {
  const names = parts.flatMap(([, rows]) => rows.map((row) => row.host));
  expect(names.length).toBeGreaterThanOrEqual(60);
  expect(new Set(names).size).toBe(names.length);
});
