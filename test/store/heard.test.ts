import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStores } from '../../store/open.ts';

test('what was heard last is what a later start reads', () => {
  const dir = mkdtempSync(join(tmpdir(), 'mendd-heard-'));
  try {
    const path = join(dir, 'mendd.db');
    const { store, coordinator } = openStores({ path, nowMs: 1 });
    store.putHeard({ kind: 'facts', name: 'web-1\nbuiltin', atMs: 5, body: { os: 'debian' } });
    store.putHeard({
      kind: 'facts',
      name: 'web-1\nbuiltin',
      atMs: 7,
      body: { os: 'alpine', list: [1, null] },
    });
    store.putHeard({ kind: 'facts', name: 'web-2\nbuiltin', atMs: 6, body: {} });
    store.putHeard({ kind: 'inventory', name: 'ec2', atMs: 6, body: [] });
    store.removeHeard('facts', 'web-2\nbuiltin');
    store.close();
    coordinator.close();

    const again = openStores({ path, nowMs: 2 });
    expect(again.store.loadHeard('facts')).toEqual([
      { kind: 'facts', name: 'web-1\nbuiltin', atMs: 7, body: { os: 'alpine', list: [1, null] } },
    ]);
    expect(again.store.loadHeard('inventory').map(({ name }) => name)).toEqual(['ec2']);
    expect(again.store.loadHeard('definitions')).toEqual([]);
    again.store.close();
    again.coordinator.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
