/** Real outputs of the monitoring plugins and hand-made edges (test/vectors/), then what a hostile machine may print. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FinishedOutcome, resultOf, stateOfExit } from '../../core/exit-code.ts';
import { maxPerfdata, parsePluginOutput } from '../../core/plugin-output.ts';
import type { CheckState } from '../../core/types.ts';
import { cpuMs } from '../support/cpu-time.ts';

interface Row {
  id: string;
  name: string;
  basis: 'guideline' | 'nagios' | 'consensus' | 'policy';
  stdout: string;
  exit: number;
  expected: {
    state: number;
    text: string;
    longText: string;
    perfdata: { warn: string | null; crit: string | null }[];
  };
}

const rows = readFileSync(new URL('../vectors/plugin-output.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Row);
const states: CheckState[] = ['ok', 'warning', 'critical', 'unknown'];

test('the vectors are all there', () => {
  expect(rows).toHaveLength(104);
  expect(rows.filter((row) => row.basis === 'policy')).toHaveLength(11);
});

test.each(rows)('$id $name ($basis)', (row) => {
  const perfdata = row.expected.perfdata.map((item) => ({
    ...item,
    warn: item.warn ?? '',
    crit: item.crit ?? '',
  }));
  const { text, longText } = row.expected;
  expect(parsePluginOutput(row.stdout)).toStrictEqual({ text, longText, perfdata });
  const state = row.exit > 3 ? 'unknown' : states[row.expected.state];
  expect(stateOfExit(row.exit, {}).state).toBe(state);
});

function parsePerf(perfdata: string): unknown {
  return parsePluginOutput(`OK\nmore|${perfdata}`).perfdata.map(
    ({ label, value, uom }) => `${label}~${value}~${uom}`,
  );
}

test.each([
  ['a quote that never ends is part of a plain label', "'a=1 b=2", ["'a~1~", 'b~2~']],
  ['a quoted label without = joins the next', "'a' b=2", ["'a' b~2~"]],
  ['quotes in quotes', "'it''s /x'=3KB", ["it's /x~3~KB"]],
  ['= inside quotes', "'a=b'=4", ['a=b~4~']],
  ['words that end a line are no label', 'lost words\nb=2', ['b~2~']],
  ['a number too large for a double', 'a=1e999 b=2', ['b~2~']],
  ['a unit with U', 'a=Us b=U', ['b~null~']],
  ['an empty quoted label', "''=1 b=2", ['b~2~']],
])('perfdata: %s', (_name, perfdata, expected) => {
  expect(parsePerf(perfdata)).toStrictEqual(expected);
});

test('a check cannot draw on the terminal of its reader', () => {
  const output = parsePluginOutput(
    '\u001b[31mCRIT\u001b[0m\u0000 \u009b2J|a\u0007=1\r\nlong\ttext\u001b]0;x\u0007\r\n',
  );
  expect(output.text).toBe('CRIT 2J');
  expect(output.longText).toBe('long\ttext]0;x');
  expect(output.perfdata).toMatchObject([{ label: 'a', value: 1 }]);
});

test('minus zero is zero, as it would be after a restart', () => {
  expect(parsePluginOutput('OK|a=-0').perfdata[0]?.value).toBe(0);
});

test('perfdata has a limit, and what is within it is kept', () => {
  const { perfdata } = parsePluginOutput(
    `OK|${Array.from({ length: 5000 }, (_, i) => `p${i}=${i}`).join(' ')}`,
  );
  expect(perfdata).toHaveLength(maxPerfdata);
  expect(perfdata.at(-1)?.label).toBe(`p${maxPerfdata - 1}`);
});

test.each([
  "'",
  "''",
  "'''",
  "'a=1 ",
  "''a=1 ",
  '=',
  'a=',
  'a=1,',
  '1',
  '1,',
  '\u001b[',
  '\u001b[1;',
  ' ',
  '\n',
  '|',
])('1 MiB of %j is read in linear time', (piece) => {
  const started = cpuMs();
  parsePluginOutput(`OK|${piece.repeat(1_048_576 / piece.length)}`);
  parsePluginOutput(`OK|a=${piece.repeat(1_048_576 / piece.length)}`);
  expect(cpuMs() - started).toBeLessThan(2000);
});

test('any text gives clean data of the right shape, and JSON keeps it', () => {
  const alphabet = fc.constantFrom(...'a=|;\'",.U-+e1 \n\t\r\u0000\u001b[m%~@:日'.split(''));
  fc.assert(
    fc.property(fc.string({ unit: alphabet, maxLength: 300 }), (stdout) => {
      const output = parsePluginOutput(stdout);
      expect(JSON.parse(JSON.stringify(output))).toStrictEqual(output);
      expect(output.text).not.toMatch(/[^\P{Cc}\t]/u);
      for (const { label, value, uom, min, max } of output.perfdata) {
        expect(label.trim()).not.toBe('');
        expect(uom).not.toMatch(/[\d\s;'"=|]/);
        for (const number of [value, min, max]) expect(number === null || Number.isFinite(number)).toBe(true);
      }
    }),
  );
});

test('well-formed perfdata is read back as it was written', () => {
  const label = fc.string({
    minLength: 1,
    maxLength: 20,
    unit: fc.constantFrom('a', 'b', '=', "'", '/', ' ', '.', 'ü', '|', ';'),
  });
  const item = fc.record({
    label,
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
    uom: fc.constantFrom('', 's', '%', 'KB'),
  });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 8 }), (items) => {
      const written = items
        .map((each) => `'${each.label.replaceAll("'", "''")}'=${each.value}${each.uom}`)
        .join(' ');
      const kept = items
        .filter((each) => each.label !== '')
        .map((each) => ({ ...each, value: each.value + 0 }));
      expect(parsePluginOutput(`OK|${written}`).perfdata).toMatchObject(kept);
    }),
  );
});

const ran = { stdout: '', stderr: '', truncated: false, startedAtMs: 5, durationMs: 7 };

test.each<[string, FinishedOutcome, CheckState, string]>([
  ['126', { kind: 'exited', exitCode: 126, ...ran }, 'unknown', 'not executable (exit code 126)'],
  [
    '127 with stderr',
    { kind: 'exited', exitCode: 127, ...ran, stderr: '\nsh: 1: nope: not found\nmore' },
    'unknown',
    'command not found (exit code 127): (no output on stdout) stderr: sh: 1: nope: not found',
  ],
  ['4', { kind: 'exited', exitCode: 4, ...ran, stdout: 'hm' }, 'unknown', 'exit code 4 is outside 0-3: hm'],
  ['-1', { kind: 'exited', exitCode: -1, ...ran }, 'unknown', 'exit code -1 is outside 0-3'],
  ['255', { kind: 'exited', exitCode: 255, ...ran }, 'unknown', 'exit code 255 is outside 0-3'],
  [
    '137',
    { kind: 'exited', exitCode: 137, ...ran },
    'unknown',
    "exit code 137 is outside 0-3 (the shell's way to say SIGKILL)",
  ],
  ['signal of Node', { kind: 'killed', signal: 'SIGKILL', ...ran }, 'unknown', 'killed by SIGKILL'],
  ['signal of SSH', { kind: 'killed', signal: 'SEGV', ...ran }, 'unknown', 'killed by SIGSEGV'],
  ['signal without a name', { kind: 'killed', signal: '', ...ran }, 'unknown', 'killed by a signal'],
  ['time-out', { kind: 'timed_out', limitMs: 10_000, ...ran }, 'unknown', 'timed out after 10s'],
  [
    'an OK before a time-out is no OK',
    { kind: 'timed_out', limitMs: 90_000, ...ran, stdout: 'OK - fine' },
    'unknown',
    'timed out after 1m30s: OK - fine',
  ],
  ['silence', { kind: 'exited', exitCode: 0, ...ran }, 'ok', '(no output)'],
  [
    'stderr only',
    { kind: 'exited', exitCode: 2, ...ran, stderr: 'boom' },
    'critical',
    '(no output on stdout) stderr: boom',
  ],
])('the end of a command: %s', (_name, outcome, state, text) => {
  expect(resultOf(outcome, {})).toMatchObject({ state, text, startedAtMs: 5, durationMs: 7 });
});

test('exit_map goes before everything', () => {
  expect(stateOfExit(3, { 3: 'critical' })).toStrictEqual({ state: 'critical' });
  expect(stateOfExit(127, { 127: 'warning' })).toStrictEqual({ state: 'warning' });
  expect(stateOfExit(1, { 3: 'critical' })).toStrictEqual({ state: 'warning' });
});

test('a missing exit status never becomes an exit code', () => {
  expect(resultOf({ kind: 'killed', signal: 'SIGTERM', ...ran })).not.toHaveProperty('exitCode');
  expect(resultOf({ kind: 'timed_out', limitMs: 1, ...ran })).not.toHaveProperty('exitCode');
});

test('numbers that may have been cut in the middle are not believed', () => {
  const stdout = 'OK|a=1 b=12';
  expect(resultOf({ kind: 'timed_out', limitMs: 1, ...ran, stdout }).perfdata).toStrictEqual([]);
  const cut = resultOf({ kind: 'exited', exitCode: 0, ...ran, stdout, truncated: true });
  expect(cut.perfdata.map((item) => item.label)).toStrictEqual(['a']);
  expect(cut.longText).toBe('(output was cut)');
});
