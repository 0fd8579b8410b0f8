// Table 3: what a login costs, how 1,000 hosts are reached again after all went away, and how soon a restarted daemon knows all.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { accounting } from './accounts.mjs';
import { createDaemon } from './daemon.mjs';
import { startHosts } from './hosts.mjs';
import { until } from './processes.mjs';
import { describeMachine, goalTable, percentile, short, table } from './report.mjs';

const checksPerHost = 10;
const sampleMs = 500;

/** `{ title, markdown }`. Flags: hosts, every, cut, part. */
export async function benchConnections(flags, directory) {
  const machine = describeMachine();
  if (flags.part === 'restart') {
    const alone = { user: 'mendd', port: 22, knownHosts: join(directory, 'known_hosts') };
    writeFileSync(alone.knownHosts, '');
    const restart = await measureRestart(flags, alone, directory);
    const markdown = [restartTable(restart), '', goalTable([restartGoal(restart)]), '', machine.text()];
    return { title: 'Restart', markdown: markdown.join('\n') };
  }
  // Sixteen hosts share what one sshd as shipped lets log in at once: tighter than any real fleet.
  const hosts = await startHosts(directory, flags.hosts, { maxStartups: '10:30:100', logLevel: 'VERBOSE' });
  const logins = await measureLogins(flags, hosts, directory);
  const cut = await measureCut(flags, hosts, directory);
  await hosts.stop();
  const restart = await measureRestart(flags, hosts, directory);
  const markdown = report({ flags, logins, cut, restart, machine });
  return { title: 'Connections and restart', markdown };
}

/** All hosts are due within seconds and nothing holds the daemon back: as fast as both sides can on this machine. */
async function measureLogins(flags, hosts, directory) {
  const count = Math.min(300, flags.hosts);
  const ssh = { connect_rate: '1000/s', connect_timeout: '60s' };
  const daemon = createDaemon({ name: 'logins', directory, hosts, ssh });
  daemon.setHosts(hosts.addresses.slice(0, count));
  daemon.setChecks({ checks: 1, every: '5s' });
  console.error(`${count} logins ...`);
  await daemon.start();
  const before = { client: daemon.cpuMs(), hosts: hosts.cpuMs(), wall: performance.now() };
  await until(
    'all are logged in',
    () => (daemon.connectedSince(0).length >= count ? true : undefined),
    180_000,
  );
  const connectedAtMs = daemon.connectedSince(0).map(({ atMs }) => atMs);
  const cost = {
    count,
    clientMs: (daemon.cpuMs() - before.client) / count,
    hostsMs: (hosts.cpuMs() - before.hosts) / count,
    perSecond: (count * 1000) / (connectedAtMs.at(-1) - connectedAtMs[0]),
  };
  await daemon.stop();
  return cost;
}

/** Everything as shipped; every sshd and session dies at once, and all come back together. */
async function measureCut(flags, hosts, directory) {
  const awaySec = flags.cut;
  const daemon = createDaemon({ name: 'cut', directory, hosts });
  daemon.setHosts(hosts.addresses);
  daemon.setChecks({ checks: checksPerHost, every: `${flags.every}s` });
  console.error(`${flags.hosts} hosts, to be cut off ...`);
  await daemon.start();
  await until(
    'all are connected',
    () => (daemon.connectedSince(0).length >= flags.hosts ? true : undefined),
    300_000,
  );
  const refusedBefore = hosts.refusals();
  const calm = await watchCpu(daemon, 5_000);
  const cutAtMs = Date.now();
  hosts.cut();
  const away = await watchCpu(daemon, awaySec * 1000);
  await hosts.rejoin();
  const backAtMs = Date.now();
  await daemon.tell('watch');
  const backAgain = () => daemon.connectedSince(cutAtMs);
  const isBack = () => backAgain().length >= flags.hosts;
  const back = await watchCpu(daemon, 300_000, isBack);
  const delays = await daemon.tell('delays');
  if (!isBack()) throw new Error(`${backAgain().length} of ${flags.hosts} came back`);
  // The first are back before the last sshd listens again.
  const waitsSec = backAgain().map(({ atMs }) => Math.max(0, atMs - backAtMs) / 1000);
  const refused = hosts.refusals() - refusedBefore;
  await daemon.stop();
  return { awaySec, calm, away, back, delays, waitsSec, refused };
}

/** Percent of a core, sampled for so long or until it is enough. */
async function watchCpu(daemon, forMs, isEnough = () => false) {
  const samples = [];
  for (const endMs = performance.now() + forMs; performance.now() < endMs && !isEnough(); ) {
    const before = { cpuMs: daemon.cpuMs(), atMs: performance.now() };
    await pause(sampleMs);
    samples.push(((daemon.cpuMs() - before.cpuMs) * 100) / (performance.now() - before.atMs));
  }
  const average = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  return { average, most: Math.max(...samples) };
}

/** Ten times the hosts, far side simulated: when the daemon answers again, and answers with all states it had. */
async function measureRestart(flags, hosts, directory) {
  const hostCount = flags.hosts * 10;
  const count = hostCount * checksPerHost;
  const daemon = createDaemon({ name: 'restart', directory, hosts, simulated: true });
  daemon.setHosts(
    Array.from({ length: hostCount }, (_, i) => `127.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`),
  );
  daemon.setChecks({ checks: checksPerHost, every: `${flags.every}s` });
  console.error(`${count} checks, to be restarted ...`);
  const first = await daemon.start();
  await pause((flags.every + 15) * 1000);
  const before = await daemon.states();
  const stoppedMs = await timed(() => daemon.stop());
  const { waitedMs, cpuMs } = await daemon.start();
  const startedMs = performance.now();
  await until('mendd is ready', async () => ((await daemon.isReady()) ? true : undefined), 60_000, 5);
  const readyMs = waitedMs + performance.now() - startedMs;
  const after = await daemon.states();
  if (after.known < before.known)
    throw new Error(`mendd knew ${before.known} states, and ${after.known} after a restart`);
  await daemon.stop();
  return { hostCount, count, known: before.known, first, stoppedMs, waitedMs, cpuMs, readyMs };
}

async function timed(work) {
  const beforeMs = performance.now();
  await work();
  return performance.now() - beforeMs;
}

function seconds(ms) {
  return `${short(ms / 1000)} s`;
}

function report({ flags, logins, cut, restart, machine }) {
  return [
    table(
      ['login', ''],
      [
        [
          'CPU of mendd per login, its first check included',
          `${short(logins.clientMs)} ms, so ${short(1000 / logins.clientMs)} logins per CPU second`,
        ],
        ['CPU of the host, likewise', `${short(logins.hostsMs)} ms`],
        ['logins per second, both sides on this machine', short(logins.perSecond)],
      ],
    ),
    '',
    table(
      [`${flags.hosts.toLocaleString('en')} hosts gone for ${cut.awaySec} s, all at once`, ''],
      [
        [
          'connected again after their return: half / 99% / all',
          [50, 99, 100].map((part) => `${short(percentile(cut.waitsSec, part))} s`).join(' / '),
        ],
        ['connections that MaxStartups (10:30:100 for each 16 hosts) turned away', cut.refused],
        [
          'CPU of a core before / while gone / while they came back',
          [cut.calm, cut.away, cut.back].map(({ average }) => `${short(average)}%`).join(' / '),
        ],
        [
          `highest within ${sampleMs / 1000} s, likewise`,
          [cut.calm, cut.away, cut.back].map(({ most }) => `${short(most)}%`).join(' / '),
        ],
        [
          'loop delay p99 / most while they came back',
          `${short(cut.delays.p99Ms)} / ${short(cut.delays.maxMs)} ms`,
        ],
      ],
    ),
    '',
    restartTable(restart),
    '',
    goalTable([
      {
        goal: 'no connection turned away by MaxStartups',
        measured: String(cut.refused),
        isMet: cut.refused === 0,
      },
      {
        goal: 'no burst of CPU: at most 60% of a core while they come back',
        measured: `${short(cut.back.average)}%`,
        isMet: cut.back.average <= 60,
      },
      restartGoal(restart),
    ]),
    '',
    `${machine.text()} ${accounting}. Checks every ${flags.every} s, settings as shipped but for the logins (no rate limit).`,
  ].join('\n');
}

function restartTable(restart) {
  return table(
    [
      `restart with ${restart.count.toLocaleString('en')} checks of ${restart.hostCount.toLocaleString('en')} hosts`,
      '',
    ],
    [
      [
        'first start, empty store: API answers',
        `${seconds(restart.first.waitedMs)} (${seconds(restart.first.cpuMs)} of CPU)`,
      ],
      ['stop', seconds(restart.stoppedMs)],
      [
        `start: API answers, with ${restart.known.toLocaleString('en')} states that were known before`,
        `${seconds(restart.waitedMs)} (${seconds(restart.cpuMs)} of CPU)`,
      ],
      ['ready', seconds(restart.readyMs)],
    ],
  );
}

function restartGoal({ readyMs }) {
  const goal = 'restart with every state: ready within 3 s';
  return { goal, measured: seconds(readyMs), isMet: readyMs <= 3000 };
}
