import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';
import { importAutomatron } from '../../import/automatron.ts';
import { readConfig } from '../../import/automatron-config.ts';
import { FactNames } from '../../import/automatron-facts.ts';
import { PluginTexts } from '../../import/automatron-plugins.ts';
import { readRunbook } from '../../import/automatron-runbook.ts';
import { ImportError } from '../../import/report.ts';
import { writeImported } from '../../import/write.ts';
import { cpuMs } from '../support/cpu-time.ts';

const fleet = join(import.meta.dirname, '../fixtures/import/automatron/fleet');
const directory = mkdtempSync(join(tmpdir(), 'mendd-automatron-'));
afterAll(() => rmSync(directory, { recursive: true }));
for (const name of [
  'config.yml',
  'runbooks/init.yml',
  'runbooks/nginx',
  'runbooks/base',
  'runbooks/mysql.yml',
])
  cpSync(join(fleet, 'config', name), join(directory, 'config', name), { recursive: true });

const settings = {
  plugins: new PluginTexts(undefined),
  logins: new Map<string, string>(),
  names: new FactNames(new PluginTexts(undefined), undefined).liquid,
};
const originals = [
  'config.yml',
  'runbooks/nginx/facts.yml',
  'runbooks/base/memory/init.yml',
  'runbooks/mysql.yml',
].map((name) => ({ name, text: readFileSync(join(fleet, 'config', name), 'utf8') }));
const pieces = [
  '{% if facts.a %}',
  '{% endif %}',
  '{{',
  '}}',
  "{% for x in ['a'] %}",
  '{% endfor %}',
  '*',
  ':',
  '- ',
  '\n  ',
  '"',
  "'",
  '&a [*a]',
  '\uE0000\uE001',
  '{% raw %}',
  '[',
  '!!x',
  '\u0000',
];

/** A cut, a copy of a part, or something that has a meaning, at any place. */
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat(60),
  put: fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 12 }), fc.constant('')),
  twice: fc.boolean(),
});

function mutate(
  text: string,
  mutations: readonly (typeof mutation extends fc.Arbitrary<infer M> ? M : never)[],
): string {
  let mutated = text;
  for (const { at, length, put, twice } of mutations) {
    const from = Math.floor(at * mutated.length);
    const cut = mutated.slice(from, from + length);
    mutated = mutated.slice(0, from) + (twice ? cut + cut : '') + put + mutated.slice(from + length);
  }
  return mutated;
}

test('no mutation of an input crashes the import, and none takes a second', () => {
  const file = fc.constantFrom(...originals);
  fc.assert(
    fc.property(file, fc.array(mutation, { minLength: 1, maxLength: 4 }), ({ name, text }, mutations) => {
      const mutated = mutate(text, mutations);
      const started = cpuMs();
      const { notes } =
        name === 'config.yml'
          ? readConfig(mutated, name)
          : readRunbook({ file: name, text: mutated }, settings);
      for (const { line } of notes) expect(line).toBeGreaterThanOrEqual(1);
      expect(cpuMs() - started).toBeLessThan(1000);
    }),
    { numRuns: 500, seed: 5 },
  );
});

test('whatever is imported of mutated inputs is valid', () => {
  const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...originals), mutations, ({ name, text }, changes) => {
      const path = join(directory, 'config', name);
      writeFileSync(path, mutate(text, changes));
      const target = join(directory, 'out');
      try {
        const made = importAutomatron(directory, {});
        const daemonFile =
          'definitions: { path: ./definitions }\nstore: { path: ./mendd.db }\nssh: { agent: true }\n';
        writeImported(made, { directory: target, from: 'fixtures', daemonFile });
        const loaded = loadDefinitions({ configFile: join(target, 'mendd.yaml'), resolveSecrets: false });
        const problems = loaded.ok ? [] : loaded.problems;
        expect(problems.map(({ file, line, message }) => `${file}:${line}: ${message}`)).toEqual([]);
      } catch (error) {
        if (!(error instanceof ImportError)) throw error;
      } finally {
        writeFileSync(path, text);
        rmSync(target, { recursive: true, force: true });
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 20), seed: Number(process.env['SEED'] ?? 5) },
  );
});

test.each([
  ['nested conditions', `${'{% if facts.a %}\n'.repeat(3000)}a: 1\n`],
  [
    'many conditions',
    Array.from({ length: 400 }, (_, n) => `{% if facts.a${n} %}\nk${n}: 1\n{% endif %}\n`).join(''),
  ],
  ['nested parentheses', `a: {{ ${'('.repeat(50_000)} }}\n`],
  ['many operators', `a: {{ facts.a ${'and facts.b '.repeat(20_000)} }}\n`],
  [
    'aliases that grow',
    `a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c]\ne: [*d,*d,*d,*d]\n`,
  ],
  [
    'loops in loops',
    `${"{% for a in ['1','2','3','4','5','6','7','8','9'] %}\n".repeat(8)}k: 1\n${'{% endfor %}\n'.repeat(8)}`,
  ],
  ['open quotes', `a: {{ '${'x'.repeat(250_000)}\n`],
  ['only marks', '{%'.repeat(100_000)],
])('%s end in a second', (_, text) => {
  const path = join(directory, 'config/runbooks/mysql.yml');
  const kept = readFileSync(path, 'utf8');
  writeFileSync(path, `${text}\nchecks:\n  c: { type: cmd, cmd: 'true' }\n`);
  const started = cpuMs();
  importAutomatron(directory, {});
  expect(cpuMs() - started).toBeLessThan(1000);
  writeFileSync(path, kept);
});
