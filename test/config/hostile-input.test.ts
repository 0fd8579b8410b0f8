import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';
import type { Problem } from '../../config/problems.ts';
import { ProblemList } from '../../config/problems.ts';
import { parseYaml } from '../../config/yaml-source.ts';
import { buildTree } from '../../config/yaml-tree.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

const base = {
  'mendd.yaml': 'definitions: { path: . }\nssh: { agent: true, host_keys: accept_new }\n',
  'hosts/all.yaml': 'hosts: { web-1: { labels: { role: web } } }\n',
  'runbooks/web.yaml': 'runbook: web\nhosts: { role: web }\nchecks: { a: { run: "true" } }\n',
};

/** The problems of a tree whose runbook is these bytes. */
function problemsOf(runbook: string | Uint8Array): string[] {
  const root = temporaryTree({ ...base, 'runbooks/web.yaml': runbook });
  return told(root);
}

function told(root: string): string[] {
  const outcome = loadDefinitions({ configFile: join(root, 'mendd.yaml'), environment: {} });
  return outcome.ok ? [] : outcome.problems.map((each) => line(each, root));
}

function line({ file, line: row, column, message, hint }: Problem, root: string): string {
  return `${file.replace(`${root}/`, '')}:${row}:${column}: ${message} | ${hint}`;
}

const deep =
  'lists and maps are nested more than 64 levels deep | no definition needs that; look for an unclosed bracket or a generator gone wrong';

test('20,000 nested brackets', () => {
  expect(problemsOf(`x: ${'['.repeat(20_000)}`)).toEqual([`runbooks/web.yaml:1:67: ${deep}`]);
  expect(problemsOf(`x: ${'['.repeat(20_000)}${']'.repeat(20_000)}`)).toEqual([
    `runbooks/web.yaml:1:67: ${deep}`,
  ]);
});

test.each([
  ['maps', '{a: '.repeat(20_000)],
  ['sequences', '- '.repeat(20_000)],
  ['explicit keys', '? '.repeat(20_000)],
  ['block maps', Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
])('20,000 nested %s', (_name, text) => {
  const [only, ...rest] = problemsOf(text);
  expect(only).toContain('nested more than 64 levels deep');
  expect(rest).toEqual([]);
});

test('64 levels are allowed', () => {
  expect(problemsOf(`x-deep: ${'['.repeat(63)}${']'.repeat(63)}\n${base['runbooks/web.yaml']}`)).toEqual([]);
  expect(problemsOf(`x-deep: ${'['.repeat(64)}${']'.repeat(64)}\n`)[0]).toContain('64 levels');
});

test('a 5 MB file', () => {
  const text = `# ${'x'.repeat(5_000_000)}\n`;
  expect(problemsOf(text)).toEqual([
    'runbooks/web.yaml:1:1: this file is too large: 5,000,003 bytes | split it into several files; the limit is 1,048,576 bytes',
  ]);
});

test('a file of just the largest size is read', () => {
  const start = base['runbooks/web.yaml'];
  expect(problemsOf(`${start}#${'x'.repeat(1_048_576 - start.length - 1)}`)).toEqual([]);
  expect(problemsOf(`${start}#${'x'.repeat(1_048_576 - start.length)}`)[0]).toContain('too large');
});

test('bytes that are not UTF-8', () => {
  const bytes = Buffer.concat([
    Buffer.from('runbook: web\nhosts: ä'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('\n'),
  ]);
  expect(problemsOf(bytes)).toEqual([
    'runbooks/web.yaml:2:9: these bytes are not UTF-8 | save the file in UTF-8',
  ]);
  expect(problemsOf(Buffer.from('\uFEFFrunbook: web\n', 'utf16le'))[0]).toContain(
    'runbooks/web.yaml:1:1: these bytes',
  );
});

test('a byte order mark is no mistake', () => {
  expect(problemsOf(`\uFEFF${base['runbooks/web.yaml']}`)).toEqual([]);
  expect(problemsOf(base['runbooks/web.yaml'].replaceAll('\n', '\r\n'))).toEqual([]);
});

test('control characters, plain and escaped', () => {
  expect(problemsOf('runbook: web\nhosts: a\u0000b\n')).toEqual([
    'runbooks/web.yaml:2:9: a control character stands here | delete it; in double quotes it can be written as `\\x1b`',
  ]);
  expect(problemsOf('runbook: web\nhosts: {role: web}\nchecks: {a: {run: "a\\0b"}}\n')).toEqual([
    'runbooks/web.yaml:3:19: `run`: holds a NUL character | delete it',
  ]);
});

test('a bomb of aliases', () => {
  const levels = Array.from({ length: 30 }, (_, n) => `x-${n + 1}: &l${n + 1} [${`*l${n},`.repeat(9)}]`);
  const [first, ...rest] = problemsOf(`x-0: &l0 [lol]\n${levels.join('\n')}\n${base['runbooks/web.yaml']}`);
  expect(first).toContain('aliases expand to more than 100,000 values | write less with anchors');
  expect(rest).toEqual([]);
});

test('a bomb of merge keys', () => {
  const levels = Array.from(
    { length: 30 },
    (_, n) => `x-${n + 1}: &l${n + 1} { <<: [${`*l${n},`.repeat(9)}], k${n}: 1 }`,
  );
  const [first, ...rest] = problemsOf(
    `x-0: &l0 { a: 1 }\n${levels.join('\n')}\n${base['runbooks/web.yaml']}`,
  );
  expect(first).toContain('aliases expand to more than 100,000 values');
  expect(rest).toEqual([]);
});

test('a chain of aliases that is deeper than the limit', () => {
  const chain = Array.from({ length: 5000 }, (_, n) => `x-${n + 1}: &l${n + 1} [*l${n}]`).join('\n');
  const problems = problemsOf(`x-0: &l0 [end]\n${chain}\n${base['runbooks/web.yaml']}`);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain('aliases nest more than 64 levels deep');
});

test('a directory in place of the daemon file', () => {
  const root = temporaryTree({ 'mendd.yaml/x': '' });
  expect(told(root)).toEqual([
    'mendd.yaml:1:1: this file is a directory, not a file | give the path of a file',
  ]);
});

test('a named pipe and a device in place of a file neither hang nor fill the memory', () => {
  const root = temporaryTree({ ...base });
  execFileSync('mkfifo', [join(root, 'hosts/pipe.yaml')]);
  execFileSync('ln', ['-s', '/dev/zero', join(root, 'hosts/zero.yaml')]);
  execFileSync('ln', ['-s', '/nonexistent', join(root, 'hosts/broken.yaml')]);
  execFileSync('ln', ['-s', '.', join(root, 'runbooks/loop')]);
  const problems = told(root);
  expect(problems).toContain(
    'hosts/pipe.yaml:1:1: this file is not a regular file | give the path of a file',
  );
  expect(problems).toContain(
    'hosts/zero.yaml:1:1: this file is not a regular file | give the path of a file',
  );
  expect(problems).toContain('hosts/broken.yaml:1:1: this file does not exist | create it, or mend the path');
  expect(problems.some((each) => each.includes('it lies too deep'))).toBe(true);
});

test('a plugin that is a link out of plugins/ is refused', () => {
  const root = temporaryTree({ ...base, secret: 'x', 'plugins/ok': 'x' }, ['secret', 'plugins/ok']);
  execFileSync('ln', ['-s', '../secret', join(root, 'plugins/out')]);
  execFileSync('ln', ['-s', 'ok', join(root, 'plugins/in')]);
  writeInto(
    root,
    'runbooks/web.yaml',
    'runbook: w\nhosts: [web-1]\nchecks: { a: { plugin: out }, b: { plugin: in } }\n',
  );
  expect(told(root)).toEqual([
    'runbooks/web.yaml:3:16: the plugin `out` is a link that leads out of plugins/ | copy the file into plugins/',
  ]);
});

test('6,000 dangling names and keys take bounded time and lines', () => {
  const checks = Array.from({ length: 3000 }, (_, n) => `  c${n}: { rnu: x, depends_on: [d${n}] }`).join(
    '\n',
  );
  const problems = problemsOf(`runbook: web\nhosts: { role: web }\nchecks:\n${checks}\n`);
  expect(problems).toHaveLength(501);
  expect(problems.at(-1)).toContain('more problems follow');
});

/** Pieces that break parsers more often than random letters do. */
const pieces = fc.constantFrom(
  '{',
  '}',
  '[',
  ']',
  ':',
  ': ',
  '- ',
  '? ',
  '|\n',
  '>-\n',
  '"',
  "'",
  '&a ',
  '*a',
  '<<: *a\n',
  '!!int ',
  '!x ',
  '%YAML 1.1\n',
  '---\n',
  '...\n',
  '\t',
  '\n',
  '\n  ',
  '#',
  'null',
  '~',
  '0x1f',
  '.nan',
  '1e999',
  '\u2028',
  '\uFEFF',
  '\u{1F600}',
  '{{ x }}',
  '${env:X}',
  '__proto__: ',
  'constructor: ',
  'hosts: ',
  'checks: ',
  'when: ',
  'after: ',
  'every: 5\n',
  '[1:9]',
  '\r',
);

test('mutated definitions are judged, never crash', () => {
  const sources = Object.entries({
    'hosts/all.yaml':
      'x: &a {b: 1}\ndefaults: { port: 22 }\nhosts:\n  web-[1:3]: { address: "10.0.0.{n}", labels: { role: web } }\n',
    'runbooks/web.yaml':
      'runbook: web\nhosts: [web-*, "!web-2"]\nevery: 30s\nchecks:\n  a: &c { run: "true", timeout: 5s }\n  b: { <<: *c, depends_on: [a] }\nactions:\n  x: { when: { check: a }, run: "true" }\n  y: { after: x, reboot: 5m }\n',
    'mendd.yaml':
      'definitions: { path: . }\nssh: { agent: true, host_keys: accept_new }\nnotify: { a: { webhook: "https://x/" } }\n',
  });
  const root = temporaryTree({ ...base, ...Object.fromEntries(sources) });
  const mutation = fc.record({
    file: fc.nat(sources.length - 1),
    edits: fc.array(
      fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(12), put: pieces }),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
  });
  fc.assert(
    fc.property(mutation, ({ file, edits }) => {
      const [path, text] = sources[file] ?? ['', ''];
      let mutated = text;
      for (const { at, cut, put } of edits) {
        const from = Math.floor(at * mutated.length);
        mutated = mutated.slice(0, from) + put + mutated.slice(from + cut);
      }
      writeInto(root, path, mutated);
      const outcome = loadDefinitions({ configFile: join(root, 'mendd.yaml'), environment: {} });
      writeInto(root, path, text);
      if (outcome.ok) return;
      expect(outcome.problems.length).toBeGreaterThan(0);
      for (const { line: row, column, message } of outcome.problems) {
        expect(row).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(message).not.toMatch(/undefined|\[object|Invalid input/);
      }
    }),
    { numRuns: 200 },
  );
});

test('random text is parsed or refused in bounded time', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 5 })), { maxLength: 60 }), (parts) => {
      const problems = new ProblemList();
      const source = parseYaml(parts.join(''), 'x.yaml', problems);
      const tree = source && buildTree(source, problems);
      expect(tree !== undefined || problems.problems.length > 0).toBe(true);
    }),
    { numRuns: 200 },
  );
});
