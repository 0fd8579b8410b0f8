/**
 * Owns the copy of a repository with definitions: asks the remote, fetches, and reads commits. It writes no work tree and
 * decides nothing. The copy is a cache: when it is damaged it is made anew.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import type { GitSource } from '../core/definitions.ts';
import { protocolOf } from '../core/git-url.ts';
import { type Commit, commitIdPattern, mirrorDirectory } from '../core/pinned-commit.ts';
import type { Clock } from '../core/ports.ts';
import { type GitOutcome, type GitRequest, runGit } from './git-command.ts';

export type Answer<T> = { value: T } | { problem: string };

export interface MirrorOptions {
  clock: Clock;
  signal: AbortSignal;
}

/** What may be asked for: the tip of a branch, or one commit. */
export type GitRef = { branch: string } | { commitId: string };

const branchRef = 'refs/mendd/branch';
const candidateRef = 'refs/mendd/candidate';

export class GitMirror {
  readonly source: GitSource;
  readonly #options: MirrorOptions;
  readonly #path: string;

  constructor(source: GitSource, options: MirrorOptions) {
    this.source = source;
    this.#options = options;
    this.#path = `${source.directory}/${mirrorDirectory}`;
  }

  /** The commit a branch of the remote is at. */
  async head(branch: string = this.source.branch): Promise<Answer<string>> {
    const made = await this.#make(this.#path, 'sha1');
    if ('problem' in made) return made;
    const ref = `refs/heads/${branch}`;
    const answer = await this.#remote(['ls-remote', '--end-of-options', this.source.url, ref]);
    if (answer.kind === 'failed') return this.#unreachable(answer.problem);
    if (answer.exitCode !== 0) return this.#unreachable(answer.said);
    const line = answer.stdout
      .toString('utf8')
      .split('\n')
      .find((each) => each.endsWith(`\t${ref}`));
    const [id = ''] = line?.split('\t') ?? [];
    if (commitIdPattern.test(id)) return { value: id };
    return { problem: `there is no branch \`${branch}\` at ${this.source.url}` };
  }

  /** Brings a commit here and answers its hash. A branch of the source is kept, anything else only until the next. */
  async fetch(wanted: GitRef): Promise<Answer<string>> {
    const made = await this.#make(this.#path, 'sha1');
    if ('problem' in made) return made;
    if ('commitId' in wanted && (await this.has(wanted.commitId))) return { value: wanted.commitId };
    const fetched = await this.#fetchInto(this.#path, wanted);
    if ('value' in fetched) return fetched;
    // A remote that answers means that the copy may be at fault: locks of a killed git, damaged objects.
    const head = await this.head('branch' in wanted ? wanted.branch : this.source.branch);
    if ('problem' in head) return head;
    const fresh = `${this.#path}.${momentName()}`;
    const again = await this.#make(fresh, head.value.length === 64 ? 'sha256' : 'sha1');
    const refetched = 'problem' in again ? again : await this.#fetchInto(fresh, wanted);
    if ('problem' in refetched) {
      await rm(fresh, { recursive: true, force: true });
      return refetched;
    }
    await rm(this.#path, { recursive: true, force: true });
    await rename(fresh, this.#path);
    return refetched;
  }

  async #fetchInto(path: string, wanted: GitRef): Promise<Answer<string>> {
    const isOwn = 'branch' in wanted && wanted.branch === this.source.branch;
    const to = isOwn ? branchRef : candidateRef;
    const from = 'branch' in wanted ? `refs/heads/${wanted.branch}` : wanted.commitId;
    const options = ['--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', '--force'];
    const args = ['fetch', ...options, '--end-of-options', this.source.url, `+${from}:${to}`];
    const answer = await this.#remote(args, path);
    if (answer.kind === 'failed') return this.#unreachable(answer.problem);
    if (answer.exitCode !== 0) return { problem: `${from} cannot be fetched: ${answer.said}` };
    return this.#idOf(to, path);
  }

  async has(commitId: string): Promise<boolean> {
    return 'value' in (await this.#idOf(commitId));
  }

  /** The whole hash of a commit that is here, from the beginning of one. */
  find(beginning: string): Promise<Answer<string>> {
    return this.#idOf(beginning);
  }

  async #idOf(revision: string, path = this.#path): Promise<Answer<string>> {
    const answer = await this.#local(['rev-parse', '--verify', '--quiet', `${revision}^{commit}`], {}, path);
    const id = answer.kind === 'exited' ? answer.stdout.toString('utf8').trim() : '';
    return commitIdPattern.test(id) ? { value: id } : { problem: `there is no commit ${revision} here` };
  }

  /** Whether the younger one follows upon the older one, which the copy may have lost. */
  async follows(younger: string, older: string): Promise<boolean> {
    const answer = await this.#local(['merge-base', '--is-ancestor', older, younger]);
    return answer.kind === 'exited' && answer.exitCode === 0;
  }

  async commit(id: string): Promise<Answer<Commit>> {
    const format = '--format=%H%x00%an%x00%ct%x00%s';
    const answer = await this.#read(['log', '-1', '--no-show-signature', '--no-mailmap', format, id, '--']);
    if ('problem' in answer) return answer;
    const [, author = '', seconds = '', subject = ''] = answer.value.toString('utf8').trimEnd().split('\0');
    return { value: { id, author, subject, committedAtMs: Number(seconds) * 1000 } };
  }

  /** Undefined when one of the allowed signers signed it; else why it is not believed. */
  async signatureProblem(id: string, allowedSigners: string): Promise<string | undefined> {
    const settings = ['-c', 'gpg.format=ssh', '-c', `gpg.ssh.allowedSignersFile=${allowedSigners}`];
    const answer = await this.#run([
      ...settings,
      '-c',
      'gpg.minTrustLevel=fully',
      `--git-dir=${this.#path}`,
      'verify-commit',
      id,
    ]);
    if (answer.kind === 'failed') return answer.problem;
    if (answer.exitCode === 0) return undefined;
    const isSilent = answer.said.startsWith('git ended with');
    return isSilent ? 'it is not signed' : `its signature is not believed: ${answer.said}`;
  }

  /** Standard output of a command that only reads. */
  async #read(args: readonly string[], more: Partial<GitRequest> = {}): Promise<Answer<Buffer>> {
    const answer = await this.#local(args, more);
    if (answer.kind === 'failed') return { problem: answer.problem };
    return answer.exitCode === 0 ? { value: answer.stdout } : { problem: answer.said };
  }

  /** `mode type id size<tab>path`, each ended by NUL: everything of a commit, or of a directory in it. */
  tree(id: string, path: string): Promise<Answer<Buffer>> {
    const below = path === '' ? [] : ['--', `${path}/`];
    const outputBytes = 16 * 1024 * 1024;
    return this.#read(['ls-tree', '-r', '-l', '-z', '--full-tree', id, ...below], { outputBytes });
  }

  /** The contents of blobs, one after the other, as `git cat-file --batch` writes them. */
  blobs(ids: readonly string[], bytes: number): Promise<Answer<Buffer>> {
    const outputBytes = bytes + 200 * ids.length;
    return this.#read(['cat-file', '--batch'], { stdin: ids.map((id) => `${id}\n`).join(''), outputBytes });
  }

  async #make(path: string, format: 'sha1' | 'sha256'): Promise<Answer<true>> {
    try {
      await mkdir(this.source.directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      return { problem: `${this.source.directory} cannot be made: ${(error as Error).message}` };
    }
    const known = await this.#run([`--git-dir=${path}`, 'rev-parse', '--is-bare-repository']);
    if (known.kind === 'failed') return { problem: known.problem };
    if (known.exitCode === 0) return { value: true };
    await rm(path, { recursive: true, force: true });
    const init = ['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, path];
    const made = await this.#run(init);
    if (made.kind === 'failed') return { problem: made.problem };
    return made.exitCode === 0 ? { value: true } : { problem: made.said };
  }

  #unreachable(why: string): { problem: string } {
    return { problem: `${this.source.url} cannot be reached: ${why}` };
  }

  #local(args: readonly string[], more: Partial<GitRequest> = {}, path = this.#path): Promise<GitOutcome> {
    return this.#run([`--git-dir=${path}`, ...args], more);
  }

  /** With the key or token of the source, which are gone from the disk afterwards. */
  async #remote(args: readonly string[], path = this.#path): Promise<GitOutcome> {
    const { url, key, token } = this.source;
    const protocol = protocolOf(url) ?? 'none';
    const keyFile = key && `${privateDirectory(this.source)}/mendd-git-${momentName()}.key`;
    try {
      if (key !== undefined && keyFile !== undefined) {
        const text = key.reveal();
        await writeFile(keyFile, text.endsWith('\n') ? text : `${text}\n`, { mode: 0o600, flag: 'wx' });
      }
      const env = { ...sshEnvironment(this.source, keyFile), ...tokenEnvironment(url, token?.reveal()) };
      return await this.#run([`--git-dir=${path}`, ...args], { protocol, env });
    } catch (error) {
      return { kind: 'failed', problem: `the key cannot be written: ${(error as Error).message}` };
    } finally {
      if (keyFile !== undefined) await rm(keyFile, { force: true });
    }
  }

  #run(args: readonly string[], more: Partial<GitRequest> = {}): Promise<GitOutcome> {
    const { clock, signal } = this.#options;
    return runGit({ args, clock, signal, timeoutMs: this.source.timeoutMs, ...more });
  }
}

/** For files that are of one moment. */
export function momentName(): string {
  return randomBytes(6).toString('hex');
}

/** In memory where there is such a place. */
function privateDirectory({ directory }: GitSource): string {
  return process.env['RUNTIME_DIRECTORY']?.split(':')[0] ?? process.env['XDG_RUNTIME_DIR'] ?? directory;
}

/** As a value in ssh_config(5). */
function sshPath(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

function sshEnvironment({ knownHosts }: GitSource, keyFile: string | undefined): Record<string, string> {
  const agent = process.env['SSH_AUTH_SOCK'];
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${sshPath(knownHosts)}`,
    'GlobalKnownHostsFile=/dev/null',
    'UpdateHostKeys=no',
    'PermitLocalCommand=no',
    'ClearAllForwardings=yes',
    ...(keyFile === undefined
      ? []
      : ['IdentitiesOnly=yes', 'IdentityAgent=none', `IdentityFile=${sshPath(keyFile)}`]),
  ];
  const command = ['ssh', '-F', '/dev/null', '-a', '-x', ...options.flatMap((option) => ['-o', option])];
  return {
    GIT_SSH_COMMAND: command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' '),
    GIT_SSH_VARIANT: 'ssh',
    ...(keyFile === undefined && agent !== undefined ? { SSH_AUTH_SOCK: agent } : {}),
  };
}

/** By the environment, since arguments can be read by everybody; for that server alone. */
function tokenEnvironment(url: string, token: string | undefined): Record<string, string> {
  if (token === undefined) return {};
  const { origin } = new URL(url);
  const login = Buffer.from(`x-access-token:${token}`).toString('base64');
  return {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: `http.${origin}/.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${login}`,
  };
}
