/** What is gathered before an action: a command's both streams, or the standard sections, each within its limit. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { evidenceBytes, evidenceScript } from '../../actions/evidence.ts';
import { actionOf } from './story.ts';

const command = { kind: 'command', run: 'true' } as const;

function gathered(script: string | undefined, env: NodeJS.ProcessEnv = process.env, sh = '/bin/sh'): string {
  const done = spawnSync(sh, ['-c', script ?? 'exit 9'], { encoding: 'utf8', maxBuffer: 2 ** 22, env });
  expect(done).toMatchObject({ status: 0, stderr: '' });
  return done.stdout;
}

const ofCommand = (run: string): string =>
  gathered(evidenceScript(actionOf('it', command, { evidence: { kind: 'command', run } })));

test('a command keeps both streams in order and its exit means nothing', () => {
  expect(ofCommand('echo one; echo two >&2; echo three; exit 7')).toBe('one\ntwo\nthree\n');
  expect(ofCommand('echo here # a comment')).toBe('here\n');
  expect(ofCommand('cat <<END\ntext\nEND')).toBe('text\n');
});

test('of long output the end is kept, where logs have what happened last', () => {
  const output = ofCommand('seq 1 200000');
  expect(Buffer.byteLength(output)).toBe(evidenceBytes);
  expect(output.endsWith('\n199999\n200000\n')).toBe(true);
});

test('none is none', () => {
  expect(evidenceScript(actionOf('it', command))).toBeUndefined();
});

const standard = { evidence: { kind: 'standard' } } as const;

/** A PATH of its own: these programs as sh text, and the usual small tools. */
function path(programs: Record<string, string>): string {
  const bin = mkdtempSync(join(tmpdir(), 'mendd-evidence-'));
  onTestFinished(() => rmSync(bin, { recursive: true }));
  for (const tool of ['cat', 'cut', 'head', 'sed', 'sort', 'tail', 'true', 'yes']) {
    symlinkSync(existsSync(`/usr/bin/${tool}`) ? `/usr/bin/${tool}` : `/bin/${tool}`, join(bin, tool));
  }
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}

const flood = 'yes "$(yes é | head -n 3000 | while read -r c; do printf %s "$c"; done)" | head -n 500';

test('whatever floods, every section is there and the whole stays below its limit', () => {
  const programs = Object.fromEntries(
    ['uptime', 'free', 'systemctl', 'journalctl', 'ps', 'df'].map((name) => [name, flood]),
  );
  const output = gathered(evidenceScript(actionOf('it', command, standard)), { PATH: path(programs) });
  expect(output.match(/^== /gm)).toHaveLength(7);
  expect(Buffer.byteLength(output)).toBeLessThan(evidenceBytes);
});

test('the journal is that of the unit: given, or the one that is restarted', () => {
  const journalctl = 'echo "$@"';
  const PATH = path({ journalctl });
  const restart = actionOf('it', { kind: 'systemd_restart', unit: "it's@1" }, standard);
  expect(gathered(evidenceScript(restart), { PATH })).toContain(
    "== journal of it's@1\n-q --no-pager -u it's@1 -n 100\n",
  );
  expect(gathered(evidenceScript(restart, 'other'), { PATH })).toContain('-u other -n 100');
  expect(gathered(evidenceScript(actionOf('it', command, standard)), { PATH })).toContain(
    '== journal of system\n-q --no-pager -n 100\n',
  );
});

test('what is missing or fails is left out', () => {
  const output = gathered(evidenceScript(actionOf('it', command, standard)), {
    PATH: path({ df: 'exit 1', uptime: 'echo up' }),
  });
  expect(output).toMatch(/^== load and memory\nup\n/);
  expect(output).not.toContain('disk');
  expect(output).not.toContain('processes');
});

function standardWith(programs: Record<string, string>): string {
  return gathered(evidenceScript(actionOf('it', command, standard)), { PATH: path(programs) });
}

test('processes are told by name: their command lines carry passwords', () => {
  const asked = standardWith({ ps: 'echo "$@"' });
  expect(asked).toMatch(/== processes by CPU[^]*comm[^]*== processes by memory[^]*comm/);
  expect(asked).not.toMatch(/args|command\b|cmd/);
  // busybox knows other columns, and its top tells whole command lines.
  const line = '  812     1 root     S     4464   0%   1  12% /bin/x --password=hunter2 50%';
  const top = `echo Mem; echo CPU; echo Load; echo PID; echo '${line}'`;
  const old = standardWith({ ps: '[ "$1" = -o ] && printf "900 a\\n 12m b\\n"', top });
  expect(old).toContain(
    '== processes by CPU (as top)\n  812     1 root     S     4464   0%   1  12% /bin/x\n',
  );
  expect(old).toContain('12000 b\n900 a\n');
  expect(old).not.toContain('hunter2');
});

test.skipIf(!existsSync('/bin/busybox'))(
  'busybox alone gives load, processes and disks (needs busybox)',
  () => {
    const bin = mkdtempSync(join(tmpdir(), 'mendd-evidence-'));
    onTestFinished(() => rmSync(bin, { recursive: true }));
    const applets = spawnSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).stdout.trim().split('\n');
    for (const name of applets) if (name !== 'busybox') symlinkSync('/bin/busybox', join(bin, name));
    const output = gathered(
      evidenceScript(actionOf('it', command, standard)),
      { PATH: bin },
      join(bin, 'sh'),
    );
    expect(output).toMatch(
      /== load and memory\n[^]*== processes by CPU[^]*== processes by memory[^]*== disk space/,
    );
    expect(Buffer.byteLength(output)).toBeLessThan(evidenceBytes);
  },
);
