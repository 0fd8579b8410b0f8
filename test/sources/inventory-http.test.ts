import { expect, onTestFinished, test } from 'vitest';
import { askHttp } from '../../sources/inventory-http.ts';
import { type Answer, startHttpServer } from '../support/http-server.ts';

async function server(answer: Answer) {
  const started = await startHttpServer(answer);
  onTestFinished(() => started.close());
  return started;
}

function secret(url: string) {
  return { reveal: () => url, toString: () => '<secret>', toJSON: () => '<secret>' };
}

const timeoutMs = 10_000;

test('an answer is told, and not sent again when nothing changed', async () => {
  const { url, seen } = await server((request, response) => {
    const known = request.headers['if-none-match'] === '"one"';
    response.writeHead(known ? 304 : 200, { etag: '"one"' }).end(known ? '' : 'web-1\n');
  });
  const first = await askHttp({ url: secret(url), timeoutMs });
  expect(first).toMatchObject({ ok: true, text: 'web-1\n' });
  const memory = first.memory;
  if (memory === undefined) throw new Error('no memory');
  expect(await askHttp({ url: secret(url), timeoutMs, memory })).toMatchObject({ ok: true, text: 'web-1\n' });
  // What was told of another URL means nothing here.
  await askHttp({ url: secret(`${url}/other`), timeoutMs, memory });
  expect(seen.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"one"', undefined]);
});

test('a redirect is followed on the same host alone, and carries no password elsewhere', async () => {
  const other = await server((_, response) => response.end('stolen'));
  const { url, seen } = await server((request, response) => {
    if (request.path === '/away') response.writeHead(302, { location: other.url }).end();
    else if (request.path === '/here') response.writeHead(301, { location: '/there' }).end();
    else if (request.path === '/loop') response.writeHead(301, { location: '/loop' }).end();
    else response.end('web-1');
  });
  const withPassword = url.replace('://', '://ops:hunter2@');
  expect(await askHttp({ url: secret(`${withPassword}/here`), timeoutMs })).toMatchObject({
    ok: true,
    text: 'web-1',
  });
  expect(seen[1]?.headers.authorization).toBe(`Basic ${Buffer.from('ops:hunter2').toString('base64')}`);
  expect(await askHttp({ url: secret(`${withPassword}/away`), timeoutMs })).toEqual({
    ok: false,
    problem: 'it redirects to another host, which is not followed',
  });
  expect(other.seen).toEqual([]);
  expect(await askHttp({ url: secret(`${url}/loop`), timeoutMs })).toEqual({
    ok: false,
    problem: 'it redirects without end',
  });
});

test('what is too large, too slow, refused or gone is a problem without the URL', async () => {
  const { url } = await server((request, response) => {
    if (request.path.startsWith('/large')) response.end('x'.repeat(17_000_000));
    else if (request.path.startsWith('/refused')) response.writeHead(403).end('hunter2');
    else response.write('never ends');
  });
  const ask = (path: string, limitMs = timeoutMs) =>
    askHttp({ url: secret(`${url}${path}?token=hunter2`), timeoutMs: limitMs });
  const gone = await startHttpServer(() => undefined);
  await gone.close();
  const answers = [await ask('/large'), await ask('/refused'), await ask('/slow', 200)];
  answers.push(await askHttp({ url: secret(`${gone.url}/?token=hunter2`), timeoutMs }));
  expect(answers).toEqual([
    { ok: false, problem: 'it answers more than 16,777,216 bytes' },
    { ok: false, problem: 'it answers with status 403' },
    { ok: false, problem: 'no answer within 0 s' },
    { ok: false, problem: 'nothing listens there' },
  ]);
});
