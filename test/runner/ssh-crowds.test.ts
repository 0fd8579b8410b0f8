import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerChannel } from 'ssh2';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { HostDefinition } from '../../core/definitions.ts';
import type { Clock, Runner } from '../../core/ports.ts';
import { wire } from '../hostile/adversaries.ts';
import { type HostileServer, hostileKey, hostileSsh } from '../support/hostile-ssh.ts';
import { expectKind, makeRunner, realClock, request, sshConfig, sshHost } from '../support/runner.ts';
import { removeSshd, startSshd } from '../support/sshd.ts';

let polite: HostileServer;
let directory: string;
let knownHosts: string;
const runners: Runner[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-crowds-'));
  knownHosts = join(directory, 'known_hosts');
  polite = await hostileSsh({
    onExec(accept) {
      const channel = accept();
      channel.resume();
      channel.once('end', () => {
        channel.write('fine\n');
        channel.exit(0);
        channel.end();
      });
    },
  });
  know(polite.port);
});
afterAll(async () => {
  await polite.close();
  rmSync(directory, { recursive: true, force: true });
});
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.close();
});

const known: string[] = [];
function know(port: number): void {
  known.push(`[127.0.0.1]:${port} ${hostileKey.public}\n`);
  writeFileSync(knownHosts, known.join(''));
}

type Changes = Parameters<typeof sshConfig>[1];
function make(changes: Changes = {}, options: Parameters<typeof makeRunner>[1] = {}): Runner {
  const login = { user: 'ops', identity: hostileKey.private, knownHosts };
  const runner = makeRunner(sshConfig(login, changes), options);
  runners.push(runner);
  return runner;
}

const hostAt = (port: number, name: string, changes: Partial<HostDefinition> = {}): HostDefinition =>
  sshHost({ address: '127.0.0.1', port, user: 'ops' }, { name, ...changes });
const ok = async (runner: Runner, host: HostDefinition): Promise<void> => {
  expect(expectKind(await runner.run(request(host, 'echo fine')), 'exited').stdout).toBe('fine\n');
};

/** Real time, with some added. */
function shiftedClock(): { clock: Clock; add: (ms: number) => void } {
  let addedMs = 0;
  return {
    clock: { ...realClock, monotonicMs: () => performance.now() + addedMs },
    add: (ms) => (addedMs += ms),
  };
}

/** Real time that leaps when told to: what comes due on the way is called in its order, and at its time. */
function leapingClock(): { clock: Clock; leap: (ms: number) => void } {
  let addedMs = 0;
  const timers = new Set<{ dueMs: number; fire: () => void }>();
  const monotonicMs = (): number => performance.now() + addedMs;
  const after = (delayMs: number, callback: () => void): (() => void) => {
    const stop = (): void => {
      clearTimeout(real);
      timers.delete(timer);
    };
    const fire = (): void => {
      stop();
      callback();
    };
    const real = setTimeout(fire, delayMs);
    const timer = { dueMs: monotonicMs() + delayMs, fire };
    timers.add(timer);
    return stop;
  };
  return {
    clock: { ...realClock, monotonicMs, after },
    leap(ms) {
      const untilMs = monotonicMs() + ms;
      for (;;) {
        const [next] = [...timers].sort((a, b) => a.dueMs - b.dueMs);
        if (!next || next.dueMs > untilMs) break;
        addedMs += Math.max(0, next.dueMs - monotonicMs());
        next.fire();
      }
      addedMs += Math.max(0, untilMs - monotonicMs());
    },
  };
}

/** Hands connections on to the polite server, after `greet` had its way; it returns false for those that it dealt with. */
async function doorman(greet: (socket: Socket, count: number) => boolean) {
  const sockets = new Set<Socket>();
  let count = 0;
  const server: Server = createServer((socket) => {
    count += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (!greet(socket, count)) return;
    const inner = connect(polite.port, '127.0.0.1');
    inner.on('error', () => undefined);
    socket.pipe(inner).pipe(socket);
    socket.once('close', () => inner.destroy());
    inner.once('close', () => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  know(port);
  return {
    port,
    sockets,
    count: () => count,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

test('a server that says it is crowded is asked again soon, and the host has not failed', async () => {
  const log = vi.fn<(level: string, message: string) => void>();
  const door = await doorman((socket, count) => {
    if (count > 3) return true;
    socket.end('Exceeded MaxStartups\r\n');
    return false;
  });
  try {
    const runner = make({}, { log, random: () => 0.01 });
    await ok(runner, hostAt(door.port, 'crowded'));
    expect(runner.connections()).toMatchObject({ open: 1, turnedAway: 3 });
    expect(log.mock.calls.map(([level]) => level)).not.toContain('warn');
  } finally {
    await door.close();
  }
});

test('one that only hangs up is taken for crowded where others were let in, and given up after two more tries', async () => {
  const door = await doorman((socket, count) => {
    if (count === 1) return true;
    socket.resetAndDestroy();
    return false;
  });
  try {
    const runner = make({}, { random: () => 0.01 });
    await ok(runner, hostAt(door.port, 'first'));
    const outcome = await runner.run(request(hostAt(door.port, 'second'), 'echo'));
    expect(expectKind(outcome, 'unreachable').failure).toMatchObject({ stage: 'connect', sent: false });
    expect(door.count()).toBe(4);
    expect(JSON.stringify(outcome)).not.toContain('turnedAway');
  } finally {
    await door.close();
  }
});

test('a request whose time is over is told so when the crowded server lets it wait again', async () => {
  const door = await doorman((socket) => {
    setTimeout(() => socket.end('Exceeded MaxStartups\r\n'), 100).unref();
    return false;
  });
  try {
    const runner = make({}, { random: () => 0.9 });
    const outcome = await runner.run(request(hostAt(door.port, 'crowded'), 'echo', { timeoutMs: 50 }));
    expect(expectKind(outcome, 'not_sent').reason).toContain('within 0.05 s');
  } finally {
    await door.close();
  }
});

test('hosts that were in trouble before a restart are tried a random while later, the others at once', async () => {
  const { clock, add } = shiftedClock();
  const waits: (() => void)[] = [];
  // A run of ten seconds is given up after these.
  const clientLimitMs = 18_000;
  const delays: number[] = [];
  const runner = make(
    {},
    {
      clock: {
        ...clock,
        after(delayMs, callback) {
          if (delayMs < 14_000 || delayMs === clientLimitMs) return realClock.after(delayMs, callback);
          delays.push(delayMs);
          waits.push(callback);
          return () => undefined;
        },
      },
      random: () => 0.5,
      troubled: (name) => (name === 'down' ? 6 : 0),
    },
  );
  const late = runner.run(request(hostAt(polite.port, 'down'), 'echo', { timeoutMs: 100 }));
  await ok(runner, hostAt(polite.port, 'up'));
  // No verdict: nobody tried.
  expect(expectKind(await late, 'not_sent').reason).toContain('no connection could be started');
  expect(runner.connections().open).toBe(1);
  expect(delays).toHaveLength(1);
  expect(delays[0]).toBeCloseTo(15_000, -3);
  add(15_000);
  for (const wake of waits) wake();
  await vi.waitFor(() => expect(runner.connections().open).toBe(2));
});

test('a jump host that was in trouble before a restart is tried as soon as a host behind it is asked', async () => {
  const runner = make(
    { connectTimeoutMs: 3_000 },
    {
      random: () => 0.999,
      troubled: (name) => (name === 'bastion' ? 9 : 0),
      hosts: () => hostAt(polite.port, 'bastion'),
    },
  );
  const outcome = await runner.run(
    request(hostAt(polite.port, 'inner', { jump: 'bastion' }), 'echo', { timeoutMs: 2_000 }),
  );
  // The polite server forwards nothing; that it was asked to is what counts.
  expect(expectKind(outcome, 'unreachable').failure.message).toContain('the jump host could not reach');
  expect(runner.connections().open).toBe(1);
});

test('hosts behind a jump host do not keep it out at the limit of connections', async () => {
  const runner = make({ maxConnections: 2 }, { hosts: () => hostAt(polite.port, 'bastion') });
  const outcomes = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      runner.run(request(hostAt(polite.port, name, { jump: 'bastion' }), 'echo')),
    ),
  );
  for (const outcome of outcomes) {
    expect(expectKind(outcome, 'unreachable').failure.message).toContain('the jump host could not reach');
  }
});

test('with more hosts than room most keep their connection, and it is told once', async () => {
  const log = vi.fn<(level: string, message: string) => void>();
  const { clock, add } = shiftedClock();
  const runner = make({ maxConnections: 8 }, { log, clock });
  const hosts = Array.from({ length: 10 }, (_, index) => hostAt(polite.port, `h${index}`));
  const evictedIn: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    const before = runner.connections().evicted;
    for (const host of hosts) await ok(runner, host);
    evictedIn.push(runner.connections().evicted - before);
    add(60_000);
  }
  // By age alone it would be ten in each round: each connection closed just before its turn.
  expect(evictedIn.slice(2).every((count) => count <= 4)).toBe(true);
  expect(runner.connections().open).toBe(8);
  const warnings = log.mock.calls.filter(([level]) => level === 'warn');
  expect(warnings.map(([, message]) => message)).toEqual([expect.stringContaining('hosts come back soon')]);
});

test('with room for all who come often the least recently used goes', async () => {
  const runner = make({ maxConnections: 2 });
  const [a, b, c] = ['a', 'b', 'c'].map((name) => hostAt(polite.port, name)) as [
    HostDefinition,
    HostDefinition,
    HostDefinition,
  ];
  await ok(runner, a);
  await ok(runner, b);
  await ok(runner, a);
  await ok(runner, c);
  const evicted = runner.connections().evicted;
  expect(evicted).toBe(1);
  await ok(runner, a);
  expect(runner.connections().evicted).toBe(evicted);
});

test('an idle connection costs few bytes a minute, and one whose host went without a word is noticed within 90 s', async () => {
  const bytes = { sent: 0 };
  const door = await doorman((socket) => {
    socket.on('data', (chunk: Buffer) => (bytes.sent += chunk.length));
    return true;
  });
  const { clock, leap } = leapingClock();
  try {
    const runner = make({}, { clock });
    await ok(runner, hostAt(door.port, 'web'));
    // An answer takes back the question.
    const answered = () => ok(runner, hostAt(polite.port, 'other'));
    await answered();
    for (let round = 1; round <= 10; round += 1) {
      const before = bytes.sent;
      leap(60_000);
      await vi.waitFor(() => expect(bytes.sent).toBeGreaterThan(before), { interval: 5 });
      await answered();
      expect(bytes.sent - before).toBeLessThanOrEqual(100);
    }
    expect(runner.connections().open).toBe(2);
    for (const socket of door.sockets) socket.unpipe().pause();
    leap(80_000);
    await answered();
    expect(runner.connections().open).toBe(2);
    leap(10_000);
    expect(runner.connections().open).toBe(1);
  } finally {
    await door.close();
  }
});

test('after a cut of five minutes all hosts of one sshd come back without tripping its MaxStartups', async () => {
  const sshd = await startSshd({ config: ['MaxStartups 10:30:100', 'LogLevel VERBOSE'] });
  const { clock, add } = shiftedClock();
  const runner = makeRunner(sshConfig(sshd, { connectRatePerSec: 1_000, maxConnections: 500 }), {
    clock,
    random: Math.random,
  });
  runners.push(runner);
  const hosts = Array.from({ length: 100 }, (_, index) => sshHost(sshd, { name: `h${index}` }));
  const round = () =>
    Promise.all(hosts.map((host) => runner.run(request(host, 'echo fine', { timeoutMs: 25_000 }))));
  try {
    for (const outcome of await round()) expectKind(outcome, 'exited');
    expect(runner.connections().open).toBe(hosts.length);
    await sshd.stop();
    for (let minute = 0; minute < 5; minute += 1) {
      for (const outcome of await round()) expectKind(outcome, 'unreachable');
      add(60_000);
    }
    await sshd.start();
    const backMs = performance.now();
    // All at once, as if every check were due: more than any schedule does.
    for (const outcome of await round()) expectKind(outcome, 'exited');
    expect(runner.connections()).toMatchObject({ open: hosts.length, connecting: 0 });
    expect(performance.now() - backMs).toBeLessThan(25_000);
    const drops = readFileSync(sshd.log, 'utf8')
      .split('\n')
      .filter((line) => line.includes('MaxStartups'));
    expect(drops).toEqual([]);
  } finally {
    await removeSshd(sshd);
  }
});

/** Two connections have room, and one that is busy does not give way: another host is reached when the jump host is not. */
async function isIdle(runner: Runner, bastion: HostileServer): Promise<void> {
  const execs = bastion.execs.length;
  void runner.run(request(hostAt(bastion.port, 'busy'), 'true'));
  await vi.waitFor(() => expect(bastion.execs).toHaveLength(execs + 2));
  await ok(runner, hostAt(polite.port, 'other'));
}

test.each([
  ['opens too late', true],
  ['says nothing and is closed late', false],
])('a way through a jump host that %s keeps nothing busy', async (_, isLate) => {
  const asked: (() => ServerChannel)[] = [];
  const closings: (() => void)[] = [];
  const bastion = await hostileSsh({
    onExec: (accept) => void accept(),
    onConnection(connection) {
      const own = wire(connection);
      const { channelClose } = own;
      connection.on('tcpip', (accept) => {
        own.channelClose = (id) => closings.push(() => channelClose.call(own, id));
        if (isLate) asked.push(accept);
        else accept().resume();
      });
    },
  });
  know(bastion.port);
  try {
    const passed: number[] = [];
    const after: Clock['after'] = (delayMs, callback) =>
      realClock.after(delayMs, () => {
        callback();
        passed.push(delayMs);
      });
    const runner = make(
      { maxConnections: 2, connectTimeoutMs: 2_000 },
      { hosts: () => hostAt(bastion.port, 'bastion'), clock: { ...realClock, after } },
    );
    const inner = hostAt(polite.port, 'inner', { jump: 'bastion' });
    expectKind(await runner.run(request(inner, 'true')), 'unreachable');
    for (const accept of asked) accept().resume();
    await vi.waitFor(() => expect(closings).toHaveLength(1));
    // Whoever waits for a banner gives that up then, and reads no more.
    if (!isLate) await vi.waitFor(() => expect(passed).toContain(1_000));
    for (const close of closings) close();
    await isIdle(runner, bastion);
  } finally {
    await bastion.close();
  }
});
