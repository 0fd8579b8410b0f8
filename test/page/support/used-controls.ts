/**
 * Notes which controls and keys of the page the tests found on a screen and which of them they used, over all files of one run.
 * Whoever ends last compares: what was found or stands in the sources, and was used by nobody, is a hole. It presses nothing.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserContext } from 'playwright-core';
import { namedInSources } from './named-controls.ts';

const tests = fileURLToPath(new URL('..', import.meta.url));
const notes = fileURLToPath(new URL('../../../test-artefacts/page-controls', import.meta.url));

/** Runs in the page and tells what it sees to `noteControl`. */
const watcher = fileURLToPath(new URL('watch-controls.js', import.meta.url));

interface Note {
  /** Of the process that started all files of this run. */
  run: number;
  found: string[];
  used: string[];
}

export class UsedControls {
  readonly #found = new Set<string>();
  readonly #used = new Set<string>();
  readonly #file: string;

  /** `path`: of the test file. */
  constructor(path: string) {
    this.#file = basename(path);
    rmSync(this.#noteOf(this.#file), { force: true });
  }

  async follow(context: BrowserContext): Promise<void> {
    await context.exposeBinding('noteControl', (_source, text: string) => {
      const [kind] = text.split(' ', 1);
      (kind === 'found' ? this.#found : this.#used).add(text.slice(text.indexOf(' ') + 1));
    });
    await context.addInitScript({ path: watcher });
  }

  /** Holes of the whole run, once its last file has ended; before that none. */
  end(): string[] {
    mkdirSync(notes, { recursive: true });
    const own: Note = { run: process.ppid, found: [...this.#found], used: [...this.#used] };
    writeFileSync(this.#noteOf(this.#file), JSON.stringify(own, undefined, 1));
    const all = filesWithPage().map(read);
    if (all.some((each) => each?.run !== process.ppid)) return [];
    const found = new Set(all.flatMap((each) => each?.found ?? []));
    const used = new Set(all.flatMap((each) => each?.used ?? []));
    const texts = [...used].join('\n');
    return [
      ...[...found].filter((name) => !used.has(name)).map((name) => `on a screen: ${name}`),
      ...namedInSources()
        .filter((name) => !texts.includes(name))
        .map((name) => `in the sources: ${name}`),
    ].toSorted();
  }

  #noteOf(file: string): string {
    return join(notes, `${file}.json`);
  }
}

function filesWithPage(): string[] {
  return readdirSync(tests).filter(
    (name) => name.endsWith('.test.ts') && readFileSync(join(tests, name), 'utf8').includes('Stage.forFile('),
  );
}

function read(file: string): Note | undefined {
  try {
    return JSON.parse(readFileSync(join(notes, `${file}.json`), 'utf8')) as Note;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
