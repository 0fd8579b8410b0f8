/** Hosts that go wrong from the host key to the login. */
import type { AuthContext, Connection } from 'ssh2';
import ssh2 from 'ssh2';
import { generateKeyPair } from '../../runner/embedded-host.ts';
import { hostileKey } from '../support/hostile-ssh.ts';
import { knownAs, socketOf, ssh, wire } from './adversaries.ts';
import type { Row } from './matrix.ts';

const other = generateKeyPair().publicKey;
const rsa = ssh2.utils.generateKeyPairSync('rsa', { bits: 2_048 }).public.split(' ').slice(0, 2).join(' ');
const place = (port: number): string => `[127.0.0.1]:${port}`;

const wrongKey = { outcome: 'unreachable (host_key)', within: 'soon' } as const;
const noLogin = { outcome: 'unreachable (auth)', within: 'soon' } as const;

/** Takes the authentication into its own hands. */
const auth = (onAuth: (context: AuthContext, connection: Connection) => void) =>
  ssh({
    onConnection(connection) {
      connection.on('authentication', (context) => onAuth(context, connection));
    },
    onAuth: () => undefined,
  });

const forging = (lines: string[]) =>
  ssh({ server: { banner: `${lines.join('\r\n')}\r\n` }, onAuth: (_, reject) => reject() });

export const loginRows: Row[] = [
  {
    host: 'has another key than the known one',
    play: knownAs((port) => `${place(port)} ${other}\n`),
    ...wrongKey,
  },
  { host: 'is not known', play: knownAs(() => ''), ...wrongKey },
  {
    host: 'has a key that is marked @revoked',
    play: knownAs((port) => `${place(port)} ${hostileKey.public}\n@revoked * ${hostileKey.public}\n`),
    ...wrongKey,
  },
  { host: 'has no key of the known type', play: knownAs((port) => `${place(port)} ${rsa}\n`), ...wrongKey },
  {
    host: 'is known by an authority only',
    play: knownAs((port) => `@cert-authority ${place(port)} ${hostileKey.public}\n`),
    ...wrongKey,
  },
  {
    host: 'hangs up when new keys are in use',
    play: ssh({
      onConnection: (connection) => connection.on('handshake', () => socketOf(connection).destroy()),
    }),
    ...noLogin,
  },
  {
    host: 'never answers the login',
    play: auth(() => undefined),
    outcome: 'unreachable (timeout)',
    within: 'connect',
  },
  { host: 'refuses the login', play: auth((context) => context.reject([])), ...noLogin },
  { host: 'asks for a password', play: auth((context) => context.reject(['password'])), ...noLogin },
  {
    host: 'asks questions (keyboard-interactive)',
    play: auth((context) => context.reject(['keyboard-interactive'])),
    ...noLogin,
  },
  {
    host: 'wants a password after the key (partial success)',
    play: auth((context) => context.reject(['password'], context.method === 'publickey')),
    ...noLogin,
  },
  {
    host: 'wants the same key again and again (partial success without end)',
    play: auth((context) => context.reject(['publickey'], true)),
    ...noLogin,
  },
  {
    host: 'takes the key and then refuses its signature',
    play: auth((context) => {
      if (context.method === 'publickey' && !context.signature) context.accept();
      else context.reject(['publickey']);
    }),
    ...noLogin,
  },
  {
    host: 'locks us out (too many authentication failures)',
    play: auth((_, connection) => {
      wire(connection).disconnect(14);
      socketOf(connection).end();
    }),
    ...noLogin,
  },
  {
    host: 'hangs up during the login',
    play: auth((_, connection) => socketOf(connection).destroy()),
    ...noLogin,
  },
  {
    host: 'resets the connection during the login',
    play: auth((_, connection) => socketOf(connection).resetAndDestroy()),
    ...noLogin,
  },
  {
    host: 'lets us in after a while, under a long banner with terminal escapes',
    play: ssh({
      server: { banner: '\u001b[2JWelcome\u0007\r\n'.repeat(500) },
      onAuth: (accept) => void setTimeout(accept, 100),
    }),
    outcome: 'exit 0',
    within: 'connect',
  },
  {
    host: 'lets us in under a banner with NULs',
    play: ssh({ server: { banner: 'Welcome\u0000\r\n' } }),
    outcome: 'exit 0',
    within: 'soon',
    openssh: { outcome: 'unreachable (auth)', because: 'ssh takes a text with a NUL for a broken packet' },
  },
  {
    host: 'says in its banner what the ssh program would say of a login, and refuses it',
    play: forging([
      'Authenticated to 127.0.0.1 ([127.0.0.1]:22) using "publickey".',
      'debug1: channel 0: new mux listener [/run/mendd-ssh-XXXXXX/c1] (inactive timeout: 0)',
      'Timeout, server 127.0.0.1 not responding.',
      'ssh: Could not resolve hostname db-1: Name or service not known',
      'Host key verification failed.',
    ]),
    ...noLogin,
  },
  {
    host: 'lets us in and hangs up',
    play: ssh({ onConnection: (connection) => connection.on('ready', () => socketOf(connection).end()) }),
    outcome: 'unreachable (channel)',
    within: 'soon',
  },
];
