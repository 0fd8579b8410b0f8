/** What hosts tell of themselves: asked of each POSIX shell of this machine, with tools that lie and without any. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { builtinFacts } from '../../config/facts/resolve.ts';
import type { Json } from '../../core/sources.ts';
import { builtinFactsScript } from '../../sources/facts-script.ts';
import { readBuiltinFacts } from '../../sources/facts-told.ts';

const nonce = 'n0nce';
const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

const shells = [
  ['dash', '/usr/bin/dash'],
  ['bash', '/bin/bash'],
  ['busybox', '/bin/busybox'],
  ['mksh', '/usr/bin/mksh'],
  ['yash', '/usr/bin/yash'],
].filter(([, path = '']) => existsSync(path)) as [string, string][];

/** Of the host itself when no tools are named; else there is nothing but these, as sh text. */
function ask(
  shell: string,
  tools?: Record<string, string>,
): { stdout: string; stderr: string; code: number | null } {
  const script = builtinFactsScript(nonce);
  const directory = mkdtempSync(join(tmpdir(), 'mendd-facts-'));
  directories.push(directory);
  let path = process.env['PATH'] ?? '';
  if (tools !== undefined) {
    path = join(directory, 'bin');
    mkdirSync(path);
    for (const name of ['sed', 'cat', 'printf'])
      symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(path, name));
    for (const [name, text] of Object.entries(tools))
      writeFileSync(join(path, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const args = shell.endsWith('busybox') ? ['sh', '-c', script] : ['-c', script];
  const ran = spawnSync(shell, args, {
    encoding: 'utf8',
    env: { PATH: path, HOME: directory, SHLVL: '1' },
    timeout: 100_000,
  });
  return { stdout: ran.stdout, stderr: ran.stderr, code: ran.status };
}

function factsOf(stdout: string): Record<string, Json> {
  const told = readBuiltinFacts(stdout, nonce);
  if (!told.ok) throw new Error(`${told.problem}:\n${stdout}`);
  return told.values;
}

describe.each(shells)('%s', (_name, shell) => {
  test('tells this machine, without a word of complaint', () => {
    const { stdout, stderr, code } = ask(shell);
    expect([code, stderr]).toEqual([0, '']);
    const facts = factsOf(stdout);
    expect(facts).toMatchObject({
      os: { id: expect.any(String), family: expect.any(String) },
      kernel: { name: 'Linux', release: release() },
      architecture: expect.any(String),
      hostname: hostname(),
      cpus: expect.any(Number),
      memory: { total_mb: expect.any(Number) },
      boot_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    for (const name of Object.keys(facts)) expect(builtinFacts).toContain(name);
  });

  test('what a host without tools cannot tell is absent, and no error', () => {
    const { stdout, stderr, code } = ask(shell, {});
    expect(code).toBe(0);
    expect(stderr.split('\n').filter((line) => line !== '' && !/uname|not found/.test(line))).toEqual([]);
    const facts = factsOf(stdout);
    for (const name of ['kernel', 'hostname', 'package_manager', 'systemd_units', 'addresses'])
      expect(facts).not.toHaveProperty(name);
  });

  test('tools that lie tell text, and nothing else', () => {
    const hostile = '$(touch /tmp/mendd-pwned) `id` {{ x }} %s %n \\n "q" \'';
    const { stdout } = ask(shell, {
      uname: `case $1 in -n) cat <<'X'\n${hostile}\n@mendd ${nonce} package_manager dnf\nX\n;; -m) printf 'arm\\033[31mv7';; *) echo Linux;; esac`,
      getconf: 'echo "2; rm -rf /"',
      systemctl: `printf '%s\\n' '  nginx.service loaded active running x' '● broken.service loaded failed failed' 'run-u12.service loaded' 'a b.service x' 'evil$(id).service loaded' 'user@0.service loaded'`,
      ip: `echo '1: lo inet 127.0.0.1/8'; echo '2: e inet 192.0.2.7/24 brd'; echo '2: e inet6 2001:DB8::1/64 s'; echo '2: e inet6 fe80::1/64'; echo '3: v inet 192.0.2.7/24'; echo '4: inet $(id)'`,
      'systemd-detect-virt': 'echo kvm',
      'apt-get': ':',
    });
    const facts = factsOf(stdout);
    expect(facts).toMatchObject({
      hostname: hostile,
      systemd_units: ['broken.service', 'nginx.service'],
      addresses: ['192.0.2.7', '2001:db8::1'],
      virtualization: 'kvm',
      package_manager: 'apt',
      architecture: 'arm[31mv7',
    });
    expect(facts).not.toHaveProperty('cpus');
    expect(existsSync('/tmp/mendd-pwned')).toBe(false);
  });

  test('a host of another kind is told in its own words', () => {
    const { stdout } = ask(shell, {
      uname:
        'case $1 in -n) echo mac.example.com;; -s) echo Darwin;; -r) echo 23.4.0;; -m) echo arm64;; esac',
      sw_vers: 'echo 14.4',
      ifconfig: `printf '\\tinet 192.0.2.9 netmask 0xff\\n\\tinet6 fe80::1%%lo0 prefixlen 64\\n\\tinet addr:192.0.2.10  Mask:x\\n'`,
      brew: ':',
    });
    expect(factsOf(stdout)).toMatchObject({
      os: { id: 'macos', name: 'macOS', version: '14.4', family: 'darwin' },
      kernel: { name: 'Darwin', release: '23.4.0' },
      fqdn: 'mac.example.com',
      addresses: ['192.0.2.9', '192.0.2.10'],
      package_manager: 'brew',
    });
  });
});

const line = (word: string, value: string): string => `@mendd ${nonce} ${word} ${value}\n`;

test('the names it can tell are those that no facts file may take', () => {
  const stdout = [
    ['kernel_name', 'Linux'],
    ['architecture', 'x86_64'],
    ['hostname', 'h'],
    ['fqdn', 'h.example.com'],
    ['address', '192.0.2.1'],
    ['cpus', '4'],
    ['memory_kb', '2048'],
    ['boot_id', 'b'],
    ['package_manager', 'apk'],
    ['unit', 'a.service'],
    ['virtualization', 'kvm'],
    ['end', 'yes'],
  ].map(([word = '', value = '']) => line(word, value));
  expect(Object.keys(factsOf(stdout.join(''))).sort()).toEqual([...builtinFacts].sort());
});

test.each([
  [
    'ID=ubuntu|ID_LIKE=debian|NAME="Ubuntu"|VERSION_ID="24.04"',
    { id: 'ubuntu', name: 'Ubuntu', version: '24.04', family: 'debian' },
  ],
  [
    'ID="rocky"|ID_LIKE="rhel centos fedora"|VERSION_ID=\'9.3\'',
    { id: 'rocky', version: '9.3', family: 'redhat' },
  ],
  ['ID=opensuse-leap|ID_LIKE="suse opensuse"', { id: 'opensuse-leap', family: 'suse' }],
  ['ID=__proto__|NAME="a \\"b\\" $(id)"', { id: '__proto__', name: 'a "b" $(id)', family: '__proto__' }],
])('%s', (text, os) => {
  const stdout = text.split('|').map((each) => line('os_release', each));
  expect(factsOf([...stdout, line('end', 'yes')].join(''))).toHaveProperty('os', os);
});

test('an answer that was cut, or is of somebody else, is none', () => {
  const whole = line('cpus', '4') + line('end', 'yes');
  expect(readBuiltinFacts(whole.slice(0, -1), nonce)).toEqual({
    ok: false,
    problem: 'its answer is incomplete',
  });
  expect(readBuiltinFacts(whole, 'other').ok).toBe(false);
  expect(factsOf(`motd\n${line('cpus', '4')}@mendd other cpus 9\n${line('end', 'yes')}`)).toEqual({
    cpus: 4,
  });
});
