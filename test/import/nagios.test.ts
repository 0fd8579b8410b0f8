/** Objects of Nagios become definitions that are valid, with a note for each line that is not carried over. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { usualPluginDirs as searched } from '../../checks/plugin.ts';
import { importNagios } from '../../import/nagios.ts';
import { splitCommand } from '../../import/nagios-carriers.ts';
import { usualPluginDirs } from '../../import/nagios-dirs.ts';
import { simpleWords } from '../../import/nagios-macros.ts';
import { ImportError, type Imported, reportText } from '../../import/report.ts';
import { writeImported } from '../../import/write.ts';
import { cpuMs } from '../support/cpu-time.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { goldenText, problemsOf } from './judge.ts';

const fixtures = fileURLToPath(new URL('../fixtures/import/nagios', import.meta.url));
const full = join(fixtures, 'full/nagios.cfg');
const nrpe = join(fixtures, 'full/nrpe.cfg');

const cases = readdirSync(join(fixtures, 'cases')).filter((name) => name.endsWith('.cfg'));

test.each(cases)('%s becomes what its golden file says, and is valid', async (name) => {
  const imported = importNagios(join(fixtures, 'cases', name), {});
  await expect(goldenText(imported)).toMatchFileSnapshot(
    join(fixtures, 'cases', `${basename(name, '.cfg')}.expected`),
  );
  expect(problemsOf(imported)).toEqual([]);
});

test('a whole configuration becomes what its golden file says, and is valid', async () => {
  const imported = importNagios(full, { nrpe });
  await expect(goldenText(imported)).toMatchFileSnapshot(join(fixtures, 'full.expected'));
  expect(problemsOf(imported)).toEqual([]);
});

test('without nrpe.cfg its commands still ask the daemon of the host', () => {
  const imported = importNagios(full, {});
  expect(imported.files.get('runbooks/root-disk-over-nrpe.yaml')).toContain('plugin: check_nrpe');
  expect(problemsOf(imported)).toEqual([]);
});

test('a password of resource.cfg stands nowhere in what is written', () => {
  const imported = importNagios(full, { nrpe });
  expect(goldenText(imported)).not.toContain('s3cret');
  expect(reportText('x', imported)).not.toContain('s3cret');
});

test('the plugins that are found by name are found by mendd in the same directories', () => {
  expect(usualPluginDirs).toEqual(searched);
});

test('a directory of objects is read, and a file that is copied from elsewhere finds what it names', () => {
  const tree = temporaryTree({
    'etc/nagios4/nagios.cfg': 'cfg_dir=/etc/nagios4-not-here/objects\ncfg_file=/etc/nagios4-not-here/x.cfg\n',
    'etc/nagios4-not-here/objects/a.cfg': 'define host {\n host_name a\n}\n',
    'plain/sub/b.cfg': 'define host {\n host_name b\n}\n',
  });
  const moved = importNagios(join(tree, 'etc/nagios4/nagios.cfg'), {});
  expect(moved.notes.map(({ line, level }) => [line, level])).toEqual([
    [1, 'changed'],
    [2, 'left_out'],
  ]);
  expect(importNagios(join(tree, 'plain'), {}).files.get('hosts/nagios.yaml')).toContain('b:');
});

test('what is no configuration is refused with a way out', () => {
  const tree = temporaryTree({ 'empty.cfg': '# nothing\n' });
  expect(() => importNagios(join(tree, 'empty.cfg'), {})).toThrow(ImportError);
  expect(() => importNagios(join(tree, 'nowhere'), {})).toThrow(/cannot be read/);
});

test('nothing is written over', () => {
  const tree = temporaryTree({ 'here.txt': 'mine' });
  const imported: Imported = { files: new Map(), notes: [], counts: {} };
  const request = { directory: tree, from: 'x', daemonFile: '' };
  expect(() => writeImported(imported, request)).toThrow(/is not empty; it holds here.txt/);
  expect(readdirSync(tree)).toEqual(['here.txt']);
});

describe('arguments of check_command', () => {
  test.each([
    ['name', ['name']],
    ['name!', ['name', '']],
    ['name!a b!c', ['name', 'a b', 'c']],
    [String.raw`name!a\!b!c\\!d\e`, ['name', 'a!b', 'c\\', String.raw`d\e`]],
  ])('%s', (text, parts) => {
    expect(splitCommand(text)).toEqual(parts);
  });
});

describe('words of a line without a shell', () => {
  test.each([
    [`a 'b c' "d e"f`, ['a', 'b c', 'd ef']],
    [`a '' b`, ['a', '', 'b']],
    [String.raw`a b\ c "d\"e"`, ['a', 'b c', 'd"e']],
    ['a | b', undefined],
    ['a $(b)', undefined],
    ['a "$b"', undefined],
    [`a 'b`, undefined],
    ['A=b c', undefined],
    ['a *', undefined],
  ])('%s', (text, words) => {
    expect(simpleWords(text)).toEqual(words);
  });
});

function fuzzFile(tree: string, text: string): string {
  const path = join(tree, 'fuzz.cfg');
  writeFileSync(path, text);
  return path;
}

describe('whatever the files hold', () => {
  const sources = [
    ...cases.map((name) => readFileSync(join(fixtures, 'cases', name), 'utf8')),
    ...[
      'objects/templates.cfg',
      'objects/web/hosts.cfg',
      'objects/web/services.cfg',
      'plugins.d/commands.cfg',
    ].map((name) => readFileSync(join(fixtures, 'full', name), 'utf8')),
  ];
  const lines = sources.flatMap((text) => text.split('\n'));
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...lines) },
    fc.constantFrom(
      '}',
      '{',
      'define host {',
      '!*,,',
      '$',
      '\\',
      ';',
      '+',
      'null',
      'service_description {{ x }} {% y',
      'alias ${env:A} {{',
      '_FOO ${file:/etc/passwd} {{ x }}',
      'check_command s!echo $${env:A} \'$${cred:B}\' "{{" $HOSTALIAS$',
      '{{',
      '\u2028',
      '\0',
      '$ARG1$',
      "'",
      '"',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  const edit = fc.record({ at: fc.nat(), cut: fc.nat(3), put: fc.array(piece, { maxLength: 3 }) });

  test('there is an answer within a second, and every line is carried over or noted', () => {
    const tree = temporaryTree({ 'resource.cfg': '$USER1$=/usr/lib/nagios/plugins\n$USER3$=secret\n' });
    const check = (source: string, edits: readonly { at: number; cut: number; put: string[] }[]): void => {
      const text = source.split('\n');
      for (const { at, cut, put } of edits) text.splice(at % text.length, cut, ...put);
      const file = fuzzFile(tree, text.join('\n'));
      const startedMs = cpuMs();
      try {
        // Closing the account throws when a line is neither carried over nor noted.
        const { files } = importNagios(file, {});
        expect(files.size).toBeGreaterThan(0);
      } catch (error) {
        if (!(error instanceof ImportError)) throw error;
      }
      expect(cpuMs() - startedMs).toBeLessThan(1000);
    };
    fc.assert(fc.property(fc.constantFrom(...sources), fc.array(edit, { maxLength: 6 }), check), {
      numRuns: 2000,
    });
  });

  test('what comes out is valid', () => {
    const tree = temporaryTree({});
    fc.assert(
      fc.property(fc.constantFrom(...sources), fc.array(edit, { maxLength: 4 }), (source, edits) => {
        const text = source.split('\n');
        for (const { at, cut, put } of edits) text.splice(at % text.length, cut, ...put);
        const whole = `${text.join('\n')}\n}\ndefine host {\n host_name always\n}\n`;
        const imported = importNagios(fuzzFile(tree, whole), {});
        expect(problemsOf(imported)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
