/** Plugin uploads: on each shell of this machine, and through the real runner over a real sshd. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PluginFile } from '../../core/definitions.ts';
import type { RunOutcome } from '../../core/ports.ts';
import { createPluginUploader, pluginLimitBytes, posixChecksum } from '../../runner/plugin-upload.ts';
import type { PluginReady } from '../../runner/plugin-upload-port.ts';
import { makeRunner, request, sshConfig, sshHost } from '../support/runner.ts';
import { makeShell, type Shell, shellNames, shellRunner } from '../support/shells.ts';
import { removeSshd, type Sshd, sshdMissing, startSshd } from '../support/sshd.ts';

const local = mkdtempSync(join(tmpdir(), 'mendd-plugins-'));
const shells: Shell[] = [];
afterAll(() => {
  for (const shell of shells) shell.remove();
  rmSync(local, { recursive: true, force: true });
});

function pluginFile(name: string, content: string | Buffer = '#!/bin/sh\necho "OK $*"\n'): PluginFile {
  const path = join(local, name);
  writeFileSync(path, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { path, sha256, bytes: statSync(path).size };
}

interface Host {
  home: string;
  /** One line for each script that was run: `look` or `upload`. */
  log: string[];
  ensure: (plugin: PluginFile) => Promise<PluginReady | RunOutcome>;
  forget: (plugin: PluginFile) => void;
  restart: () => void;
}

function shellHost(name: string, without: string[] = []): Host {
  const shell = makeShell(name, { without });
  shells.push(shell);
  const runner = shellRunner(shell);
  const log: string[] = [];
  let uploader = createPluginUploader();
  return {
    home: shell.home,
    log,
    ensure: (plugin) =>
      uploader.ensure({
        hostKey: 'web-1',
        plugin,
        run(script, stdin) {
          log.push(stdin === undefined ? 'look' : 'upload');
          return runner.run({
            target: { kind: 'local' },
            script,
            timeoutMs: 10_000,
            purpose: 'check',
            ...(stdin === undefined ? {} : { stdin }),
          });
        },
      }),
    forget: (plugin) => uploader.forget('web-1', plugin),
    restart: () => (uploader = createPluginUploader()),
  };
}

function pathOf(answer: PluginReady | RunOutcome): string {
  if (answer.kind !== 'ready') throw new Error(JSON.stringify(answer));
  return answer.path;
}

/** The host's answer is a verdict: UNKNOWN, in words. */
const unknown = (words: RegExp) =>
  expect.objectContaining({ kind: 'exited', exitCode: 3, stdout: expect.stringMatching(words) });

const variants: [string, string[]][] = [
  ...shellNames.map((name): [string, string[]] => [name, []]),
  // Without it: shasum and openssl are not on this PATH either, so cksum is what is left.
  ['dash', ['sha256sum']],
];

describe.each(variants)('%s without %j', (name, without) => {
  test('brings a plugin once, privately, and it runs', async () => {
    const host = shellHost(name, without);
    const plugin = pluginFile('check_queue');
    const path = pathOf(await host.ensure(plugin));
    expect(path).toBe(join(host.home, '.cache/mendd/plugins', plugin.sha256, 'check_queue'));
    expect(execFileSync(path, ['-w', '1'], { encoding: 'utf8' })).toBe('OK -w 1\n');
    expect(statSync(path).mode & 0o777).toBe(0o500);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    await host.ensure(plugin);
    expect(host.log).toEqual(['look', 'upload']);
    expect(readdirSync(dirname(path))).toEqual(['check_queue']);
  });

  test('a file that was changed on the host is replaced at the next start', async () => {
    const host = shellHost(name, without);
    const plugin = pluginFile('check_queue');
    const path = pathOf(await host.ensure(plugin));
    chmodSync(path, 0o700);
    writeFileSync(path, '#!/bin/sh\necho evil\n');
    host.restart();
    expect(execFileSync(pathOf(await host.ensure(plugin)), { encoding: 'utf8' })).toBe('OK \n');
  });

  test('what is not a regular file of ours is never run or written through', async () => {
    const host = shellHost(name, without);
    const plugin = pluginFile('check_queue');
    const path = pathOf(await host.ensure(plugin));
    const bait = join(host.home, 'bait');
    writeFileSync(bait, 'precious');
    rmSync(path);
    symlinkSync(bait, path);
    host.forget(plugin);
    pathOf(await host.ensure(plugin));
    expect(statSync(bait).size).toBe('precious'.length);
    rmSync(path);
    symlinkSync(plugin.path, path);
    host.forget(plugin);
    expect(lstatSync(pathOf(await host.ensure(plugin))).isSymbolicLink()).toBe(false);
    rmSync(dirname(path), { recursive: true });
    symlinkSync(host.home, dirname(path));
    host.forget(plugin);
    expect(await host.ensure(plugin)).toEqual(unknown(/check_queue could not be brought .* is a symlink/));
  });

  test('bytes arrive as they are', async () => {
    const host = shellHost(name, without);
    const every = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
    const plugin = pluginFile('binary plugin (1)', every);
    const path = pathOf(await host.ensure(plugin));
    expect(path.endsWith('/binary_plugin__1_')).toBe(true);
    expect(execFileSync('cmp', [path, plugin.path]).length).toBe(0);
  });
});

describe('uploader', () => {
  const name = shellNames[0] ?? 'dash';

  test('calls at the same time share one upload', async () => {
    const host = shellHost(name);
    const plugin = pluginFile('check_queue');
    await Promise.all([1, 2, 3, 4].map(() => host.ensure(plugin)));
    expect(host.log).toEqual(['look', 'upload']);
  });

  test('after a restart the file is verified and used again', async () => {
    const host = shellHost(name);
    const plugin = pluginFile('check_queue');
    await host.ensure(plugin);
    host.restart();
    await host.ensure(plugin);
    expect(host.log).toEqual(['look', 'upload', 'look']);
  });

  test('versions unused for 30 days go', async () => {
    const host = shellHost(name);
    const old = dirname(pathOf(await host.ensure(pluginFile('check_old', 'old'))));
    const recent = dirname(pathOf(await host.ensure(pluginFile('check_recent', 'recent'))));
    const sec = Date.now() / 1000 - 32 * 86_400;
    utimesSync(old, sec, sec);
    await host.ensure(pluginFile('check_new', 'new'));
    expect([existsSync(old), existsSync(recent)]).toEqual([false, true]);
  });

  test('a failure is not remembered', async () => {
    const host = shellHost(name);
    const plugin = pluginFile('check_queue');
    writeFileSync(join(host.home, '.cache'), 'in the way');
    expect(await host.ensure(plugin)).toEqual(unknown(/UNKNOWN .*plugins cannot be made/));
    rmSync(join(host.home, '.cache'));
    pathOf(await host.ensure(plugin));
  });

  test('a local file that is gone, changed or too big is refused in words', async () => {
    const host = shellHost(name);
    const changed = pluginFile('changed');
    writeFileSync(changed.path, 'something else');
    expect(await host.ensure(changed)).toEqual(unknown(/was changed after the definitions were read/));
    const gone = pluginFile('gone', 'x');
    rmSync(gone.path);
    expect(await host.ensure(gone)).toEqual(unknown(/cannot be read on the ops box/));
    const big = pluginFile('big', 'y');
    truncateSync(big.path, pluginLimitBytes + 1);
    expect(await host.ensure(big)).toEqual(unknown(/10485761 bytes; at most 10485760/));
    expect(host.log).not.toContain('upload');
  });

  test('a cut-off upload is refused', async () => {
    const host = shellHost(name);
    const shell = shells.at(-1);
    const plugin = pluginFile('check_queue');
    // A full file system, as far as cat(1) can tell.
    if (shell) rmSync(join(shell.bin, 'cat'));
    writeFileSync(join(shell?.bin ?? '', 'cat'), '#!/bin/sh\nread -r line; echo "$line"\n', { mode: 0o755 });
    expect(await host.ensure(plugin)).toEqual(unknown(/what arrived is not what was sent/));
    writeFileSync(join(shell?.bin ?? '', 'cat'), '#!/bin/sh\necho "cat: No space left" >&2; exit 1\n');
    expect(await host.ensure(plugin)).toEqual(unknown(/is the file system full\? \(cat: No space left\)/));
    expect(readdirSync(join(host.home, '.cache/mendd/plugins', plugin.sha256))).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)('a directory of another user is refused (needs root)', async () => {
    const host = shellHost(name);
    mkdirSync(join(host.home, '.cache/mendd/plugins'), { recursive: true });
    chownSync(join(host.home, '.cache/mendd/plugins'), 12_345, 12_345);
    expect(await host.ensure(pluginFile('check_queue'))).toEqual(unknown(/belongs to another user/));
  });

  test('a host that cannot be asked is that outcome, and nothing is remembered', async () => {
    const uploader = createPluginUploader();
    const failure = { stage: 'lost', message: 'gone', hint: '', sent: true } as const;
    const lost: RunOutcome = { kind: 'unreachable', failure, startedAtMs: 0, durationMs: 0 };
    const plugin = pluginFile('check_queue');
    let asked = 0;
    const run = () => Promise.resolve(((asked += 1), lost));
    expect(await uploader.ensure({ hostKey: 'x', plugin, run })).toBe(lost);
    expect(await uploader.ensure({ hostKey: 'x', plugin, run })).toBe(lost);
    expect(asked).toBe(2);
  });

  test('the checksum is that of cksum(1)', () => {
    for (const text of ['', 'a', 'mendd\n', 'x'.repeat(70_000)]) {
      const [crc, bytes] = execFileSync('cksum', { input: text, encoding: 'utf8' }).trim().split(' ');
      expect(posixChecksum(Buffer.from(text))).toBe(`${crc}-${bytes}`);
    }
  });
});

describe.skipIf(sshdMissing)(`over sshd ${sshdMissing ?? ''}`, () => {
  const home = mkdtempSync(join(tmpdir(), 'mendd-plugin-home-'));
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd({ config: [`ForceCommand HOME=${home} exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"`] });
  });
  afterAll(async () => {
    await removeSshd(sshd);
    rmSync(home, { recursive: true, force: true });
  });

  test('the runner uploads a plugin, runs it, and brings it again when it is lost', async () => {
    const runner = makeRunner(sshConfig(sshd), { plugins: createPluginUploader() });
    const plugin = pluginFile('check_ssh', '#!/bin/sh\necho "OK $1"; exit "$1"\n');
    const run = (word: string) => runner.run(request(sshHost(sshd), `"$MENDD_PLUGIN" ${word}`, { plugin }));
    const outcomes = await Promise.all([run('0'), run('1'), run('2')]);
    expect(outcomes.map((outcome) => 'stdout' in outcome && outcome.stdout)).toEqual([
      'OK 0\n',
      'OK 1\n',
      'OK 2\n',
    ]);
    rmSync(join(home, '.cache'), { recursive: true });
    expect(await run('2')).toMatchObject({ kind: 'exited', exitCode: 2, stdout: 'OK 2\n' });
    await runner.close();
  });
});
