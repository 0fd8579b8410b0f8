/** A real bare repository on disk and a clone to push from, as people have them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { writeInto } from '../support/temporary-tree.ts';

const identity = {
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.com',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};

export class Repository {
  /** Where everything of it is. */
  readonly root: string;
  /** The bare repository: what is cloned. */
  readonly url: string;
  readonly work: string;

  constructor(atEnd: (end: () => void) => void = onTestFinished) {
    this.root = mkdtempSync(join(tmpdir(), 'mendd-repository-'));
    atEnd(() => rmSync(this.root, { recursive: true, force: true }));
    this.url = join(this.root, 'definitions.git');
    this.work = join(this.root, 'work');
    this.#run('/', 'init', '--quiet', '--bare', '--initial-branch=main', this.url);
    this.#run('/', 'init', '--quiet', '--initial-branch=main', this.work);
    this.git('remote', 'add', 'origin', this.url);
  }

  git(...args: string[]): string {
    return this.#run(this.work, ...args);
  }

  #run(cwd: string, ...args: string[]): string {
    const options = { cwd, encoding: 'utf8', env: { ...process.env, ...identity }, stdio: 'pipe' } as const;
    return execFileSync('git', args, options).trim();
  }

  /** Writes, commits and pushes; undefined removes a file. Answers the commit. */
  push(files: Readonly<Record<string, string | undefined>>, subject = 'change'): string {
    for (const [path, text] of Object.entries(files)) {
      if (text === undefined) rmSync(join(this.work, path));
      else writeInto(this.work, path, text);
    }
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '-m', subject);
    this.git('push', '--quiet', '--force', 'origin', 'HEAD:main');
    return this.git('rev-parse', 'HEAD');
  }

  /** Pushes a commit of exactly this tree, which no work tree could hold: `mode type hash<tab>path` lines. */
  pushTree(lines: readonly string[]): string {
    const input = lines.map((line) => `${line}\n`).join('');
    const env = { ...process.env, ...identity };
    const options = { cwd: this.work, encoding: 'utf8', env, input } as const;
    const tree = execFileSync('git', ['mktree', '--missing'], options).trim();
    const commit = this.git('commit-tree', '-m', 'strange', tree);
    this.git('push', '--quiet', '--force', 'origin', `${commit}:refs/heads/main`);
    return commit;
  }

  blob(text: string): string {
    const options = { cwd: this.work, encoding: 'utf8', input: text } as const;
    return execFileSync('git', ['hash-object', '-w', '--stdin'], options).trim();
  }
}
