/** Hosts that go wrong between the login and the command. */
import { answer, exec, socketOf, ssh, wire } from './adversaries.ts';
import type { Row } from './matrix.ts';

const refused = { outcome: 'unreachable (channel)', within: 'soon', kept: true, pace: 4 } as const;
const silent = { outcome: 'unreachable (timeout)', within: 'connect' } as const;

const refusing = (reason: number) =>
  ssh({
    onConnection(connection) {
      const { channelOpenFail } = wire(connection);
      wire(connection).channelOpenFail = (sender) =>
        channelOpenFail.call(wire(connection), sender, reason, 'no \u001b[31mroom\u0000\n');
    },
    onSession(_, reject, count) {
      if (count > 1) reject();
      return count === 1;
    },
  });

export const channelRows: Row[] = [
  { host: 'refuses channels: prohibited', play: refusing(1), ...refused },
  { host: 'refuses channels: connect failed', play: refusing(2), ...refused },
  { host: 'refuses channels: unknown type', play: refusing(3), ...refused },
  { host: 'refuses channels: no resources', play: refusing(4), ...refused },
  { host: 'refuses channels: a reason that does not exist', play: refusing(4_000_000_000), ...refused },
  {
    host: 'refuses the first channel only',
    play: ssh({
      onSession(_, reject, count) {
        if (count === 2) reject();
        return count !== 2;
      },
    }),
    outcome: 'exit 0',
    within: 'soon',
  },
  {
    host: 'opens channels late',
    play: ssh({
      onSession: (accept, _, count) => {
        if (count === 1) return true;
        setTimeout(() => {
          const session = accept();
          session.on('exec', (acceptExec) => answer(acceptExec));
        }, 300);
        return false;
      },
    }),
    outcome: 'exit 0',
    within: 'connect',
  },
  { host: 'never opens a channel', play: ssh({ onSession: (_, __, count) => count === 1 }), ...silent },
  {
    host: 'hangs up when a channel is asked for',
    play: ssh({
      onConnection(connection) {
        let count = 0;
        connection.on('session', () => {
          count += 1;
          if (count === 2) socketOf(connection).destroy();
        });
      },
      onSession: (_, __, count) => count === 1,
    }),
    outcome: 'unreachable (lost)',
    within: 'soon',
  },
  { host: 'refuses to run commands', play: exec((_, reject) => reject()), ...refused },
  { host: 'never says whether it runs a command', play: exec(() => undefined), ...silent },
  {
    host: 'hangs up when a command is asked for',
    play: exec((_, __, connection) => socketOf(connection).destroy()),
    outcome: 'unreachable (lost)',
    within: 'soon',
  },
  {
    host: 'answers the question for its shell with something else',
    play: ssh({
      onProbe: (accept) => {
        const channel = accept();
        channel.write('\u001b[2JThis account is currently not available.\n');
        channel.exit(1);
        channel.end();
      },
    }),
    outcome: 'unreachable (channel)',
    within: 'soon',
  },
  {
    host: 'answers the question for its shell without end',
    play: ssh({
      onProbe: (accept) => {
        const channel = accept();
        const push = (): void => {
          while (channel.writable && channel.write('x'.repeat(32_768)));
        };
        channel.on('drain', push);
        push();
      },
    }),
    outcome: 'unreachable (channel)',
    within: 'soon',
  },
  {
    host: 'never answers the question for its shell',
    play: ssh({ onProbe: (accept) => void accept() }),
    ...silent,
  },
];
