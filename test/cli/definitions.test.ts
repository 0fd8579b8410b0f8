/** Definitions as code by the command line: a daemon that follows a repository, and what its CI runs without one. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { Repository } from '../sources/git-repository.ts';
import { assertBuilt, type Ended, mendd, menddFile, serve } from '../support/mendd.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

const hosts = (count: number): string =>
  `hosts:\n${Array.from({ length: count }, (_each, index) => `  h${index}: { transport: local }\n`).join('')}`;
const runbook = (run: string): string =>
  `runbook: web\nhosts: ["*"]\nevery: 1h\nchecks:\n  a: { run: "${run}" }\n`;
const valid = { 'hosts/all.yaml': hosts(10), 'runbooks/web.yaml': runbook('true') };

beforeAll(assertBuilt);

describe('with a daemon that follows a repository', () => {
  const ends: (() => void | Promise<void>)[] = [];
  let repository: Repository;
  let configFile: string;
  let token: string;
  let first: string;

  beforeAll(async () => {
    repository = new Repository((end) => ends.push(end));
    first = repository.push(valid, 'the first');
    configFile = join(repository.root, 'mendd.yaml');
    writeInto(
      repository.root,
      'mendd.yaml',
      `definitions: { git: { url: ${repository.url}, every: 1h } }\nstore: { path: ./state/mendd.db }\napi: { listen: "127.0.0.1:0" }\n`,
    );
    const served = await serve(configFile, (end) => ends.push(end));
    writeInto(repository.root, 'api', served.api);
    token = (await ask('token', 'create', '--name', 'ann', '--scope', 'admin')).stdout.trim();
  });
  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  });

  function ask(command: string, ...args: string[]): Promise<Ended> {
    const api = command === 'token' ? {} : { MENDD_API: readFileSync(join(repository.root, 'api'), 'utf8') };
    const env = { ...api, ...(token === undefined ? {} : { MENDD_TOKEN: token }) };
    return mendd([command, ...args, '--config', configFile], { env });
  }

  test('a plan, a hold, its confirmation, a rollback and back', async () => {
    expect(await ask('plan')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^nothing changes\n/) });
    const second = repository.push({ 'hosts/all.yaml': hosts(3) }, 'fewer');
    const plan = await ask('plan');
    expect([plan.code, plan.stdout]).toEqual([
      1,
      expect.stringContaining('WOULD BE HELD: it drops 7 of 10 hosts'),
    ]);
    expect(plan.stdout).toContain('web shrank: 10 to 3 hosts');
    const json = await ask('plan', '-o', 'json');
    expect([json.code, JSON.parse(json.stdout)]).toEqual([
      1,
      expect.objectContaining({
        held: true,
        commit: second,
        plan: expect.objectContaining({ hosts: expect.objectContaining({ before: 10, after: 3 }) }),
      }),
    ]);
    const held = await ask('reload');
    expect([held.code, held.stderr]).toEqual([1, expect.stringContaining('wait for a person')]);
    const revision = /--confirm (\w{12})/.exec(held.stderr)?.[1] ?? '';
    const status = await ask('status');
    expect(status.stdout).toContain(`are HELD`);
    expect(status.stdout).toContain(`mendd reload --confirm ${revision}`);
    expect((await ask('reload', '--confirm', 'ffffffffffff')).code).toBe(75);
    const confirmed = await ask('reload', '--confirm', revision);
    expect([confirmed.code, confirmed.stdout]).toEqual([
      0,
      expect.stringContaining(`commit ${second.slice(0, 12)}`),
    ]);
    const config = await ask('config');
    expect(config.stdout).toMatch(
      new RegExp(`${second.slice(0, 12)}\\s+yes\\s.*fewer[\\s\\S]*${first.slice(0, 12)}.*the first`),
    );

    expect((await ask('rollback')).code).toBe(64);
    const back = await ask('rollback', '--reason', 'seven are missed');
    expect([back.code, back.stdout]).toEqual([0, expect.stringContaining(first.slice(0, 12))]);
    expect((await ask('status')).stdout).toMatch(/ROLLED BACK by ann .*seven are missed/);
    const metrics = await fetch(`${readFileSync(join(repository.root, 'api'), 'utf8')}/metrics`);
    expect(await metrics.text()).toContain(`commit="${first}"`);
    expect((await ask('rollback', '--resume', '--reason', 'wanted', 'abcdef0')).code).toBe(64);
    const on = await ask('rollback', '--resume', '--reason', 'wanted');
    expect([on.code, on.stderr]).toEqual([1, expect.stringContaining('wait for a person')]);
    expect((await ask('reload', '--confirm', second)).code).toBe(0);
  });

  test('bad definitions leave with 65 and their places, an unreachable repository with 75', async () => {
    const good = repository.push({});
    repository.push({ 'runbooks/bad.yaml': 'runbook: bad\nhosts: ["*"]\nchecks: { a: { rum: x } }\n' });
    for (const command of ['plan', 'reload']) {
      const bad = await ask(command);
      expect([bad.code, bad.stderr]).toEqual([65, expect.stringMatching(/^runbooks\/bad\.yaml:3:16: /m)]);
    }
    repository.git('branch', 'broken');
    repository.git('push', '--quiet', 'origin', 'broken');
    expect((await ask('plan', '--branch', 'broken')).code).toBe(65);
    expect((await ask('plan', '--commit', good)).code).toBe(0);
    expect((await ask('plan', '--branch', 'nowhere')).code).toBe(75);
    expect((await ask('plan', '--branch', 'x', '--commit', good)).code).toBe(64);
    for (const [command, ...words] of [
      ['plan', '--commit', 'HEAD'],
      ['rollback', 'HEAD~1', '--reason', 'x'],
    ] as const)
      expect(await ask(command, ...words)).toMatchObject({
        code: 64,
        stderr: expect.stringContaining('is no beginning of a commit'),
      });
    repository.push({ 'runbooks/bad.yaml': undefined });
    expect((await ask('reload')).code).toBe(0);
  });
});

test('before the first start nothing of a repository is known, and validate says so', async () => {
  const cwd = temporaryTree({ 'mendd.yaml': 'definitions: { git: { url: "git@example.com:x/y.git" } }\n' });
  const { code, stderr } = await mendd(['validate'], { cwd });
  expect([code, stderr]).toEqual([
    65,
    expect.stringContaining('no commit of the repository was in force here yet'),
  ]);
});

test.each([
  ['ext::sh -c id', 'no https, ssh, git or file address'],
  ['--upload-pack=x', 'no https, ssh, git or file address'],
  ['http://example.com/x.git', 'no https, ssh, git or file address'],
  ['https://user:secret@example.com/x.git', 'a login stands in the address'],
])('an address like %s is refused', async (url, told) => {
  const cwd = temporaryTree({ 'mendd.yaml': `definitions: { git: { url: "${url}" } }\n` });
  const { code, stderr } = await mendd(['validate'], { cwd });
  expect([code, stderr]).toEqual([65, expect.stringContaining(told)]);
  expect(stderr).not.toContain('secret');
});

describe('validate of a repository without a daemon file', () => {
  const page = 'actions: { page: { when: { check: a }, notify: oncall } }\n';

  test('it is judged by the defaults; whom it notifies is a warning', async () => {
    const cwd = temporaryTree({ ...valid, 'runbooks/web.yaml': `${runbook('true')}${page}` });
    const { code, stdout, stderr } = await mendd(['validate', '--no-secrets', '.'], { cwd });
    expect([code, stdout]).toEqual([0, expect.stringContaining('10 hosts, 1 runbook, 1 check, 1 action')]);
    expect(stderr).toMatch(
      /^warning: runbooks\/web\.yaml:6:\d+: `notify`: `oncall` has to be under `notify`/m,
    );
  });

  test('with a daemon file beside it that is asked instead', async () => {
    const cwd = temporaryTree({ ...valid, 'runbooks/web.yaml': `${runbook('true')}${page}` });
    writeInto(cwd, 'other/mendd.yaml', 'notify: { team: { webhook: "https://x/${env:T}" } }\n');
    const args = ['validate', '.', '--no-secrets', '--config', 'other/mendd.yaml'];
    const { code, stderr } = await mendd(args, { cwd });
    expect([code, stderr]).toEqual([65, expect.stringContaining('`oncall` is not under `notify`')]);
  });

  test('what is broken is told with its place, and a directory of nothing is no repository', async () => {
    const cwd = temporaryTree({ ...valid, 'hosts/all.yaml': 'hosts: [' });
    mkdirSync(join(cwd, 'empty'));
    const bad = await mendd(['validate', '.'], { cwd });
    expect([bad.code, bad.stderr]).toEqual([65, expect.stringMatching(/^hosts\/all\.yaml:1:\d+: /m)]);
    expect((await mendd(['validate', 'empty'], { cwd })).code).toBe(65);
    expect((await mendd(['validate', 'missing'], { cwd })).code).toBe(78);
  });
});

describe('a plan of two directories', () => {
  test('needs no daemon, no secret, no network', async () => {
    const cwd = temporaryTree({});
    for (const [name, count] of [
      ['a', 10],
      ['b', 9],
      ['c', 2],
    ] as const) {
      writeInto(cwd, `${name}/hosts/all.yaml`, hosts(count));
      writeInto(cwd, `${name}/runbooks/web.yaml`, runbook('true'));
    }
    writeInto(cwd, 'bad/hosts/all.yaml', 'hosts: [');
    const plan = async (...args: string[]) => mendd(['plan', '--from', ...args], { cwd });
    expect(await plan('a', 'a')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing changes'),
    });
    expect(await plan('a', 'b')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^hosts:\n {2}-1: h9\nrunbooks select other hosts:\n.*\nchecks on hosts: 10 to 9;.*\n$/,
      ),
    });
    expect(await plan('a', 'c')).toMatchObject({ code: 1, stdout: expect.stringContaining('WOULD BE HELD') });
    expect((await plan('a', 'bad')).code).toBe(65);
    // Mending what is broken is no reason to be refused.
    expect(await plan('bad', 'a')).toMatchObject({
      code: 0,
      stdout: 'a is valid\n',
      stderr: expect.stringContaining('bad is not valid, so there is nothing to compare with:\nbad/'),
    });
    expect(JSON.parse((await plan('bad', 'a', '-o', 'json')).stdout)).toMatchObject({
      held: false,
      base: [expect.stringContaining('bad/')],
    });
    expect((await plan('a')).code).toBe(64);
    expect(JSON.parse((await plan('a', 'c', '-o', 'json')).stdout)).toMatchObject({ held: true });
  });
});

function committed(ci: string): { root: string; git: (...args: string[]) => string } {
  const root = temporaryTree({});
  execFileSync(process.execPath, [menddFile, 'init', '.', '--ci', ci], { cwd: root });
  const identity = {
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@x',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@x',
  };
  const env = { ...process.env, ...identity, GIT_CONFIG_GLOBAL: '/dev/null' };
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', env }).trim();
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '-m', 'start');
  return { root, git };
}

/** A PATH with `mendd` in it, as the install step leaves it. */
function withMendd(root: string): NodeJS.ProcessEnv {
  const bin = join(root, '.git/bin');
  writeInto(root, '.git/bin/mendd', `#!/bin/sh\nexec ${process.execPath} ${menddFile} "$@"\n`);
  chmodSync(join(bin, 'mendd'), 0o755);
  return { ...process.env, PATH: `${bin}:${process.env['PATH']}` };
}

describe('what init writes for a repository', () => {
  test('the steps of the workflow pass as they stand, tell a drop, and fail on a mistake', () => {
    const { root, git } = committed('github');
    const workflow = parse(readFileSync(join(root, '.github/workflows/mendd.yml'), 'utf8'));
    const steps: { name?: string; run?: string; env?: object }[] = workflow.jobs.definitions.steps;
    const scripts = steps.filter(({ name }) => name?.endsWith('?')).map(({ run }) => run ?? '');
    expect(scripts).toHaveLength(2);
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const base = git('rev-parse', 'HEAD');
    const run = (script: string): string => {
      rmSync(join(root, '.git/tmp'), { recursive: true, force: true });
      git('worktree', 'prune');
      mkdirSync(join(root, '.git/tmp'));
      const env = { ...withMendd(root), RUNNER_TEMP: join(root, '.git/tmp'), BASE: base };
      return execFileSync('bash', ['-e', '-c', script], { cwd: root, env, encoding: 'utf8', stdio: 'pipe' });
    };
    expect(scripts.map(run).join('')).toMatch(/is valid[\s\S]*nothing changes/);
    writeInto(root, 'definitions/hosts/ops-box.yaml', 'hosts: { other: { transport: local } }\n');
    expect(run(scripts[1] ?? '')).toMatch(/\+1: other[\s\S]*-1: ops-box/);
    writeInto(root, 'definitions/hosts/ops-box.yaml', 'hosts: [');
    for (const script of scripts) expect(() => run(script)).toThrow(/Command failed/);
  });

  test('for GitLab a pipeline in its place; or none', () => {
    const { root } = committed('gitlab');
    const pipeline = parse(readFileSync(join(root, '.gitlab-ci.yml'), 'utf8'));
    expect(pipeline.definitions.script[0]).toBe('mendd validate --no-secrets .');
    expect(existsSync(join(root, '.github'))).toBe(false);
    expect(existsSync(join(committed('none').root, '.gitlab-ci.yml'))).toBe(false);
  });

  test('each YAML file names its schema, which is there', () => {
    const { root } = committed('github');
    const files = ['mendd.yaml', 'definitions/hosts/ops-box.yaml', 'definitions/runbooks/basics.yaml'];
    for (const file of files) {
      const [, schema = ''] =
        /^# yaml-language-server: \$schema=(\S+)\n/.exec(readFileSync(join(root, file), 'utf8')) ?? [];
      const path = join(root, file, '..', schema);
      expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
        $schema: 'http://json-schema.org/draft-07/schema#',
      });
    }
    expect(readdirSync(join(root, '.mendd')).length).toBeGreaterThan(5);
  });
});
