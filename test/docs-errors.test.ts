import { readdirSync, readFileSync } from 'node:fs';
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

test('every refusal of the API is explained', () => {
  const text = readFileSync('docs/errors.md', 'utf8');
  const files = (readdirSync('api', { recursive: true }) as string[]).filter((name) => name.endsWith('.ts'));
  const codes = files.flatMap((name) => {
    const source = readFileSync(`api/${name}`, 'utf8');
    return [...source.matchAll(/RequestProblem\(\s*\d+,\s*'([a-z_]+)'/g)].map(([, code = '']) => code);
  });
  expect(codes.length).toBeGreaterThan(30);
  expect(codes.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
});
