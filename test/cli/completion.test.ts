/** Completion in real shells, and the manual page as man reads it. */
import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { cliAgainstApi } from '../support/cli-api.ts';
import { acknowledgementOf, checkView, hostView, silenceOf } from '../support/fake-views.ts';
import { menddFile } from '../support/mendd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const cli = cliAgainstApi((daemon) => {
  daemon.hostList = [hostView('web-1'), hostView('web-2'), hostView('db-1')];
  daemon.checkList = [checkView('web-1', 'app.running', 'ok'), checkView('web-1', 'app.queue', 'warning')];
  daemon.suppressionList = [silenceOf('S1'), acknowledgementOf('A1')];
  daemon.notifyList = [{ name: 'chat', kind: 'slack' }];
});

/** `mendd` on the PATH, and nothing of the person who runs the tests. */
function inShell(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const home = temporaryTree({});
  symlinkSync(menddFile, join(home, 'mendd'));
  const PATH = `${home}:${process.env['PATH'] ?? ''}`;
  return new Promise((resolve) => {
    const options = { env: { PATH, HOME: home, MENDD_API: cli.url, ...env }, cwd: home, timeout: 20_000 };
    execFile(program, args, options, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
}

const quoted = (words: readonly string[]): string => ['mendd', ...words].map((word) => `'${word}'`).join(' ');

/** A script that prints what a shell offers for each line, the last word being what is typed, each after a line `@`. */
const shells: Readonly<Record<string, (lines: readonly string[][]) => [args: string[], script: string]>> = {
  bash: (lines) => [
    ['--norc', '-c'],
    `eval "$(mendd completion bash)"; complete -p mendd
${lines.map((words) => `COMP_WORDS=(${quoted(words)}); COMP_CWORD=${words.length}; _mendd; printf '%s\\n' @ "\${COMPREPLY[@]}"`).join('\n')}`,
  ],
  // The engine that draws the list needs a terminal; what it is handed does not.
  zsh: (lines) => [
    ['-f', '-c'],
    `autoload -U compinit; compinit -u -D; eval "$(mendd completion zsh)"; print -r -- $_comps[mendd]
_describe() { print -rl -- "\${(@P)2}" }
${lines.map((words) => `print @; words=(${quoted(words)}); CURRENT=${words.length + 1}; _mendd`).join('\n')}`,
  ],
  fish: (lines) => [
    ['--no-config', '-c'],
    `mendd completion fish | source; echo mendd
${lines.map((words) => `echo @; complete -C 'mendd ${words.join(' ')}'`).join('\n')}`,
  ],
};

test.each(Object.keys(shells))(
  '%s completes commands, options, values, hosts, checks and actions',
  async (shell) => {
    const cases: [string[], string[]][] = [
      [['che'], ['check', 'checks']],
      [['token', 'cr'], ['create']],
      [['checks', '--pro'], ['--problems']],
      [
        ['token', 'create', '--scope', 'a'],
        ['ack', 'act', 'admin'],
      ],
      [
        ['facts', 'web'],
        ['web-1', 'web-2'],
      ],
      [
        ['explain', 'web'],
        ['web-1/app.queue', 'web-1/app.running'],
      ],
      [
        ['history', 'web-1', 'app'],
        ['app.queue', 'app.running'],
      ],
      [['checks', '--host', 'd'], ['db-1']],
      [['act', 'web-1', 'app.res'], ['app.restart']],
      [['history', 'nothing-'], []],
    ];
    const [args, script] = shells[shell]?.(cases.map(([words]) => words)) ?? [[], ''];
    const [registered, ...offered] = (await inShell(shell, [...args, script])).split(/^@\n/m);
    expect(registered).toContain('mendd');
    const words = offered.map((lines) =>
      lines
        .split('\n')
        // zsh has the meaning behind a colon, fish behind a tab.
        .map((line) => line.replace(/[\t:].*/, ''))
        .filter((word) => word !== '')
        .toSorted(),
    );
    expect(words).toEqual(cases.map(([, expected]) => expected));
  },
);

test.each<[string[], string[]]>([
  [
    ['act', 'web'],
    ['web-1', 'web-2'],
  ],
  [['act', 'web-1', ''], ['app.restart']],
  [['explain', 'web-1/app.queue', 'app.'], ['app.restart']],
  [
    ['runs', '--action', 'app'],
    ['app.page', 'app.reboot', 'app.restart'],
  ],
  [['runbooks', ''], ['app']],
  [['silence', 'add', 'db'], ['db-1']],
  [['silence', 'add', 'web-1', '--check', 'app.q'], ['app.queue']],
  [['silence', 'remove', ''], ['S1']],
  [['notify', 'test', ''], ['chat']],
  [['token', 'revoke', 'b'], []],
])('names that fit are asked of the daemon: %j', async (words, expected) => {
  const asked = await inShell('mendd', ['complete', '--', ...words]);
  const found = asked.split('\n').map((line) => line.replace(/\t.*/, ''));
  expect(found.filter((word) => word !== '').toSorted()).toEqual(expected);
});

test('what a daemon names cannot draw, and one that does not answer is not waited for', async () => {
  cli.daemon.hostList = [hostView('web\u001b[31m\n-1')];
  const asked = await inShell('mendd', ['complete', '--', 'facts', '']);
  expect(asked).toMatch(/^web[^\n]*-1\tup\n$/);
  expect(asked).not.toContain('\u001b');
  const startedMs = performance.now();
  // An address of nobody: packets to it get no answer.
  const none = await inShell('mendd', ['complete', '--', 'facts', ''], { MENDD_API: 'http://192.0.2.1:9' });
  expect([none, performance.now() - startedMs < 9_000]).toEqual(['', true]);
});

test('a daemon that takes the question and says nothing keeps no shell waiting', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
  onTestFinished(() => void silent.close());
  const at = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const startedMs = performance.now();
  const none = await inShell('mendd', ['complete', '--', 'facts', ''], { MENDD_API: at });
  expect([none, performance.now() - startedMs < 18_000]).toEqual(['', true]);
});

test('after -- and where files are wanted the shell completes by itself', async () => {
  expect(await inShell('mendd', ['complete', '--', 'submit', 'web-1', 'backup', '--', ''])).toBe(':files\n');
  expect(await inShell('mendd', ['complete', '--', 'checks', '--config', ''])).toBe(':files\n');
});

const committed = fileURLToPath(new URL('../../docs/mendd.1', import.meta.url));

test('docs/mendd.1 is what `mendd man` prints, and man reads it without a complaint', async () => {
  const page = await inShell('mendd', ['man']);
  if (process.env['UPDATE_MAN'] === '1') writeFileSync(committed, page);
  expect(
    readFileSync(committed, 'utf8') === page,
    'run UPDATE_MAN=1 npx vitest run test/cli/completion.test.ts',
  ).toBe(true);
  const complaints = await inShell('mandoc', ['-T', 'lint', '-W', 'warning', committed]);
  // It is made from the commands, and has no date of its own.
  expect(
    complaints
      .split('\n')
      .filter((line) => !line.includes('missing date'))
      .join('\n'),
  ).toBe('');
  const read = await inShell('mandoc', ['-T', 'utf8', committed]);
  const plain = read.replaceAll(new RegExp(`.${String.fromCodePoint(8)}`, 'g'), '');
  for (const words of ['mendd submit [host] [check] [command...]', '--token-file <file>', 'EXIT STATUS'])
    expect(plain).toContain(words);
});
