// Would threads pay? What of the main thread's work could leave it, what it would cost to hand that over, and how long the loop is held.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createDaemon } from './daemon.mjs';
import { startHosts } from './hosts.mjs';
import { movableShare } from './profile.mjs';
import { describeMachine, goalTable, short, table } from './report.mjs';

const checksPerHost = 10;
const settleMs = 5_000;

/** `{ title, markdown }`. Flags: hosts, every, seconds. */
export async function benchThreads(flags, directory) {
  const machine = describeMachine();
  const hosts = await startHosts(directory, flags.hosts);
  const daemon = createDaemon({ directory, hosts });
  daemon.setHosts(hosts.addresses);
  daemon.setChecks({ checks: checksPerHost, every: `${flags.every}s` });
  await daemon.start();
  await daemon.allOk(300_000);
  await pause(settleMs);
  const plain = await watch(daemon, flags);
  // Apart from that: a profile costs too.
  await daemon.tell('profile');
  await pause(flags.seconds * 1000);
  const movable = movableShare(await daemon.tell('profiled'));
  await daemon.stop();
  await hosts.stop();
  const messageMs = await messageCost((flags.hosts / flags.every) | 0 || 1, flags.seconds);
  return { title: 'Threads', markdown: report({ flags, plain, movable, messageMs, machine }) };
}

async function watch(daemon, { seconds }) {
  const count = async () => (await daemon.metrics()).get('mendd_checks_total');
  const before = await count();
  const [cpuMs, mainMs] = [daemon.cpuMs(), mainThreadMs(daemon.pid())];
  await pause(seconds * 1000);
  const whole = daemon.cpuMs() - cpuMs;
  const main = mainThreadMs(daemon.pid()) - mainMs;
  const checks = (await count()) - before;
  // Apart from that: watching wakes the process a hundred times a second.
  await daemon.tell('watch');
  await pause(seconds * 1000);
  const delays = await daemon.tell('delays');
  return { whole, main, delays, checks, rate: checks / seconds, core: whole / seconds / 10 };
}

/** User and system time of the first thread, in steps of a clock tick. Milliseconds. Source: proc_pid_stat(5). */
function mainThreadMs(pid) {
  const text = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8');
  const [user, system] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) * 10;
}

const scripts = Array.from({ length: checksPerHost }, () => ({
  script: 'echo OK',
  timeoutMs: 10_000,
  env: {},
}));
const outcomes = Array.from({ length: checksPerHost }, () => ({
  kind: 'exited',
  exitCode: 0,
  stdout: 'OK\n',
  stderr: '',
  truncated: false,
  startedAtMs: 1,
  durationMs: 20,
}));

/** CPU of both threads for one batch that is asked of another thread, and its ten outcomes, at that pace. Milliseconds. */
async function messageCost(perSecond, seconds) {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     parentPort.on('message', ({ id, outcomes }) => parentPort.postMessage({ id, outcomes }));`,
    { eval: true },
  );
  const idle = await cpuOf(perSecond, seconds, async () => undefined);
  const busy = await cpuOf(
    perSecond,
    seconds,
    (id) =>
      new Promise((resolve) => {
        worker.once('message', resolve);
        worker.postMessage({ id, scripts, outcomes }, []);
      }),
  );
  await worker.terminate();
  return Math.max(0, busy - idle);
}

/** What `work` costs each time, with the timer that calls it. */
async function cpuOf(perSecond, seconds, work) {
  const count = Math.max(20, Math.round(perSecond * seconds));
  const before = process.cpuUsage();
  for (let id = 0; id < count; id += 1) {
    await work(id);
    await pause(1000 / perSecond);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / count;
}

function report({ flags, plain, movable, messageMs, machine }) {
  const perBatch = (plain.whole / plain.checks) * checksPerHost;
  const tenfold = (plain.main / plain.whole) * plain.core * 10;
  const { p50Ms, p99Ms, maxMs } = plain.delays;
  return [
    table(
      ['', ''],
      [
        ['CPU of the daemon', `${short(plain.core)}% of a core`],
        ['of it the main thread', `${short((plain.main / plain.whole) * 100)}%`],
        ["of the main thread's work: ssh2, its crypto and sockets, runner/", `${short(movable * 100)}%`],
        ['by these, the main thread at ten times the hosts', `${short(tenfold)}% of a core`],
        ['of it could leave', `${short(tenfold * movable)}% of a core`],
        ['CPU of a batch of ten checks, all of the daemon', `${short(perBatch)} ms`],
        ['CPU of asking another thread for a batch and of its ten outcomes', `${short(messageMs)} ms`],
        ['loop delay p50 / p99 / most, ms', [p50Ms, p99Ms, maxMs].map(short).join(' / ')],
      ],
    ),
    '',
    goalTable([
      {
        goal: 'loop delay p99 at most 50 ms with one thread',
        measured: `${short(p99Ms)} ms`,
        isMet: p99Ms <= 50,
      },
    ]),
    '',
    `${machine.text()} ${flags.hosts} hosts with ${checksPerHost} checks every ${flags.every} s, ${short(plain.rate)} checks a second, watched for ${flags.seconds} s; then profiled as long.`,
  ].join('\n');
}
