/** Owns the table of what was last heard from outside the definitions. It knows no kind of it and keeps no history. */
import type { Heard, HeardKind, Store } from '../core/store-port.ts';
import type { Connection } from './connection.ts';

export function heardTable(db: Connection): Pick<Store, 'putHeard' | 'removeHeard' | 'loadHeard'> {
  const put = db.prepare<[HeardKind, string, number, string]>(
    `INSERT INTO heard (kind, name, at_ms, body) VALUES (?, ?, ?, ?)
     ON CONFLICT (kind, name) DO UPDATE SET at_ms = excluded.at_ms, body = excluded.body`,
  );
  const remove = db.prepare<[HeardKind, string]>('DELETE FROM heard WHERE kind = ? AND name = ?');
  const load = db.prepare<[HeardKind], { name: string; atMs: number; body: string }>(
    'SELECT name, at_ms AS atMs, body FROM heard WHERE kind = ? ORDER BY name',
  );
  return {
    putHeard: ({ kind, name, atMs, body }) => void put.run(kind, name, atMs, JSON.stringify(body)),
    removeHeard: (kind, name) => void remove.run(kind, name),
    loadHeard: (kind) =>
      load.all(kind).map(({ name, atMs, body }): Heard => ({ kind, name, atMs, body: JSON.parse(body) })),
  };
}
