/** What Python itself makes of words and literals, and what we make of them, are the same: random text, one interpreter. */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPythonLiteral } from '../../../config/inventory/python-literal.ts';
import { splitShellWords } from '../../../config/inventory/shell-words.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;
const count = 4_000;

/** One answer a line: a JSON value, or `no`. */
function askPython(program: string, inputs: readonly string[]): string[] {
  const run = spawnSync('python3', ['-W', 'ignore', '-c', program], {
    input: JSON.stringify(inputs),
    encoding: 'utf8',
  });
  expect(run.stderr).toBe('');
  return JSON.parse(run.stdout) as string[];
}

const literalPieces = fc.constantFrom(
  '1',
  '-',
  '+',
  '0',
  '007',
  '0x1f',
  '0o7',
  '0b1',
  '1_0',
  '1__0',
  '1.',
  '.5',
  '1e3',
  '1E-2',
  'e',
  '_',
  'True',
  'False',
  'None',
  'true',
  'x',
  "'",
  '"',
  '\\',
  'n',
  '\\n',
  '\\x41',
  '\\u00e9',
  '\\101',
  "'a'",
  '"b"',
  "r'\\n'",
  "u'u'",
  "'''",
  '#',
  '# c',
  '[',
  ']',
  '(',
  ')',
  '{',
  '}',
  ',',
  ':',
  ' ',
  '\t',
  '[]',
  '{}',
  '()',
  '(1,)',
  "{'a': 1}",
  '[1, 2]',
  '=',
  '@',
  '...',
);

const literals = fc.array(literalPieces, { maxLength: 7 }).map((parts) => parts.join(''));

const literalProgram = `
import ast, json, sys
def plain(v):
    if isinstance(v, (bytes, complex, set, frozenset)) or v is ...: raise ValueError('no JSON')
    if isinstance(v, float) and (v != v or v in (float('inf'), float('-inf'))): raise ValueError('no JSON')
    if isinstance(v, int) and not isinstance(v, bool) and abs(v) > 2**53 - 1: raise ValueError('not exact')
    if isinstance(v, (list, tuple)): return [plain(x) for x in v]
    if isinstance(v, dict): return {key(k): plain(x) for k, x in v.items()}
    return v
def key(k):
    if isinstance(k, str): return k
    if k is None or isinstance(k, (bool, float)): raise ValueError('odd key')
    if isinstance(k, int): return str(k)
    raise ValueError('odd key')
out = []
for text in json.load(sys.stdin):
    try: out.append(json.dumps(plain(ast.literal_eval(text)), ensure_ascii=True, sort_keys=True))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError): out.append('no')
json.dump(out, sys.stdout)
`;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}

test.skipIf(!hasPython)('literals are read as ast.literal_eval reads them (skipped without python3)', () => {
  const inputs = fc.sample(literals, { numRuns: count, seed: 7 });
  const theirs = askPython(literalProgram, inputs).map((each) =>
    each === 'no' ? undefined : sorted(JSON.parse(each)),
  );
  expect(theirs.filter((each) => each !== undefined).length).toBeGreaterThan(count / 20);
  const differing = inputs.flatMap((input, index) => {
    // What Python refuses may still be text that we read: sets, and keys of other kinds, which have no JSON form there.
    const ours = readPythonLiteral(input);
    const value = ours === undefined ? undefined : sorted(ours.value);
    const isSame = JSON.stringify(value) === JSON.stringify(theirs[index]);
    return isSame || (theirs[index] === undefined && /[{]/.test(input))
      ? []
      : [{ input, ours: value, theirs: theirs[index] }];
  });
  expect(differing).toEqual([]);
});

const wordPieces = fc.constantFrom(
  'a',
  'b=',
  '=',
  ' ',
  '  ',
  '\t',
  '"',
  "'",
  '\\',
  '#',
  '\\"',
  "\\'",
  'é',
  '$',
  '|',
  ';',
  '""',
  "''",
);
const lines = fc.array(wordPieces, { maxLength: 9 }).map((parts) => parts.join(''));

test.skipIf(!hasPython)('words are split as shlex.split splits them (skipped without python3)', () => {
  const inputs = fc.sample(lines, { numRuns: count, seed: 7 });
  const program = `
import json, shlex, sys
out = []
for text in json.load(sys.stdin):
    try: out.append(json.dumps(shlex.split(text, comments=True)))
    except ValueError: out.append('no')
json.dump(out, sys.stdout)
`;
  const theirs = askPython(program, inputs).map((each) =>
    each === 'no' ? undefined : (JSON.parse(each) as string[]),
  );
  const ours = inputs.map((input) => {
    const words = splitShellWords(input);
    return 'value' in words ? words.value : undefined;
  });
  const differing = inputs.flatMap((input, index) =>
    JSON.stringify(ours[index]) === JSON.stringify(theirs[index])
      ? []
      : [{ input, ours: ours[index], theirs: theirs[index] }],
  );
  expect(differing).toEqual([]);
});
