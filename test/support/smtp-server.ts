/** A small real SMTP server on loopback that keeps what it was given. It speaks just enough of RFC 5321. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { selfSigned } from './http-server.ts';

export interface SeenMail {
  from: string;
  to: string[];
  /** Headers and body as they came. */
  data: string;
  encrypted: boolean;
  /** `user\0password` as decoded from AUTH PLAIN. */
  login?: string;
}

export interface SmtpServerFixture {
  port: number;
  mails: SeenMail[];
  /** Every line a client sent outside of a mail's text. */
  commands: string[];
  connections(): number;
  close(): Promise<void>;
}

export interface SmtpBehaviour {
  /** Offer STARTTLS, with a certificate nobody signed. */
  startTls?: boolean;
  /** TLS from the first byte. */
  secure?: boolean;
  /** Reply instead of the usual one: by verb, by a whole line, or `.` for the end of a mail. */
  replies?: Record<string, string>;
  /** Says nothing at all from this verb on; `connect` for no greeting. */
  silentAt?: string;
}

export async function startSmtpServer(behaviour: SmtpBehaviour = {}): Promise<SmtpServerFixture> {
  const mails: SeenMail[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(behaviour.secure ? secured(socket) : socket, behaviour, mails, commands, behaviour.secure === true);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    commands,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function secured(socket: Socket): TLSSocket {
  const tls = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(selfSigned) });
  return tls.on('error', () => undefined);
}

function serve(
  socket: Socket,
  behaviour: SmtpBehaviour,
  mails: SeenMail[],
  commands: string[],
  encrypted: boolean,
  greet = true,
): void {
  const { replies = {}, silentAt } = behaviour;
  let mail: SeenMail = { from: '', to: [], data: '', encrypted };
  let inData = false;
  let rest = '';
  const say = (verb: string, usual: string) => {
    if (silentAt !== verb) socket.write(`${replies[verb] ?? usual}\r\n`);
  };
  const onLine = (line: string) => {
    if (inData) {
      if (line !== '.') mail.data += `${line.replace(/^\./, '')}\n`;
      else {
        inData = false;
        if (!replies['.']) mails.push(mail);
        mail = { from: '', to: [], data: '', encrypted };
        say('.', '250 queued');
      }
      return;
    }
    commands.push(line);
    const verb = (line.split(' ')[0] ?? '').toUpperCase();
    if (replies[line] !== undefined) socket.write(`${replies[line]}\r\n`);
    else if (verb === 'EHLO') {
      say(verb, `250-mx.test\r\n${behaviour.startTls && !encrypted ? '250-STARTTLS\r\n' : ''}250 AUTH PLAIN`);
    } else if (verb === 'STARTTLS') {
      say(verb, '220 go');
      socket.removeAllListeners('data');
      serve(secured(socket), behaviour, mails, commands, true, false);
    } else if (verb === 'AUTH') {
      mail.login = Buffer.from(line.split(' ')[2] ?? '', 'base64')
        .toString()
        .replace(/^\0/, '');
      say(verb, '235 welcome');
    } else if (verb === 'MAIL') {
      mail.from = /<(.*?)>/.exec(line)?.[1] ?? '';
      say(verb, '250 ok');
    } else if (verb === 'RCPT') {
      mail.to.push(/<(.*?)>/.exec(line)?.[1] ?? '');
      say(verb, '250 ok');
    } else if (verb === 'DATA') {
      inData = replies['DATA'] === undefined;
      say(verb, '354 go on');
    } else if (verb === 'QUIT') socket.end('221 bye\r\n');
    else say(verb, '250 ok');
  };
  socket.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\r\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  if (greet) say('connect', '220 mx.test ready');
}
