// Table 7: the page and what it lives on, while a large fleet is watched by many: how soon `now` answers, how soon a browser can be
// used, and whether memory grows. The far side is simulated; the clients and Chromium are real.
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { createDaemon } from './daemon.mjs';
import { until } from './processes.mjs';
import { describeMachine, goalTable, median, percentile, short, table } from './report.mjs';

const checksPerHost = 10;
const resultsPerSec = 200;
const clients = 200;
const askedTimes = 100;
const openedTimes = 5;

/** `{ title, markdown }`. Flags: hosts, small. */
export async function benchPage(flags, directory) {
  const machine = describeMachine();
  const minutes = flags.small ? 1 : 30;
  const everySec = Math.round((flags.hosts * checksPerHost) / resultsPerSec);
  const daemon = createDaemon({
    directory,
    hosts: { user: 'mendd', knownHosts: '/dev/null', port: 22 },
    simulated: true,
  });
  daemon.setHosts(Array.from({ length: flags.hosts }, (_, i) => `127.0.${(i >> 8) & 255}.${i & 255}`));
  // One check in ten is bad one time in ten, so that there is always something to tell.
  daemon.setChecks({
    checks: checksPerHost,
    every: `${everySec}s`,
    command: (i) => (i === 0 ? 'echo waver' : `echo fine ${i}`),
  });
  await daemon.start();
  console.error(`${flags.hosts} simulated hosts, a result of each check every ${everySec} s ...`);
  await until(
    'every check has a state',
    async () => ((await daemon.states()).known === flags.hosts * checksPerHost ? true : undefined),
    300_000,
    1_000,
  );
  const streams = await listen(daemon.url(), clients);
  const nowMs = await askNow(daemon.url());
  const opened = await openPage(daemon.url());
  const memory = await watchMemory(daemon, minutes);
  const heard = streams.map(({ events }) => events);
  const left = streams.filter(({ ended }) => ended).length;
  for (const { request } of streams) request.destroy();
  await daemon.stop();
  return {
    title: 'The page',
    markdown: report({ flags, everySec, minutes, nowMs, opened, memory, heard, left, machine }),
  };
}

/** Browsers and programs that hear every event. */
async function listen(url, count) {
  const streams = Array.from({ length: count }, () => {
    const stream = { events: 0, ended: false };
    stream.request = get(`${url}/api/v1/events`, (response) => {
      response.setEncoding('utf8').on('data', (text) => {
        stream.events += text.split('\nevent: ').length - 1;
      });
      response.on('close', () => {
        stream.ended = true;
      });
      stream.status = response.statusCode;
    });
    stream.request.on('error', () => {
      stream.ended = true;
    });
    return stream;
  });
  await until('all are listening', () => (streams.every(({ status }) => status === 200) ? true : undefined));
  return streams;
}

/** Whole answers, a new connection for each, and never the same state twice. Milliseconds. */
async function askNow(url) {
  const took = [];
  for (let turn = 0; turn < askedTimes; turn += 1) {
    const startedMs = performance.now();
    const answer = await fetch(`${url}/api/v1/now`, { headers: { connection: 'close' } });
    await answer.text();
    took.push(performance.now() - startedMs);
    if (!answer.ok) throw new Error(`now: ${answer.status}`);
    await pause(100);
  }
  return took;
}

/** From the navigation until the verdict stands there and the fleet can be clicked; a browser without cache each time. Milliseconds. */
async function openPage(url) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  const took = [];
  for (let turn = 0; turn < openedTimes; turn += 1) {
    const context = await browser.newContext();
    const page = await context.newPage();
    const startedMs = performance.now();
    await page.goto(url, { waitUntil: 'commit' });
    await page.locator('main a[href^="/hosts/"]').first().waitFor();
    took.push(performance.now() - startedMs);
    await context.close();
  }
  await browser.close();
  return took;
}

/** After collection, ten times. Megabytes. */
async function watchMemory(daemon, minutes) {
  const samples = [];
  for (let turn = 0; turn <= 10; turn += 1) {
    if (turn > 0) await pause(minutes * 6_000);
    const { rss, heapUsed } = await daemon.tell('memory');
    samples.push({ rss: rss / 1e6, heap: heapUsed / 1e6 });
  }
  return samples;
}

function report({ flags, everySec, minutes, nowMs, opened, memory, heard, left, machine }) {
  const [first, last] = [memory[0], memory.at(-1)];
  const growth = last.heap - first.heap;
  return `${flags.hosts.toLocaleString('en')} hosts with ${checksPerHost} checks every ${everySec} s, ${resultsPerSec} results a second; ${clients} clients hear every event (${short(median(heard))} each in ${minutes} minutes, ${left} were dropped).

${table(
  ['', 'median', 'p99', 'most'],
  [
    ['`GET /api/v1/now`, ms', short(median(nowMs)), short(percentile(nowMs, 99)), short(Math.max(...nowMs))],
    ['the page can be used in Chromium, ms', short(median(opened)), '', short(Math.max(...opened))],
  ],
)}

${table(
  ['minute', 'heap after collection, MB', 'memory, MB'],
  memory.map(({ rss, heap }, turn) => [short((turn * minutes) / 10), short(heap), short(rss)]),
)}

${goalTable([
  {
    goal: '`now` in under 50 ms (median)',
    measured: `${short(median(nowMs))} ms`,
    isMet: median(nowMs) < 50,
  },
  {
    goal: 'the page can be used within 1 s (median)',
    measured: `${short(median(opened))} ms`,
    isMet: median(opened) < 1000,
  },
  { goal: 'no client is dropped', measured: `${left}`, isMet: left === 0 },
  {
    goal: `the heap does not grow in ${minutes} minutes (at most a tenth)`,
    measured: `${short(growth)} MB`,
    isMet: growth < first.heap / 10,
  },
])}

${machine.text()}`;
}
