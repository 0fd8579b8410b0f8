/** Hosts that go wrong while a command runs, and what its output can be. */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Connection, ServerChannel } from 'ssh2';
import { expect } from 'vitest';
import type { RunOutcome } from '../../core/ports.ts';
import { channelId, exec, run, socketOf, ssh, wire } from './adversaries.ts';
import { type Row, together } from './matrix.ts';

/** ssh2's Server sends only what it knows. */
const oddSignal = '\u001B[2J\u0000<B>';
const constants = createRequire(import.meta.url)('ssh2/lib/protocol/constants.js') as {
  SIGNALS: Record<string, number>;
};
constants.SIGNALS[oddSignal] = 1;

const lost = { outcome: 'unreachable (lost, may have run)', within: 'soon' } as const;
const fine = { outcome: 'exit 0', within: 'soon' } as const;
/** The command is at work there for ever. */
const overdue = { pace: 8, within: 'overdue', ask: { timeoutMs: 2_000 }, kept: true } as const;

const end = (channel: ServerChannel, code = 0): void => {
  channel.exit(code);
  channel.end();
};

const output = (bytes: string | Uint8Array) =>
  run((channel) => {
    channel.write(bytes);
    end(channel);
  });

const stdoutIs = (text: string) => (outcome: RunOutcome) => expect(outcome).toMatchObject({ stdout: text });

/** Stands in for answers to keepalives, which come in real time (or not: ssh2), on a row whose clock runs faster. */
function heartbeat(channel: ServerChannel, connection: Connection): void {
  const timer = setInterval(() => wire(connection).channelFailure(channelId(channel)), 50);
  const stop = (): void => clearInterval(timer);
  channel.once('end', stop).once('close', stop);
  connection.once('close', stop);
}

/** As fast as it is read, and reads nothing itself. */
function askOnAndOn(connection: Connection): void {
  const socket = socketOf(connection);
  // ssh2 listens for data, and would read on.
  socket.removeAllListeners('data').pause();
  const push = (): void => {
    while (!socket.destroyed && !socket.writableNeedDrain) wire(connection).ping();
  };
  socket.on('drain', push);
  push();
}

/** `pauseMs` between the pieces keeps it below the gigabyte after which a connection is replaced. */
function pour(channel: ServerChannel, bytes: number, done: () => void, pauseMs = 0): void {
  const chunk = Buffer.alloc(32_768, 'x\n');
  let left = bytes;
  const push = (): void => {
    while (left > 0 && channel.writable) {
      left -= chunk.length;
      if (!channel.write(chunk) || pauseMs > 0) return;
    }
    if (left <= 0) done();
  };
  if (pauseMs > 0) {
    const timer = setInterval(push, pauseMs);
    channel.on('close', () => clearInterval(timer));
  } else channel.on('drain', push);
  channel.on('close', () => (left = 0));
  push();
}

/** Sessions whose window lets in `bytes` at first; `more` says by how much it grows for each piece that arrives. */
const window = (bytes: number, more: (arrived: number) => number) => {
  return ssh({
    onConnection(connection) {
      const own = wire(connection);
      const { channelOpenConfirm, channelWindowAdjust } = own;
      let opened = 0;
      own.channelOpenConfirm = (remote, local, size, packet) => {
        opened += 1;
        channelOpenConfirm.call(own, remote, local, opened === 1 ? size : bytes, packet);
      };
      own.channelWindowAdjust = () => undefined;
      connection.on('session', () => undefined);
      Object.assign(connection, {
        grow: (channel: ServerChannel) =>
          channel.on('data', (chunk: Buffer) => {
            const growth = more(chunk.length);
            if (growth > 0) channelWindowAdjust.call(own, channelId(channel), growth);
          }),
      });
    },
    onExec(accept, _, connection) {
      const channel = accept();
      heartbeat(channel, connection);
      (connection as unknown as { grow(channel: ServerChannel): void }).grow(channel);
      channel.once('end', () => {
        channel.write('fine\n');
        end(channel);
      });
    },
  });
};

/** Answers checks that share an exec, and says of each from when to when it ran, in seconds since the boot. */
const tells = (from: string, to: string) =>
  exec((accept) => {
    const channel = accept();
    let text = '';
    channel.on('data', (chunk: Buffer) => {
      const isWhole = text.endsWith('\nexit 0\n}\n');
      text += chunk.toString();
      if (isWhole || !text.endsWith('\nexit 0\n}\n')) return;
      const nonce = /^([0-9a-f]{16}) n"/m.exec(text)?.[1];
      const word = (...words: (string | undefined)[]): string => `\n${[nonce, ...words].join(' ')}\n`;
      channel.write(word('b', '0'));
      for (const [, index, itsSecret] of text.matchAll(/mb_s(\d+)=([0-9a-f]{16})$/gm)) {
        channel.write(`${word('o')}fine\n${word('f', index, itsSecret, '0', from, to)}`);
        channel.write(`${word('r')}${word('e', index, itsSecret)}`);
      }
    });
  });

/** Whatever the host said: these times are written down. */
const timesAreOurs = (outcome: RunOutcome): void => {
  expect(outcome).toMatchObject({ kind: 'exited', stdout: 'fine\n' });
  expect(Number.isSafeInteger(outcome.startedAtMs)).toBe(true);
  expect(Math.abs(Date.now() - outcome.startedAtMs)).toBeLessThan(30_000);
  expect(outcome.durationMs).toBeLessThan(30_000);
};
const shared = { ...fine, run: together(3, true), verify: timesAreOurs } as const;

const strayData = (id: number) =>
  run((channel, connection) => {
    const own = wire(connection) as unknown as { channelData(id: number, data: Buffer): void };
    own.channelData(id, Buffer.from('hello'));
    channel.write('fine\n');
    end(channel);
  });

export const commandRows: Row[] = [
  { host: 'gives no exit status', play: run((channel) => channel.end('OK all fine\n')), ...lost, kept: true },
  {
    host: 'closes the channel without a word',
    play: exec((accept) => accept().close()),
    ...lost,
    kept: true,
  },
  {
    host: 'ends the output and then does nothing',
    play: run((channel, connection) => {
      heartbeat(channel, connection);
      wire(connection).channelEOF(channelId(channel));
    }),
    outcome: 'timed out',
    ...overdue,
  },
  {
    host: 'gives the exit status before the output',
    play: run((channel) => {
      channel.exit(1);
      setImmediate(() => channel.end('late but here\n'));
    }),
    outcome: 'exit 1',
    within: 'soon',
    verify: stdoutIs('late but here\n'),
  },
  {
    host: 'gives two exit statuses',
    play: run((channel, connection) => {
      wire(connection).exitStatus(channelId(channel), 2);
      wire(connection).exitStatus(channelId(channel), 0);
      channel.end();
    }),
    outcome: 'exit 2',
    within: 'soon',
  },
  {
    host: 'gives an exit status and then a signal',
    play: run((channel, connection) => {
      wire(connection).exitStatus(channelId(channel), 0);
      wire(connection).exitSignal(channelId(channel), 'KILL', false, '');
      channel.end();
    }),
    ...fine,
  },
  {
    host: 'gives an exit status that is no byte',
    play: run((channel, connection) => {
      wire(connection).exitStatus(channelId(channel), 4_294_967_295);
      channel.end();
    }),
    outcome: 'exit 4294967295',
    within: 'soon',
  },
  {
    host: 'says that a signal ended the command',
    play: run((channel, connection) => {
      wire(connection).exitSignal(channelId(channel), 'SEGV', true, 'core dumped');
      channel.end();
    }),
    outcome: 'killed by SIGSEGV',
    within: 'soon',
  },
  {
    host: 'says that a signal with terminal escapes in its name ended the command',
    play: run((channel, connection) => {
      wire(connection).exitSignal(channelId(channel), oddSignal, true, '');
      channel.end();
    }),
    outcome: 'killed by unknown',
    within: 'soon',
  },
  { host: 'writes no newline', play: output('no newline'), ...fine, verify: stdoutIs('no newline') },
  {
    host: 'writes binary data',
    play: output(randomBytes(4_096)),
    ...fine,
    verify: (outcome) => expect(outcome).toMatchObject({ truncated: false }),
  },
  {
    host: 'writes invalid UTF-8',
    play: output(Buffer.from([0x61, 0xff, 0xc3, 0x28, 0x62])),
    ...fine,
    verify: stdoutIs('a\u{fffd}\u{fffd}(b'),
  },
  { host: 'writes NULs', play: output('a\0b\n'), ...fine, verify: stdoutIs('a\0b\n') },
  {
    host: 'writes terminal escapes',
    play: output('\u001b[2J\u001b]0;owned\u0007'),
    ...fine,
    verify: stdoutIs('\u001b[2J\u001b]0;owned\u0007'),
  },
  {
    host: 'writes to standard error only',
    play: run((channel) => {
      channel.stderr.write('trouble\n');
      end(channel, 2);
    }),
    outcome: 'exit 2',
    within: 'soon',
    verify: (outcome) => expect(outcome).toMatchObject({ stdout: '', stderr: 'trouble\n' }),
  },
  {
    host: 'writes extended data of an unknown kind',
    play: run((channel, connection) => {
      const own = wire(connection) as unknown as {
        channelExtData(id: number, data: Buffer, type: number): void;
      };
      own.channelExtData(channelId(channel), Buffer.from('what is this'), 77);
      end(channel);
    }),
    ...fine,
  },
  {
    host: 'closes standard output early, and ends later',
    play: run((channel, connection) => {
      wire(connection).channelEOF(channelId(channel));
      setTimeout(() => {
        wire(connection).exitStatus(channelId(channel), 3);
        channel.close();
      }, 100);
    }),
    outcome: 'exit 3',
    within: 'soon',
  },
  {
    host: 'ends the command, but not its output nor the channel',
    play: run((channel) => {
      channel.write('fine\n');
      channel.exit(0);
    }),
    ...fine,
    verify: stdoutIs('fine\n'),
  },
  {
    host: 'ends the command, and writes on without end',
    play: run((channel) => {
      channel.exit(0);
      pour(channel, Infinity, () => undefined, 2);
    }),
    outcome: 'exit 0, output cut',
    within: 'overdue',
    pace: 4,
  },
  {
    host: 'ends the channel without ending the output',
    play: run((channel, connection) => {
      wire(connection).exitStatus(channelId(channel), 0);
      channel.close();
    }),
    ...fine,
  },
  {
    host: 'closes the channel twice',
    play: run((channel, connection) => {
      channel.exit(0);
      // Behind the back of ssh2, which closes it again when we have closed it, too.
      wire(connection).channelClose(channelId(channel));
    }),
    ...fine,
    openssh: { kept: false, because: 'ssh ends a connection at a packet for a channel that is closed' },
  },
  {
    host: 'writes 32 MB and ends',
    play: run((channel) => pour(channel, 32 * 1024 * 1024, () => end(channel))),
    outcome: 'exit 0, output cut',
    within: 'overdue',
    repeat: 1,
  },
  {
    host: 'writes without end',
    // Not so fast that all runs together pass 1 GiB, after which a connection is replaced.
    play: exec((accept) => pour(accept().resume(), Infinity, () => undefined, 2)),
    outcome: 'timed out, output cut',
    ...overdue,
    repeat: 1,
  },
  {
    host: 'hangs up before it runs the command that it accepted',
    play: exec((accept, _, connection) => {
      accept();
      setImmediate(() => socketOf(connection).end());
    }),
    ...lost,
  },
  {
    host: 'hangs up in the middle of the output',
    play: run((channel, connection) => {
      channel.write('half of');
      setImmediate(() => socketOf(connection).end());
    }),
    ...lost,
  },
  {
    host: 'resets the connection while the command runs',
    play: run((_, connection) => socketOf(connection).resetAndDestroy()),
    ...lost,
  },
  {
    host: 'hangs up between the exit status and the end of the channel',
    play: run((channel, connection) => {
      channel.write('fine\n');
      channel.exit(0);
      setImmediate(() => socketOf(connection).end());
    }),
    ...fine,
    kept: false,
  },
  {
    host: 'says goodbye while the command runs (disconnect)',
    play: run((_, connection) => {
      wire(connection).disconnect(2);
      socketOf(connection).end();
    }),
    ...lost,
  },
  {
    host: 'sends garbage while the command runs',
    play: run((_, connection) => socketOf(connection).write(randomBytes(4_096))),
    ...lost,
  },
  {
    host: 'goes silent while the command runs',
    play: run((_, connection) => {
      socketOf(connection).write = () => true;
    }),
    pace: 16,
    ask: { timeoutMs: 2_000 },
    outcome: 'unreachable (timeout, may have run)',
    within: 'silence',
  },
  {
    host: 'accepts the command and never reads it (window of 0 bytes)',
    play: window(0, () => 0),
    outcome: 'timed out',
    ...overdue,
  },
  {
    host: 'reads the command byte by byte (window of 1 byte)',
    play: window(1, (arrived) => arrived),
    ...fine,
  },
  {
    host: 'opens its window beyond all bounds',
    play: run((channel, connection) => {
      for (let count = 0; count < 3; count += 1) {
        wire(connection).channelWindowAdjust(channelId(channel), 4_294_967_295);
      }
      channel.write('fine\n');
      end(channel);
    }),
    ...fine,
  },
  {
    host: 'asks for new keys again and again',
    play: ssh({
      onConnection(connection) {
        connection.on('ready', () => {
          let count = 0;
          connection.on('rekey', () => (count += 1) < 20 && wire(connection).rekey());
          wire(connection).rekey();
        });
      },
    }),
    outcome: 'exit 0',
    within: 'connect',
  },
  {
    host: 'asks for new keys and never finishes',
    play: run((_, connection) => {
      wire(connection).rekey();
      socketOf(connection).write = () => true;
    }),
    pace: 16,
    ask: { timeoutMs: 2_000 },
    outcome: 'unreachable (timeout, may have run)',
    within: 'silence',
  },
  {
    host: 'sends requests that nobody knows',
    play: run((channel, connection) => {
      for (let count = 0; count < 2_000; count += 1) wire(connection).ping();
      channel.write('fine\n');
      end(channel);
    }),
    ...fine,
  },
  {
    host: 'asks without end',
    play: run((channel, connection) => {
      heartbeat(channel, connection);
      const timer = setInterval(() => {
        for (let count = 0; count < 100; count += 1) wire(connection).ping();
      }, 10);
      socketOf(connection).once('close', () => clearInterval(timer));
    }),
    outcome: 'timed out',
    ...overdue,
  },
  {
    host: 'asks without end and reads no answer',
    play: () => {
      let commands = 0;
      return run((channel, connection) => {
        commands += 1;
        if (commands > 1) end(channel);
        else askOnAndOn(connection);
      })();
    },
    // What it asks must pile up before.
    ask: { timeoutMs: 90_000 },
    outcome: 'unreachable (lost, may have run)',
    within: 'silence',
    next: 'exit 0',
    openssh: {
      pace: 8,
      ask: { timeoutMs: 2_000 },
      outcome: 'unreachable (timeout, may have run)',
      because: 'what is not read waits in ssh, 128 MB at most; here the host is only silent',
    },
  },
  {
    host: 'answers what nobody asked',
    play: run((channel, connection) => {
      for (let count = 0; count < 200; count += 1) wire(connection).requestFailure();
      channel.write('fine\n');
      end(channel);
    }),
    ...fine,
  },
  {
    host: 'opens channels towards us',
    play: run((channel, connection) => {
      for (let count = 0; count < 200; count += 1) {
        wire(connection).forwardedTcpip(1_000 + count, 65_536, 32_768, {
          boundAddr: '127.0.0.1',
          boundPort: 22,
          remoteAddr: '127.0.0.1',
          remotePort: 22,
        });
      }
      channel.write('fine\n');
      end(channel);
    }),
    ...fine,
  },
  { host: 'says that checks began after 10^303 ms', play: tells('1e300', '1e300'), ...shared },
  { host: 'says that checks will begin in 300 years', play: tells('1e10', '1e10'), ...shared },
  { host: 'says that checks took 30 years', play: tells('0', '1e9'), ...shared },
  {
    host: 'sends data for a channel that is not open',
    play: strayData(7),
    ...fine,
    openssh: { ...lost, because: 'ssh ends a connection at a packet for a channel that is not open' },
  },
  { host: 'sends data for a channel that cannot be', play: strayData(4_294_967_295), ...lost },
];
