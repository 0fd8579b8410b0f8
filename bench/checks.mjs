// Table 1: what one check over SSH costs the ops box and the host, by mendd and by others, in turns against the same sshds.
import { setTimeout as pause } from 'node:timers/promises';
import { accounting } from './accounts.mjs';
import { prepareAnsible } from './ansible.mjs';
import { createDaemon } from './daemon.mjs';
import { startHosts } from './hosts.mjs';
import { prepareMonitors } from './nagios.mjs';
import { measureWork, prepareBare, programs } from './peers.mjs';
import { describeProfile, writeProfile } from './profile.mjs';
import { describeMachine, firstLine, goalTable, median, spread, table } from './report.mjs';

const checksPerHost = 10;
const settleMs = 5_000;
/** A daemon runs for weeks: making its machine code, which V8 drops while nothing runs, is no part of what a check costs. */
const warmIntervals = 2;

/**
 * `{ title, markdown, profile }`. Flags: hosts, every and seconds of mendd, rounds, scale of the others, limit in seconds, and
 * `cpuProf`, a file for a CPU profile that is made after the rounds.
 */
export async function benchChecks(flags, directory) {
  const machine = describeMachine();
  const hosts = await startHosts(directory, flags.hosts);
  const mendd = prepareMendd(hosts, directory, flags);
  const others = [
    ...prepareMonitors(hosts, directory, { seconds: Math.max(4, Math.round(10 * flags.scale)) }),
    ...prepareAnsible(hosts, directory, flags),
    ...prepareBare(hosts, directory, flags),
  ];
  const turns = [mendd, ...others.map((contender) => ({ contenders: [contender] }))];
  const contenders = turns.flatMap((turn) => turn.contenders);
  await mendd.open();
  await runRounds(turns, flags);
  const profile = flags.cpuProf === undefined ? undefined : await mendd.profile(flags.cpuProf);
  await mendd.close();
  await hosts.stop();
  return { title: 'CPU of a check', markdown: report(contenders, flags, machine), profile };
}

/** A turn has `contenders` that are measured one after the other, and what is to be done before and after them. */
async function runRounds(turns, flags) {
  const present = turns.filter(({ contenders }) => contenders.every(({ skipped }) => skipped === undefined));
  const startedMs = performance.now();
  const elapsedSec = () => (performance.now() - startedMs) / 1000;
  for (const { contenders } of present) for (const contender of contenders) await contender.open?.();
  let longestSec = 0;
  for (let round = 0; round < flags.rounds; round += 1) {
    const roundStartSec = elapsedSec();
    if (round > 0 && roundStartSec + longestSec > flags.limit) break;
    for (let i = 0; i < present.length; i += 1) {
      const turn = present[(round + i) % present.length];
      await turn.begin?.();
      for (const contender of turn.contenders) {
        const sample = await contender.measure();
        contender.samples.push(sample);
        const perCheck = `${(sample.cpuMs / sample.checks).toFixed(3)} ms per check`;
        const rate = `${((sample.checks * 1000) / sample.wallMs).toFixed(1)} checks a second`;
        console.error(
          `${Math.round(elapsedSec())} s, round ${round + 1}: ${contender.name}: ${perCheck}, ${rate}`,
        );
      }
      await turn.end?.();
    }
    longestSec = Math.max(longestSec, elapsedSec() - roundStartSec);
  }
  for (const { contenders } of present) for (const contender of contenders) await contender.close?.();
}

/** Two contenders in one daemon with one set of connections: its runbook says how, and is enabled while they are measured. */
function prepareMendd(hosts, directory, flags) {
  const daemon = createDaemon({ directory, hosts });
  const every = `${flags.every}s`;
  const use = async (how) => {
    daemon.setChecks({ checks: checksPerHost, every, ...how });
    await daemon.reload();
    await pause(settleMs);
  };

  /** Until every check has a first result, which costs more than those that follow, and some more. */
  const runAll = async () => {
    await use({});
    await daemon.allOk(300_000);
    await pause(warmIntervals * flags.every * 1000);
  };

  /** How many checks ran between two wall times. Each runs at most once in it; throws when one was not OK. */
  const countResults = async (fromMs, toMs) => {
    const checks = await daemon.checks();
    const asked = checks.filter(({ status }) => {
      const atMs = Date.parse(status.lastResult?.startedAt ?? '');
      // It may have run again while the list was read.
      return [atMs, atMs - flags.every * 1000].some((ms) => ms >= fromMs && ms < toMs);
    });
    const bad = asked.find(({ status }) => status.state !== 'ok');
    if (bad !== undefined) throw new Error(`a check of mendd was not OK: ${JSON.stringify(bad)}`);
    return asked.length;
  };

  const measure = async (batch) => {
    await use({ batch });
    const fromMs = Date.now();
    const cost = await measureWork(daemon, hosts, () => pause(flags.seconds * 1000));
    const checks = await countResults(fromMs, Date.now());
    return { ...cost, checks };
  };

  const contender = (key, name, batch) => ({
    key,
    name,
    samples: [],
    measure: () => measure(batch),
  });
  return {
    contenders: [
      contender('mendd', '`mendd serve`', true),
      contender('mendd-alone', '`mendd serve`, `batch: false`', false),
    ],
    async open() {
      console.error(`mendd logs in to ${flags.hosts} hosts ...`);
      daemon.setHosts(hosts.addresses);
      daemon.setChecks({ checks: checksPerHost, every });
      await daemon.start();
      await daemon.allOk(300_000);
      await use({ enabled: false });
    },
    begin: runAll,
    end: () => use({ enabled: false }),
    async profile(file) {
      console.error('profiling ...');
      await runAll();
      await daemon.tell('profile');
      await pause(Math.min(30, flags.every) * 1000);
      const profile = await daemon.tell('profiled');
      writeProfile(profile, file);
      return describeProfile(profile);
    },
    close: () => daemon.stop(),
  };
}

const per = ({ samples }) => samples.map(({ cpuMs, checks }) => cpuMs / checks);
const hostsPer = ({ samples }) => samples.map(({ hostsCpuMs, checks }) => hostsCpuMs / checks);

function report(contenders, flags, machine) {
  const [mendd] = contenders;
  const ratios = (of, measure) => measure(of).map((value, i) => value / measure(mendd)[i]);
  const rows = contenders.map((of) => {
    if (of.skipped !== undefined) return [of.name, `skipped: ${of.skipped}`, '', '', '', ''];
    const checks = of.samples.reduce((total, sample) => total + sample.checks, 0);
    const times = (measure) => (of === mendd ? '1' : spread(ratios(of, measure)));
    return [
      of.name,
      spread(per(of)),
      of === mendd ? '1' : `**${times(per)}**`,
      spread(hostsPer(of)),
      times(hostsPer),
      checks.toLocaleString('en'),
    ];
  });
  const atLeast = (key, least, words, measure = per) => {
    const of = contenders.find((contender) => contender.key === key);
    if (of.skipped !== undefined) return { goal: words };
    const values = ratios(of, measure);
    return { goal: words, measured: `${spread(values)} times`, isMet: median(values) >= least };
  };
  const goals = [
    {
      goal: 'mendd: at most 0.25 ms of client CPU per check',
      measured: `${spread(per(mendd))} ms`,
      isMet: median(per(mendd)) <= 0.25,
    },
    atLeast('nagios', 300, 'at least 300 times less than Nagios 4 with `check_by_ssh` as shipped'),
    atLeast('nagios-master', 25, 'at least 25 times less than Nagios 4 over a ControlMaster'),
    atLeast('icinga', 300, 'at least 300 times less than Icinga 2 with `check_by_ssh` as shipped'),
    atLeast('icinga-master', 25, 'at least 25 times less than Icinga 2 over a ControlMaster'),
    atLeast('ansible', 300, 'at least 300 times less than an Ansible ad-hoc run over new connections'),
    atLeast(
      'ansible-master',
      25,
      'at least 25 times less than an Ansible ad-hoc run over open ControlMasters',
    ),
    atLeast('plugin', 3, "CPU of the hosts: at most a third of `check_by_ssh`'s", hostsPer),
  ];
  const versions = [
    firstLine(programs.checkBySsh, ['-V']),
    firstLine('dpkg-query', ['-W', '-f', '${Package} ${Version}', 'nagios4-core']),
    firstLine('dpkg-query', ['-W', '-f', '${Package} ${Version}', 'icinga2-bin']),
    firstLine('dpkg-query', ['-W', '-f', '${Package} ${Version}', 'ansible-core']),
  ].filter(Boolean);
  const rate = mendd.samples.map(({ checks, wallMs }) => (checks * 1000) / wallMs);
  return [
    table(
      [
        '',
        'client CPU per check, ms',
        'times that of mendd',
        'CPU of the hosts per check, ms',
        'times that of mendd',
        'checks',
      ],
      rows,
    ),
    '',
    goalTable(goals),
    '',
    `Median (least to most) of ${mendd.samples.length} rounds. ${accounting}. ${machine.text()} ${versions.join(', ')}. ` +
      `mendd: ${flags.hosts} hosts with ${checksPerHost} checks every ${flags.every} s, ${spread(rate)} checks a second, ` +
      `measured for ${flags.seconds} s.`,
  ].join('\n');
}
