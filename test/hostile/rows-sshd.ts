/** Real sshd with odd settings, login shells and machines. */
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import type { RunOutcome } from '../../core/ports.ts';
import { sshd } from './adversaries.ts';
import { type Row, together } from './matrix.ts';

const works = { outcome: 'exit 0', within: 'soon' } as const;
const noShell = { outcome: 'unreachable (channel)', within: 'soon' } as const;
const stdoutIs = (text: string) => (outcome: RunOutcome) => expect(outcome).toMatchObject({ stdout: text });
const says = stdoutIs('fine\n');

const program = (...places: string[]): string | undefined => places.find((place) => existsSync(place));
const fish = program('/usr/bin/fish');
const csh = program('/usr/bin/tcsh', '/bin/csh');
const busybox = program('/bin/busybox', '/usr/bin/busybox');
const root = process.getuid?.() === 0 ? undefined : 'root';

/** The host is none the worse for it. */
const fineNext = { nextScript: 'echo fine', next: 'exit 0' } as const;

/** As sshd would run a login shell of that kind. */
const as = (shell: string): string => `exec ${shell} -c "$SSH_ORIGINAL_COMMAND"`;
/** As a machine whose file systems are like that. */
const machine = (setup: string): string =>
  `exec unshare -m /bin/sh -c '${setup}; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'`;

/** Connects and says nothing; again while somebody else is still counted. */
async function takePlace(port: number): Promise<Socket> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    const [banner] = (await once(socket, 'data')) as [Buffer];
    if (banner.toString().startsWith('SSH-')) return socket;
    socket.destroy();
  }
}

const checks = { run: together(3, true), verify: says, ...works } as const;

/** A machine with other programs than ours, by a first directory in PATH. */
const programs = (files: Record<string, string>) => async (authorized: string) => {
  const bin = `/tmp/mendd-programs-${process.pid}-${Object.keys(files).join('-')}`;
  mkdirSync(bin, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(`${bin}/${name}`, `#!/bin/sh\n${text}\n`);
    chmodSync(`${bin}/${name}`, 0o755);
  }
  const server = await sshd({ env: { PATH: `${bin}:/usr/bin:/bin` } })(authorized);
  return {
    ...server,
    async close() {
      await server.close();
      rmSync(bin, { recursive: true, force: true });
    },
  };
};

export const sshdRows: Row[] = [
  { host: 'forces another command (ForceCommand)', play: sshd({ shell: 'echo hello' }), ...noShell },
  {
    host: 'has an account without a shell (nologin)',
    play: sshd({ shell: '/usr/sbin/nologin' }),
    missing: existsSync('/usr/sbin/nologin') ? undefined : 'nologin',
    ...noShell,
  },
  { host: 'has /bin/false for a shell', play: sshd({ shell: '/bin/false' }), ...noShell },
  {
    host: 'has csh for a login shell',
    play: sshd({ shell: as(csh ?? '') }),
    missing: csh ? undefined : 'tcsh',
    ...works,
    verify: says,
  },
  {
    host: 'has csh for a login shell, for checks that share an exec',
    play: sshd({ shell: as(csh ?? '') }),
    missing: csh ? undefined : 'tcsh',
    ...checks,
  },
  {
    host: 'has fish for a login shell',
    play: sshd({ shell: as(fish ?? '') }),
    missing: fish ? undefined : 'fish',
    ...works,
    verify: says,
  },
  {
    host: 'has fish for a login shell, for checks that share an exec',
    play: sshd({ shell: as(fish ?? '') }),
    missing: fish ? undefined : 'fish',
    ...checks,
  },
  {
    host: 'has busybox for a login shell',
    play: sshd({ shell: as(`${busybox} sh`) }),
    missing: busybox ? undefined : 'busybox',
    ...checks,
  },
  {
    host: 'greets at each command (a start-up file that prints)',
    play: sshd({ shell: `echo Welcome; ${as('/bin/sh')}` }),
    ...works,
    verify: stdoutIs('Welcome\nfine\n'),
  },
  {
    host: 'greets at each command, for checks that share an exec',
    play: sshd({ shell: `echo Welcome; ${as('/bin/sh')}` }),
    ...checks,
  },
  {
    host: 'reads standard input before it runs the command',
    play: sshd({ shell: `head -c 20 >/dev/null; ${as('/bin/sh')}` }),
    ...noShell,
  },
  {
    host: 'has a start-up file that hangs',
    play: sshd({ shell: `sleep 20; ${as('/bin/sh')}` }),
    outcome: 'unreachable (timeout)',
    within: 'connect',
  },
  {
    host: 'asks for more than the key (AuthenticationMethods)',
    play: sshd({ config: ['AuthenticationMethods publickey,publickey'] }),
    outcome: 'unreachable (auth)',
    within: 'soon',
  },
  {
    host: 'does not let this user in (DenyUsers)',
    play: sshd({ config: ['DenyUsers *'] }),
    outcome: 'unreachable (auth)',
    within: 'soon',
  },
  {
    host: 'has a post-quantum key exchange only',
    play: sshd({ config: ['KexAlgorithms sntrup761x25519-sha512@openssh.com'] }),
    outcome: 'unreachable (connect)',
    within: 'soon',
    openssh: {
      outcome: 'exit 0',
      because: 'ssh has such an exchange, and the SSH library of mendd has none',
    },
  },
  {
    host: 'allows one session at a time (MaxSessions 1), for five commands at once',
    play: sshd({ config: ['MaxSessions 1'] }),
    run: together(5, false),
    verify: says,
    outcome: 'exit 0',
    within: 'overdue',
  },
  { host: 'allows no session (MaxSessions 0)', play: sshd({ config: ['MaxSessions 0'] }), ...noShell },
  {
    host: 'has its only place for logins taken by a stranger (MaxStartups 1)',
    play: async (authorized) => {
      const server = await sshd({ config: ['MaxStartups 1:100:1'] })(authorized);
      const stranger = await takePlace(server.port);
      return {
        ...server,
        close() {
          stranger.destroy();
          return server.close();
        },
      };
    },
    outcome: 'unreachable (connect)',
    within: 'soon',
  },
  {
    host: 'locks its users into an empty directory (ChrootDirectory)',
    play: sshd({ config: ['ChrootDirectory /run/sshd'] }),
    missing: root,
    outcome: 'unreachable (channel)',
    within: 'soon',
  },
  { host: 'allows no terminal (PermitTTY no)', play: sshd({ config: ['PermitTTY no'] }), ...works },
  {
    host: 'asks every second whether we live (ClientAliveInterval 1)',
    play: sshd({ config: ['ClientAliveInterval 1', 'ClientAliveCountMax 1'] }),
    script: 'sleep 2.5; echo fine',
    ask: { timeoutMs: 6_000 },
    outcome: 'exit 0',
    within: 'limit',
    nextScript: 'echo fine',
    verify: says,
  },
  {
    host: 'changes keys after each kilobyte (RekeyLimit 1K)',
    play: sshd({ config: ['RekeyLimit 1K'] }),
    script: 'head -c 60000 /dev/zero | tr "\\0" x',
    ...works,
  },
  {
    host: 'has a command that closes its output early',
    play: sshd(),
    script: 'exec >&- 2>&-; sleep 0.3; exit 3',
    outcome: 'exit 3',
    within: 'soon',
  },
  {
    host: 'has a command that leaves a child with its output',
    play: sshd(),
    script: 'sleep 20 & echo fine',
    ...works,
    verify: says,
  },
  {
    host: 'has a command that kills its parents',
    play: sshd(),
    script: 'kill -9 $PPID; sleep 5',
    outcome: 'killed by SIGKILL',
    within: 'soon',
  },
  {
    host: 'has a command that does not end',
    play: sshd(),
    script: 'sleep 100',
    ask: { timeoutMs: 700 },
    outcome: 'timed out',
    within: 'limit',
    ...fineNext,
  },
  {
    host: 'has a command that ignores TERM',
    play: sshd(),
    script: 'trap "" TERM; while :; do sleep 0.1; done',
    ask: { timeoutMs: 500 },
    outcome: 'timed out',
    within: 'overdue',
    ...fineNext,
  },
  {
    host: 'has no `timeout`',
    play: programs({ timeout: 'exit 127' }),
    script: 'sleep 100',
    ask: { timeoutMs: 1_000 },
    outcome: 'timed out',
    within: 'limit',
    ...fineNext,
  },
  {
    host: 'has no `timeout`, for checks that share an exec',
    play: programs({ timeout: 'exit 127' }),
    ...checks,
  },
  {
    host: 'has no `sudo`',
    play: programs({ sudo: 'echo "sudo: not found" >&2; exit 127' }),
    ask: { sudo: { user: 'root' } },
    outcome: 'exit 127',
    within: 'soon',
  },
  {
    host: 'has a sudo that asks for a password',
    play: programs({ sudo: 'echo "sudo: a password is required" >&2; exit 1' }),
    ask: { sudo: { user: 'root' } },
    outcome: 'exit 1',
    within: 'soon',
  },
  {
    host: 'has a clock in 1970, for checks that share an exec',
    play: programs({ date: 'case "$*" in *%N*) echo 0123456789 ;; *) echo 0 ;; esac' }),
    ...checks,
  },
  {
    host: 'has a clock in 2106, for checks that share an exec',
    play: programs({ date: 'case "$*" in *%N*) echo 4294967295000000000 ;; *) echo 4294967295 ;; esac' }),
    ...checks,
  },
  {
    host: 'has a /tmp without execution (noexec)',
    play: sshd({ shell: machine('mount -t tmpfs -o noexec none /tmp') }),
    missing: root,
    ...checks,
  },
  {
    host: 'has a full /tmp',
    play: sshd({
      shell: machine('mount -t tmpfs -o size=4k none /tmp; head -c 9999 /dev/zero >/tmp/full 2>/dev/null'),
    }),
    missing: root,
    ...checks,
  },
  {
    host: 'has a /tmp without inodes',
    play: sshd({ shell: machine('mount -t tmpfs -o nr_inodes=1 none /tmp') }),
    missing: root,
    ...checks,
  },
  { host: 'names a /tmp that is not there', play: sshd({ env: { TMPDIR: '/nowhere' } }), ...checks },
  {
    host: 'has no place for files at all',
    play: sshd({
      env: { HOME: '/proc' },
      shell: machine('for d in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o ro none $d; done'),
    }),
    missing: root,
    ...checks,
  },
];
