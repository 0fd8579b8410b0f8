/** TLS of the API with real certificates: what is spoken, what is refused at start, and a new pair under an open server. */
import { X509Certificate } from 'node:crypto';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { readKeyPair } from '../../api/certificate.ts';
import { ApiClient } from '../../cli/client.ts';
import { makePair } from '../support/certificates.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { startApi } from './api-server.ts';

interface Answer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  text: string;
  /** Common name of the certificate. */
  by: string;
}

function ask(port: number, ca: string, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const options = { port, host: '127.0.0.1', path, ca, agent: false, method, headers };
    const sent = request(options, (response) => {
      const by = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, by: String(by) }),
      );
    });
    sent.on('error', reject).end(body);
  });
}

async function startTls() {
  const directory = temporaryTree({});
  const first = makePair(directory, 'first');
  const files = { certificate: `${directory}/cert.pem`, key: `${directory}/key.pem` };
  const install = (pair: { certificate: string; key: string }) => {
    copyFileSync(pair.certificate, files.certificate);
    copyFileSync(pair.key, files.key);
  };
  install(first);
  const api = await startApi(new FakeDaemon(), { tls: files });
  return { ...api, directory, first, files, install };
}

test('the port speaks TLS, and tells browsers to stay with it', async () => {
  const { port, first, daemon } = await startTls();
  const { status, headers } = await ask(port, first.pem, '/api/v1/hosts');
  expect([status, headers['strict-transport-security']]).toEqual([200, 'max-age=15552000']);
  const client = new ApiClient({ base: `https://127.0.0.1:${port}`, ca: first.pem }, undefined);
  expect(await client.list('/api/v1/hosts')).toHaveLength(2);
  const named = new ApiClient(
    { base: `https://127.0.0.1:${port}`, ca: first.pem, name: 'ops.example.com' },
    daemon.token('ann', 'read'),
  );
  expect(await named.list('/api/v1/hosts')).toHaveLength(2);
  const misnamed = new ApiClient(
    { base: `https://127.0.0.1:${port}`, ca: first.pem, name: 'evil.example' },
    undefined,
  );
  await expect(misnamed.get('/readyz')).rejects.toMatchObject({ code: 'DAEMON_UNREACHABLE' });
  const distrusting = new ApiClient({ base: `https://127.0.0.1:${port}` }, daemon.token('bob', 'read'));
  await expect(distrusting.get('/readyz')).rejects.toMatchObject({
    code: 'DAEMON_UNREACHABLE',
    hint: expect.stringContaining('--ca'),
  });
  expect((await startApi()).url).toMatch(/^http:/);
});

test('nothing older than TLS 1.2, and no plain HTTP', async () => {
  const { port, first, files } = await startTls();
  const spoken = (max: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
    new Promise<string>((resolve) => {
      const options = { minVersion: 'TLSv1' as const, maxVersion: max, ciphers: 'DEFAULT@SECLEVEL=0' };
      const socket = connect({ port, host: '127.0.0.1', ca: first.pem, ...options }, () => {
        resolve(socket.getProtocol() ?? '');
        socket.destroy();
      });
      socket.on('error', () => resolve('refused'));
    });
  expect(await Promise.all([spoken('TLSv1.1'), spoken('TLSv1.2'), spoken('TLSv1.3')])).toEqual([
    'refused',
    'TLSv1.2',
    'TLSv1.3',
  ]);
  expect(readKeyPair(files).minVersion).toBe('TLSv1.2');
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow('fetch failed');
});

test('a session over TLS is for TLS alone', async () => {
  const { port, first, daemon } = await startTls();
  const body = JSON.stringify({ token: daemon.token('ann', 'read') });
  const { status, headers } = await ask(port, first.pem, '/api/v1/session', body);
  expect([status, String(headers['set-cookie'])]).toEqual([200, expect.stringContaining('; Secure')]);
});

test('a new pair is taken under the open server; connections that are open stay', async () => {
  const { port, first, directory, install, daemon, logged } = await startTls();
  const open = connect({ port, host: '127.0.0.1', ca: first.pem });
  await new Promise((resolve) => open.once('secureConnect', resolve));
  const second = makePair(directory, 'second');
  install(second);
  daemon.clock.advance(10_000);
  expect((await ask(port, second.pem, '/readyz')).by).toBe('second');
  await expect(ask(port, first.pem, '/readyz')).rejects.toThrow('self-signed certificate');
  expect(logged).toContainEqual(expect.objectContaining({ message: 'api: a new certificate is in use' }));
  const answered = new Promise<string>((resolve) => open.once('data', (data) => resolve(data.toString())));
  open.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  expect(await answered).toContain('200 OK');
  open.destroy();
});

test('a broken new pair keeps the old one and says so until it is mended', async () => {
  const { port, first, files, directory, install, daemon, logged } = await startTls();
  const second = makePair(directory, 'second');
  copyFileSync(second.certificate, files.certificate);
  daemon.clock.advance(10_000);
  const broken = await ask(port, first.pem, '/readyz');
  expect([broken.status, broken.by]).toEqual([200, 'first']);
  expect(JSON.parse(broken.text)).toEqual({
    ready: true,
    problems: [expect.stringContaining('does not belong to the certificate')],
  });
  daemon.clock.advance(10_000);
  expect(logged.filter(({ level }) => level === 'warn')).toHaveLength(1);
  writeFileSync(files.key, '');
  daemon.clock.advance(10_000);
  expect((await ask(port, first.pem, '/readyz')).text).toContain('holds no private key');
  install(second);
  daemon.clock.advance(10_000);
  expect(JSON.parse((await ask(port, second.pem, '/readyz')).text).problems).toEqual([]);
});

test('a certificate that ends soon is told of while there is time', async () => {
  const { port, first, daemon, install, directory } = await startTls();
  const endsMs = Date.parse(new X509Certificate(first.pem).validTo);
  daemon.clock.advance(endsMs - daemon.clock.nowMs() - 6 * 86_400_000);
  expect((await ask(port, first.pem, '/readyz')).text).toContain('expires at');
  daemon.clock.advance(7 * 86_400_000);
  expect((await ask(port, first.pem, '/readyz')).text).toContain('expired at');
  install(makePair(directory, 'fresh', 400));
  daemon.clock.advance(10_000);
});

test('what cannot be used is refused at start, with where and why', () => {
  const directory = temporaryTree({ 'empty.pem': '', 'text.pem': 'no certificate' });
  const one = makePair(directory, 'one');
  const two = makePair(directory, 'two');
  const open = makePair(directory, 'open');
  chmodSync(open.key, 0o644);
  const wrong: [{ certificate: string; key: string }, RegExp][] = [
    [{ ...one, certificate: `${directory}/none.pem` }, /none\.pem cannot be read: ENOENT/],
    [{ ...one, certificate: `${directory}/text.pem` }, /text\.pem holds no certificate in PEM/],
    [{ ...one, key: `${directory}/empty.pem` }, /empty\.pem holds no private key/],
    [{ ...one, key: one.certificate }, /holds no private key/],
    [open, /open\.key can be read by everybody/],
    [{ ...one, key: two.key }, /does not belong to the certificate/],
  ];
  for (const [files, told] of wrong) {
    expect(() => readKeyPair(files)).toThrow(told);
    expect(() => readKeyPair(files)).toThrow(expect.objectContaining({ code: 'TLS_UNUSABLE' }));
  }
});
