/**
 * Owns the tables of what is concluded at present about checks and hosts. Keeps no history. A status is written when more changes
 * than what changes with each result: that stands in the row of the newest result, or in a column of its own.
 */
import type { Store, StoredCheck } from '../core/ports.ts';
import type { CheckResult, CheckStatus, FlapState, HostStatus } from '../core/types.ts';
import type { Connection } from './connection.ts';
import type { Series } from './series.ts';

/** Writes are part of the caller's transaction. */
export interface CurrentState extends Pick<Store, 'loadChecks' | 'loadHosts' | 'forget'> {
  /** `result`: the newest one, of which the status is. */
  putCheck(series: Series, status: CheckStatus, result?: CheckResult): void;
  putHost(host: string, status: HostStatus): void;
  /** At the end of a transaction: what changes many times in one is written once. */
  settle(): void;
  /** The transaction was undone. */
  forgetWritten(): void;
}

interface CheckRow {
  seriesId: number;
  host: string;
  check: string;
  status: string;
  flap: string;
  newestMs: number | null;
}

export function currentState(db: Connection, newest: () => ReadonlyMap<number, CheckResult>): CurrentState {
  const putCheck = db.prepare<[number, string, string, string | null]>(
    'INSERT OR REPLACE INTO check_state (series_id, status, flap, last_result) VALUES (?, ?, ?, ?)',
  );
  const putHost = db.prepare<[string, string, number | null]>(
    `INSERT INTO host_state (host, status, last_seen_ms) VALUES (?, ?, ?)
     ON CONFLICT (host) DO UPDATE SET status = excluded.status, last_seen_ms = excluded.last_seen_ms`,
  );
  const seeHost = db.prepare<[number, string]>('UPDATE host_state SET last_seen_ms = ? WHERE host = ?');
  const checks = db.prepare<[], CheckRow>(
    `SELECT c.series_id AS seriesId, s.host, s.check_id AS "check", c.status, c.flap, l.at_ms AS newestMs
     FROM check_state AS c CROSS JOIN series AS s ON s.id = c.series_id
       LEFT JOIN latest AS l ON l.series_id = c.series_id`,
  );
  const writtenResult = db
    .prepare<[number], string | null>('SELECT last_result FROM check_state WHERE series_id = ?')
    .pluck();
  const hosts = db.prepare<[], { host: string; status: string; lastSeenAtMs: number | null }>(
    'SELECT host, status, last_seen_ms AS lastSeenAtMs FROM host_state',
  );
  const checkNames = db.prepare<[], { seriesId: number; host: string; check: string }>(
    `SELECT c.series_id AS seriesId, s.host, s.check_id AS "check"
     FROM check_state AS c CROSS JOIN series AS s ON s.id = c.series_id`,
  );
  const dropCheck = db.prepare<[number]>('DELETE FROM check_state WHERE series_id = ?');
  const hostNames = db.prepare<[], string>('SELECT host FROM host_state').pluck();
  const dropHost = db.prepare<[string]>('DELETE FROM host_state WHERE host = ?');
  // The very objects that are in use elsewhere: copies would take memory for each check.
  const written = new Map<string, HostStatus>();
  const seen = new Map<string, HostStatus>();

  return {
    putCheck(series, status, result) {
      const isShown = status.lastResult === result && series.status !== undefined;
      const isKnown = isShown && isSame(series.status, status, 'lastResult');
      series.status = status;
      if (isKnown) return;
      const { lastResult, flap, ...rest } = status;
      const text = lastResult === undefined ? null : JSON.stringify(lastResult);
      putCheck.run(series.id, JSON.stringify(rest), JSON.stringify(flap), text);
    },
    putHost: (host, status) => void seen.set(host, status),
    settle() {
      for (const [host, status] of seen) {
        const { lastSeenAtMs, ...rest } = status;
        if (lastSeenAtMs !== undefined && isSame(written.get(host), status, 'lastSeenAtMs'))
          seeHost.run(lastSeenAtMs, host);
        else putHost.run(host, JSON.stringify(rest), lastSeenAtMs ?? null);
        written.set(host, status);
      }
      seen.clear();
    },
    forgetWritten() {
      written.clear();
      seen.clear();
    },
    loadChecks() {
      const results = newest();
      const flaps = new Map<string, FlapState>();
      const loaded: StoredCheck[] = [];
      // Row by row: of a large fleet all rows at once are more than the collector of garbage takes lightly.
      for (const { seriesId, host, check, status: text, flap: flapText, newestMs } of checks.iterate()) {
        const flap = flaps.get(flapText) ?? (JSON.parse(flapText) as FlapState);
        flaps.set(flapText, flap);
        const status = JSON.parse(text) as CheckStatus;
        status.flap = flap;
        const lastResult = results.get(seriesId) ?? resultBeside(writtenResult.get(seriesId), newestMs);
        if (lastResult !== undefined) status.lastResult = lastResult;
        loaded.push({ host, check, status });
      }
      return loaded;
    },
    loadHosts: () =>
      hosts.all().map(({ host, status, lastSeenAtMs }) => ({
        host,
        status: {
          ...(JSON.parse(status) as HostStatus),
          ...(lastSeenAtMs === null ? {} : { lastSeenAtMs }),
        },
      })),
    forget(keep) {
      for (const { seriesId, host, check } of checkNames.all()) {
        if (!keep.hosts.has(host) || !keep.checks.has(`${host}\n${check}`)) dropCheck.run(seriesId);
      }
      for (const host of hostNames.all()) if (!keep.hosts.has(host)) dropHost.run(host);
      written.clear();
    },
  };
}

/** Once the row of the newest result is gone, it is told by what was written with the status, and the time beside it. */
function resultBeside(text: string | null | undefined, newestMs: number | null): CheckResult | undefined {
  if (text === null || text === undefined) return undefined;
  const written = JSON.parse(text) as CheckResult;
  return newestMs === null ? written : { ...written, startedAtMs: newestMs };
}

/** Of plain data, without what one key says. Called for each result: it makes nothing but lists of keys. */
function isSame(a: unknown, b: unknown, without?: string): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  const [ours, theirs] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(theirs);
  const extra = without === undefined ? 0 : Number(without in ours) - Number(without in theirs);
  if (Object.keys(ours).length !== keys.length + extra) return false;
  return keys.every((key) => key === without || (key in ours && isSame(ours[key], theirs[key])));
}
