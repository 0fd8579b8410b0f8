/**
 * Owns the commits of a repository with definitions on this machine: fetches, has them checked out, remembers which is in force and
 * removes old ones. It loads nothing and decides nothing about what it brings.
 */
import { existsSync } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathInCheckout, readPin } from '../config/resolve-source.ts';
import type { GitSource } from '../core/definitions.ts';
import {
  type Commit,
  checkoutName,
  checkoutOf,
  checkoutsDirectory,
  commitIdPattern,
  keptCommits,
  type PinnedCommit,
  pinFile,
  type Rollback,
} from '../core/pinned-commit.ts';
import { checkOut } from '../sources/git-checkout.ts';
import { GitMirror, type GitRef, type MirrorOptions } from '../sources/git-mirror.ts';

/** A commit whose files are on the disk. */
export interface Brought {
  git: GitSource;
  commit: Commit;
  /** What problems are told relative to. */
  root: string;
  /** Where the definitions are. */
  directory: string;
  /** Why a person should look first: the commit in force is not before it. */
  rewritten?: string;
}

/** `refused`: the commit was read, and is not taken. `unreachable`: nothing is known of it. */
export interface NotBrought {
  kind: 'refused' | 'unreachable';
  problems: string[];
  commitId?: string;
}

export class DefinitionsSource {
  readonly git: GitSource;
  readonly #mirror: GitMirror;
  #pin: PinnedCommit | undefined;

  constructor(git: GitSource, options: MirrorOptions) {
    this.git = git;
    this.#mirror = new GitMirror(git, options);
  }

  /** Undefined while no commit of this branch was in force. */
  get pin(): PinnedCommit | undefined {
    this.#pin ??= readPin(this.git.directory);
    return this.#pin?.from === this.#from ? this.#pin : undefined;
  }

  /** The commit in force, if its files are here. */
  get pinned(): Brought | undefined {
    const { pin } = this;
    return pin === undefined || !existsSync(this.#brought(pin.commit).root)
      ? undefined
      : this.#brought(pin.commit);
  }

  get #from(): string {
    const { url, branch, path } = this.git;
    return JSON.stringify([url, branch, path]);
  }

  #brought(commit: Commit): Brought {
    const root = checkoutOf(this.git.directory, commit.id, this.git.path);
    return { git: this.git, commit, root, directory: pathInCheckout(root, this.git.path) };
  }

  /** Which commit the branch is at; nothing is fetched. */
  head(): ReturnType<GitMirror['head']> {
    return this.#mirror.head();
  }

  /** The newest of the branch, or another. */
  async bring(wanted: GitRef = { branch: this.git.branch }): Promise<Brought | NotBrought> {
    const fetched = await this.#fetch(wanted);
    if ('problem' in fetched) return { kind: 'unreachable', problems: [fetched.problem] };
    const commitId = fetched.value;
    const problems = await this.#checkOut(commitId);
    if (problems.length > 0) return { kind: 'refused', problems, commitId };
    const commit = await this.#mirror.commit(commitId);
    if ('problem' in commit) return { kind: 'refused', problems: [commit.problem], commitId };
    const rewritten = await this.#rewritten(commitId);
    return { ...this.#brought(commit.value), ...(rewritten === undefined ? {} : { rewritten }) };
  }

  /** The commit in force, when somebody removed its files. */
  bringPinned(): Promise<Brought | NotBrought> {
    const { pin } = this;
    return this.bring(pin && { commitId: pin.commit.id });
  }

  /** A commit that is asked for by the beginning of its hash; one that was in force needs no network. */
  async bringCommit(beginning: string): Promise<Brought | NotBrought> {
    const known = this.pin?.valid.filter(({ id }) => id.startsWith(beginning)) ?? [];
    const [only] = known;
    if (only !== undefined && known.length === 1 && existsSync(this.#brought(only).root))
      return this.#brought(only);
    const found = await this.#mirror.find(only?.id ?? beginning);
    if ('value' in found) return this.bring({ commitId: found.value });
    if (commitIdPattern.test(beginning)) return this.bring({ commitId: beginning });
    return { kind: 'unreachable', problems: [`no commit of ${this.git.url} begins with ${beginning}`] };
  }

  async #fetch(wanted: GitRef): ReturnType<GitMirror['fetch']> {
    if ('commitId' in wanted) return this.#mirror.fetch(wanted);
    const head = await this.#mirror.head(wanted.branch);
    if ('problem' in head) return head;
    return (await this.#mirror.has(head.value)) ? head : this.#mirror.fetch(wanted);
  }

  /** Empty when its files are on the disk and its signature, if one is asked for, is believed. */
  async #checkOut(commitId: string): Promise<string[]> {
    const { allowedSigners, directory, path } = this.git;
    if (allowedSigners !== undefined) {
      const problem = await this.#mirror.signatureProblem(commitId, allowedSigners);
      if (problem !== undefined) return [`commit ${short(commitId)} is refused: ${problem}`];
    }
    const target = checkoutOf(directory, commitId, path);
    if (existsSync(target)) return [];
    if (this.pin !== undefined) await this.#removeOld();
    const answer = await checkOut(this.#mirror, commitId, { path, target });
    if (answer.kind === 'done') return [];
    if (answer.kind === 'failed') return [answer.problem];
    return answer.problems.map(({ path: at, message, hint }) => `${at}:1:1: ${message}\n  hint: ${hint}`);
  }

  async #rewritten(commitId: string): Promise<string | undefined> {
    const inForce = this.pin?.commit;
    if (inForce === undefined || inForce.id === commitId) return undefined;
    if (await this.#mirror.follows(commitId, inForce.id)) return undefined;
    return `it does not follow upon the commit in force, ${short(inForce.id)}: the branch was rewritten, or is another`;
  }

  /** From now on it is the one in force, also after a restart. Errors: those of the file system. */
  async pinTo(commit: Commit, rollback: Rollback | undefined): Promise<void> {
    const before = this.pin;
    const known = before?.valid ?? [];
    const valid = known.some(({ id }) => id === commit.id) ? known : [commit, ...known].slice(0, keptCommits);
    const pin: PinnedCommit = {
      from: this.#from,
      commit,
      valid,
      ...(rollback === undefined ? {} : { rollback }),
    };
    const path = join(this.git.directory, pinFile);
    const file = await open(`${path}.part`, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(pin, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.part`, path);
    this.#pin = pin;
    await this.#removeOld();
  }

  /** Checkouts that nobody can go back to, and what a crash left. */
  async #removeOld(): Promise<void> {
    const { pin } = this;
    const commits = pin === undefined ? [] : [pin.commit, ...pin.valid];
    const kept = new Set(commits.map(({ id }) => checkoutName(id, this.git.path)));
    const root = join(this.git.directory, checkoutsDirectory);
    const names = existsSync(root) ? await readdir(root) : [];
    for (const name of names)
      if (!kept.has(name)) await rm(join(root, name), { recursive: true, force: true });
  }
}

export function short(commitId: string): string {
  return commitId.slice(0, 12);
}
