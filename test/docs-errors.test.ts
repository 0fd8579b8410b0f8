import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ErrorEntry, errorCatalogue } from '../core/errors.ts';

test('docs/errors.md lists the same codes, exit codes, meanings and hints as the code', () => {
  const rows = readFileSync('docs/errors.md', 'utf8')
    .split('\n')
    .filter((line) => /^\| `[A-Z_]+` \|/.test(line))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| /, '').replace(/ \|$/, '').trim()));
  const entries: [string, ErrorEntry][] = Object.entries(errorCatalogue);
  const wanted = entries.map(([code, { exitCode, meaning, hint }]) => [
    `\`${code}\``,
    String(exitCode),
    meaning,
    hint,
  ]);
  expect(rows).toEqual(wanted);
});

test('every transport stage is explained', () => {
  const text = readFileSync('docs/errors.md', 'utf8');
  for (const stage of ['dns', 'connect', 'host_key', 'auth', 'channel', 'lost', 'timeout']) {
    expect(text).toContain(`| \`${stage}\` |`);
  }
});
