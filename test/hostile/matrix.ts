/**
 * Plays a table of hostile hosts against one Runner that also has a healthy host, and holds each row to what it says: the
 * outcome, the time, the next request, what is left behind, and the healthy host's time.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { HostDefinition, SshConfig } from '../../core/definitions.ts';
import type { Clock, Runner, RunOutcome, RunRequest } from '../../core/ports.ts';
import { expectKind, makeRunner, request, secret, sshConfig, sshHost } from '../support/runner.ts';
import { removeSshd, type Sshd, startSshd } from '../support/sshd.ts';
import { cheapKeys } from './adversaries.ts';
import { children, masters } from './masters.ts';

export interface Adversary {
  address?: string;
  port: number;
  user?: string;
  /** Lines of known_hosts. */
  known: string;
  /** Connections of ours that it still sees. */
  sockets?: () => number;
  close(): Promise<unknown>;
}

/** Milliseconds on the row's clock, and how that is said to people. */
const limits = {
  soon: { words: 'at once', ms: () => 500 },
  connect: { words: '`connect_timeout`', ms: (row: Row) => connectTimeoutOf(row) },
  limit: { words: 'its own limit', ms: (row: Row) => timeoutOf(row) },
  overdue: { words: 'its limit + 8 s', ms: (row: Row) => timeoutOf(row) + 8_000 },
  silence: { words: 'its limit + 20 s', ms: (row: Row) => timeoutOf(row) + 20_000 },
} as const;

export type Transport = Exclude<HostDefinition['transport'], 'local'>;

export interface Row {
  /** Completes the sentence `A host that ...`. */
  host: string;
  /** Gets the line of authorized_keys that lets us in. */
  play: (authorized: string) => Promise<Adversary>;
  outcome: string;
  within: keyof typeof limits;
  /** Of the next request to the same host; as `outcome` when absent. */
  next?: string;
  /** The connection is still used after both; when absent: unless the next outcome is `unreachable`. */
  kept?: boolean;
  /** What differs where OpenSSH's own client connects, and why it has to. */
  openssh?: Partial<Row> & { because: string };
  script?: string;
  /** Script of the next request; as `script` when absent. */
  nextScript?: string;
  ask?: Partial<RunRequest>;
  ssh?: Partial<SshConfig>;
  /** The row's clock runs so much faster. */
  pace?: number;
  /** Asks in another way than by one request. */
  run?: (runner: Runner, host: HostDefinition, row: Row) => Promise<RunOutcome[]>;
  verify?: (outcome: RunOutcome) => void;
  /** More runs, over which memory stays flat. */
  repeat?: number;
  /** Why it cannot be played here. */
  missing?: string | undefined;
}

/** Short where it is waited for, long where a login on a busy machine must fit in. */
const connectTimeoutOf = (row: Row): number =>
  row.ssh?.connectTimeoutMs ?? (row.outcome.includes('(timeout)') ? 1_000 : 30_000) * (row.pace ?? 1);
const timeoutOf = (row: Row): number => row.ask?.timeoutMs ?? 5_000 * (row.pace ?? 1);
export const withinWords = (row: Row): string => limits[row.within].words;
/** The row as it is over that transport. */
export const over = (row: Row, transport: Transport): Row =>
  transport === 'openssh' ? { ...row, ...row.openssh } : row;
/** Real time that a loaded machine may add. */
const slackMs = 15_000;

export function words(outcome: RunOutcome): string {
  switch (outcome.kind) {
    case 'exited':
      return `exit ${outcome.exitCode}${outcome.truncated ? ', output cut' : ''}`;
    case 'killed':
      return `killed by ${outcome.signal}`;
    case 'timed_out':
      return `timed out${outcome.truncated ? ', output cut' : ''}`;
    case 'not_sent':
      return 'not sent';
    case 'unreachable':
      return `unreachable (${outcome.failure.stage}${outcome.failure.sent ? ', may have run' : ''})`;
  }
}

/** So many checks at once: those that may share an exec do. */
export const together =
  (count: number, batch: boolean, script = 'echo fine') =>
  (runner: Runner, host: HostDefinition): Promise<RunOutcome[]> =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        runner.run(
          request(host, `${script} # ${index}`, {
            timeoutMs: 10_000,
            ...(batch ? { batch: { parallel: 4 } } : {}),
          }),
        ),
      ),
    );

export function pacedClock(pace: number): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now() * pace,
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs / pace);
      return () => clearTimeout(timer);
    },
  };
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
function usedBytes(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Asks a healthy host again and again until told to stop; answers how long each took, in real milliseconds. */
function watchNeighbour(runner: Runner, host: HostDefinition): () => Promise<number[]> {
  const watch = { going: true };
  const tookMs: number[] = [];
  const loop = (async () => {
    while (watch.going || tookMs.length < 3) {
      const startMs = performance.now();
      const outcome = await runner.run(request(host, 'echo here', { timeoutMs: 600_000 }));
      tookMs.push(performance.now() - startMs);
      expect(expectKind(outcome, 'exited').stdout).toBe('here\n');
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  })();
  return async () => {
    watch.going = false;
    await loop;
    return tookMs.toSorted((a, b) => a - b);
  };
}

/** Where a row is played. */
interface Stage {
  transport: Transport;
  neighbour: Sshd;
  directory: string;
}

/** Declares one test for each row, and prints the table when all were played. */
export function playRows(title: string, rows: readonly Row[], transport: Transport): void {
  let stage: Stage;
  const measured: string[] = [];
  const placeBefore = process.env['RUNTIME_DIRECTORY'];

  beforeAll(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'mendd-m-'));
    stage = { transport, neighbour: await startSshd({ config: [cheapKeys] }), directory };
    process.env['RUNTIME_DIRECTORY'] = directory;
  });
  afterAll(async () => {
    if (placeBefore === undefined) delete process.env['RUNTIME_DIRECTORY'];
    else process.env['RUNTIME_DIRECTORY'] = placeBefore;
    await removeSshd(stage.neighbour);
    rmSync(stage.directory, { recursive: true, force: true });
    process.stdout.write(
      `\n${title}, ${transport}: outcome, time it took of its limit, next outcome\n${measured.join('\n')}\n`,
    );
  });

  for (const row of rows) {
    const needs = row.missing === undefined ? '' : ` (needs ${row.missing})`;
    test.skipIf(row.missing !== undefined)(`a host that ${row.host}${needs}, over ${transport}`, async () => {
      const before = { descriptors: descriptors(), children: children() };
      measured.push(await playRow(over(row, transport), stage));
      await vi.waitFor(() => {
        expect(descriptors(), 'descriptors').toBeLessThanOrEqual(before.descriptors);
        expect(children(), 'processes').toEqual(before.children);
      }, wait);
    });
  }
}

const wait = { interval: 20 };

async function playRow(row: Row, stage: Stage): Promise<string> {
  const { transport, neighbour, directory } = stage;
  const adversary = await row.play(readFileSync(`${neighbour.identityFile}.pub`, 'utf8'));
  const knownHosts = join(directory, 'known_hosts');
  writeFileSync(knownHosts, readFileSync(neighbour.knownHosts, 'utf8') + adversary.known);
  const pace = row.pace ?? 1;
  const runner = makeRunner(
    sshConfig(neighbour, {
      identity: secret(neighbour.identity),
      knownHosts,
      connectTimeoutMs: connectTimeoutOf(row),
      ...row.ssh,
    }),
    { clock: pacedClock(pace) },
  );
  try {
    const healthy = sshHost(neighbour, { name: 'healthy', transport });
    await vi.waitFor(async () =>
      expectKind(await runner.run(request(healthy, 'true', { timeoutMs: 600_000 })), 'exited'),
    );
    const stop = watchNeighbour(runner, healthy);
    const host = sshHost(
      { address: adversary.address ?? '127.0.0.1', port: adversary.port, user: adversary.user ?? 'ops' },
      { name: 'hostile', transport },
    );
    let said = '';
    const ask = async (script = row.script): Promise<string> => {
      const outcomes = row.run
        ? await row.run(runner, host, row)
        : [await runner.run(request(host, script ?? 'echo fine', { timeoutMs: timeoutOf(row), ...row.ask }))];
      said = JSON.stringify(outcomes).slice(0, 1_000);
      for (const outcome of outcomes) row.verify?.(outcome);
      return [...new Set(outcomes.map(words))].join('; ');
    };
    const startMs = performance.now();
    const outcome = await ask();
    const tookMs = (performance.now() - startMs) * pace;
    const next = await ask(row.nextScript);
    if (row.repeat) await staysFlat(ask, row.repeat, directory);
    const neighbourMs = await stop();
    const limitMs = limits[row.within].ms(row);
    expect({ outcome, next }, said).toEqual({ outcome: row.outcome, next: row.next ?? row.outcome });
    expect(tookMs, 'time it took').toBeLessThanOrEqual(limitMs + slackMs * pace);
    // A busy machine may be slow once; a host that is kept waiting is slow each time.
    expect(neighbourMs[Math.floor(neighbourMs.length / 2)], 'answers of the healthy host').toBeLessThan(
      1_500,
    );
    expect(neighbourMs.at(-1), 'slowest answer of the healthy host').toBeLessThan(20_000);
    const kept = row.kept ?? !next.startsWith('unreachable');
    const open = kept ? 2 : 1;
    await vi.waitFor(() => {
      expect(runner.connections()).toMatchObject({ open, connecting: 0, waiting: 0 });
      if (adversary.sockets) expect(adversary.sockets(), 'connections it sees').toBe(kept ? 1 : 0);
      const programs = transport === 'openssh' ? open : 0;
      expect(masters(directory).pids, 'ssh programs').toHaveLength(programs);
      expect(controlSockets(directory), 'control sockets').toHaveLength(programs);
    }, wait);
    return `| ${row.host} | ${outcome} | ${Math.round(tookMs)} of ${limitMs} ms | ${next} |`;
  } finally {
    await runner.close();
    await adversary.close();
    // At once, and not some time: nobody looks after them any more.
    expect(masters(directory).pids, 'ssh programs after the end').toEqual([]);
    expect(readdirSync(directory), 'files after the end').toEqual(['known_hosts']);
  }
}

const controlSockets = (directory: string): string[] =>
  (readdirSync(directory, { recursive: true }) as string[]).filter((path) => /\/c\d+$/.test(path));

async function staysFlat(ask: () => Promise<unknown>, repeat: number, directory: string): Promise<void> {
  const used = (): number => usedBytes() + masters(directory).bytes;
  await ask();
  const before = used();
  for (let count = 0; count < repeat; count += 1) await ask();
  await vi.waitFor(() => expect(used() - before, 'bytes gained').toBeLessThan(4 * 1024 * 1024), {
    interval: 500,
  });
}
