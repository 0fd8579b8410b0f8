import { expect, onTestFinished, test } from 'vitest';
import { sendAuditHead } from '../../actions/audit-head.ts';
import { startHttpServer } from '../support/http-server.ts';
import { secretOf } from './story.ts';

const head = { seq: 7, hash: 'ab12', atMs: 1_763_700_000_000, member: 'ops-1' };

test('the head is sent as it is, once, with a key of its own', async () => {
  const server = await startHttpServer((_, response) => response.writeHead(204).end());
  onTestFinished(() => server.close());
  const { url, seen } = server;
  const more = { ...head, secret: 'no' };
  expect(await sendAuditHead(secretOf(`${url}/T1/token`), more)).toMatchObject({ ok: true });
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({ method: 'POST', headers: { 'idempotency-key': 'audit~ops-1~7~ab12' } });
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual(head);
});

test('a receiver that is silent or gone costs its time limit only, and the address stays secret', async () => {
  const server = await startHttpServer(() => undefined);
  const { url } = server;
  const silent = await sendAuditHead(secretOf(`${url}/T1/token`), head, 100);
  expect(silent).toMatchObject({ ok: false, error: 'no answer within 0.1 s' });
  await server.close();
  const gone = await sendAuditHead(secretOf(`${url}/T1/token`), head);
  expect(gone.ok).toBe(false);
  expect(JSON.stringify(gone)).not.toContain('token');
});
