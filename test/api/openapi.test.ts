/** The committed OpenAPI document is the served one, and it is sound. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { approvalOf, silenceOf } from '../support/fake-views.ts';
import { bearer, startApi } from './api-server.ts';

const file = new URL('../../docs/openapi.json', import.meta.url);

test('docs/openapi.json is what the API serves', async () => {
  const { get } = await startApi();
  const { json, status } = await get('/openapi.json');
  expect(status).toBe(200);
  const text = `${JSON.stringify(json, null, 2)}\n`;
  if (process.env['UPDATE_OPENAPI'] === '1') await writeFile(file, text);
  const committed = await readFile(file, 'utf8').catch(() => '');
  expect(
    committed === text,
    'docs/openapi.json is out of date: run UPDATE_OPENAPI=1 npx vitest run test/api/openapi.test.ts',
  ).toBe(true);
});

interface Operation {
  operationId?: string;
  summary?: string;
  security?: object[];
  responses: Record<string, { headers?: object }>;
}

test('every reference resolves, every operation is named once, and every change needs a token', async () => {
  const { api, daemon, get } = await startApi();
  const document = api.openapi() as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, unknown> };
  };
  expect(document.openapi).toBe('3.1.0');
  const text = JSON.stringify(document);
  const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target ?? '');
  expect(references.length).toBeGreaterThan(20);
  const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect(references.filter((target) => !known.includes(target))).toEqual([]);
  expect(known.filter((name) => !references.includes(name))).toEqual([]);
  expect(text).not.toContain('PLACEHOLDER');

  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
  );
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(operations.length);
  expect(ids).not.toContain(undefined);
  for (const { path, method, security, responses } of operations) {
    const ok = path === '/api/v1/session' && method === 'delete' ? '204' : '200';
    expect([path, Object.keys(responses)]).toEqual([path, expect.arrayContaining([ok, 'default'])]);
    const isSession = path === '/api/v1/session';
    if (method !== 'get' && !isSession)
      expect([path, security]).toEqual([path, [{ token: [] }, { session: [] }]]);
  }

  // Every documented read answers as documented: no route is missing, none is dead.
  const values = {
    host: 'web-1',
    check: 'app.running',
    id: 'web-1~app.restart~abc~1',
    action: 'app.restart',
    scope: 'fleet',
    name: 'app',
  };
  daemon.approvalList = [approvalOf(values.id)];
  daemon.suppressionList = [silenceOf(values.id)];
  const root = bearer(daemon.token('root', 'admin'));
  for (const { path, method, responses } of operations) {
    if (method !== 'get' || path.endsWith('/events')) continue;
    const url = path.replaceAll(/\{(\w+)\}/g, (_, name: keyof typeof values) => values[name]);
    const query = path.endsWith('/explain') ? '?host=web-1' : '';
    const { status, headers } = await get(url + query, root);
    expect([path, status]).toEqual([path, 200]);
    // So do the tags that a client may rely on.
    const tag = headers.get('etag');
    expect([path, responses['200']?.headers !== undefined]).toEqual([path, tag !== null]);
    const again = await get(url + query, { ...root, 'if-none-match': tag ?? '"x"' });
    expect([path, '304' in responses]).toEqual([path, again.status === 304]);
  }
});

test('the answers that any client meets are documented where they occur', async () => {
  const { api } = await startApi();
  const { paths } = api.openapi() as { paths: Record<string, Record<string, Operation>> };
  const codes = (path: string, method: string) => Object.keys(paths[path]?.[method]?.responses ?? {});
  expect(codes('/api/v1/hosts', 'get')).toEqual(['200', '304', '429', '503', 'default']);
  expect(codes('/api/v1/approvals/{id}/approve', 'post')).toEqual([
    '200',
    '412',
    '428',
    '429',
    '503',
    'default',
  ]);
  expect(codes('/api/v1/brakes/{scope}/release', 'post')).toEqual(['200', '412', '429', '503', 'default']);
  expect(codes('/healthz', 'get')).toEqual(['200', '503', 'default']);
  expect(paths['/api/v1/pause']?.['post']?.responses['503']).toMatchObject({
    headers: { 'Retry-After': { schema: { type: 'integer' } } },
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  });
});
