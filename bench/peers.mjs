// The programs that mendd is measured beside: where they are, how they are installed, what they know of the hosts. And the barest
// way to check over SSH: one process per check, started by xargs, which stands for the scheduler.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from '../scripts/packages.mjs';
import { openAccount } from './accounts.mjs';
import { sshdProgram } from './hosts.mjs';
import { run, until } from './processes.mjs';

export const programs = {
  ssh: '/usr/bin/ssh',
  checkBySsh: '/usr/lib/nagios/plugins/check_by_ssh',
  nagios: '/usr/sbin/nagios4',
  icinga: '/usr/sbin/icinga2',
  ansible: '/usr/bin/ansible',
};

/** Program -> the Debian packages that have it. */
const packages = {
  [sshdProgram]: 'openssh-server',
  [programs.ssh]: 'openssh-client',
  [programs.checkBySsh]: 'monitoring-plugins-basic',
  [programs.nagios]: 'nagios4-core',
  [programs.icinga]: 'icinga2-bin',
  [programs.ansible]: 'ansible-core',
};

/** Installs what is missing where that is possible, and says so; elsewhere says what to install. Starts no service. */
export function installMissing() {
  const missing = Object.keys(packages).filter((program) => !existsSync(program));
  const names = [...new Set(missing.map((program) => packages[program]))];
  if (names.length === 0) return;
  if (!existsSync('/etc/debian_version') || process.getuid() !== 0) {
    console.error(`Left out is what is missing. On Debian: apt-get install ${names.join(' ')}`);
    return;
  }
  console.error(`Installing ${names.join(' ')} with apt-get ...`);
  if (!installPackages(names)) console.error('apt-get could not install them; its words are above.');
}

/** Present, or why not: `{}` or `{ skipped }`. */
export function skippedWithout(...needed) {
  const missing = needed.find((program) => !existsSync(program));
  return missing === undefined ? {} : { skipped: `no ${missing}` };
}

/**
 * What every program needs to reach the first `count` hosts. The user's own settings take no part.
 * `openMasters` opens a ControlMaster for each host, in an account; then `masterOptions` uses them.
 */
export function reach(hosts, directory, count) {
  const addresses = hosts.addresses.slice(0, count);
  const config = join(directory, 'ssh_config');
  writeFileSync(
    config,
    `Host *
  User ${hosts.user}
  Port ${hosts.port}
  IdentityFile ${hosts.identityFile}
  IdentitiesOnly yes
  IdentityAgent none
  BatchMode yes
  StrictHostKeyChecking yes
  UserKnownHostsFile ${hosts.knownHosts}
  GlobalKnownHostsFile /dev/null
`,
  );
  const socketOf = (name, host) => join(directory, `${name}-${host}`);
  return {
    addresses,
    config,
    options: ['-F', config],
    masterOptions: (name) => ['-F', config, '-o', `ControlPath=${socketOf(name, '%h')}`],
    async openMasters(name, account) {
      const options = ['-F', config, '-o', `ControlPath=${socketOf(name, '%h')}`, '-M', '-N'];
      for (const address of addresses)
        account.start(programs.ssh, [...options, address], { stdio: ['ignore', 'ignore', 'inherit'] });
      for (const address of addresses)
        await until(`the master of ${address}`, () => existsSync(socketOf(name, address)) || undefined);
    },
  };
}

/** What `work` cost: `{ cpuMs, hostsCpuMs, wallMs }`. `client` and `hosts` have `cpuMs`, which only grows. */
export async function measureWork(client, hosts, work) {
  const before = { client: client.cpuMs(), hosts: hosts.cpuMs(), wall: performance.now() };
  await work();
  return {
    cpuMs: client.cpuMs() - before.client,
    hostsCpuMs: hosts.cpuMs() - before.hosts,
    wallMs: performance.now() - before.wall,
  };
}

/** `checks` in a round are chosen so that each has some seconds. */
const bare = [
  { key: 'plugin', name: '`check_by_ssh` alone', program: programs.checkBySsh, checks: 20 },
  {
    key: 'curve25519',
    name: '`check_by_ssh` alone, key exchange curve25519-sha256',
    program: programs.checkBySsh,
    checks: 40,
    curve25519: true,
  },
  {
    key: 'master',
    name: '`ssh` alone over an open ControlMaster',
    program: programs.ssh,
    checks: 120,
    master: true,
  },
  { key: 'ssh', name: '`ssh` alone, a new connection', program: programs.ssh, checks: 20 },
];

const atOnce = 4;
const hostsOfBare = 10;

/**
 * Contenders, each with `open`, `measure` of one round and `close`. A measurement throws when any check had another
 * answer than OK.
 */
export function prepareBare(hosts, directory, { scale }) {
  const way = reach(hosts, directory, hostsOfBare);
  return bare.map(({ key, name, program, checks, curve25519, master }) => {
    const options = [...(master ? way.masterOptions(key) : way.options)];
    if (curve25519) options.push('-o', 'KexAlgorithms=curve25519-sha256');
    const target = program === programs.checkBySsh ? ['-H', '{}', '-C', 'echo OK'] : ['{}', 'echo OK'];
    const count = Math.max(1, Math.round(checks * scale));
    let account;
    return {
      key,
      name,
      ...skippedWithout(program),
      samples: [],
      async open() {
        account = openAccount(key);
        if (master) await way.openMasters(key, account);
      },
      async measure() {
        const xargs = account.command([
          'xargs',
          '-P',
          String(atOnce),
          '-I',
          '{}',
          program,
          ...options,
          ...target,
        ]);
        const input = Array.from({ length: count }, (_, i) => `${way.addresses[i % way.addresses.length]}\n`);
        const cost = await measureWork(account, hosts, async () => {
          const output = await run(xargs, input.join(''));
          if (output !== 'OK\n'.repeat(count)) throw new Error(`another answer than OK:\n${output}`);
        });
        return { ...cost, checks: count };
      },
      close: () => account.stop(),
    };
  });
}
