/**
 * Owns the way from the `definitions` section of the daemon file to where definitions are read. It fetches nothing; which commit of
 * a repository is in force it reads from the record beside the checkouts.
 */
import { resolve } from 'node:path';
import type { GitSource, HoldLimits } from '../core/definitions.ts';
import { protocolOf } from '../core/git-url.ts';
import { checkoutOf, type PinnedCommit, parsePin, pinFile } from '../core/pinned-commit.ts';
import type { DaemonInput } from './daemon-schema.ts';
import { nearestFile } from './paths.ts';
import type { ProblemList } from './problems.ts';
import type { SecretReader } from './secrets.ts';
import type { DefinitionsInput } from './source-schema.ts';
import { readRegularFile } from './source-text.ts';
import { placeOf, type Tree } from './yaml-tree.ts';

/** Bytes. */
const pinLimit = 1024 * 1024;

export const usualPath = './definitions';

/** The sections of the daemon file that a source depends on, each absent when it has problems. */
type Parts = Partial<Pick<DaemonInput, 'definitions' | 'store' | 'ssh'>>;

/** Undefined with the reason among the problems, or when there is no `git`. */
export function resolveGit(
  parts: Parts,
  tree: Tree,
  secrets: SecretReader,
  problems: ProblemList,
): GitSource | undefined {
  const git = parts.definitions?.git;
  const directory = gitDirectory(parts, tree);
  if (git === undefined || directory === undefined) return undefined;
  const place = (key: string) => placeOf(tree, ['definitions', 'git', key]);
  const found = problems.problems.length;
  if (parts.definitions?.path !== undefined) {
    const hint = 'delete `path`; a directory in the repository is `git: { path: … }`';
    problems.add(placeOf(tree, ['definitions', 'path']), '`path` and `git` are both written', hint);
  }
  const protocol = protocolOf(git.url);
  const meant = [
    ['key', 'ssh'],
    ['token', 'https'],
  ] as const;
  for (const [key, of] of meant) {
    if (git[key] === undefined || protocol === of) continue;
    problems.add(place(key), `\`${key}\` is for ${of}, and the address is ${protocol}`, `delete \`${key}\``);
  }
  const key = git.key && secrets.read(git.key, 'key', 'key', place('key'));
  const token = git.token && secrets.read(git.token, 'password', 'token', place('token'));
  if (problems.problems.length > found) return undefined;
  const path = (written: string): string => resolve(nearestFile(tree.place.file, written));
  const knownHosts = git.known_hosts ?? parts.ssh?.known_hosts ?? '/etc/mendd/known_hosts';
  return {
    url: git.url,
    branch: git.branch,
    path: innerPath(git.path),
    everyMs: git.every,
    knownHosts: path(knownHosts),
    timeoutMs: git.timeout,
    directory,
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token }),
    ...(git.signed === false ? {} : { allowedSigners: path(git.signed.allowed_signers) }),
  };
}

export function resolveHold({ hold }: DefinitionsInput): HoldLimits {
  return { hostsPercent: hold.hosts, checksPercent: hold.checks, rewritten: hold.rewritten };
}

/** Where the copy of the repository is; undefined without one, or when the sections have problems. */
function gitDirectory({ definitions, store }: Parts, tree: Tree): string | undefined {
  if (definitions?.git === undefined) return undefined;
  const written =
    definitions.git.directory ?? (store && `${nearestFile(tree.place.file, store.path)}/../definitions`);
  return written === undefined ? undefined : resolve(nearestFile(tree.place.file, written));
}

/** The directory that definitions are read from, as the user wrote it; of a repository that of the commit in force. */
export function sourceDirectory(parts: Parts, tree: Tree): string | undefined {
  const { definitions } = parts;
  if (definitions === undefined) return undefined;
  if (definitions.git === undefined) return nearestFile(tree.place.file, definitions.path ?? usualPath);
  const directory = gitDirectory(parts, tree);
  const pin = directory === undefined ? undefined : readPin(directory);
  if (directory === undefined || pin === undefined) return undefined;
  const path = innerPath(definitions.git.path);
  return pathInCheckout(checkoutOf(directory, pin.commit.id, path), path);
}

export function pathInCheckout(checkout: string, path: string): string {
  return path === '' ? checkout : `${checkout}/${path}`;
}

/** Without a slash at its end; empty: the top. */
function innerPath(written: string | undefined): string {
  return written?.replace(/\/+$/, '') ?? '';
}

/** Undefined while no commit was in force yet. */
export function readPin(directory: string): PinnedCommit | undefined {
  const read = readRegularFile(`${directory}/${pinFile}`, pinLimit);
  return 'message' in read ? undefined : parsePin(read.bytes.toString('utf8'));
}
