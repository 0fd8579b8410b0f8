/** No text, however it is made, crashes the reading of inventories, takes long, or brings in what definitions refuse. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readInventory } from '../../../config/inventory/read-text.ts';
import { hostNamePattern, labelPattern } from '../../../config/names.ts';
import { hasTemplate } from '../../../config/templates.ts';

const fixtures = fileURLToPath(new URL('../../fixtures/inventory', import.meta.url));
const samples = (readdirSync(fixtures, { recursive: true }) as string[])
  .map((name) => join(fixtures, name))
  .filter((path) => statSync(path).isFile() && !/expected|report/.test(path))
  .map((path) => readFileSync(path, 'utf8'));

const prometheus = '- targets: ["web-1:9100", "[::1]:22"]\n  labels: {env: prod, __x: y}\n';
const mendd =
  '{"hosts": {"web-[01:03]": {"address": "10.0.0.{n}", "port": 22, "labels": {"a": "b"}, "vars": {}}}}';
const seeds = [...samples, prometheus, mendd];

const limitMs = 1_000;

/** Reads within the limit, and whatever comes of it is allowed. */
function readWell(text: string, path: string, isScript: boolean): void {
  for (const format of ['auto', 'ansible', 'prometheus', 'mendd'] as const) {
    // Of this process alone: others may keep the machine busy.
    const before = process.cpuUsage();
    const reading = readInventory({ text, format, path, isScript });
    const { user, system } = process.cpuUsage(before);
    const tookMs = (user + system) / 1_000;
    if (tookMs > limitMs) throw new Error(`took ${tookMs} ms: ${JSON.stringify(text.slice(0, 200))}`);
    if (!reading.ok) {
      expect(reading.refusal.message).not.toBe('');
      expect(reading.refusal.hint).not.toBe('');
      continue;
    }
    for (const { name, labels, vars } of reading.hosts) {
      expect(name).toMatch(hostNamePattern);
      for (const label of Object.keys(labels)) expect(label).toMatch(labelPattern);
      expect(hasTemplate(JSON.stringify([labels, vars]))).toBe(false);
      expect(Object.getPrototypeOf(vars)).toBe(Object.prototype);
    }
  }
}

const junk = fc.constantFrom(
  '[',
  ']',
  '{',
  '}',
  ':',
  '=',
  '"',
  "'",
  '\\',
  '\n',
  ' ',
  '\t',
  '#',
  '!',
  '&a ',
  '*a',
  '<<: ',
  '- ',
  '---\n',
  '|\n',
  '\0',
  '[web]\n',
  '[a:children]\na\n',
  '[web:vars]\n',
  '[1:999]',
  '[a:z][a:z][a:z]',
  '{{ x }}',
  '!vault ',
  '!!binary ',
  'é',
  '\u2028',
  '__proto__',
  'constructor',
  'ansible_host',
  'ansible_port',
  '999999999999999999999',
  '1e999',
  '_meta',
  'hosts',
  'children',
);

const mutated = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(
      fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(12), fc.array(junk, { maxLength: 4 })),
      {
        minLength: 1,
        maxLength: 6,
      },
    ),
  )
  .map(([seed, changes]) => {
    let text = seed.slice(0, 4_000);
    for (const [where, cut, pieces] of changes) {
      const at = Math.floor(where * text.length);
      text = text.slice(0, at) + pieces.join('') + text.slice(at + cut);
    }
    return text;
  });

test('mutated inventories are read or refused, never slowly', () => {
  const property = fc.property(
    mutated,
    fc.constantFrom('hosts', 'hosts.ini', 'hosts.yaml', 'hosts.json'),
    fc.boolean(),
    readWell,
  );
  fc.assert(property, { numRuns: 600, seed: 11 });
});

test.each([
  ['deep lists of JSON', '['.repeat(200_000)],
  ['deep maps of JSON', '{"a":'.repeat(100_000)],
  ['deep YAML', `a: ${'['.repeat(4_000)}`],
  ['deep literals', `[x:vars]\na=${'['.repeat(100_000)}\n[x]`],
  ['sets in sets', `[x:vars]\na=${'{'.repeat(60)}1${'}'.repeat(60)}\n[x]`],
  [
    'a bomb of aliases',
    `a: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefghij'
      .split('')
      .map((key, at) => `${key}: &${key} [${Array(9).fill(`*${'abcdefghi'[at]}`).join()}]`)
      .join('\n')}\n`,
  ],
  ['a map that holds itself', 'all: &a\n  vars: *a\n'],
  ['many quotes', `${'"'.repeat(8_000)}x`],
  ['many escapes', `web x=${'\\'.repeat(100_001)}`],
  ['a range of ranges', '[a:z][a:z][a:z][a:z][a:z]\n'],
  ['a long line', `web ${'k=v '.repeat(20_000)}`],
  ['many groups', Array.from({ length: 30_000 }, (_, at) => `[g${at}]\n`).join('')],
  [
    'a long chain of groups',
    Array.from({ length: 5_000 }, (_, at) => `[g${at}:children]\ng${at + 1}\n`).join('') + '[g5000]\nweb\n',
  ],
  ['a circle of groups', '[a:children]\nb\n[b:children]\na\n[a:vars]\n'],
  [
    'a prototype',
    '{"__proto__": {"hosts": ["x"]}, "_meta": {"hostvars": {"x": {"__proto__": {"y": 1}}}}, "g": ["x", "toString"]}',
  ],
  ['odd numbers', '{"hosts": {"a": {"port": 1e999, "vars": {"x": 1e999}}}}'],
  ['all of it spaces', ' '.repeat(1_000_000)],
])('%s', (_name, text) => {
  for (const [path, isScript] of [
    ['hosts', false],
    ['hosts.yaml', false],
    ['hosts.json', true],
  ] as const)
    expect(() => readWell(text, path, isScript)).not.toThrow();
});
