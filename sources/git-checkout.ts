/**
 * Writes the files of one commit into a directory of their own: all of them or none. What could reach outside of it, or is no
 * file, is refused with its name. Attributes and filters of the repository change nothing: bytes are written as they are.
 */
import { constants } from 'node:fs';
import { mkdir, open, realpath, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { type Answer, type GitMirror, momentName } from './git-mirror.ts';

/** What keeps a commit from being written; the path is that in the repository. */
export interface TreeProblem {
  path: string;
  message: string;
  hint: string;
}

export type CheckoutAnswer =
  | { kind: 'done' }
  | { kind: 'refused'; problems: TreeProblem[] }
  | { kind: 'failed'; problem: string };

interface Entry {
  kind: 'file' | 'program' | 'link';
  id: string;
  bytes: number;
  path: string;
}

const filesLimit = 20_000;
const fileBytesLimit = 16 * 1024 * 1024;
const totalBytesLimit = 256 * 1024 * 1024;
const linkBytesLimit = 4_096;
const pathLengthLimit = 1_024;
const problemsLimit = 100;
/** Read from git at once. Bytes. */
const batchBytes = 8 * 1024 * 1024;
const batchFiles = 500;

/**
 * `target` must not exist; it is there, whole and on the disk, when the answer is `done`. `path`: only what is below it in the
 * repository, still where it is there.
 */
export async function checkOut(
  mirror: GitMirror,
  commitId: string,
  options: { path: string; target: string },
): Promise<CheckoutAnswer> {
  const { path, target } = options;
  const listed = await mirror.tree(commitId, path);
  if ('problem' in listed)
    return { kind: 'failed', problem: `commit ${commitId} cannot be read: ${listed.problem}` };
  const { entries, problems } = readTree(listed.value);
  if (problems.length > 0) return { kind: 'refused', problems: problems.slice(0, problemsLimit) };
  if (entries.length === 0) {
    const where = path === '' ? '.' : path;
    const hint = 'commit the definitions there, or mend `definitions.git.path`';
    return { kind: 'refused', problems: [{ path: where, message: 'there are no files here', hint }] };
  }
  const temporary = `${target}.${momentName()}.part`;
  try {
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    const written = await write(mirror, entries, temporary);
    if (written !== undefined) return { kind: 'failed', problem: written };
    const links = await linkProblems(entries, temporary);
    if (links.length > 0) return { kind: 'refused', problems: links };
    await syncDirectory(temporary);
    await rename(temporary, target);
    await syncDirectory(dirname(target));
    return { kind: 'done' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return { kind: 'failed', problem: `the commit cannot be written: ${(error as Error).message}` };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const kinds: Readonly<Record<string, Entry['kind']>> = {
  '100644': 'file',
  '100664': 'file',
  '100755': 'program',
  '120000': 'link',
};

function readTree(listed: Buffer): { entries: Entry[]; problems: TreeProblem[] } {
  const entries: Entry[] = [];
  const problems: TreeProblem[] = [];
  let total = 0;
  for (const line of listed.toString('latin1').split('\0')) {
    const match = /^(\d{6}) (\w+) ([0-9a-f]+) +(\d+|-)\t([\s\S]+)$/.exec(line);
    if (match === null) continue;
    const [, mode = '', , id = '', size = '', raw = ''] = match;
    const path = Buffer.from(raw, 'latin1').toString('utf8');
    const kind = kinds[mode];
    const bytes = Number(size);
    const problem = kind === undefined ? modeProblem(mode) : (nameProblem(path) ?? sizeProblem(kind, bytes));
    total += bytes || 0;
    if (problem !== undefined) problems.push({ path: shown(path), ...problem });
    else if (kind !== undefined) entries.push({ kind, id, bytes, path });
  }
  const tooMany = entries.length > filesLimit || total > totalBytesLimit;
  if (tooMany) {
    const message = `the commit has ${entries.length} files of ${total} bytes; the most is ${filesLimit} of ${totalBytesLimit}`;
    problems.push({
      path: '.',
      message,
      hint: 'name the directory of the definitions with `definitions.git.path`',
    });
  }
  return { entries, problems };
}

type Complaint = Omit<TreeProblem, 'path'>;

function modeProblem(mode: string): Complaint {
  if (mode === '160000') {
    return {
      message: 'this is a submodule',
      hint: 'submodules are not fetched; commit the files themselves',
    };
  }
  return { message: `this is no file (mode ${mode})`, hint: 'only files, directories and links are read' };
}

/** What some file system takes for `.git`, and what leaves the directory. Source: git's own verify_path() and fsck. */
function nameProblem(path: string): Complaint | undefined {
  const hint = 'rename it';
  if (Buffer.byteLength(path) > pathLengthLimit) return { message: 'this path is too long', hint };
  if (/[\p{Cc}\ufffd\\]/u.test(path)) {
    return { message: 'this name has a backslash, control characters or is no UTF-8', hint };
  }
  for (const name of path.split('/')) {
    if (name === '' || name === '.' || name === '..')
      return { message: 'this path leaves the repository', hint };
    const plain = name
      .replaceAll(/\p{Cf}/gu, '')
      .replace(/[. ]+$/, '')
      .toLowerCase();
    if (plain === '.git' || /^git~\d$/.test(plain) || plain.startsWith('.git::')) {
      return { message: `\`${shown(name)}\` is a name of git's own`, hint };
    }
  }
  return undefined;
}

function sizeProblem(kind: Entry['kind'], bytes: number): Complaint | undefined {
  const limit = kind === 'link' ? linkBytesLimit : fileBytesLimit;
  if (bytes <= limit) return undefined;
  return { message: `this is larger than ${limit.toLocaleString('en-US')} bytes`, hint: 'keep it elsewhere' };
}

function shown(path: string): string {
  return path.slice(0, 200).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}

/** Links come last, so that no file is ever written through one. A sentence when something failed. */
async function write(
  mirror: GitMirror,
  entries: readonly Entry[],
  root: string,
): Promise<string | undefined> {
  const directories = new Set(entries.map(({ path }) => dirname(path)));
  for (const directory of directories) await mkdir(join(root, directory), { recursive: true, mode: 0o700 });
  const ordered = [
    ...entries.filter(({ kind }) => kind !== 'link'),
    ...entries.filter(({ kind }) => kind === 'link'),
  ];
  for (const batch of batches(ordered)) {
    const read = await readBlobs(mirror, batch);
    if ('problem' in read) return read.problem;
    for (const [index, content] of read.value.entries()) {
      const entry = batch[index];
      if (entry !== undefined) await writeEntry(join(root, entry.path), entry, content);
    }
  }
  for (const directory of directories) await syncDirectory(join(root, directory));
  return undefined;
}

async function writeEntry(path: string, { kind }: Entry, content: Buffer): Promise<void> {
  if (kind === 'link') {
    await symlink(content, path);
    return;
  }
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(path, flags, kind === 'program' ? 0o755 : 0o644);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

function* batches(entries: readonly Entry[]): Generator<Entry[]> {
  let batch: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (batch.length > 0 && (bytes + entry.bytes > batchBytes || batch.length >= batchFiles)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += entry.bytes;
  }
  if (batch.length > 0) yield batch;
}

/** In the order of the entries. */
async function readBlobs(mirror: GitMirror, batch: readonly Entry[]): Promise<Answer<Buffer[]>> {
  const bytes = batch.reduce((sum, entry) => sum + entry.bytes, 0);
  const answer = await mirror.blobs(
    batch.map(({ id }) => id),
    bytes,
  );
  if ('problem' in answer) return answer;
  const contents: Buffer[] = [];
  let at = 0;
  for (const { id, bytes: size, path } of batch) {
    const head = `${id} blob ${size}\n`;
    const from = at + head.length;
    if (answer.value.toString('latin1', at, from) !== head)
      return { problem: `${shown(path)} cannot be read` };
    contents.push(answer.value.subarray(from, from + size));
    at = from + size + 1;
  }
  return { value: contents };
}

/** Judged where they really lead, links on the way followed. */
async function linkProblems(entries: readonly Entry[], root: string): Promise<TreeProblem[]> {
  const top = await realpath(root);
  const problems: TreeProblem[] = [];
  for (const { kind, path } of entries) {
    if (kind !== 'link') continue;
    const end = await realpath(join(root, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === undefined) throw error;
      return undefined;
    });
    if (end !== undefined && (end === top || end.startsWith(top + sep))) continue;
    const message = end === undefined ? 'this link leads nowhere' : 'this link leads out of the repository';
    problems.push({ path: shown(path), message, hint: 'commit the file itself' });
  }
  return problems;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
