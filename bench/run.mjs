// `npm run bench`: measures each table of docs/performance.md on this machine. Talks on stderr, prints tables on stdout.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hostsMissing } from './hosts.mjs';
import { installMissing } from './peers.mjs';
import { writeTable } from './report.mjs';

/** Each loads its own parts: one table needs no other's. */
const tables = {
  checks: async (flags, directory) => (await import('./checks.mjs')).benchChecks(flags, directory),
  lateness: async (flags, directory) => (await import('./lateness.mjs')).benchLateness(flags, directory),
  threads: async (flags, directory) => (await import('./threads.mjs')).benchThreads(flags, directory),
  connections: async (flags, directory) =>
    (await import('./connections.mjs')).benchConnections(flags, directory),
  store: async ({ small }) =>
    (await import(new URL('store.mjs', import.meta.url))).benchStore({ seconds: small ? 5 : 60 }),
  reload: async (flags, directory) => (await import('./reload.mjs')).benchReload(flags, directory),
  page: async (flags, directory) => (await import('./page.mjs')).benchPage(flags, directory),
  repair: async (flags, directory) => (await import('./repair.mjs')).benchRepair(flags, directory),
};

const usage = `npm run bench -- [options] [TABLE...]
  TABLE             ${Object.keys(tables).join(', ')}; all of them without
  --write           also write each table into docs/performance.md
  --small           small sizes, to try whether it runs: no figures to quote
  --hosts N         hosts of one daemon over SSH (1000)
  --every N         seconds between two runs of a check (60)
  --seconds N       seconds of each measurement of mendd, at most --every (60)
  --rounds N        rounds of the table checks, each with every contender, in turning order (3)
  --cut N           seconds for which all hosts are cut off (20; table connections)
  --limit N         seconds in which those rounds must fit; fewer are made then (1800)
  --part restart    of the table connections only the restart, which needs no sshd; writes nothing
  --cpu-prof FILE   also write a CPU profile of mendd, and tell where the time goes (table checks)`;

const sizes = {
  whole: { hosts: 1000, every: 60, seconds: 60, rounds: 3, limit: 1800, cut: 20, scale: 1 },
  small: { hosts: 20, every: 10, seconds: 8, rounds: 2, limit: 240, cut: 5, scale: 0.25 },
};

function readFlags() {
  const string = { type: 'string' };
  const boolean = { type: 'boolean', default: false };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      write: boolean,
      small: boolean,
      help: boolean,
      hosts: string,
      every: string,
      seconds: string,
      rounds: string,
      limit: string,
      cut: string,
      'cpu-prof': string,
      part: string,
    },
  });
  const flags = { ...sizes[values.small ? 'small' : 'whole'], small: values.small, write: values.write };
  for (const name of ['hosts', 'every', 'seconds', 'rounds', 'limit', 'cut']) {
    if (values[name] === undefined) continue;
    flags[name] = Number(values[name]);
    if (!Number.isInteger(flags[name]) || flags[name] < 1)
      throw new Error(`--${name} is not a whole number from 1`);
  }
  if (flags.seconds > flags.every) throw new Error('--seconds is more than --every');
  const unknown = positionals.find((name) => !(name in tables));
  if (unknown !== undefined) throw new Error(`no table ${unknown}`);
  const { part } = values;
  if (part !== undefined && (part !== 'restart' || positionals.join(' ') !== 'connections'))
    throw new Error('--part knows `restart` of the table `connections` only');
  if (part !== undefined && values.write) throw new Error('--write needs the whole table');
  const names = positionals.length === 0 ? Object.keys(tables) : positionals;
  return { ...flags, part, cpuProf: values['cpu-prof'], help: values.help, names };
}

/** One directory for each table, removed at the end whatever happens. */
async function measure(name, flags) {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-bench-'));
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  const startedMs = performance.now();
  console.error(`--- ${name}`);
  const { title, markdown, profile } = await tables[name](flags, directory);
  console.error(`--- ${name}: ${Math.round((performance.now() - startedMs) / 1000)} s`);
  console.log(`\n## ${title}\n\n${markdown}`);
  if (profile !== undefined) console.log(`\n## Where the time goes\n\n${profile.markdown}`);
  if (flags.write) {
    writeTable(name, markdown);
    if (profile !== undefined) {
      writeTable('profile', profile.markdown);
      profile.writeFlames();
    }
  }
  remove();
  process.removeListener('exit', remove);
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
let failures = 0;
for (const name of flags.names) {
  try {
    await measure(name, flags);
  } catch (error) {
    failures += 1;
    console.error(`${name} could not be measured:`, error);
  }
}
process.exit(failures === 0 ? 0 : 1);
