import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { ledgerPathOf, openLedgerBeside } from '../../store/open.ts';
import { closeStores, minuteMs, openForTest, startMs, storePath } from './support/samples.ts';

test('a token made beside a running daemon works at once, and its revocation too', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  const beside = openLedgerBeside(path, startMs);
  const { token, secret } = beside.createToken({ name: 'grafana', scopes: ['read', 'act'], nowMs: startMs });
  expect(secret).toMatch(/^mendd_[\w-]{43}$/);
  expect(coordinator.authenticate(secret, startMs)).toEqual({ ...token, lastUsedAtMs: startMs });
  expect(token).toEqual({ id: token.id, name: 'grafana', scopes: ['read', 'act'], createdAtMs: startMs });
  expect(coordinator.stillValid()).toBe(true);
  expect(beside.revokeToken(token.id)).toBe(true);
  expect(beside.revokeToken(token.id)).toBe(false);
  expect(coordinator.authenticate(secret, startMs)).toBeUndefined();
  beside.close();
});

test('tokens can be made before the first start of a daemon', () => {
  const path = storePath();
  const before = openLedgerBeside(path, startMs);
  const { secret } = before.createToken({ name: 'first', scopes: ['admin'], nowMs: startMs });
  before.close();
  const { coordinator } = openForTest(path);
  expect(coordinator.fence).toBe(startMs / 1000);
  expect(coordinator.authenticate(secret, startMs)?.name).toBe('first');
});

test('nothing but the secret itself authenticates, and not after its time', () => {
  const { coordinator } = openForTest();
  const { secret } = coordinator.createToken({
    name: 'a',
    scopes: ['read'],
    expiresAtMs: startMs + 5,
    nowMs: startMs,
  });
  for (const wrong of [
    '',
    'mendd_',
    secret.slice(0, -1),
    `${secret}=`,
    secret.toUpperCase(),
    'x'.repeat(1e6),
  ]) {
    expect(coordinator.authenticate(wrong, startMs)).toBeUndefined();
  }
  expect(coordinator.authenticate(secret, startMs + 4)?.expiresAtMs).toBe(startMs + 5);
  expect(coordinator.authenticate(secret, startMs + 5)).toBeUndefined();
});

test('the secret is in none of the files', () => {
  const path = storePath();
  const stores = openForTest(path);
  const { secret } = stores.coordinator.createToken({ name: 'a', scopes: ['read'], nowMs: startMs });
  stores.coordinator.authenticate(secret, startMs);
  const ledger = ledgerPathOf(path);
  for (const file of [ledger, `${ledger}-wal`])
    expect(readFileSync(file).includes(secret.slice(6))).toBe(false);
  closeStores(stores);
  expect(readFileSync(ledger).includes(secret.slice(6))).toBe(false);
});

test('the last use is written at most once a minute', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  const { secret } = coordinator.createToken({ name: 'a', scopes: ['read'], nowMs: startMs });
  const watcher = new Database(ledgerPathOf(path), { readonly: true });
  const version = (): unknown => watcher.pragma('data_version', { simple: true });
  coordinator.authenticate(secret, startMs);
  const written = version();
  coordinator.authenticate(secret, startMs + minuteMs - 1);
  expect(version()).toBe(written);
  expect(coordinator.tokens()[0]?.lastUsedAtMs).toBe(startMs);
  coordinator.authenticate(secret, startMs + minuteMs);
  expect(version()).not.toBe(written);
  expect(coordinator.tokens()[0]?.lastUsedAtMs).toBe(startMs + minuteMs);
  watcher.close();
});
