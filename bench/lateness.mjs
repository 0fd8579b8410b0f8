// Table 2: how late checks start, how long the loop is held, and what memory a host takes, over real sshds and over simulated hosts.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createDaemon } from './daemon.mjs';
import { startHosts } from './hosts.mjs';
import { describeMachine, goalTable, median, short, table } from './report.mjs';

const checksPerHost = 10;
const kB = 1000;

/** `{ title, markdown }`. Flags: hosts, every, small. */
export async function benchLateness(flags, directory) {
  const machine = describeMachine();
  const hosts = await startHosts(directory, flags.hosts);
  const { memory, real } = await measureReal(flags, hosts, directory);
  const soak = await measureSoak(flags, hosts, directory);
  await hosts.stop();
  const few = await measureSimulated(flags, hosts, directory, flags.hosts);
  const many = await measureSimulated(flags, hosts, directory, flags.hosts * 10);
  return {
    title: 'Lateness, the loop, memory',
    markdown: report({ flags, memory, real, soak, few, many, machine }),
  };
}

/** Hosts are added in steps; at each all are connected and have their first results. Then their pace is that of every day. */
async function measureReal(flags, hosts, directory) {
  const daemon = createDaemon({ directory, hosts });
  const steps = [0.01, 0.25, 0.5, 1].map((part) => Math.max(2, Math.round(part * flags.hosts)));
  const memory = [];
  for (const count of steps) {
    console.error(`${count} hosts ...`);
    daemon.setHosts(hosts.addresses.slice(0, count));
    // As many checks a second at each size: what the hosts' side of this machine can do.
    daemon.setChecks({
      checks: checksPerHost,
      every: `${Math.ceil(Math.max(2, (flags.every * count) / flags.hosts))}s`,
    });
    if (memory.length === 0) await daemon.start();
    else await daemon.reload();
    await daemon.allOk();
    memory.push({ count, ...(await daemon.tell('memory')) });
  }
  // Until what the last logins held back is told no more.
  await pause(2 * flags.every * 1000);
  const real = await watch(daemon, flags, steps.at(-1));
  await daemon.stop();
  return { memory, real };
}

/** The far side is simulated: this machine cannot play ten times the hosts, and at the fleet's size sshd takes it for itself. */
async function measureSimulated(flags, hosts, directory, count) {
  const daemon = createDaemon({ name: `simulated-${count}`, directory, hosts, simulated: true });
  daemon.setHosts(
    Array.from({ length: count }, (_, i) => `127.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`),
  );
  daemon.setChecks({ checks: checksPerHost, every: `${flags.every}s` });
  console.error(`${count} simulated hosts ...`);
  await daemon.start();
  // Its first results, and all that a start has to do.
  await pause((flags.every + 15) * 1000);
  const seen = await watch(daemon, flags, count);
  await daemon.stop();
  return seen;
}

/** Some hosts at sixty times the pace: as many runs of each check in a minute as in an hour. */
async function measureSoak(flags, hosts, directory) {
  const count = Math.max(2, Math.round(flags.hosts / 100));
  const everySec = 1;
  const runs = flags.small ? 10 : 120;
  const daemon = createDaemon({ name: 'soak', directory, hosts });
  daemon.setHosts(hosts.addresses.slice(0, count));
  daemon.setChecks({ checks: checksPerHost, every: `${everySec}s` });
  console.error(`${count} hosts every ${everySec} s ...`);
  await daemon.start();
  await daemon.allOk();
  const before = await daemon.tell('memory');
  // As much again before it is looked at: what a start needs once is no growth, nor that V8's young generation, which it
  // shrinks after a collection, grows back to its full size of 32 MB.
  await pause(runs * everySec * 1000);
  const samples = [];
  for (const endMs = performance.now() + runs * everySec * 1000; performance.now() < endMs; ) {
    samples.push(rssOf(daemon.pid()));
    await pause(1000);
  }
  const after = await daemon.tell('memory');
  const checks = (await daemon.metrics()).get('mendd_checks_total');
  await daemon.stop();
  const third = Math.floor(samples.length / 3);
  return {
    count,
    everySec,
    checks,
    firstRss: median(samples.slice(0, third)),
    lastRss: median(samples.slice(-third)),
    heapBefore: before.heapUsed,
    heapAfter: after.heapUsed,
  };
}

/** The loop's delay in one interval and the lateness in it; asks for its metrics afterwards only, since that holds the loop. */
async function watch(daemon, flags, hostCount) {
  await daemon.tell('watch');
  const cpuBeforeMs = daemon.cpuMs();
  await pause(flags.every * 1000);
  const cpuMs = daemon.cpuMs() - cpuBeforeMs;
  const delays = await daemon.tell('delays');
  const rss = rssOf(daemon.pid());
  const metrics = await daemon.metrics();
  const shed = [...metrics].filter(([key]) => key.startsWith('mendd_checks_shed_total'));
  const notOk = [...metrics].filter(([key, value]) => key.startsWith('mendd_check_state{') && value !== 0);
  if (notOk.length > 0) throw new Error(`${notOk.length} checks of mendd were not OK`);
  return {
    hostCount,
    checks: metrics.get('mendd_checks_total'),
    shed: shed.reduce((sum, [, value]) => sum + value, 0),
    lateness: latenessIn(metrics),
    delays,
    corePercent: (cpuMs / (flags.every * 1000)) * 100,
    rss,
  };
}

/** Milliseconds; undefined when the daemon does not tell. */
function latenessIn(metrics) {
  const of = (quantile) => metrics.get(`mendd_check_lateness_seconds{quantile="${quantile}"}`) * 1000;
  return { p50Ms: of('0.5'), p99Ms: of('0.99'), maxMs: of('1') };
}

/** Bytes. */
function rssOf(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}

/** A goal of at most so many milliseconds. */
function most(goal, ms, limitMs) {
  return {
    goal,
    measured: Number.isNaN(ms) ? undefined : `${short(ms)} ms`,
    isMet: Number.isNaN(ms) ? undefined : ms <= limitMs,
  };
}

function report({ flags, memory, real, soak, few, many, machine }) {
  const row = (name, { checks, lateness, delays, shed, corePercent, rss }) => [
    name,
    checks.toLocaleString('en'),
    [lateness.p50Ms, lateness.p99Ms, lateness.maxMs].map(short).join(' / '),
    [delays.p50Ms, delays.p99Ms, delays.maxMs].map(short).join(' / '),
    shed,
    `${short(corePercent)}%`,
    `${short(rss / kB / kB)} MB`,
  ];
  const last = memory.at(-1);
  const perHost = slope(memory.map(({ count, rss }) => [count, rss]));
  const perHostHeap = slope(memory.map(({ count, heapUsed, external }) => [count, heapUsed + external]));
  const growth = (soak.lastRss - soak.firstRss) / soak.firstRss;
  return [
    table(
      [
        '',
        'checks since the start',
        'lateness p50 / p99 / most, ms',
        'loop delay p50 / p99 / most, ms',
        'shed',
        'CPU of a core',
        'memory',
      ],
      [
        row(`${real.hostCount.toLocaleString('en')} hosts x ${checksPerHost} checks, real sshd`, real),
        row(`${few.hostCount.toLocaleString('en')} hosts x ${checksPerHost} checks, simulated far side`, few),
        row(
          `${many.hostCount.toLocaleString('en')} hosts x ${checksPerHost} checks, simulated far side`,
          many,
        ),
      ],
    ),
    '',
    table(
      ['connected hosts with ten checks', 'memory after collection, MB', 'of it in the heap of JavaScript'],
      memory.map(({ count, rss, heapUsed }) => [
        count.toLocaleString('en'),
        short(rss / kB / kB),
        short(heapUsed / kB / kB),
      ]),
    ),
    '',
    table(
      [
        `two hours' worth of checks, after two (${soak.checks.toLocaleString('en')} of ${soak.count} hosts in both, every ${soak.everySec} s)`,
        'first third',
        'last third',
      ],
      [
        ['memory, median, MB', short(soak.firstRss / kB / kB), short(soak.lastRss / kB / kB)],
        [
          'heap after collection at the begin and end, MB',
          short(soak.heapBefore / kB / kB),
          short(soak.heapAfter / kB / kB),
        ],
      ],
    ),
    '',
    goalTable([
      most('lateness p99 at most 250 ms over real sshds', real.lateness.p99Ms, 250),
      most('lateness p99 at most 250 ms, far side simulated', few.lateness.p99Ms, 250),
      most('lateness p99 at most 1 s at ten times the hosts', many.lateness.p99Ms, 1000),
      most('loop delay p99 at most 50 ms over real sshds', real.delays.p99Ms, 50),
      most('loop delay p99 at most 50 ms at ten times the hosts', many.delays.p99Ms, 50),
      {
        goal: 'at most 60 kB for a connected host with ten checks',
        measured: `${short(perHost / kB)} kB (${short(perHostHeap / kB)} kB in the heap and buffers of JavaScript)`,
        // A resident set that shrank meanwhile proves nothing.
        isMet: Math.max(perHost, perHostHeap) <= 60 * kB,
      },
      {
        goal: `memory of ${soak.count} hosts flat over two hours' worth of checks: at most 5% more`,
        measured: `${short(growth * 100)}%`,
        isMet: growth <= 0.05,
      },
    ]),
    '',
    `${machine.text()} Checks every ${flags.every} s, watched for one interval; the daemon tells its lateness over the last one to two minutes. Memory for a host: slope over ${memory.length} sizes up to ${last.count} hosts.`,
  ].join('\n');
}

/** Of the line with the least squares through `[x, y]`. */
function slope(points) {
  const [x, y] = [mean(points.map(([a]) => a)), mean(points.map(([, b]) => b))];
  const above = points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0);
  return above / points.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
