/**
 * Owns the tables of what is concluded at present about checks and hosts. Keeps no history. A status is written when more changes
 * than what changes with each result: that stands in the row of the newest result, or in a column of its own.
 */
import type { Store, StoredCheck } from '../core/ports.ts';
import type { CheckResult, CheckStatus, HostStatus } from '../core/types.ts';
import type { Connection } from './connection.ts';
import type { Series } from './series.ts';

type KnownHost = Omit<HostStatus, 'lastSeenAtMs'>;

/** Writes are part of the caller's transaction. */
export interface CurrentState extends Pick<Store, 'loadChecks' | 'loadHosts' | 'forget'> {
  /** `result`: the newest one, of which the status is. */
  putCheck(
    place: { host: string; check: string; series: Series },
    status: CheckStatus,
    result?: CheckResult,
  ): void;
  putHost(host: string, status: HostStatus): void;
  /** At the end of a transaction: what changes many times in one is written once. */
  settle(): void;
  /** The transaction was undone. */
  forgetWritten(): void;
}

interface CheckRow {
  host: string;
  check: string;
  status: string;
  newestId: number | null;
  newestMs: number | null;
}

export function currentState(
  db: Connection,
  newest: (resultId: number) => CheckResult | undefined,
): CurrentState {
  const putCheck = db.prepare<[string, string, string]>(
    `INSERT INTO check_state (host, check_id, status) VALUES (?, ?, ?)
     ON CONFLICT (host, check_id) DO UPDATE SET status = excluded.status`,
  );
  const putHost = db.prepare<[string, string, number | null]>(
    `INSERT INTO host_state (host, status, last_seen_ms) VALUES (?, ?, ?)
     ON CONFLICT (host) DO UPDATE SET status = excluded.status, last_seen_ms = excluded.last_seen_ms`,
  );
  const seeHost = db.prepare<[number, string]>('UPDATE host_state SET last_seen_ms = ? WHERE host = ?');
  const checks = db.prepare<[], CheckRow>(
    `SELECT c.host, c.check_id AS "check", c.status, l.result_id AS newestId, l.at_ms AS newestMs
     FROM check_state AS c LEFT JOIN series AS s ON s.host = c.host AND s.check_id = c.check_id
       LEFT JOIN latest AS l ON l.series_id = s.id
     ORDER BY c.host, c.check_id`,
  );
  const hosts = db.prepare<[], { host: string; status: string; lastSeenAtMs: number | null }>(
    'SELECT host, status, last_seen_ms AS lastSeenAtMs FROM host_state ORDER BY host',
  );
  const checkNames = db.prepare<[], { host: string; check: string }>(
    'SELECT host, check_id AS "check" FROM check_state',
  );
  const dropCheck = db.prepare<[string, string]>('DELETE FROM check_state WHERE host = ? AND check_id = ?');
  const dropHost = db.prepare<[string]>('DELETE FROM host_state WHERE host = ?');
  const written = new Map<string, KnownHost>();
  const seen = new Map<string, HostStatus>();

  return {
    putCheck({ host, check, series }, status, result) {
      const isShown = status.lastResult === result && series.status !== undefined;
      if (isShown && isSame(series.status, status, 'lastResult')) return;
      putCheck.run(host, check, JSON.stringify(status));
      const { lastResult: _shown, ...known } = status;
      series.status = known;
    },
    putHost: (host, status) => void seen.set(host, status),
    settle() {
      for (const [host, status] of seen) {
        const { lastSeenAtMs } = status;
        if (lastSeenAtMs !== undefined && isSame(written.get(host), status, 'lastSeenAtMs')) {
          seeHost.run(lastSeenAtMs, host);
          continue;
        }
        const { lastSeenAtMs: _seen, ...known } = status;
        putHost.run(host, JSON.stringify(known), lastSeenAtMs ?? null);
        written.set(host, known);
      }
      seen.clear();
    },
    forgetWritten() {
      written.clear();
      seen.clear();
    },
    loadChecks: () => checks.all().map((row) => loaded(row, newest)),
    loadHosts: () =>
      hosts.all().map(({ host, status, lastSeenAtMs }) => ({
        host,
        status: {
          ...(JSON.parse(status) as HostStatus),
          ...(lastSeenAtMs === null ? {} : { lastSeenAtMs }),
        },
      })),
    forget(keep) {
      for (const { host, check } of checkNames.all()) {
        if (!keep.hosts.has(host) || !keep.checks.has(`${host}\n${check}`)) dropCheck.run(host, check);
      }
      for (const { host } of hosts.all()) if (!keep.hosts.has(host)) dropHost.run(host);
      written.clear();
    },
  };
}

/** The newest result is told by its row. Once that is gone, by what was written with the status and the time beside it. */
function loaded(
  { host, check, status: text, newestId, newestMs }: CheckRow,
  newest: (resultId: number) => CheckResult | undefined,
): StoredCheck {
  const status = JSON.parse(text) as CheckStatus;
  if (newestId === null || newestMs === null) return { host, check, status };
  const written = status.lastResult;
  const lastResult = newest(newestId) ?? (written && { ...written, startedAtMs: newestMs });
  return { host, check, status: lastResult === undefined ? status : { ...status, lastResult } };
}

/** Of plain data, without what one key of the second says. Called for each result: it makes nothing but lists of keys. */
function isSame(a: unknown, b: unknown, without?: string): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  const [ours, theirs] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(theirs);
  const left = without !== undefined && without in theirs ? keys.length - 1 : keys.length;
  if (Object.keys(ours).length !== left) return false;
  return keys.every((key) => key === without || (key in ours && isSame(ours[key], theirs[key])));
}
