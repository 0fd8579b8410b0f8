// One real sshd on loopback that plays many hosts: 127.0.0.1, 127.0.0.2, ... It has keys and configuration of its own.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { end, start, treeCpuMs, until } from './processes.mjs';

export const sshdProgram = '/usr/sbin/sshd';

/** MAX_LISTEN_SOCKS of OpenSSH. Listening on all addresses at once would open it to the network. */
export const mostHosts = 16;

/** Returns what a client needs to reach the hosts, and how to end them. Limits: `mostHosts`. */
export async function startHosts(directory, count) {
  const path = (name) => join(directory, name);
  const addresses = Array.from({ length: count }, (_, i) => `127.0.0.${i + 1}`);
  const port = await freePort();
  // The privilege separation directory, without which an sshd that root starts refuses to.
  if (process.getuid() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  mkdirSync(path('home'));
  for (const name of ['host_key', 'login_key'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'mendd-bench', '-f', path(name)]);
  writeFileSync(path('authorized_keys'), readFileSync(path('login_key.pub')), { mode: 0o600 });
  const hostKey = readFileSync(path('host_key.pub'), 'utf8');
  writeFileSync(path('known_hosts'), addresses.map((address) => `[${address}]:${port} ${hostKey}`).join(''));
  writeFileSync(
    path('sshd_config'),
    `${addresses.map((address) => `ListenAddress ${address}:${port}`).join('\n')}
HostKey ${path('host_key')}
AuthorizedKeysFile ${path('authorized_keys')}
PidFile none
UsePAM no
StrictModes no
AuthenticationMethods publickey
PermitRootLogin prohibit-password
MaxStartups 1000
LogLevel FATAL
SetEnv HOME=${path('home')}
`,
  );
  chmodSync(directory, 0o755);
  const sshd = start(sshdProgram, ['-D', '-e', '-f', path('sshd_config')], ['ignore', 'ignore', 'inherit']);
  await until('sshd accepts connections', async () => {
    if (sshd.exitCode !== null) throw new Error(`sshd ended with ${sshd.exitCode}; its words are above`);
    return (await accepts(port)) ? true : undefined;
  });
  return {
    addresses,
    port,
    user: userInfo().username,
    identityFile: path('login_key'),
    knownHosts: path('known_hosts'),
    cpuMs: () => treeCpuMs([sshd.pid]),
    stop: () => end(sshd),
  };
}

/** Why hosts cannot be played here; undefined when they can. */
export function hostsMissing() {
  if (process.platform !== 'linux')
    return 'the benchmark needs Linux: it reads /proc and many loopback addresses';
  return existsSync(sshdProgram) ? undefined : `${sshdProgram} is missing: apt-get install openssh-server`;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
