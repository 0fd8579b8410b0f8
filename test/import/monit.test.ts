/** Control files of Monit become definitions that are valid, with a note for each line that is not carried over. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { importMonit } from '../../import/monit.ts';
import * as scripts from '../../import/monit-scripts.ts';
import { ImportError } from '../../import/report.ts';
import { cpuMs } from '../support/cpu-time.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { goldenText, problemsOf } from './judge.ts';

const fixtures = fileURLToPath(new URL('../fixtures/import/monit', import.meta.url));
const cases = readdirSync(join(fixtures, 'cases')).filter((name) => name.endsWith('.monitrc'));

test.each(cases)('%s becomes what its golden file says, and is valid', async (name) => {
  const imported = importMonit(join(fixtures, 'cases', name), {});
  await expect(goldenText(imported)).toMatchFileSnapshot(
    join(fixtures, 'cases', `${basename(name, '.monitrc')}.expected`),
  );
  expect(problemsOf(imported)).toEqual([]);
});

test('a whole control file becomes what its golden file says, and is valid', async () => {
  const imported = importMonit(join(fixtures, 'full'), { host: 'web-1' });
  await expect(goldenText(imported)).toMatchFileSnapshot(join(fixtures, 'full.expected'));
  expect(problemsOf(imported)).toEqual([]);
});

test('what is no control file is refused with a way out', () => {
  const tree = temporaryTree({ monitrc: 'set daemon 30\n' });
  expect(() => importMonit(join(tree, 'monitrc'), {})).toThrow(ImportError);
  expect(() => importMonit(tree, { host: 'not a name' })).toThrow(/is no name of a host/);
});

test('files that include each other come to an end', () => {
  const tree = temporaryTree({
    monitrc: 'check file a with path /a\ninclude monitrc\ninclude sub/*\n',
    'sub/one': 'include sub/*\ncheck file b with path /b\n',
    'sub/two': 'include sub/*\n',
  });
  const imported = importMonit(tree, {});
  expect(imported.notes.some(({ message }) => message.includes('too deep or too often'))).toBe(true);
});

function exitOf(script: string): number | null {
  return spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8', env: { PATH: process.env['PATH'] } })
    .status;
}

function over(value: number): scripts.Limit {
  return { operator: '>', value };
}

function write(tree: string, text: string): string {
  writeFileSync(join(tree, 'monitrc'), text);
  return tree;
}

describe('the commands that ask what Monit asked', () => {
  test.each<[string, (path: string) => string, number]>([
    ['a file that is there', (path) => scripts.existsScript(path, '-f'), 0],
    ['a file that is not', (path) => scripts.existsScript(`${path}x`, '-f'), 2],
    ['a directory that is a file', (path) => scripts.existsScript(path, '-d'), 2],
    ['a size below', (path) => scripts.sizeScript(path, over(5)), 0],
    ['a size above', (path) => scripts.sizeScript(path, over(4)), 2],
    ['a size of nothing', (path) => scripts.sizeScript(`${path}x`, over(4)), 3],
    ['a young file', (path) => scripts.ageScript(path, '%Y', over(600)), 0],
    ['an old file', (path) => scripts.ageScript(path, '%Y', { operator: '<', value: 600 }), 2],
    ['a permission', (path) => scripts.statScript(path, '%a', '644'), 0],
    ['another permission', (path) => scripts.statScript(path, '%a', '600'), 2],
    ['a sum', (path) => scripts.checksumScript(path, '827CCB0EEA8A706C4C34A16891F84E7B'), 0],
    ['another sum', (path) => scripts.checksumScript(path, '0'.repeat(32)), 2],
    ['load below', () => scripts.loadScript(1, true, over(100_000)), 0],
    ['load above', () => scripts.loadScript(3, false, { operator: '>=', value: 0 }), 2],
    ['memory below', () => scripts.systemMemoryScript('memory', over(100), true), 0],
    ['memory above', () => scripts.systemMemoryScript('memory', over(1), false), 2],
    ['swap below', () => scripts.systemMemoryScript('swap', over(100), true), 0],
    ['processors below', () => scripts.systemCpuScript([2, 3, 4], over(101)), 0],
    ['processors above', () => scripts.systemCpuScript([2, 3, 4], { operator: '>=', value: 0 }), 2],
    ['inodes above', () => scripts.inodesScript('/proc/self/exe', { operator: '>=', value: 0 }, true), 2],
    ['an exit code', () => scripts.statusScript('false', { operator: '!=', value: 0 }), 2],
    ['another exit code', () => scripts.statusScript('true', { operator: '!=', value: 0 }), 0],
  ])('%s', (_name, script, code) => {
    expect(exitOf(script(join(temporaryTree({ 'a b': '12345' }), 'a b')))).toBe(code);
  });

  test('a process is found by its pidfile and by its words, and nothing is found in its own command line', async () => {
    const words = `mendd-import-${process.pid}`;
    const child = spawn('/bin/sh', ['-c', `sleep 60 & echo ready; wait # ${words}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    onTestFinished(() => {
      if (child.pid !== undefined) process.kill(-child.pid);
    });
    await once(child.stdout, 'data');
    const pidfile = join(temporaryTree({ pid: `${child.pid}\n`, stale: '4194304\n' }), 'pid');
    for (const by of [{ pidfile }, { matching: words }]) {
      expect(exitOf(scripts.runningScript(by))).toBe(0);
      expect(exitOf(scripts.memoryScript(by, false, over(1), false))).toBe(2);
      expect(exitOf(scripts.memoryScript(by, true, over(99), true))).toBe(0);
      expect(exitOf(scripts.childrenScript(by, over(0)))).toBe(2);
      expect(exitOf(scripts.childrenScript(by, over(1)))).toBe(0);
      expect(exitOf(scripts.processCpuScript(by, over(90)))).toBe(0);
    }
    expect(exitOf(scripts.runningScript({ pidfile: `${pidfile}x` }))).toBe(2);
    expect(exitOf(scripts.runningScript({ pidfile: pidfile.replace(/pid$/, 'stale') }))).toBe(2);
    expect(exitOf(scripts.runningScript({ matching: `${words}-and-more` }))).toBe(2);
    expect(exitOf(scripts.memoryScript({ matching: `${words}-and-more` }, true, over(0), false))).toBe(3);
    expect(exitOf(scripts.processCpuScript({ matching: `${words}-and-more` }, over(0)))).toBe(3);
  });

  test.each([
    ['nginx: master', '[n]ginx: master'],
    ['^nginx', '^nginx'],
    ['(a|b)+', '([a]|b)+'],
    [String.raw`\/x*yz`, String.raw`\/x*[y]z`],
    ['[ab]c', '[ab][c]'],
    ['.*', '.*'],
  ])('%s does not find itself as %s', (pattern, unlike) => {
    expect(scripts.unlikeItself(pattern)).toBe(unlike);
  });
});

describe('whatever the files hold', () => {
  const sources = [
    ...cases.map((name) => readFileSync(join(fixtures, 'cases', name), 'utf8')),
    ...['monitrc', 'conf.d/nginx.conf', 'conf.d/others.conf'].map((name) =>
      readFileSync(join(fixtures, 'full', name), 'utf8'),
    ),
  ];
  const words = sources.flatMap((text) => text.split(/(?<=\s)/));
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...words) },
    fc.constantFrom(
      '"',
      "'",
      '{',
      '}',
      '\n',
      'then ',
      'if ',
      'else ',
      'every ',
      'not ',
      '# ',
      '§0§ ',
      '{{',
      '${env:A} ',
      '0 ',
      '999999999 ',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  const edit = fc.record({ at: fc.nat(), cut: fc.nat(3), put: fc.array(piece, { maxLength: 3 }) });
  const mutated = fc
    .tuple(fc.constantFrom(...sources), fc.array(edit, { maxLength: 6 }))
    .map(([source, edits]) => {
      const parts = source.split(/(?<=\s)/);
      for (const { at, cut, put } of edits) parts.splice(at % parts.length, cut, ...put);
      return parts.join('');
    });
  test('there is an answer within a second, and every line is carried over or noted', () => {
    const tree = temporaryTree({});
    fc.assert(
      fc.property(mutated, (text) => {
        const startedMs = cpuMs();
        try {
          importMonit(write(tree, text), {});
        } catch (error) {
          if (!(error instanceof ImportError)) throw error;
        }
        expect(cpuMs() - startedMs).toBeLessThan(1000);
      }),
      { numRuns: 2000 },
    );
  });

  test('what comes out is valid, and its commands are commands to a shell', () => {
    const tree = temporaryTree({});
    fc.assert(
      fc.property(mutated, (text) => {
        const imported = importMonit(write(tree, `check file always with path /x\n${text}`), {});
        expect(problemsOf(imported)).toEqual([]);
      }),
      { numRuns: 60 },
    );
    for (const name of cases) {
      for (const [, run = ''] of goldenText(importMonit(join(fixtures, 'cases', name), {})).matchAll(
        /^ {4}run: ([^|"'>{].*)$/gm,
      ))
        execFileSync('/bin/sh', ['-n', '-c', run]);
    }
  });
});
