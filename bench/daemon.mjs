// mendd as it is shipped: `mendd serve` with definitions of its own, its store and API. Starts it, reloads it, asks it, ends it.
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openAccount } from './accounts.mjs';
import { end, until } from './processes.mjs';

/** MENDD_PROGRAM measures another build, such as an installed package. */
const program = process.env.MENDD_PROGRAM ?? fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const probe = fileURLToPath(new URL('probe.mjs', import.meta.url));
const simulatedRunner = fileURLToPath(new URL('simulated-runner.mjs', import.meta.url));

/** A connection of its own for each question: a kept one ends at any moment when the daemon's loop was held. */
const single = { headers: { connection: 'close' } };

/** How many checks the list answers at once, at most. */
const pageSize = 500;

/**
 * A daemon over `hosts` as `startHosts` made them, or over simulated ones: then the runner alone is replaced, and answers after
 * 20 to 200 ms. `ssh`: more keys of that section. Nothing runs before `start`.
 */
export function createDaemon({ name = 'mendd', directory, hosts, simulated = false, ssh = {} }) {
  const home = join(directory, name);
  for (const part of ['hosts', 'runbooks', 'state']) mkdirSync(join(home, part), { recursive: true });
  writeFileSync(
    join(home, 'mendd.yaml'),
    `definitions: { path: ., hold: { hosts: 100%, checks: 100% } }
store: { path: ./state/mendd.db }
ssh:
  user: ${hosts.user}
  ${hosts.identityFile === undefined ? 'agent: true' : `identity: "\${file:${hosts.identityFile}}"`}
  known_hosts: ${hosts.knownHosts}
${Object.entries(ssh)
  .map(([key, value]) => `  ${key}: ${value}\n`)
  .join('')}api: { listen: "127.0.0.1:0" }
`,
  );
  const main = simulated ? simulatedProgram(join(home, 'program')) : program;
  let child;
  let account;
  let api;
  let started;
  let connections = [];
  let tail = '';

  const failed = () => new Error(`mendd ended with ${child.exitCode ?? child.signalCode}: ${tail}`);

  /** Asks once more when its loop was held for longer than it lets a question wait, as a reload may. */
  const ask = async (path, attempts = 5) => {
    const response = await fetch(`${api}${path}`, single);
    if (response.ok) return response;
    const words = await response.text();
    if (response.status === 408 && attempts > 1) return ask(path, attempts - 1);
    throw new Error(`${path}: ${response.status} ${words}`);
  };

  const definitions = async () => (await (await ask('/api/v1/now')).json()).definitions;

  const firstCheck = async (filter) =>
    (await (await ask(`/api/v1/checks?limit=1&${filter}`)).json()).items[0];

  const daemon = {
    /** Returns when the API answers: how long that took from its start, and what CPU. Milliseconds. */
    async start() {
      account = openAccount(name);
      started = undefined;
      connections = [];
      const args = ['--expose-gc', '--import', probe];
      const startedMs = performance.now();
      child = account.start(
        process.execPath,
        [...args, main, 'serve', '--config', join(home, 'mendd.yaml')],
        { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
      );
      readLines(child.stdout, (line) => {
        tail = `${tail}${line}\n`.slice(-4000);
        if (line.includes('"msg":"started"')) started = JSON.parse(line);
        if (line.includes('"msg":"connected to ')) connections.push(connectionOf(line));
      });
      const { host, port } = await until(
        'mendd has started',
        () => {
          if (child.exitCode !== null) throw failed();
          return started;
        },
        120_000,
        5,
      );
      api = `http://${host}:${port}`;
      return { waitedMs: performance.now() - startedMs, cpuMs: account.cpuMs() };
    },

    /** Hosts from now on, after the next `reload`. `generation`: a label that makes all of them other hosts than before. */
    setHosts(addresses, { generation } = {}) {
      const labels = generation === undefined ? '' : `, labels: { generation: g${generation} }`;
      const entries = addresses.map(
        (address, i) => `  host-${i}: { address: ${address}, port: ${hosts.port}${labels} }`,
      );
      writeFileSync(join(home, 'hosts/all.yaml'), `hosts:\n${entries.join('\n')}\n`);
    },

    /** Checks from now on, after the next `reload`. The states of disabled ones are forgotten. `command`: of the check of a number. */
    setChecks({ checks, every, enabled = true, batch = true, command = () => 'echo OK' }) {
      const entries = Array.from(
        { length: checks },
        (_, i) => `  check-${i}: { run: ${JSON.stringify(command(i))}, batch: ${batch} }`,
      );
      writeFileSync(
        join(home, 'runbooks/bench.yaml'),
        `runbook: bench\nenabled: ${enabled}\nhosts: ["host-*"]\nevery: ${every}\nchecks:\n${entries.join('\n')}\n`,
      );
    },

    async reload() {
      const before = (await definitions()).loadedAt;
      child.kill('SIGHUP');
      await until('mendd has reloaded', async () => {
        const { loadedAt: now, lastReloadOk, problems } = await definitions();
        if (!lastReloadOk) throw new Error(`mendd refused its definitions: ${problems.join('; ')}`);
        return now === before ? undefined : true;
      });
    },

    /** Values by the whole name with labels. */
    async metrics() {
      const text = await (await ask('/metrics')).text();
      return new Map(
        [...text.matchAll(/^([a-z_]+(?:\{.*\})?) (\S+)$/gm)].map(([, key, value]) => [key, Number(value)]),
      );
    },

    /** How many checks have a state, and one that is not OK. At many checks this holds its loop for a while. */
    async states() {
      const values = [...(await daemon.metrics())].filter(([key]) => key.startsWith('mendd_check_state{'));
      return { known: values.length, notOk: values.filter(([, value]) => value !== 0).length };
    },

    /** Every check as the API shows it. */
    async checks() {
      const found = [];
      for (let query = ''; query !== undefined; ) {
        const { items, next } = await (await ask(`/api/v1/checks?limit=${pageSize}${query}`)).json();
        found.push(...items);
        query = next === undefined ? undefined : `&cursor=${next}`;
      }
      return found;
    },

    /** Until every check has a state; throws when one is not OK. Asks for little, since what is asked costs memory too. */
    async allOk(withinMs = 180_000) {
      await until(
        'every check of mendd is OK',
        async () => {
          if (child.exitCode !== null) throw failed();
          const bad = await firstCheck('problems=true');
          if (bad !== undefined) throw new Error(`a check of mendd is not OK: ${JSON.stringify(bad)}`);
          return (await firstCheck('state=pending')) === undefined ? true : undefined;
        },
        withinMs,
        500,
      );
    },

    /** Hosts that it connected to from that wall time on, each once: `{ host, atMs }` in their order. */
    connectedSince(sinceMs) {
      const fresh = connections.filter(({ atMs }) => atMs >= sinceMs);
      return [...new Map(fresh.toReversed().map((one) => [one.host, one])).values()].toReversed();
    },

    /** What the probe inside the process answers; see probe.mjs. */
    tell(order) {
      return new Promise((resolve) => {
        child.once('message', resolve);
        child.send(order);
      });
    },

    url: () => api,
    isReady: async () => (await fetch(`${api}/readyz`, single)).ok,
    pid: () => child.pid,
    cpuMs: () => account.cpuMs(),

    async stop() {
      await end(child);
      await account.stop();
    },
  };
  return daemon;
}

/** A copy with another runner: hooks that replace a module would cost the start a thread, and half as much again. */
function simulatedProgram(directory) {
  const root = join(program, '../../..');
  cpSync(join(root, 'dist'), join(directory, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(directory, 'package.json'));
  cpSync(simulatedRunner, join(directory, 'dist/runner/runner.js'));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return join(directory, 'dist/cli/main.js');
}

function connectionOf(line) {
  const { host, time } = JSON.parse(line);
  return { host, atMs: typeof time === 'number' ? time : Date.parse(time) };
}

function readLines(stream, onLine) {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text) => {
    const parts = `${rest}${text}`.split('\n');
    rest = parts.pop();
    parts.forEach(onLine);
  });
}
