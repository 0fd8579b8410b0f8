/** Owns the silences, downtimes and acknowledgements that people made. Which of them cover what is not asked here. */
import type { Restraints } from '../core/ledger-ports.ts';
import type { Suppression } from '../core/safety.ts';
import type { Connection } from './connection.ts';
import { type Documents, documentTable, withoutEnd } from './documents.ts';

export type Suppressions = Pick<Restraints, 'suppressions' | 'addSuppression' | 'endSuppression'> &
  Pick<Documents<Suppression>, 'verify' | 'prune'>;

export function suppressionTable(db: Connection, file: string): Suppressions {
  const documents = documentTable<Suppression>(db, file, {
    table: 'suppressions',
    idOf: ({ id }) => id,
    untilMs: lastMs,
  });
  const end = db.transaction((id: string, by: string, atMs: number): Suppression | undefined => {
    const found = documents.get(id);
    if (found === undefined || lastMs(found) <= atMs) return undefined;
    const ended = { ...found, endedAtMs: atMs, endedBy: by };
    documents.put(ended);
    return ended;
  });
  return {
    suppressions: (nowMs) => [...documents.lastingAfter(nowMs)],
    addSuppression(suppression) {
      if (!documents.add(suppression)) throw new Error(`suppression ${suppression.id} exists already`);
    },
    endSuppression: (id, by, atMs) => end.immediate(id, by, atMs),
    verify: documents.verify,
    prune: documents.prune,
  };
}

/** Wall time from which it can never cover anything again. */
function lastMs(suppression: Suppression): number {
  return Math.min(suppression.endedAtMs ?? withoutEnd, plannedEndMs(suppression));
}

function plannedEndMs(suppression: Suppression): number {
  if (suppression.kind !== 'downtime') return suppression.endsAtMs ?? withoutEnd;
  const { window } = suppression;
  if (window.kind === 'recurring') return withoutEnd;
  return window.kind === 'fixed' ? window.endsAtMs : window.endsAtMs + window.lastsMs;
}
