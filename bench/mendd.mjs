// mendd as it is shipped: `mendd serve` on its own schedule with store and API, every check run and its result stored.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { end, measureWork, start, treeCpuMs, until } from './processes.mjs';

const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** A contender as in peers.mjs. One daemon lives for all rounds; its runbook is enabled for a measurement only. */
export function prepareMendd(hosts, directory, flags) {
  const home = join(directory, 'mendd');
  let daemon;
  let api;

  const ask = async (path) => {
    const response = await fetch(`${api}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };

  async function checkStates() {
    const metrics = await (await ask('/metrics')).text();
    return [...metrics.matchAll(/^mendd_check_state\{.*\} (\d)$/gm)].map((match) => match[1]);
  }

  function allChecksAreOk() {
    const checks = hosts.addresses.length * flags.checks;
    const isOk = async () => (await checkStates()).filter((state) => state === '0').length === checks;
    return until('every check of mendd is OK', async () => (await isOk()) || undefined);
  }

  /** The daemon forgets disabled checks, so that being OK always means a fresh result. */
  async function enable(enabled) {
    writeRunbook(home, flags, enabled);
    daemon.kill('SIGHUP');
    if (enabled) await allChecksAreOk();
    else await until('mendd rests', async () => (await checkStates()).length === 0 || undefined);
  }

  /** What the daemon has stored; throws when any of it is not OK. Times: RFC 3339. */
  async function countResults(since, untilTime) {
    let count = 0;
    const paths = hosts.addresses.flatMap((_, host) =>
      checkNumbers(flags).map((check) => `/api/v1/checks/host-${host}/bench.check-${check}/history`),
    );
    for (const list of paths) {
      const span = `?since=${since}&until=${untilTime}&limit=500`;
      for (let query = span; query !== undefined; ) {
        const { items, next } = await (await ask(`${list}${query}`)).json();
        const bad = items.find(({ state }) => state !== 'ok');
        if (bad !== undefined) throw new Error(`a check of mendd was not OK: ${JSON.stringify(bad)}`);
        count += items.length;
        query = next === undefined ? undefined : `${span}&cursor=${next}`;
      }
    }
    return count;
  }

  const cpuMs = () => treeCpuMs([daemon.pid]);

  return {
    name: '`mendd serve`',
    async open() {
      writeDefinitions(home, hosts);
      writeRunbook(home, flags, true);
      const args = [program, 'serve', '--config', join(home, 'mendd.yaml')];
      daemon = start(process.execPath, args, ['ignore', 'pipe', 'inherit']);
      let log = '';
      daemon.stdout.setEncoding('utf8').on('data', (text) => {
        log += text;
      });
      const { host, port } = await until('mendd has started', () => {
        if (daemon.exitCode !== null) throw new Error(`mendd ended with ${daemon.exitCode}: ${log}`);
        const line = log.split('\n').find((text) => text.includes('"msg":"started"'));
        return line === undefined ? undefined : JSON.parse(line);
      });
      api = `http://${host}:${port}`;
      await allChecksAreOk();
      await pause(flags['warm-up'] * 1000);
      await enable(false);
    },
    async measure() {
      await enable(true);
      const since = new Date().toISOString();
      const cost = await measureWork(cpuMs, hosts.cpuMs, () => pause(flags.seconds * 1000));
      const checks = await countResults(since, new Date().toISOString());
      await enable(false);
      return { ...cost, checks };
    },
    close: () => end(daemon),
  };
}

function writeDefinitions(home, hosts) {
  for (const name of ['hosts', 'runbooks', 'state']) mkdirSync(join(home, name), { recursive: true });
  const lines = hosts.addresses.map(
    (address, i) => `  host-${i}: { address: ${address}, port: ${hosts.port} }`,
  );
  writeFileSync(join(home, 'hosts/all.yaml'), `hosts:\n${lines.join('\n')}\n`);
  writeFileSync(
    join(home, 'mendd.yaml'),
    `definitions: { path: . }
store: { path: ./state/mendd.db }
ssh: { user: ${hosts.user}, identity: "\${file:${hosts.identityFile}}", known_hosts: ${hosts.knownHosts} }
api: { listen: "127.0.0.1:0" }
`,
  );
}

function writeRunbook(home, flags, enabled) {
  const lines = checkNumbers(flags).map((check) => `  check-${check}: { run: echo OK }`);
  writeFileSync(
    join(home, 'runbooks/bench.yaml'),
    `runbook: bench\nenabled: ${enabled}\nhosts: ["host-*"]\nevery: ${flags.every}\nchecks:\n${lines.join('\n')}\n`,
  );
}

function checkNumbers({ checks }) {
  return Array.from({ length: checks }, (_, i) => i);
}
