// Client CPU of one check over SSH: mendd beside check_by_ssh and ssh, in turns, against one real sshd. See docs/performance.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hostsMissing, mostHosts, startHosts } from './hosts.mjs';
import { prepareMendd } from './mendd.mjs';
import { installMissing, preparePeers } from './peers.mjs';
import { report, writeDocument } from './report.mjs';

const usage = `npm run bench -- [options]
  --rounds N        rounds, each with every contender, in turning order (5)
  --hosts N         hosts, 1 to ${mostHosts} (10)
  --checks N        checks per host for mendd (10)
  --every DURATION  interval of mendd's checks (1s)
  --warm-up N       seconds that mendd runs before the first round (20)
  --seconds N       seconds of each measurement of mendd (8)
  --scale N         the peers' checks, times N (1)
  --concurrency N   the peers' checks at once (4)
  --limit N         seconds in which all rounds must fit; fewer are made then (165)
  --write           also write the result into docs/performance.md`;

const defaults = {
  rounds: 5,
  hosts: 10,
  checks: 10,
  'warm-up': 20,
  seconds: 8,
  scale: 1,
  concurrency: 4,
  limit: 165,
};

function readFlags() {
  const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' }]));
  const { values } = parseArgs({
    options: {
      ...options,
      every: { type: 'string', default: '1s' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  for (const [name, fallback] of Object.entries(defaults)) {
    const value = Number(values[name] ?? fallback);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} is not a whole number from 1`);
    values[name] = value;
  }
  if (values.hosts > mostHosts) throw new Error(`--hosts is at most ${mostHosts}: sshd listens on no more`);
  return values;
}

/** Answers the contenders with their samples, in the order of the rounds. */
async function bench(flags, directory) {
  const hosts = await startHosts(directory, flags.hosts);
  const contenders = [prepareMendd(hosts, directory, flags), ...preparePeers(hosts, directory, flags)];
  const present = contenders.filter(({ skipped }) => skipped === undefined);
  const samples = new Map(contenders.map((contender) => [contender, []]));
  const startedMs = performance.now();
  const elapsedSec = () => (performance.now() - startedMs) / 1000;
  console.error('logging in everywhere and warming up ...');
  for (const contender of present) await contender.open();
  let longestSec = 0;
  for (let round = 0; round < flags.rounds; round += 1) {
    const roundStartSec = elapsedSec();
    if (round > 0 && roundStartSec + longestSec > flags.limit) break;
    for (let turn = 0; turn < present.length; turn += 1) {
      const contender = present[(round + turn) % present.length];
      const sample = await contender.measure();
      samples.get(contender).push(sample);
      const perCheck = `${(sample.cpuMs / sample.checks).toFixed(2)} ms per check`;
      console.error(`${Math.round(elapsedSec())} s, round ${round + 1}: ${contender.name}: ${perCheck}`);
    }
    longestSec = Math.max(longestSec, elapsedSec() - roundStartSec);
  }
  for (const contender of present) await contender.close();
  await hosts.stop();
  return contenders.map((contender) => ({ ...contender, samples: samples.get(contender) }));
}

let flags;
try {
  flags = readFlags();
} catch (error) {
  console.error(`${error.message}\n\n${usage}`);
  process.exit(64);
}
if (flags.help) {
  console.log(usage);
  process.exit(0);
}
installMissing();
const missing = hostsMissing();
if (missing !== undefined) {
  console.error(missing);
  process.exit(77);
}
const directory = mkdtempSync(join(tmpdir(), 'mendd-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
const text = report(await bench(flags, directory), flags);
console.log(text);
if (flags.write) writeDocument(text);
