// Real sshds on loopback that play many hosts: 127.0.0.1, 127.0.0.2, ... They have keys and configuration of their own.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { openAccount } from './accounts.mjs';
import { until } from './processes.mjs';

export const sshdProgram = '/usr/sbin/sshd';

/** MAX_LISTEN_SOCKS of OpenSSH. Listening on all addresses at once would open it to the network. */
const hostsOfOneSshd = 16;

/**
 * Returns what a client needs to reach `count` hosts, and how to cut and end them. `maxStartups` is that of each sshd, which
 * plays sixteen hosts; by default what sixteen as shipped take together.
 */
export async function startHosts(directory, count, { maxStartups = '160:30:1600', logLevel = 'ERROR' } = {}) {
  const path = (name) => join(directory, name);
  const addresses = Array.from({ length: count }, (_, i) => addressOf(i));
  const port = await freePort();
  // The privilege separation directory, without which an sshd that root starts refuses to.
  if (process.getuid() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  mkdirSync(path('home'), { recursive: true });
  for (const name of ['host_key', 'login_key'].filter((key) => !existsSync(path(key))))
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'mendd-bench', '-f', path(name)]);
  writeFileSync(path('authorized_keys'), readFileSync(path('login_key.pub')), { mode: 0o600 });
  const hostKey = readFileSync(path('host_key.pub'), 'utf8');
  writeFileSync(path('known_hosts'), addresses.map((address) => `[${address}]:${port} ${hostKey}`).join(''));
  chmodSync(directory, 0o755);
  const account = openAccount('hosts');
  const log = path('sshd.log');
  const configs = [];
  for (let first = 0; first < count; first += hostsOfOneSshd) {
    const config = path(`sshd_config.${configs.length}`);
    const own = addresses.slice(first, first + hostsOfOneSshd);
    writeFileSync(
      config,
      `${own.map((address) => `ListenAddress ${address}:${port}`).join('\n')}
HostKey ${path('host_key')}
AuthorizedKeysFile ${path('authorized_keys')}
PidFile none
UsePAM no
StrictModes no
AuthenticationMethods publickey
PermitRootLogin prohibit-password
MaxStartups ${maxStartups}
LogLevel ${logLevel}
SetEnv HOME=${path('home')}
`,
    );
    configs.push({ config, address: own[0] });
  }
  const listen = async () => {
    const out = openSync(log, 'a');
    for (const { config } of configs)
      account.start(sshdProgram, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', out] });
    for (const { address } of configs)
      await until(`sshd accepts connections; it said: ${readFileSync(log, 'utf8')}`, async () =>
        (await accepts(address, port)) ? true : undefined,
      );
  };
  await listen();
  return {
    addresses,
    port,
    user: userInfo().username,
    identityFile: path('login_key'),
    knownHosts: path('known_hosts'),
    cpuMs: account.cpuMs,
    /** Every host dies at once, with its connections. */
    cut: account.kill,
    rejoin: listen,
    /** Connections that MaxStartups turned away so far, by sshd's own log at VERBOSE. */
    refusals: () => readFileSync(log, 'utf8').match(/past MaxStartups/g)?.length ?? 0,
    stop: account.stop,
  };
}

/** Why hosts cannot be played here; undefined when they can. */
export function hostsMissing() {
  if (process.platform !== 'linux')
    return 'the benchmark needs Linux: it reads /proc and many loopback addresses';
  return existsSync(sshdProgram) ? undefined : `${sshdProgram} is missing: apt-get install openssh-server`;
}

/** 127.0.0.1 to 127.0.0.250, then 127.0.1.1 and on. */
function addressOf(index) {
  return `127.0.${Math.floor(index / 250)}.${(index % 250) + 1}`;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function accepts(address, port) {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
