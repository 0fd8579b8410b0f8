import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import { addLibrary } from '../../cli/library.ts';
import { readLibrary, withHosts } from '../../cli/library-files.ts';
import { modes } from '../../core/safety.ts';
import { libraryDefinitions, temporaryDirectory } from '../support/library.ts';
import { libraryPage } from '../support/library-page.ts';

const entries = readLibrary();

test.each(entries.map(({ name }) => name))(
  '%s is valid, with a comment that says what it does, needs and lets change',
  (name) => {
    const definitions = libraryDefinitions(name);
    expect(definitions.runbooks).toHaveLength(1);
    expect(definitions.runbooks[0]?.checks.length).toBeGreaterThan(0);
    const text = entries.find((entry) => entry.name === name)?.files[0]?.text ?? '';
    expect(text).toMatch(
      /^# .+\.\n#\n# Does: .+\n(# .+\n)*# Needs: .+\n(# .+\n)*# Change: .+\n(# .+\n)*runbook: /,
    );
  },
);

test('what cannot be taken back waits for a person', () => {
  const destructive = ['shrink_journal', 'clean_packages', 'step', 'restart_parents', 'renew'];
  const rungs = entries.flatMap(({ name }) =>
    libraryDefinitions(name).runbooks.flatMap((runbook) => runbook.ladders.flatMap((ladder) => ladder.rungs)),
  );
  for (const wanted of destructive) {
    const rung = rungs.find(({ id }) => id.endsWith(`.${wanted}`));
    expect(modes).toContain(rung?.mode);
    expect(rung?.mode).toBe('approve');
  }
});

test('no command is more than POSIX has', () => {
  for (const { files } of entries)
    for (const { path, text } of files)
      expect(text, path).not.toMatch(/\[\[|<<<|\$'|\bfunction \w|&>|\blocal \w+=|\(\(\w+\+\+/);
});

test('docs/library.md is made of the files', async () => {
  const fix =
    'run `npx vitest run --project unit test/library/library-files.test.ts -u` and commit docs/library.md';
  await expect(libraryPage(entries), fix).toMatchFileSnapshot('../../docs/library.md');
});

test.each([
  ['role=web', 'hosts: { role: "web" }'],
  ['role=web,env=prod', 'hosts: { role: "web", env: "prod" }'],
  ['web-*,!web-9', 'hosts: ["web-*", "!web-9"]'],
])('--hosts %s', (written, line) => {
  expect(withHosts('runbook: x\nhosts: { role: a }\nevery: 1m\n', written)).toBe(
    `runbook: x\n${line}\nevery: 1m\n`,
  );
});

test.each(['', 'a b', 'role=web,web-1: {', '"', '*: &x'])('--hosts %j is refused', (written) => {
  expect(withHosts('hosts: x\n', written)).toHaveProperty('problem');
});

async function run(...args: string[]): Promise<string> {
  const written: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  try {
    const program = new Command().exitOverride();
    addLibrary(program);
    await program.parseAsync(['library', ...args], { from: 'user' });
  } finally {
    spy.mockRestore();
  }
  return written.join('');
}

test('add copies a runbook with what it uses, and never over a file', async () => {
  const dir = join(temporaryDirectory(), 'definitions');
  await expect(run('add', 'certificate', '--dir', dir)).rejects.toThrow(/There is no directory/);
  mkdirSync(dir);
  const told = await run('add', 'certificate', '--dir', dir, '--hosts', 'web-*');
  expect(told).toContain('runbooks/certificate.yaml');
  expect(readFileSync(join(dir, 'runbooks/certificate.yaml'), 'utf8')).toContain('\nhosts: ["web-*"]\n');
  expect(readFileSync(join(dir, 'checks/certificate.yaml'), 'utf8')).toContain('certificate_file:');
  writeFileSync(join(dir, 'runbooks/certificate.yaml'), 'mine');
  await expect(run('add', 'certificate', '--dir', dir)).rejects.toThrow(/is there already/);
  expect(readFileSync(join(dir, 'runbooks/certificate.yaml'), 'utf8')).toBe('mine');
  await expect(run('add', 'nothing', '--dir', dir)).rejects.toThrow(/nothing called nothing/);
});

test('list names all, show prints all files', async () => {
  const told = await run('list');
  for (const { name } of entries) expect(told).toContain(`${name} `);
  expect(await run('show', 'docker-container')).toContain('# --- actions/docker-container.yaml');
});
