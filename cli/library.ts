/** `mendd library`: lists the runbooks that come with mendd, shows one, and copies one into the definitions. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import { addCommand, type OutputOptions, withOutput } from './command.ts';
import { CommandError, usageError } from './exit.ts';
import { type LibraryEntry, readLibrary, withHosts } from './library-files.ts';
import { writeNew } from './new-file.ts';
import { type Column, Output } from './output.ts';

interface AddOptions {
  dir: string;
  hosts?: string;
}

export function addLibrary(program: Command): void {
  const summary = 'start from tested runbooks: list them, show one, copy one into the definitions';
  const library = addCommand(program, 'library', summary, [
    'library',
    'library show nginx',
    'library add nginx --hosts role=web',
  ]);
  const first = { isDefault: true };
  withOutput(addCommand(library, 'list', 'list them', ['library list -o json'], first)).action(list);
  addCommand(library, 'show <name>', 'print one, with all its files', ['library show nginx']).action(show);
  addCommand(library, 'add <name>', 'copy one into the definitions; never over a file', [
    'library add nginx --hosts role=web',
    "library add disk-full --hosts 'db-*,!db-9' --dir /etc/mendd/definitions",
  ])
    .option('--dir <directory>', 'the definitions directory', 'definitions')
    .option('--hosts <hosts>', 'labels (role=web,env=prod) or names and globs, in place of its own')
    .action(add);
}

function list({ output }: OutputOptions): void {
  const out = new Output(output);
  const entries = readLibrary().map(({ name, summary, files }) => ({
    name,
    summary,
    files: files.map(({ path }) => path),
  }));
  const columns: Column<(typeof entries)[number]>[] = [
    { title: 'NAME', cell: (entry) => entry.name },
    { title: 'WHAT', cell: (entry) => entry.summary },
  ];
  out.list('runbooks', entries, columns, '');
  out.talk('One of them: mendd library show NAME, then mendd library add NAME');
}

function show(name: string): void {
  const { files } = entryOf(name);
  for (const [index, { path, text }] of files.entries())
    process.stdout.write(`${index === 0 ? '' : '\n'}${files.length > 1 ? `# --- ${path}\n` : ''}${text}`);
}

function add(name: string, { dir, hosts }: AddOptions): void {
  const { files } = entryOf(name);
  const out = new Output();
  if (!existsSync(dir))
    throw usageError(
      `There is no directory ${dir}.`,
      'Name the definitions directory with --dir, or write one: mendd init',
    );
  const [runbook, ...shared] = files;
  const text = hosts === undefined ? runbook?.text : withHosts(runbook?.text ?? '', hosts);
  if (runbook === undefined || text === undefined) throw new Error(`${name} has no file`);
  if (typeof text === 'object')
    throw usageError(`--hosts: ${text.problem}.`, 'Write for example role=web, or web-1,web-2.');
  const path = join(dir, runbook.path);
  if (!writeNew(path, { text })) {
    const hint = 'Nothing is written over. Move it away first, or change it by hand: mendd library show';
    throw new CommandError(exitCodes.failed, `${path} is there already.`, { hint });
  }
  out.lines([`created ${path}`]);
  for (const file of shared) {
    const target = join(dir, file.path);
    out.lines([`${writeNew(target, file) ? 'created' : 'kept   '} ${target}`]);
  }
  const change = hosts === undefined ? 'its `hosts` and what its comment names' : 'what its comment names';
  out.talk(`Next: change ${change}, then mendd validate`);
}

/** Errors: 64, with the name that was perhaps meant. */
function entryOf(name: string): LibraryEntry {
  const entries = readLibrary();
  const found = entries.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  const names = entries.map((entry) => entry.name).join(', ');
  throw usageError(`There is nothing called ${name} in the library.`, `It has: ${names}.`);
}
