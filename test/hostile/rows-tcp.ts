/** Hosts that go wrong before an SSH handshake is done. */
import { flood, pass, relay, says, saysAndHangsUp, tcp } from './adversaries.ts';
import type { Row } from './matrix.ts';

const never = 'unreachable (connect)';
const silent = { outcome: 'unreachable (timeout)', within: 'connect' } as const;
const broken = { outcome: never, within: 'soon' } as const;

const ignore = Buffer.alloc(4 + 32_764);
ignore.writeUInt32BE(32_764, 0);
ignore[4] = 7;
ignore[5] = 2;
ignore.writeUInt32BE(32_764 - 1 - 1 - 4 - 7, 6);

function drip(text: string, everyMs: number) {
  return tcp((socket) => {
    let sent = 0;
    const timer = setInterval(() => socket.write(text[sent++ % text.length] ?? ''), everyMs);
    socket.on('close', () => clearInterval(timer));
  });
}

/** The banner byte by byte, and all else at once. */
const piecemeal = relay((client, server) => {
  client.pipe(server);
  server.once('data', (first: Buffer) => {
    server.pause();
    const lineBytes = first.indexOf('\n') + 1;
    let sent = 0;
    const timer = setInterval(() => {
      if (sent < lineBytes) {
        client.write(first.subarray(sent, ++sent));
        return;
      }
      clearInterval(timer);
      client.write(first.subarray(sent));
      server.pipe(client);
    }, 2);
    server.once('close', () => clearInterval(timer));
  });
});

export const tcpRows: Row[] = [
  { host: 'accepts the connection and says nothing', play: tcp(() => undefined), ...silent },
  { host: 'hangs up at once', play: tcp((socket) => socket.end()), ...broken },
  { host: 'resets the connection', play: tcp((socket) => socket.resetAndDestroy()), ...broken },
  { host: 'sends its banner one byte at a time, for ever', play: drip('S', 20), ...silent },
  {
    host: 'sends its banner one byte at a time, and then behaves',
    play: piecemeal,
    outcome: 'exit 0',
    within: 'connect',
  },
  {
    host: 'sends lines before its banner without end',
    play: tcp(flood('hello\r\n'.repeat(2_000))),
    ...broken,
  },
  { host: 'sends one line without end', play: tcp(flood('a'.repeat(16_384))), ...broken },
  { host: 'sends one line of 1 MB and hangs up', play: saysAndHangsUp('a'.repeat(1_000_000)), ...broken },
  { host: 'is a web server', play: saysAndHangsUp('HTTP/1.1 400 Bad Request\r\n\r\n'), ...broken },
  { host: 'is a mail server that waits', play: says('220 mail ESMTP\r\n'), ...silent },
  { host: 'speaks TLS', play: saysAndHangsUp(Buffer.from('15030100020228', 'hex')), ...broken },
  { host: 'answers with NULs', play: saysAndHangsUp(Buffer.alloc(4_096)), ...broken },
  { host: 'speaks SSH 1', play: says('SSH-1.5-old\r\n'), ...broken },
  { host: 'sends its banner and hangs up', play: saysAndHangsUp('SSH-2.0-OpenSSH_9.2\r\n'), ...broken },
  { host: 'sends its banner and then nothing', play: says('SSH-2.0-OpenSSH_9.2\r\n'), ...silent },
  {
    host: 'sends its banner and then garbage',
    play: tcp((socket) => {
      socket.write('SSH-2.0-x\r\n');
      flood('\u0000\u0000\u0003\u0004'.repeat(4_000))(socket);
    }),
    ...broken,
  },
  {
    host: 'announces a packet of 2 GB',
    // As long as the smallest packet: ssh reads no length before it has that.
    play: says(`SSH-2.0-x\r\n${'\u007f'.repeat(16)}`),
    ...broken,
  },
  {
    host: 'sends well-formed packets without end',
    play: tcp((socket) => {
      socket.write('SSH-2.0-OpenSSH_9.2\r\n');
      flood(ignore)(socket);
    }),
    ...broken,
    repeat: 5,
    openssh: {
      ...silent,
      repeat: 1,
      because: 'ssh reads on until it is ended, and does not tell',
    },
  },
  {
    host: 'hangs up in the middle of its key exchange',
    play: relay((client, server) => {
      client.pipe(server);
      let bytes = 0;
      server.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= 200) client.write(chunk);
        else client.destroy();
      });
    }),
    ...broken,
  },
  {
    host: 'stalls in the middle of its key exchange',
    play: relay((client, server) => {
      client.pipe(server);
      server.once('data', (chunk: Buffer) => {
        client.write(chunk.subarray(0, 300));
        server.pause();
      });
    }),
    ...silent,
  },
  {
    host: 'shares no algorithm with us',
    play: relay(pass, { server: { algorithms: { kex: ['diffie-hellman-group1-sha1'] } } }),
    ...broken,
  },
  {
    host: 'says that too many log in (MaxStartups), each time',
    play: saysAndHangsUp('Exceeded MaxStartups\r\n'),
    ...broken,
  },
  {
    host: 'says that too many log in (MaxStartups), three times',
    play: relay((client, server, count) => {
      if (count <= 3) client.end('Exceeded MaxStartups\r\n');
      else pass(client, server);
    }),
    outcome: 'exit 0',
    within: 'connect',
  },
  {
    host: 'says that we are not allowed at this time (PerSourcePenalties)',
    play: saysAndHangsUp('Not allowed at this time\r\n'),
    ...broken,
  },
  {
    host: 'is 2 s away and behaves',
    play: relay((client, server) => {
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        from.on('data', (chunk: Buffer) => void setTimeout(() => to.write(chunk), 100));
      }
    }),
    pace: 10,
    ssh: { connectTimeoutMs: 60_000 },
    ask: { timeoutMs: 60_000 },
    outcome: 'exit 0',
    within: 'connect',
  },
];
