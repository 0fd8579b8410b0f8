// Table 6: what a reload of a large fleet costs the fleet: the loop, checks that are missed or run twice, states that are lost. The
// far side is simulated; every reload changes every host.
import { setTimeout as pause } from 'node:timers/promises';
import { createDaemon } from './daemon.mjs';
import { describeMachine, goalTable, median, short, table } from './report.mjs';

const checksPerHost = 10;
const everySec = 20;
const goalMs = 100;

const forms = {
  'as written': (i) => `echo OK ${i}`,
  'with a template for each host': (i) => `echo OK ${i} {{ host.name }}`,
};

/** `{ title, markdown }`. Flags: hosts, small. */
export async function benchReload(flags, directory) {
  const machine = describeMachine();
  const count = flags.hosts * 2;
  const measured = [];
  for (const [form, command] of Object.entries(forms))
    measured.push({ form, ...(await measure({ count, command, reloads: flags.small ? 2 : 6 }, directory)) });
  return { title: 'Reload of a large fleet', markdown: report(measured, count, machine) };
}

async function measure({ count, command, reloads }, directory) {
  const hosts = { user: 'mendd', knownHosts: '/dev/null', port: 22 };
  const daemon = createDaemon({
    name: `reload-${command('x').length}`,
    directory,
    hosts,
    simulated: true,
  });
  const addresses = Array.from(
    { length: count },
    (_, i) => `127.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
  );
  daemon.setHosts(addresses, { generation: 0 });
  daemon.setChecks({ checks: checksPerHost, every: `${everySec}s`, command });
  console.error(`${count} simulated hosts ...`);
  await daemon.start();
  await daemon.allOk();
  await daemon.tell('forget');
  const before = sinceOf(await daemon.checks());
  await pause(everySec * 1000);
  const longest = [];
  const cpu = [];
  for (let generation = 1; generation <= reloads; generation += 1) {
    daemon.setHosts(addresses, { generation });
    await daemon.tell('watch');
    const cpuBeforeMs = daemon.cpuMs();
    const startedMs = performance.now();
    await daemon.reload();
    const { maxMs } = await daemon.tell('delays');
    longest.push(maxMs);
    cpu.push((daemon.cpuMs() - cpuBeforeMs) / ((performance.now() - startedMs) / 1000));
    await pause((everySec * 1000) / 2);
  }
  await pause(everySec * 1000);
  const gaps = await daemon.tell('gaps');
  const after = sinceOf(await daemon.checks());
  await daemon.stop();
  const lost = [...before].filter(([id, since]) => after.get(id) !== since).length;
  return { longest, gaps, lost, checks: before.size, reloads };
}

/** When each check got its present state. */
function sinceOf(checks) {
  return new Map(
    checks.map(({ host, check, status }) => [`${host} ${check}`, `${status.state} ${status.since}`]),
  );
}

function report(measured, count, machine) {
  const rows = measured.map(({ form, longest, gaps, lost, checks, reloads }) => [
    form,
    reloads,
    `${short(median(longest))} ms, at most ${short(Math.max(...longest))} ms`,
    `${short(gaps.shortestMs / 1000)} to ${short(gaps.longestMs / 1000)} s`,
    `${gaps.commands - checks}`,
    lost,
  ]);
  const worst = Math.max(...measured.flatMap(({ longest }) => longest));
  const shortest = Math.min(...measured.map(({ gaps }) => gaps.shortestMs));
  const widest = Math.max(...measured.map(({ gaps }) => gaps.longestMs));
  const lost = measured.reduce((sum, each) => sum + each.lost, 0);
  return `${count.toLocaleString('en')} hosts with ${checksPerHost} checks each every ${everySec} s, simulated. Each reload changes a label of every host.

${table(['definitions', 'reloads', 'the loop was held', 'between two runs of one check', 'checks never run', 'states lost'], rows)}

${goalTable([
  {
    goal: `the loop is held for less than ${goalMs} ms`,
    measured: `${short(worst)} ms`,
    isMet: worst < goalMs,
  },
  {
    goal: 'no check is missed',
    measured: `${short(widest / 1000)} s at most`,
    isMet: widest < 1.5 * everySec * 1000,
  },
  {
    goal: 'no check runs twice',
    measured: `${short(shortest / 1000)} s at least`,
    isMet: shortest > 0.5 * everySec * 1000,
  },
  { goal: 'no state is lost', measured: `${lost}`, isMet: lost === 0 },
])}

${machine.text()}`;
}
