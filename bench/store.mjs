// Table 4: what a result costs the store in CPU and bytes, how long reads take while it writes, retention, and a start with many checks.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { openStores } from '../dist/store/open.js';
import { describeMachine, goalTable, median, percentile, short, spread, table } from './report.mjs';

const minuteMs = 60_000;
/** 2026-01-01T00:00:00Z */
const startMs = 1_767_225_600_000;
/** What the daemon commits at once. */
const batchSize = 500;
const hosts = 1_000;
const checksPerHost = 10;

const flap = {
  ring: Array(20).fill(0),
  last: 'ok',
  percent: 0,
  flapping: false,
  percentWithoutActions: 0,
  flappingWithoutActions: false,
};

/** What common plugins print. `noise` changes the numbers, `word` the rest. */
function outputOf(check, noise, word) {
  const value = (0.1 + noise / 1_000).toFixed(3);
  const datum = { label: 'time', value: Number(value), uom: 's', warn: '1', crit: '5', min: 0, max: 10 };
  const text = [
    `OK - worker is running${word}`,
    `HTTP OK: HTTP/1.1 200 OK - 1834 bytes in ${value} second response time${word}`,
    `OK - load average: ${value}, 0.08, 0.05${word}`,
    `DISK OK - free space: / ${12_000 + noise} MB (71% inode=93%)${word}`,
  ][check % 4];
  return { text, perfdata: check % 4 === 0 ? [] : [datum] };
}

function changeOf(host, check, round, { noise = 0, word = '' } = {}) {
  const startedAtMs = startMs + round * minuteMs + host * 50 + check;
  const output = { ...outputOf(check, noise, word), longText: '' };
  const result = { state: 'ok', ...output, exitCode: 0, startedAtMs, durationMs: 40 + (host % 50) };
  const status = { state: 'ok', type: 'hard', attempt: 1, problemResults: 0, sinceMs: startMs };
  return {
    host: `web-${host}.example.com`,
    check: `checks.number-${check}`,
    result,
    checkStatus: { ...status, lastHardState: 'ok', flap, lastResult: result },
    hostStatus: { state: 'up', type: 'hard', attempt: 0, sinceMs: startMs, lastSeenAtMs: startedAtMs },
    transitions: [],
    events: [],
  };
}

function* roundOf(round, vary = () => ({}), count = hosts) {
  for (let host = 0; host < count; host += 1)
    for (let check = 0; check < checksPerHost; check += 1)
      yield changeOf(host, check, round, vary(host + check, round));
}

function saveBatched(store, changes) {
  let batch = [];
  const commit = () => {
    store.batch(() => batch.forEach((change) => store.save(change)));
    batch = [];
  };
  for (const change of changes) if (batch.push(change) === batchSize) commit();
  if (batch.length > 0) commit();
}

function saveSingly(store, changes) {
  for (const change of changes) store.save(change);
}

const numbers = (place, round) => ({ noise: (place * 7 + round * 13) % 900 });
/** Nothing to compare with: written whole each time. */
const words = (place, round) => ({ word: ` ${String.fromCodePoint(97 + ((place + round) % 26))}` });

const ways = [
  { name: 'in batches, output the same', save: saveBatched },
  { name: 'in batches, other numbers each time', save: saveBatched, vary: numbers },
  { name: 'in batches, output written whole each time', save: saveBatched, vary: words },
  { name: 'one transaction for each result', save: saveSingly },
];

function open(path) {
  const { store, coordinator } = openStores({ path, nowMs: startMs, warn: () => undefined });
  const close = () => {
    store.close();
    coordinator.close();
  };
  return { store, close };
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function bytesIn(path) {
  const db = new Database(path, { readonly: true });
  const sum = db.prepare('SELECT sum(pgsize) FROM dbstat WHERE name GLOB ?').pluck();
  const [results, rollups] = ['results*', 'rollups*'].map((name) => sum.get(name) ?? 0);
  db.close();
  return { results, rollups };
}

/** Every way in turn, round after round; a round is a minute of all checks. */
function benchWriting(directory, limitSec) {
  const contenders = ways.map((way, index) => {
    const path = join(directory, `way-${index}.db`);
    return { ...way, path, ...open(path), perResultUs: [], results: 0 };
  });
  const startedMs = performance.now();
  const total = hosts * checksPerHost;
  // The first round makes the series and is not measured.
  for (let round = 0; round <= 60; round += 1) {
    if (round > 4 && (performance.now() - startedMs) / 1_000 > limitSec) break;
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const way = contenders[(round + turn) % contenders.length];
      const changes = [...roundOf(round, way.vary)];
      const before = cpuMs();
      way.save(way.store, changes);
      if (round > 0) way.perResultUs.push(((cpuMs() - before) * 1_000) / total);
      way.results += total;
    }
  }
  for (const way of contenders) {
    way.close();
    way.bytes = bytesIn(way.path);
  }
  return contenders;
}

function timed(samples, work) {
  const before = performance.now();
  work();
  samples.push(performance.now() - before);
}

/** The daemon's own pace at 100,000 checks a minute: a batch when 500 are there, and somebody who reads all the time. */
function benchReading(directory, seconds) {
  const { store, close } = open(join(directory, 'reading.db'));
  for (let round = 0; round < 20; round += 1) saveBatched(store, roundOf(round, numbers));
  const [results, transitions, batches] = [[], [], []];
  const endMs = performance.now() + seconds * 1_000;
  let [round, next, reads] = [20, roundOf(20, numbers), 0];
  let dueMs = performance.now();
  const everyMs = (batchSize * 1_000) / 1_667;
  while (performance.now() < endMs) {
    if (performance.now() >= dueMs) {
      dueMs += everyMs;
      const batch = [];
      while (batch.length < batchSize) {
        const { value, done } = next.next();
        if (done) next = roundOf((round += 1), numbers);
        else batch.push(value);
      }
      timed(batches, () => saveBatched(store, batch));
    }
    reads += 1;
    const host = `web-${(reads * 37) % hosts}.example.com`;
    const check = `checks.number-${reads % checksPerHost}`;
    timed(results, () => store.results({ host, check, limit: 100 }));
    timed(transitions, () => store.transitions({ host, limit: 100 }));
  }
  close();
  return { results, transitions, batches };
}

/** A day of results that is over, against the same rows in one table that is found by series and by time, as it was before. */
function benchRetention(directory, rows) {
  const path = join(directory, 'retention.db');
  const { store, close } = open(path);
  const rounds = rows / (hosts * checksPerHost);
  for (let round = 0; round < rounds; round += 1) saveBatched(store, roundOf(round));
  saveBatched(store, roundOf(1_440, undefined, 1));
  const slicesMs = [];
  const left = [true];
  while (left.at(-1))
    timed(slicesMs, () =>
      left.push(
        store.prune({ resultsBeforeMs: startMs + 1_440 * minuteMs, historyBeforeMs: 0, rollupsBeforeMs: 0 }),
      ),
    );
  close();
  return { slicesMs, deletedMs: deleteRows(directory, rows) };
}

function deleteRows(directory, rows) {
  const db = new Database(join(directory, 'deleted.db'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.exec(`CREATE TABLE results (id INTEGER PRIMARY KEY AUTOINCREMENT, series_id INTEGER, at_ms INTEGER, state INTEGER,
      duration_ms INTEGER, exit_code INTEGER, text TEXT);
    CREATE INDEX results_by_series ON results (series_id, id);
    CREATE INDEX results_by_time ON results (at_ms)`);
  const insert = db.prepare('INSERT INTO results VALUES (NULL, ?, ?, 0, 40, 0, NULL)');
  db.transaction(() => {
    for (let row = 0; row < rows; row += 1) insert.run(row % (hosts * checksPerHost), startMs + row * 6);
  })();
  const remove = db.prepare(
    'DELETE FROM results WHERE id IN (SELECT id FROM results WHERE at_ms < ? LIMIT 5000)',
  );
  const before = performance.now();
  while (remove.run(startMs * 2).changes > 0);
  const lastedMs = performance.now() - before;
  db.close();
  return lastedMs;
}

/** The files of 100,000 checks are opened and all states read. */
function benchStart(directory, times) {
  const path = join(directory, 'start.db');
  const first = open(path);
  for (const round of [0, 1]) saveBatched(first.store, roundOf(round, numbers, 10_000));
  first.close();
  return Array.from({ length: times }, () => {
    const before = performance.now();
    const { store, close } = open(path);
    const loaded = store.loadChecks().length + store.loadHosts().length;
    const lastedMs = performance.now() - before;
    close();
    if (loaded !== 110_000) throw new Error(`${loaded} of 110,000 states were loaded`);
    return lastedMs;
  });
}

export async function benchStore({ seconds }) {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-bench-store-'));
  try {
    return measured(directory, seconds);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function latency(name, samplesMs) {
  const cells = [50, 99, 100].map((percent) => `${short(percentile(samplesMs, percent))} ms`);
  return [name, ...cells];
}

function measured(directory, seconds) {
  const machine = describeMachine();
  const isSmall = seconds < 30;
  const rows = isSmall ? 200_000 : 2_000_000;
  console.error('writing ...');
  const written = benchWriting(directory, seconds);
  console.error('reading ...');
  const reading = benchReading(directory, Math.min(seconds, 20));
  console.error('pruning ...');
  const { slicesMs, deletedMs } = benchRetention(directory, rows);
  console.error('starting ...');
  const startsMs = benchStart(directory, isSmall ? 2 : 5);
  const [first] = written;
  const droppedMs = slicesMs.reduce((sum, ms) => sum + ms, 0);
  const perRow = (ms) => `${short((ms * 1_000) / rows)} µs`;
  const markdown = [
    table(
      [
        '',
        'CPU of a result, µs',
        'results per CPU second',
        'times the first',
        'bytes of a result',
        'and its sums',
      ],
      written.map((way) => [
        way.name,
        spread(way.perResultUs),
        short(1e6 / median(way.perResultUs)),
        way === first ? '1' : spread(way.perResultUs.map((us, index) => us / first.perResultUs[index])),
        short(way.bytes.results / way.results),
        short(way.bytes.rollups / way.results),
      ]),
    ),
    '',
    table(
      ['while 1,667 results a second are written', 'p50', 'p99', 'longest'],
      [
        latency('the newest 100 results of a check', reading.results),
        latency('the newest transitions of a host', reading.transitions),
        latency(`a commit of ${batchSize} results`, reading.batches),
      ],
    ),
    '',
    table(
      ['', 'in all', 'of a row', 'longest at once'],
      [
        [
          `a day of ${rows.toLocaleString('en')} results goes with its table`,
          `${short(droppedMs)} ms`,
          perRow(droppedMs),
          `${short(Math.max(...slicesMs))} ms`,
        ],
        [
          'the same rows deleted from one table with indexes',
          `${short(deletedMs)} ms`,
          perRow(deletedMs),
          '',
        ],
      ],
    ),
    '',
    `A start on the states of 100,000 checks: ${spread(startsMs)} ms until all are read.`,
    '',
    goalTable([
      {
        goal: 'at most 4 µs of CPU for a routine result',
        measured: `${spread(first.perResultUs)} µs`,
        isMet: median(first.perResultUs) <= 4,
      },
      {
        goal: 'about 21 bytes for a routine result',
        measured: `${short(first.bytes.results / first.results)} bytes`,
        isMet: first.bytes.results / first.results <= 23,
      },
      {
        goal: 'states of 100,000 checks within 3 s',
        measured: `${spread(startsMs)} ms`,
        isMet: median(startsMs) < 3_000,
      },
      {
        goal: 'retention stops the daemon for 50 ms at most',
        measured: `${short(Math.max(...slicesMs))} ms`,
        isMet: Math.max(...slicesMs) <= 50,
      },
    ]),
    '',
    `Median (least to most); ${first.perResultUs.length} rounds of 1,000 hosts with 10 checks, every way in turn. ${machine.text()}`,
  ].join('\n');
  return { title: 'What a result costs the store', markdown };
}
