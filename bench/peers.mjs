// The other ways to run a check over SSH: one process per check, as Nagios and its kin start them.
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sshdProgram } from './hosts.mjs';
import { end, endedChildrenCpuMs, measureWork, run, start, treeCpuMs, until } from './processes.mjs';

const ssh = '/usr/bin/ssh';
export const checkBySsh = '/usr/lib/nagios/plugins/check_by_ssh';

/** Program -> the Debian package that has it. */
const packages = {
  [sshdProgram]: 'openssh-server',
  [ssh]: 'openssh-client',
  [checkBySsh]: 'monitoring-plugins-basic',
};

/** Installs what is missing where that is possible, and says so; elsewhere says what to install. */
export function installMissing() {
  const missing = Object.keys(packages).filter((program) => !existsSync(program));
  if (missing.length === 0) return;
  const names = [...new Set(missing.map((program) => packages[program]))];
  const debian = existsSync('/etc/debian_version') && process.getuid() === 0;
  if (!debian) {
    console.error(`Missing: ${missing.join(' ')}. On Debian: apt-get install ${names.join(' ')}`);
    return;
  }
  console.error(`Installing ${names.join(' ')} with apt-get ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const aptGet = (...args) => spawnSync('apt-get', args, { env, stdio: ['ignore', 2, 2] }).status === 0;
  const install = () => aptGet('install', '-y', '--no-install-recommends', ...names);
  if (!install() && !(aptGet('update') && install()))
    console.error('apt-get could not install them; its words are above.');
}

/** `checks` in a round are chosen so that each has some seconds. */
const peers = [
  { name: '`check_by_ssh`', program: checkBySsh, checks: 20 },
  {
    name: '`check_by_ssh`, key exchange curve25519-sha256',
    program: checkBySsh,
    checks: 50,
    curve25519: true,
  },
  { name: '`ssh` over an open ControlMaster', program: ssh, checks: 120, master: true },
  { name: '`ssh`, a new connection', program: ssh, checks: 20 },
];

/**
 * Contenders, each with `open`, `measure` of one round and `close`. A measurement throws when any check had another
 * answer than OK.
 */
export function preparePeers(hosts, directory, flags) {
  const config = writeSshConfig(hosts, directory);
  const socketOf = (host) => join(directory, `master-${host}`);
  return peers.map(({ name, program, checks, curve25519, master }) => {
    const options = ['-F', config];
    if (curve25519) options.push('-o', 'KexAlgorithms=curve25519-sha256');
    if (master) options.push('-o', `ControlPath=${socketOf('%h')}`);
    const target = program === checkBySsh ? ['-H', '{}', '-C', 'echo OK'] : ['{}', 'echo OK'];
    const command = [program, ...options, ...target];
    const masters = [];
    const open = async (address) => {
      masters.push(start(program, [...options, '-M', '-N', address], ['ignore', 'ignore', 'inherit']));
      await until(`the master of ${address}`, () => existsSync(socketOf(address)) || undefined);
    };
    const clientCpuMs = () => endedChildrenCpuMs() + treeCpuMs(masters.map(({ pid }) => pid));
    return {
      name,
      ...(existsSync(program) ? {} : { skipped: `no ${program}` }),
      open: async () => void (await Promise.all(master ? hosts.addresses.map(open) : [])),
      async measure() {
        const count = checks * flags.scale;
        const cost = await measureWork(clientCpuMs, hosts.cpuMs, () =>
          runChecks(command, hosts.addresses, count, flags.concurrency),
        );
        return { ...cost, checks: count };
      },
      close: async () => void (await Promise.all(masters.map(end))),
    };
  });
}

/** The user's own settings take no part. */
function writeSshConfig(hosts, directory) {
  const file = join(directory, 'ssh_config');
  writeFileSync(
    file,
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
  return file;
}

/** One process per check, started by xargs, which stands for the scheduler. */
async function runChecks(command, addresses, checks, concurrency) {
  const input = Array.from({ length: checks }, (_, i) => `${addresses[i % addresses.length]}\n`).join('');
  const output = await run('xargs', ['-P', String(concurrency), '-I', '{}', ...command], input);
  if (output !== 'OK\n'.repeat(checks)) throw new Error(`another answer than OK:\n${output}`);
}
