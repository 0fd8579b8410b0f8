import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { ledgerPathOf } from '../../store/open.ts';
import { closeStores, hourMs, openForTest, startMs, storePath } from './support/samples.ts';

const asked = (id: string, given: { token?: string; asked?: string; atMs?: number } = {}) => ({
  id,
  token: 'ann',
  asked: 'a',
  atMs: startMs,
  ...given,
});
const answer = { status: 202, headers: { location: '/x' }, body: '{}' };

test('a key and its answer outlive a restart and end after a day', () => {
  const path = storePath();
  const first = openForTest(path);
  expect(first.coordinator.takeKey(asked('k'))).toEqual({ kind: 'new' });
  expect(first.coordinator.takeKey(asked('k', { asked: 'b' }))).toEqual({
    kind: 'known',
    request: { ...asked('k'), auditSeq: 0 },
  });
  first.coordinator.audit({ atMs: startMs, kind: 'command', actor: 'person:ann', event: 'x', body: {} });
  first.coordinator.takeKey(asked('l'));
  first.coordinator.keepAnswer('k', answer);
  closeStores(first);
  const { coordinator } = openForTest(path);
  const known = { kind: 'known', request: { ...asked('k'), auditSeq: 0, answer } };
  expect(coordinator.takeKey(asked('k', { atMs: startMs + 24 * hourMs }))).toEqual(known);
  expect(coordinator.takeKey(asked('l'))).toMatchObject({ request: { auditSeq: 1 } });
  expect(coordinator.takeKey(asked('k', { atMs: startMs + 24 * hourMs + 1 }))).toEqual({ kind: 'new' });
  coordinator.keepAnswer('gone', answer);
});

test('a token has so many keys and no more, others are none the worse, and old ones make room by themselves', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  // Written past the disk's pace: what is tested is the limit.
  const fill = new Database(ledgerPathOf(path));
  fill
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
       INSERT INTO answers (id, token, asked, at_ms, audit_seq, checksum) SELECT 'k' || i, 'ann', 'a', ?, 0, 'x' FROM n`,
    )
    .run(startMs);
  expect(coordinator.takeKey(asked('new'))).toEqual({ kind: 'full' });
  expect(coordinator.takeKey(asked('new', { token: 'bob' }))).toEqual({ kind: 'new' });
  expect(coordinator.takeKey(asked('later', { atMs: startMs + 25 * hourMs }))).toEqual({ kind: 'new' });
  while (coordinator.prune(startMs + 1));
  expect(fill.prepare('SELECT count(*) FROM answers').pluck().get()).toBe(1);
  fill.close();
});

test('a row that is not as it was written is not believed', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  coordinator.takeKey(asked('k'));
  coordinator.keepAnswer('k', answer);
  const other = new Database(ledgerPathOf(path));
  other.prepare(`UPDATE answers SET answer = '{"status":200,"headers":{},"body":"no"}'`).run();
  other.close();
  expect(() => coordinator.takeKey(asked('k'))).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
});
