import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SshConfig } from '../../core/definitions.ts';
import type { Clock, Runner } from '../../core/ports.ts';
import type { TransportStage } from '../../core/types.ts';
import {
  type HostilePlay,
  type HostileServer,
  hostileKey,
  hostileSsh,
  hostileTcp,
} from '../support/hostile-ssh.ts';
import { expectKind, makeRunner, realClock, request, sshConfig, sshHost } from '../support/runner.ts';

const flood = (text: string | Uint8Array) => (socket: Socket) => {
  const push = (): void => {
    while (!socket.destroyed && socket.write(text));
  };
  socket.on('drain', push);
  push();
};

/** What each is to our own client, and to the ssh program where that takes it otherwise. */
const beforeLogin: [string, (socket: Socket) => void, TransportStage, TransportStage?][] = [
  ['says nothing', () => undefined, 'timeout'],
  ['hangs up at once', (socket) => socket.end(), 'connect'],
  ['resets the connection', (socket) => socket.resetAndDestroy(), 'connect'],
  ['is a web server', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), 'connect'],
  ['sends lines before its banner without end', flood('hello there\r\n'.repeat(1_000)), 'connect'],
  ['sends one line without end', flood('a'.repeat(16_384)), 'connect'],
  [
    'sends a banner and then garbage',
    (socket) => {
      socket.write('SSH-2.0-x\r\n');
      flood('\u0000\u0000\u0003\u0004'.repeat(4_000))(socket);
    },
    'connect',
  ],
  ['sends a banner and then nothing', (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'), 'timeout'],
  ['speaks SSH 1', (socket) => socket.write('SSH-1.5-old\r\n'), 'connect'],
  [
    'sends its banner one byte at a time',
    (socket) => {
      const timer = setInterval(() => socket.write('S'), 20);
      socket.on('close', () => clearInterval(timer));
    },
    'timeout',
  ],
  [
    'sends a huge packet length',
    (socket) => socket.write('SSH-2.0-x\r\n\u007f\u007f\u007f\u007f'),
    'connect',
    // It reads and drops the rest of such a packet.
    'timeout',
  ],
];

const exec = (onExec: HostilePlay['onExec']): HostilePlay => ({ onExec });

describe.each(['ssh', 'openssh'] as const)('over %s', (transport) => {
  // Starting a program takes its time.
  const connectTimeoutMs = transport === 'ssh' ? 400 : 1_000;
  const soon = { connectTimeoutMs };
  let server: HostileServer;
  let runner: Runner;
  let directory: string;
  let knownHosts: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'mendd-hostile-'));
    knownHosts = join(directory, 'known_hosts');
    return () => rmSync(directory, { recursive: true, force: true });
  });
  afterEach(async () => {
    await runner?.close();
    await vi.waitFor(() => {
      if (server.sockets() > 0) throw new Error('a socket is left open');
    });
    await server?.close();
  });

  function use(started: HostileServer, changes: Partial<SshConfig> = {}, clock: Clock = realClock) {
    server = started;
    writeFileSync(knownHosts, `[127.0.0.1]:${server.port} ${hostileKey.public}\n`);
    const login = { user: 'ops', identity: hostileKey.private, knownHosts };
    runner = makeRunner(sshConfig(login, changes), { clock });
    const host = sshHost({ address: server.address, port: server.port, user: 'ops' }, { transport });
    return (requestChanges: Parameters<typeof request>[2] = {}) =>
      runner.run(request(host, 'echo x', requestChanges));
  }

  test.each(beforeLogin)(
    'a server that %s is a typed failure within the deadline',
    async (_, onSocket, stage, opensshStage) => {
      const expected = transport === 'openssh' ? (opensshStage ?? stage) : stage;
      // Short only where it is waited for.
      const limit = expected === 'timeout' ? soon : { connectTimeoutMs: 10_000 };
      const run = use(await hostileTcp(onSocket), limit);
      const startMs = performance.now();
      const outcome = expectKind(await run(), 'unreachable');
      expect(outcome.failure).toMatchObject({ stage: expected, sent: false });
      expect(outcome.failure.message).not.toBe('');
      expect(outcome.failure.hint).not.toBe('');
      expect(performance.now() - startMs).toBeLessThan(9_000);
      await vi.waitFor(() => expect(server.sockets()).toBe(0));
      expect(runner.connections()).toMatchObject({ open: 0, connecting: 0 });
    },
  );

  test('well-formed packets without end are cut off by the byte cap of our client, by the deadline of ssh', async () => {
    const ignore = Buffer.alloc(4 + 32_764);
    ignore.writeUInt32BE(32_764, 0);
    ignore[4] = 7;
    ignore[5] = 2;
    ignore.writeUInt32BE(32_764 - 1 - 1 - 4 - 7, 6);
    const run = use(
      await hostileTcp((socket) => {
        socket.write('SSH-2.0-OpenSSH_9.2\r\n');
        flood(ignore)(socket);
      }),
      transport === 'ssh' ? {} : soon,
    );
    const { failure } = expectKind(await run(), 'unreachable');
    const expected = transport === 'ssh' ? ['connect', '262144 bytes'] : ['timeout', 'within 1 s'];
    expect(failure).toMatchObject({ stage: expected[0], sent: false });
    expect(failure.message).toContain(expected[1]);
  });

  test('authentication that is never answered ends by the deadline', async () => {
    const run = use(await hostileSsh({ onAuth: () => undefined, onExec: () => undefined }), soon);
    expect(expectKind(await run(), 'unreachable').failure).toMatchObject({ stage: 'timeout', sent: false });
  });

  test('a login that is cut in the middle is an auth failure', async () => {
    const run = use(
      await hostileSsh({ onAuth: (_, __, connection) => connection.end(), onExec: () => undefined }),
    );
    expect(expectKind(await run(), 'unreachable').failure).toMatchObject({ stage: 'auth', sent: false });
  });

  test('an account without a shell is a channel failure, not a verdict', async () => {
    const run = use(
      await hostileSsh({
        onProbe: (accept) => {
          const channel = accept();
          channel.write('This account is currently not available.\n');
          channel.exit(1);
          channel.end();
        },
        onExec: () => undefined,
      }),
    );
    const { failure } = expectKind(await run(), 'unreachable');
    expect(failure).toMatchObject({ stage: 'channel', sent: false });
    expect(failure.message).toContain('This account is currently not available.');
  });

  test('a probe that is never answered ends by the deadline', async () => {
    const run = use(await hostileSsh({ onProbe: (accept) => void accept(), onExec: () => undefined }), soon);
    expect(expectKind(await run(), 'unreachable').failure).toMatchObject({ stage: 'timeout', sent: false });
  });

  test('an exit status in the very packet that accepts the command is not missed', async () => {
    const run = use(
      await hostileSsh(
        exec((accept, _, connection) => {
          const socket = (connection as unknown as { _sock: Socket })._sock;
          socket.cork();
          const channel = accept();
          channel.stderr.write('sudo: unknown user');
          channel.exit(1);
          channel.end();
          setImmediate(() => socket.uncork());
        }),
      ),
    );
    const ended = expectKind(await run(), 'exited');
    expect(ended).toMatchObject({ exitCode: 1, stderr: 'sudo: unknown user' });
  });

  test('no exit status is a loss, never exit code 0', async () => {
    const run = use(
      await hostileSsh(
        exec((accept) => {
          const channel = accept();
          channel.write('OK all fine\n');
          channel.end();
        }),
      ),
    );
    expect(expectKind(await run(), 'unreachable').failure).toMatchObject({ stage: 'lost', sent: true });
  });

  test('output that comes after the exit status is kept', async () => {
    const run = use(
      await hostileSsh(
        exec((accept) => {
          const channel = accept();
          channel.exit(1);
          setImmediate(() => {
            channel.write('late but here\n');
            channel.end();
          });
        }),
      ),
    );
    expect(expectKind(await run(), 'exited')).toMatchObject({ exitCode: 1, stdout: 'late but here\n' });
  });

  test('output without end after the exit status does not hold the verdict', async () => {
    const run = use(
      await hostileSsh(
        exec((accept) => {
          const channel = accept();
          channel.exit(2);
          const timer = setInterval(() => channel.write('more\n'), 50);
          channel.on('close', () => clearInterval(timer));
        }),
      ),
    );
    const startMs = performance.now();
    expect(expectKind(await run(), 'exited').exitCode).toBe(2);
    expect(performance.now() - startMs).toBeLessThan(9_000);
  });

  test('a channel that is always refused is a channel failure', async () => {
    const run = use(
      await hostileSsh({
        onSession: (_, reject, count) => {
          if (count > 1) reject();
          return count === 1;
        },
        onExec: () => undefined,
      }),
    );
    expect(expectKind(await run(), 'unreachable').failure).toMatchObject({ stage: 'channel', sent: false });
  });

  test('a channel that is refused at first is asked for again', async () => {
    const run = use(
      await hostileSsh({
        onSession: (_, reject, count) => {
          if (count === 2) reject();
          return count !== 2;
        },
        onExec: (accept) => {
          const channel = accept();
          channel.exit(0);
          channel.end();
        },
      }),
    );
    expect(expectKind(await run(), 'exited').exitCode).toBe(0);
  });

  test('a channel that is never opened ends by the deadline, and a new connection is made', async () => {
    const run = use(
      await hostileSsh({ onSession: (_, __, count) => count === 1, onExec: () => undefined }),
      soon,
    );
    const outcome = await run();
    expect(expectKind(outcome, 'unreachable').failure).toMatchObject({ stage: 'timeout', sent: false });
    await vi.waitFor(() => expect(server.sockets()).toBe(0));
  });

  test('a refused exec is a channel failure', async () => {
    const run = use(await hostileSsh(exec((_, reject) => reject())));
    expect(expectKind(await run(), 'unreachable').failure).toMatchObject({ stage: 'channel', sent: false });
  });

  test('an exec that is never answered ends by the deadline with nothing sent', async () => {
    const run = use(await hostileSsh(exec(() => undefined)), soon);
    const asked = vi.fn<() => undefined>(() => undefined);
    const outcome = await run({ purpose: 'action', beforeSend: asked });
    expect(expectKind(outcome, 'unreachable').failure).toMatchObject({ stage: 'timeout', sent: false });
    expect(asked).not.toHaveBeenCalled();
  });

  test('a connection cut while the command runs is lost, and the command may have run', async () => {
    const run = use(
      await hostileSsh(
        exec((accept, _, connection) => {
          accept().once('data', () => connection.end());
        }),
      ),
    );
    expect(expectKind(await run(), 'unreachable').failure).toMatchObject({ stage: 'lost', sent: true });
  });

  test('a host that does not keep the limit is timed out by the client; its silence would be unreachable', async () => {
    const skip = skippingClock();
    const run = use(await hostileSsh(exec((accept) => void accept())), {}, skip.clock);
    const outcome = run({ timeoutMs: 1_000 });
    await vi.waitFor(() => expect(server.execs).toHaveLength(2));
    await vi.waitFor(() => expect(skip.delays()).toContain(9_000));
    skip.fire(9_000);
    expectKind(await outcome, 'timed_out');
  });

  test('a host that went silent while the command ran is unreachable, and its connection is given up', async () => {
    const skip = skippingClock();
    const run = use(await hostileSsh(exec((accept) => void accept())), {}, skip.clock);
    const outcome = run({ timeoutMs: 1_000 });
    await vi.waitFor(() => expect(skip.delays()).toContain(9_000));
    skip.advance(30_000);
    skip.fire(9_000);
    expect(expectKind(await outcome, 'unreachable').failure).toMatchObject({ stage: 'timeout', sent: true });
    await vi.waitFor(() => expect(server.sockets()).toBe(0));
  });

  test('close() ends at once while a command runs and a login hangs', async () => {
    let isSent = false;
    const listens = exec((accept) => void accept().once('data', () => (isSent = true)));
    const run = use(await hostileSsh(listens), { connectTimeoutMs: 60_000 });
    const outcome = run();
    await vi.waitFor(() => expect(isSent).toBe(true));
    const startMs = performance.now();
    await runner.close();
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(expectKind(await outcome, 'unreachable').failure).toMatchObject({ stage: 'lost', sent: true });
    expectKind(await run(), 'not_sent');
  });
});

/** Real time, plus what a test adds, with timers that a test may fire early. */
function skippingClock() {
  let addedMs = 0;
  const timers = new Map<symbol, { delayMs: number; fire: () => void }>();
  const clock: Clock = {
    nowMs: () => Date.now() + addedMs,
    monotonicMs: () => performance.now() + addedMs,
    after(delayMs, callback) {
      const id = Symbol('timer');
      const fire = (): void => {
        if (timers.delete(id)) callback();
      };
      const timer = setTimeout(fire, delayMs);
      timers.set(id, { delayMs, fire });
      return () => {
        clearTimeout(timer);
        timers.delete(id);
      };
    },
  };
  return {
    clock,
    delays: () => [...timers.values()].map((timer) => timer.delayMs),
    advance: (ms: number) => {
      addedMs += ms;
    },
    fire: (delayMs: number) => {
      for (const timer of timers.values()) if (timer.delayMs === delayMs) timer.fire();
    },
  };
}
