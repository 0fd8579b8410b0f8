import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { ProbeDefinition } from '../../core/definitions.ts';
import { type Answer, startHttpServer } from '../support/http-server.ts';
import { ask, binDir, planOf } from './machine.ts';

type HttpProbe = Extract<ProbeDefinition, { kind: 'http' }>;

const local = { runOn: { kind: 'local' } } as const;

async function server(answer: Answer, options: { tls?: boolean } = {}) {
  const started = await startHttpServer(answer, options);
  onTestFinished(() => started.close());
  return started;
}

/** A server that speaks raw bytes. */
async function rawServer(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const raw = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    raw.close();
  });
  return `http://127.0.0.1:${(raw.address() as AddressInfo).port}/`;
}

const pages: Answer = (request, response) => {
  const status = Number(/^\/(\d{3})/.exec(request.path)?.[1] ?? 200);
  response.writeHead(status, status >= 300 && status < 400 ? { location: '/500' } : {});
  response.end('the queue is ready\nfor $(work) & "more"\n');
};

/** The same questions from the ops box and from a target with curl or with wget. */
const askers = [
  ['the ops box', local, undefined],
  ['a target with curl', {}, ['curl', 'head', 'grep', 'date']],
  ['a target with wget', {}, ['wget', 'head', 'grep', 'date']],
] as const;

const cases: [string, Partial<HttpProbe>, string, string, RegExp][] = [
  ['200', {}, '/health', 'ok', /\/health 200 in [\d.]+ m?s$/],
  ['a redirect is an answer and is not followed', {}, '/301', 'ok', /\/301 301 in /],
  ['404', {}, '/404', 'critical', /\/404 404 in .*, expected 200-399$/],
  ['500', {}, '/500', 'critical', /\/500 500 in .*, expected 200-399$/],
  ['a listed status', { status: [200, 404] }, '/404', 'ok', /\/404 404 in /],
  ['a status that is not listed', { status: [204, 404] }, '/200', 'critical', /, expected 204 404$/],
  ['HEAD', { method: 'HEAD' }, '/x', 'ok', /^HEAD .*\/x 200 in /],
  ['contains', { contains: 'for $(work) & "more"' }, '/x', 'ok', /\/x 200 in /],
  ['contains on an error page', { contains: 'ready', status: [503] }, '/503', 'ok', /\/503 503 in /],
  ['lacks', { contains: 'Ready' }, '/x', 'critical', /, but its body lacks "Ready"$/],
  ['slow enough to warn', { warnMs: 0 }, '/x', 'warning', /, limit 0 ms$/],
  ['too slow', { warnMs: 0, critMs: 0 }, '/x', 'critical', /, limit 0 ms$/],
  ['an odd path', {}, "/a[1-3]{x}'b?q=$(id)&token=secret", 'ok', /\/a\[1-3\]%7Bx%7D'b 200 in /],
];

for (const [asker, changes, tools] of askers) {
  test.each(cases)(`asked from ${asker}: %s`, async (_name, probe, path, state, text) => {
    const { url, seen } = await server(pages);
    const plan = planOf({ kind: 'http', url: url + path, method: 'GET', ...probe }, changes);
    const result = await ask(plan, tools === undefined ? {} : { path: binDir({}, [...tools]) });
    expect([result.state, result.text]).toEqual([state, expect.stringMatching(text)]);
    expect(result.perfdata[0]).toMatchObject({ label: 'time', uom: 's', min: 0 });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.headers['user-agent']).toBe('mendd');
    expect(seen[0]?.method).toBe(probe.method ?? 'GET');
  });

  const options = () => (tools === undefined ? {} : { path: binDir({}, [...tools]) });

  test(`asked from ${asker}: a refused connection is CRITICAL`, async () => {
    const gone = await startHttpServer(pages);
    await gone.close();
    const result = await ask(planOf({ kind: 'http', url: gone.url, method: 'GET' }, changes), options());
    expect(result.state).toBe('critical');
    expect(result.text).toMatch(/refused|connect/i);
  });

  test(`asked from ${asker}: a certificate nobody signed is CRITICAL with its words`, async () => {
    const { url } = await server(pages, { tls: true });
    const result = await ask(planOf({ kind: 'http', url, method: 'GET' }, changes), options());
    expect(result.state).toBe('critical');
    expect(result.text).toMatch(
      /SSL certificate problem: |TLS: self-signed|certificate of '127.0.0.1' is not trusted/,
    );
  });

  test(`asked from ${asker}: a name that does not resolve is UNKNOWN`, async () => {
    const url = 'http://no-such-host.invalid/';
    const result = await ask(planOf({ kind: 'http', url, method: 'GET' }, changes), options());
    expect(result.state).toBe('unknown');
  });

  test(`asked from ${asker}: an answer that breaks off is CRITICAL`, async () => {
    const url = await rawServer((socket) => {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nready');
    });
    const result = await ask(planOf({ kind: 'http', url, method: 'GET' }, changes), options());
    expect(result.state).toBe('critical');
  });
}

test('from the ops box: silence ends at the time limit, CRITICAL', async () => {
  const url = await rawServer(() => undefined);
  const plan = planOf({ kind: 'http', url, method: 'GET' }, local);
  const result = await (plan.kind === 'probe' ? plan.probe(50, new AbortController().signal) : undefined);
  expect(result).toMatchObject({ state: 'critical', text: `GET ${url} no complete answer in 50 ms` });
});

test('from the ops box: a caller that aborts at the same limit gets the verdict, not an error', async () => {
  const url = await rawServer(() => undefined);
  const plan = planOf({ kind: 'http', url, method: 'GET' }, local);
  const result = await (plan.kind === 'probe' ? plan.probe(60, AbortSignal.timeout(60)) : undefined);
  expect(result?.state).toBe('critical');
});

test('from the ops box: an answer that never ends, ends at the time limit', async () => {
  const url = await rawServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nready');
  });
  const plan = planOf({ kind: 'http', url, method: 'GET' }, local);
  const result = await (plan.kind === 'probe' ? plan.probe(200, new AbortController().signal) : undefined);
  expect(result?.state).toBe('critical');
});

test('from the ops box: a body without end is cut, and words behind the cut are not found', async () => {
  const chunk = 'x'.repeat(65_536);
  const url = await rawServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\nfirst');
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
      if (!socket.destroyed) socket.once('drain', more);
    };
    more();
  });
  const probe = { kind: 'http', url, method: 'GET' } as const;
  expect((await ask(planOf({ ...probe, contains: 'first' }, local))).state).toBe('ok');
  expect((await ask(planOf({ ...probe, contains: 'last' }, local))).state).toBe('critical');
  const path = binDir({}, ['curl', 'head', 'grep', 'date']);
  expect((await ask(planOf({ ...probe, contains: 'first' }), { path })).state).toBe('ok');
  expect((await ask(planOf({ ...probe, contains: 'last' }), { path })).state).toBe('unknown');
});

test('from the ops box: what is not HTTP is CRITICAL', async () => {
  const url = await rawServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
  const result = await ask(planOf({ kind: 'http', url, method: 'GET' }, local));
  expect(result.state).toBe('critical');
  expect(result.text).toContain('the answer is not HTTP');
});

test('from the ops box: a connection closed at once is CRITICAL', async () => {
  const url = await rawServer((socket) => socket.destroy());
  const result = await ask(planOf({ kind: 'http', url, method: 'GET' }, local));
  expect(result.text).toBe(`GET ${url} the other side closed the connection`);
});

test('from the ops box: TLS spoken to a plain port is CRITICAL with words', async () => {
  const { port } = await server(pages);
  const url = `https://127.0.0.1:${port}/`;
  const result = await ask(planOf({ kind: 'http', url, method: 'GET' }, local));
  expect(result.state).toBe('critical');
  expect(result.text).toMatch(/TLS: /);
});

test('user, password and query are sent and never shown', async () => {
  const { port, seen } = await server(pages);
  const url = `http://ops:hunter2@127.0.0.1:${port}/x?token=hunter3`;
  const result = await ask(planOf({ kind: 'http', url, method: 'GET' }, local));
  expect(seen[0]).toMatchObject({
    path: '/x?token=hunter3',
    headers: { authorization: `Basic ${Buffer.from('ops:hunter2').toString('base64')}` },
  });
  expect(JSON.stringify(result)).not.toMatch(/hunter/);
});

const onTarget = planOf({ kind: 'http', url: 'http://web.test/', method: 'GET' });

test('on a target with neither curl nor wget: UNKNOWN', async () => {
  const result = await ask(onTarget, { path: '/nowhere' });
  expect(result).toMatchObject({
    state: 'unknown',
    text: 'GET http://web.test/ there is no curl or wget to ask with',
  });
});

test('on a target with a wget that knows no such options: UNKNOWN', async () => {
  const path = binDir({ wget: 'echo "wget: unrecognized option: no-config" >&2; exit 1' }, ['date']);
  expect((await ask(onTarget, { path })).state).toBe('unknown');
});

test('on a target: curl that ran out of time is CRITICAL', async () => {
  const path = binDir({
    curl: 'echo "curl: (28) Operation timed out after 4001 ms" >&2; echo "answer 000 4.001"; exit 28',
  });
  expect(await ask(onTarget, { path })).toMatchObject({
    state: 'critical',
    text: 'GET http://web.test/ Operation timed out after 4001 ms',
  });
});
