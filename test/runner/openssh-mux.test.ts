import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { hardwareKey } from '../../runner/openssh-identity.ts';
import { OpensshLog } from '../../runner/openssh-log.ts';
import { MuxClient } from '../../runner/openssh-mux.ts';
import { message, packet, text, uint32 } from '../../runner/openssh-wire.ts';
import type { SshChannel } from '../../runner/ssh-client.ts';

let directory: string;
let server: Server;
let client: MuxClient | undefined;
const far = 40;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-mux-'));
});
afterEach(async () => {
  client?.end();
  client = undefined;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  rmSync(directory, { recursive: true, force: true });
});

const hello = text(uint32(1, 4));
const proxied = text(uint32(0x8000000f, 0));
const opened = packet(message.openConfirmation, uint32(0, far, 1_000_000, 32_768));
const started = packet(message.success, uint32(0));

/** A master that says these things at once, and the client's events. */
async function talk(...words: Uint8Array[]) {
  const controlPath = join(directory, 'c');
  let peer: Socket | undefined;
  const heard: Buffer[] = [];
  server = createServer((socket) => {
    peer = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => heard.push(chunk));
    for (const word of words) socket.write(word);
  });
  await new Promise<void>((resolve) => {
    server.listen(controlPath, resolve);
  });
  const events = { ready: vi.fn<() => void>(), end: vi.fn<(why: string) => void>() };
  const mux = new MuxClient({
    controlPath,
    onReady: events.ready,
    onBytes: () => undefined,
    onEnd: events.end,
  });
  client = mux;
  return { mux, events, say: (bytes: Uint8Array) => peer?.write(bytes), heard: () => Buffer.concat(heard) };
}

function exec(mux: MuxClient): Promise<SshChannel | Error> {
  return new Promise((resolve) => {
    mux.exec('true', { allowHalfOpen: true }, (error, channel) => resolve(error ?? channel));
  });
}

test.each([
  ['another version', text(uint32(1, 5)), 'another version'],
  [
    'no proxy mode',
    Buffer.concat([hello, text(Buffer.concat([uint32(0x80000003, 0), text('no')]))]),
    'proxy mode',
  ],
  ['a packet without end', uint32(0x7fffffff), 'too long'],
  [
    'a packet that ends too soon',
    Buffer.concat([hello, proxied, text(Uint8Array.of(0, 91, 0))]),
    'broke the protocol',
  ],
  ['a channel that nobody asked for', Buffer.concat([hello, proxied, opened]), 'nobody asked for'],
])('a master with %s is given up', async (_, words, why) => {
  const { events } = await talk(words);
  await vi.waitFor(() => expect(events.end).toHaveBeenCalledTimes(1));
  expect(events.end.mock.calls[0]?.[0]).toContain(why);
});

test.each([
  ['more than the window', packet(message.data, uint32(0), text(Buffer.alloc(3 * 1024 * 1024 - 100)))],
  ['a text longer than its packet', packet(message.data, uint32(0, 500), Uint8Array.of(1))],
  ['an exit status cut short', packet(message.request, uint32(0), text('exit-status'), Uint8Array.of(0, 1))],
])('a host that sends %s ends the connection, not the process', async (_, words) => {
  const { mux, events, say } = await talk(hello, proxied);
  await vi.waitFor(() => expect(events.ready).toHaveBeenCalled());
  const channel = exec(mux);
  say(opened);
  say(started);
  await channel;
  say(words);
  await vi.waitFor(() => expect(events.end).toHaveBeenCalledTimes(1));
});

test('packets cut anywhere, data after the end and unknown ones are taken calmly', async () => {
  const { mux, events, say } = await talk(hello, proxied);
  await vi.waitFor(() => expect(events.ready).toHaveBeenCalled());
  const seen: unknown[] = [];
  const closed = new Promise<void>((resolve) => {
    mux.exec('true', { allowHalfOpen: true }, (_, channel) => {
      channel.on('data', (chunk: Buffer) => seen.push(`out ${chunk.toString()}`));
      channel.stderr.on('data', (chunk: Buffer) => seen.push(`err ${chunk.toString()}`));
      channel.once('exit', (...end: unknown[]) => seen.push(end));
      channel.once('close', resolve);
    });
  });
  const rest = [
    opened,
    started,
    packet(message.data, uint32(0), text('out')),
    packet(message.extendedData, uint32(0, 1), text('err')),
    packet(message.extendedData, uint32(0, 7), text('other')),
    packet(message.request, uint32(0), text('exit-signal'), Uint8Array.of(0), text('TERM')),
    packet(message.eof, uint32(0)),
    packet(message.data, uint32(0), text('late')),
    packet(message.data, uint32(99), text('nobody')),
    packet(123, uint32(0)),
    packet(message.close, uint32(0)),
  ];
  const all = Buffer.concat(rest);
  for (let at = 0; at < all.length; at += 5) say(all.subarray(at, at + 5));
  await closed;
  expect(seen).toEqual(expect.arrayContaining(['out out', 'err err', [null, 'SIGTERM']]));
  expect(seen).toHaveLength(3);
  expect(events.end).not.toHaveBeenCalled();
});

test('nothing is sent beyond the window, all of it once there is room', async () => {
  const { mux, events, say, heard } = await talk(hello, proxied);
  await vi.waitFor(() => expect(events.ready).toHaveBeenCalled());
  const opening = exec(mux);
  say(packet(message.openConfirmation, uint32(0, far, 10, 4)));
  say(started);
  const channel = await opening;
  if (channel instanceof Error) throw channel;
  channel.end('0123456789abcdef');
  const data = (part: string) => packet(message.data, uint32(far), text(part));
  await vi.waitFor(() => expect(heard().includes(data('89'))).toBe(true));
  for (const part of ['0123', '4567']) expect(heard().includes(data(part))).toBe(true);
  expect(heard().includes('abcd')).toBe(false);
  say(packet(message.windowAdjust, uint32(0, 100)));
  await vi.waitFor(() => expect(heard().includes(packet(message.eof, uint32(far)))).toBe(true));
  for (const part of ['abcd', 'ef']) expect(heard().includes(data(part))).toBe(true);
});

test('a command that is quiet is asked for signs of life', async () => {
  const { mux, events, say, heard } = await talk(hello, proxied);
  await vi.waitFor(() => expect(events.ready).toHaveBeenCalled());
  const opening = exec(mux);
  say(opened);
  expect(mux.ask()).toBe(false);
  say(started);
  await opening;
  expect(mux.ask()).toBe(true);
  await vi.waitFor(() => expect(heard().includes('keepalive@openssh.com')).toBe(true));
  say(packet(message.failure, uint32(0)));
  expect(events.end).not.toHaveBeenCalled();
});

test('a stream through the host that is given up is closed there, once', async () => {
  const { mux, events, say, heard } = await talk(hello, proxied);
  await vi.waitFor(() => expect(events.ready).toHaveBeenCalled());
  const opening = new Promise<SshChannel>((resolve) => {
    mux.forwardOut('127.0.0.1', 0, '192.0.2.1', 22, (_, channel) => resolve(channel));
  });
  say(opened);
  const channel = await opening;
  const closed = new Promise((resolve) => {
    channel.once('close', resolve);
  });
  channel.destroy();
  await closed;
  const close = packet(message.close, uint32(far));
  await vi.waitFor(() => expect(heard().includes(close)).toBe(true));
  say(close);
  channel.close();
  mux.end();
  expect(heard().indexOf(close)).toBe(heard().lastIndexOf(close));
  expect(events.end).not.toHaveBeenCalled();
});

test('what ssh says is read line by line, bounded, and the host cannot put words in its mouth', () => {
  const log = new OpensshLog('/run/mendd-ssh-a1b2c3/c7');
  log.push('debug1: Connection establi');
  log.push('shed.\r\ndebug1: Server host key: ssh-ed25519 SHA256:abc\r\n');
  expect(log.phase).toBe('handshake');
  log.push('debug1: SSH2_MSG_NEWKEYS received\r\n');
  // A banner of the host, which comes now.
  log.push('debug1: Server host key: ssh-rsa SHA256:forged\r\nHost key verification failed.\r\n');
  log.push(
    'Authenticated to host ([192.0.2.1]:22) using "publickey".\r\nTimeout, server h not responding.\r\n',
  );
  log.push('debug1: channel 0: new mux listener [/run/mendd-ssh-guess/c7] (inactive timeout: 0)\r\n');
  log.push(`\u001b[31m${'x'.repeat(100_000)}\r\n`);
  expect(log).toMatchObject({ phase: 'auth', hostKeyRefused: false, silent: false });
  expect(log.presented).toEqual({ type: 'ssh-ed25519', fingerprint: 'SHA256:abc' });
  expect(log.said.length).toBeLessThanOrEqual(300);
  expect(log.said).not.toContain('\u001b');
  log.push('debug1: channel 0: new [/run/mendd-ssh-a1b2c3/c7]\r\nTimeout, server h not responding.\r\n');
  expect(log).toMatchObject({ phase: 'probe', silent: true });
});

test('a key that lives in a security device is told from others', () => {
  expect(hardwareKey(keyFile('sk-ssh-ed25519@openssh.com', 'none'))).toEqual({ locked: false });
  expect(hardwareKey(keyFile('sk-ssh-ed25519@openssh.com', 'aes256-ctr'))).toEqual({ locked: true });
  expect(hardwareKey(keyFile('ssh-ed25519', 'none'))).toBeUndefined();
  expect(hardwareKey('-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END')).toBeUndefined();
  expect(hardwareKey('no key')).toBeUndefined();
});

function keyFile(type: string, cipher: string): string {
  const body = [text(cipher), text('none'), text(''), uint32(1), text(text(type))];
  const base64 = Buffer.concat([Buffer.from('openssh-key-v1\0'), ...body]).toString('base64');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}\n-----END OPENSSH PRIVATE KEY-----\n`;
}
