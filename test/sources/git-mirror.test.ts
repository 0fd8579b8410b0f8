import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GitSource } from '../../core/definitions.ts';
import { systemClock } from '../../daemon/clock.ts';
import { checkOut } from '../../sources/git-checkout.ts';
import { GitMirror } from '../../sources/git-mirror.ts';
import { removeSshd, type Sshd, startSshd } from '../support/sshd.ts';
import { Repository } from './git-repository.ts';

const random = (): string => randomBytes(6).toString('hex');

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

function sourceOf(repository: Repository, more: Partial<GitSource> = {}): GitSource {
  return {
    url: repository.url,
    branch: 'main',
    path: '',
    everyMs: 60_000,
    knownHosts: '/dev/null',
    timeoutMs: 20_000,
    directory: join(repository.root, 'kept'),
    ...more,
  };
}

function mirrorOf(repository: Repository, more: Partial<GitSource> = {}): GitMirror {
  const signal = new AbortController().signal;
  return new GitMirror(sourceOf(repository, more), { clock: systemClock, signal });
}

async function fetched(mirror: GitMirror): Promise<string> {
  const answer = await mirror.fetch({ branch: 'main' });
  if ('problem' in answer) throw new Error(answer.problem);
  return answer.value;
}

async function checkedOut(mirror: GitMirror, path = '') {
  const commit = await fetched(mirror);
  const target = join(mirror.source.directory, 'out', commit);
  return { target, answer: await checkOut(mirror, commit, { path, target }) };
}

test('a branch is fetched, told and written as it is, programs and links among it', async () => {
  const repository = new Repository();
  writeFileSync(join(repository.root, 'run'), '');
  mkdirSync(join(repository.work, 'plugins'));
  writeFileSync(join(repository.work, 'plugins/check'), '#!/bin/sh\n', { mode: 0o755 });
  execFileSync('ln', ['-s', 'check', join(repository.work, 'plugins/same')]);
  const id = repository.push(
    {
      'a.txt': 'one\r\n$Id$\n',
      'deep/b.txt': 'two',
      'empty.txt': '',
      '.gitattributes': '* text eol=lf ident export-subst\ndeep export-ignore\n',
    },
    'first thing',
  );
  const mirror = mirrorOf(repository);
  expect(await mirror.head()).toEqual({ value: id });
  expect(await fetched(mirror)).toBe(id);
  expect(await mirror.commit(id)).toEqual({
    value: { id, author: 'Ann', subject: 'first thing', committedAtMs: expect.any(Number) },
  });
  const { target, answer } = await checkedOut(mirror);
  expect(answer).toEqual({ kind: 'done' });
  expect(readFileSync(join(target, 'a.txt'), 'utf8')).toBe(repository.git('show', 'HEAD:a.txt') + '\n');
  expect(readFileSync(join(target, 'deep/b.txt'), 'utf8')).toBe('two');
  expect(readFileSync(join(target, 'empty.txt'), 'utf8')).toBe('');
  expect(statSync(join(target, 'plugins/check')).mode & 0o777).toBe(0o755);
  expect(readFileSync(join(target, 'plugins/same'), 'utf8')).toBe('#!/bin/sh\n');
  expect(readdirSync(join(mirror.source.directory, 'out'))).toEqual([id]);
});

test('only the directory that is asked for is written, where it is in the repository', async () => {
  const repository = new Repository();
  repository.push({ 'ops/defs/a.yaml': 'a', 'other/secret.yaml': 'b' });
  const { target, answer } = await checkedOut(mirrorOf(repository), 'ops/defs');
  expect(answer).toEqual({ kind: 'done' });
  expect(readdirSync(target, { recursive: true })).toEqual(['ops', 'ops/defs', 'ops/defs/a.yaml']);
  const none = await checkedOut(mirrorOf(repository), 'ops/none');
  expect(none.answer).toMatchObject({
    kind: 'refused',
    problems: [{ path: 'ops/none', message: 'there are no files here' }],
  });
});

test.each([
  ['out of the repository', '../..', 'leads out'],
  ['to an absolute path', '/etc/passwd', 'leads out'],
  ['nowhere', 'missing', 'leads nowhere'],
  ['to itself', 'link', 'leads nowhere'],
])('a link %s is refused with its name', async (_what, to, told) => {
  const repository = new Repository();
  repository.push({ 'a.txt': 'a' });
  repository.pushTree([
    `100644 blob ${repository.blob('a')}\ta.txt`,
    `120000 blob ${repository.blob(to)}\tlink`,
  ]);
  const { target, answer } = await checkedOut(mirrorOf(repository));
  expect(answer).toMatchObject({
    kind: 'refused',
    problems: [{ path: 'link', message: expect.stringContaining(told) }],
  });
  expect(existsSync(target)).toBe(false);
});

test('a link that leaves by the way of another link is refused', async () => {
  const repository = new Repository();
  repository.push({ 'a/b/c/x.txt': 'x' });
  execFileSync('ln', ['-s', '../../..', join(repository.work, 'a/b/c/top')]);
  execFileSync('ln', ['-s', 'a/b/c/top/../../../../etc', join(repository.work, 'evil')]);
  repository.push({});
  const { answer } = await checkedOut(mirrorOf(repository));
  expect(answer).toMatchObject({ kind: 'refused', problems: [{ path: 'evil' }] });
});

test('submodules and names of git are refused, each with its file and why', async () => {
  const repository = new Repository();
  const head = repository.push({ 'a.txt': 'a' });
  const blob = repository.blob('x');
  const inner = execFileSync('git', ['mktree'], {
    cwd: repository.work,
    encoding: 'utf8',
    input: `100644 blob ${blob}\tconfig\n`,
  }).trim();
  const names = ['.GIT', 'git~1', '.git ', '.g\u200cit', 'a\\b', '..'];
  const trees = names.map((name) => `040000 tree ${inner}\t${name}`);
  repository.pushTree([...trees, `160000 commit ${head}\tmodule`].toSorted());
  const { answer } = await checkedOut(mirrorOf(repository));
  if (answer.kind !== 'refused') throw new Error(answer.kind);
  expect(answer.problems.map(({ path, message }) => `${path}: ${message}`).toSorted()).toEqual([
    '../config: this path leaves the repository',
    ".GIT/config: `.GIT` is a name of git's own",
    ".g?it/config: `.g?it` is a name of git's own",
    ".git /config: `.git ` is a name of git's own",
    expect.stringContaining('a\\b/config: this name has a backslash'),
    "git~1/config: `git~1` is a name of git's own",
    'module: this is a submodule',
  ]);
});

test('what is missing is told: branch, repository, program', async () => {
  const repository = new Repository();
  repository.push({ a: '' });
  expect(await mirrorOf(repository).head('nope')).toEqual({
    problem: `there is no branch \`nope\` at ${repository.url}`,
  });
  const url = `${repository.root}/gone.git`;
  expect(await mirrorOf(repository, { url }).fetch({ branch: 'main' })).toEqual({
    problem: expect.stringMatching(/gone\.git cannot be reached: .*not.* a git repository/),
  });
});

test('a branch that was rewritten does not follow; one that went on does', async () => {
  const repository = new Repository();
  const first = repository.push({ a: '1' });
  const second = repository.push({ a: '2' });
  const mirror = mirrorOf(repository);
  await fetched(mirror);
  expect(await mirror.follows(second, first)).toBe(true);
  repository.git('reset', '--quiet', '--hard', first);
  const other = repository.push({ a: '3' });
  expect(await fetched(mirror)).toBe(other);
  expect(await mirror.follows(other, second)).toBe(false);
  expect(await mirror.follows(other, 'f'.repeat(40))).toBe(false);
});

test.each([
  ['a lock of a killed git', (path: string) => writeFileSync(join(path, 'refs/mendd/branch.lock'), '')],
  [
    'damaged objects',
    (path: string) => {
      for (const name of readdirSync(join(path, 'objects')))
        if (/^..$|^pack$/.test(name)) rmSync(join(path, 'objects', name), { recursive: true });
    },
  ],
  [
    'garbage in place of the copy',
    (path: string) => {
      rmSync(path, { recursive: true });
      writeFileSync(path, 'garbage');
    },
  ],
  ['a broken config', (path: string) => writeFileSync(join(path, 'config'), '[core')],
])('%s: the copy is made anew', async (_what, damage) => {
  const repository = new Repository();
  repository.push({ a: '1' });
  const mirror = mirrorOf(repository);
  await fetched(mirror);
  damage(join(mirror.source.directory, 'mirror.git'));
  const id = repository.push({ a: '2' });
  expect(await fetched(mirror)).toBe(id);
  expect((await checkedOut(mirror)).answer).toEqual({ kind: 'done' });
  expect(readdirSync(mirror.source.directory).toSorted()).toEqual(['mirror.git', 'out']);
});

test('no hook, no filter, no setting of the person who runs it, no other protocol', async () => {
  const repository = new Repository();
  const home = join(repository.root, 'home');
  mkdirSync(home);
  writeFileSync(
    join(home, '.gitconfig'),
    `[url "ext::sh -c 'touch ${home}/ran'"]\n\tinsteadOf = ${repository.url}\n`,
  );
  const before = process.env['HOME'];
  process.env['HOME'] = home;
  try {
    const id = repository.push({ a: '1' });
    expect(await mirrorOf(repository).head()).toEqual({ value: id });
    const evil = mirrorOf(repository, { url: `ext::sh -c touch% ${home}/ran` });
    expect(await evil.head()).toEqual({ problem: expect.stringContaining("transport 'ext' not allowed") });
    expect(await mirrorOf(repository, { url: '--upload-pack=touch /tmp/x' }).head()).toHaveProperty(
      'problem',
    );
  } finally {
    process.env['HOME'] = before;
  }
  expect(existsSync(join(home, 'ran'))).toBe(false);
});

test('a remote that says nothing is given up, and nothing of it is left', async () => {
  const repository = new Repository();
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  const mirror = mirrorOf(repository, { url: `git://127.0.0.1:${port}/x`, timeoutMs: 300 });
  expect(await mirror.head()).toEqual({
    problem: expect.stringMatching(/cannot be reached: no answer within/),
  });
  server.close();
});

test('a stop ends what is under way', async () => {
  const repository = new Repository();
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  const ending = new AbortController();
  server.once('connection', () => ending.abort());
  const source = sourceOf(repository, { url: `git://127.0.0.1:${port}/x` });
  const mirror = new GitMirror(source, { clock: systemClock, signal: ending.signal });
  expect(await mirror.head()).toEqual({ problem: expect.stringContaining('mendd is stopping') });
  server.close();
});

test('a commit that is too large is refused before it is read', async () => {
  const repository = new Repository();
  repository.push({ 'large.bin': 'x'.repeat(17 * 1024 * 1024) });
  expect((await checkedOut(mirrorOf(repository))).answer).toMatchObject({
    kind: 'refused',
    problems: [{ path: 'large.bin', message: 'this is larger than 16,777,216 bytes' }],
  });
});

test('files of many sizes are all theirs', async () => {
  const repository = new Repository();
  const files = Object.fromEntries(
    Array.from({ length: 1_203 }, (_each, index) => [
      `d${index % 7}/f${index}`,
      random().repeat((index % 11) * 300),
    ]),
  );
  repository.push(files);
  const { target } = await checkedOut(mirrorOf(repository));
  for (const [path, text] of Object.entries(files))
    expect(hash(readFileSync(join(target, path), 'utf8'))).toBe(hash(text));
});

function signed(): { repository: Repository; signers: string; sign: (key: string) => void } {
  const repository = new Repository();
  const key = (name: string): string => join(repository.root, name);
  for (const name of ['ann', 'eve'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key(name)]);
  const signers = key('signers');
  writeFileSync(signers, `ann@example.com namespaces="git" ${readFileSync(key('ann.pub'), 'utf8')}`);
  const sign = (name: string): void => {
    for (const [setting, value] of [
      ['gpg.format', 'ssh'],
      ['commit.gpgsign', 'true'],
      ['user.signingkey', key(name)],
    ] as const)
      repository.git('config', setting, value);
  };
  return { repository, signers, sign };
}

describe('signatures', () => {
  test('of an allowed signer is believed; none, and that of another, are not', async () => {
    const { repository, signers, sign } = signed();
    const mirror = mirrorOf(repository);
    const problem = async (): Promise<string | undefined> =>
      mirror.signatureProblem(await fetched(mirror), signers);
    repository.push({ a: '1' });
    expect(await problem()).toBe('it is not signed');
    sign('eve');
    repository.push({ a: '2' });
    expect(await problem()).toMatch(/its signature is not believed/);
    sign('ann');
    repository.push({ a: '3' });
    expect(await problem()).toBeUndefined();
    expect(await mirror.signatureProblem(await fetched(mirror), `${signers}.gone`)).toBeTypeOf('string');
  });
});

describe('over ssh', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => removeSshd(sshd));

  const over = (repository: Repository, more: Partial<GitSource> = {}): GitMirror =>
    mirrorOf(repository, {
      url: `ssh://${sshd.user}@127.0.0.1:${sshd.port}${repository.url}`,
      key: { reveal: () => sshd.identity, toString: () => '', toJSON: () => '' },
      knownHosts: sshd.knownHosts,
      ...more,
    });

  test('with its key and the known host key; the key is gone afterwards', async () => {
    const repository = new Repository();
    const id = repository.push({ a: '1' });
    const mirror = over(repository, { directory: join(repository.root, "it's a %d place") });
    expect(await fetched(mirror)).toBe(id);
    expect(readdirSync(mirror.source.directory)).toEqual(['mirror.git']);
  });

  test('an unknown host key and a key that may not log in are refused', async () => {
    const repository = new Repository();
    repository.push({ a: '1' });
    const unknown = await over(repository, { knownHosts: '/dev/null' }).head();
    expect(unknown).toEqual({ problem: expect.stringMatching(/Host key verification failed/) });
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(repository.root, 'other')]);
    const other = readFileSync(join(repository.root, 'other'), 'utf8');
    const refused = await over(repository, {
      key: { reveal: () => other, toString: () => '', toJSON: () => '' },
    }).head();
    expect(refused).toEqual({ problem: expect.stringMatching(/Permission denied/) });
  });
});
