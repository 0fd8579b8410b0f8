/** Owns the tables of what is concluded at present about checks and hosts. Keeps no history. */
import type { Store, StoredCheck } from '../core/ports.ts';
import type { CheckStatus, HostStatus } from '../core/types.ts';
import type { Connection } from './connection.ts';

/** Writes are part of the caller's transaction. */
export interface CurrentState extends Pick<Store, 'loadChecks' | 'loadHosts' | 'forget'> {
  putCheck(host: string, check: string, status: CheckStatus): void;
  putHost(host: string, status: HostStatus): void;
}

export function currentState(db: Connection): CurrentState {
  const putCheck = db.prepare<[string, string, string]>(
    `INSERT INTO check_state (host, check_id, status) VALUES (?, ?, ?)
     ON CONFLICT (host, check_id) DO UPDATE SET status = excluded.status`,
  );
  const putHost = db.prepare<[string, string]>(
    `INSERT INTO host_state (host, status) VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET status = excluded.status`,
  );
  const checks = db.prepare<[], { host: string; check: string; status: string }>(
    'SELECT host, check_id AS "check", status FROM check_state ORDER BY host, check_id',
  );
  const hosts = db.prepare<[], { host: string; status: string }>(
    'SELECT host, status FROM host_state ORDER BY host',
  );
  const checkNames = db.prepare<[], { host: string; check: string }>(
    'SELECT host, check_id AS "check" FROM check_state',
  );
  const dropCheck = db.prepare<[string, string]>('DELETE FROM check_state WHERE host = ? AND check_id = ?');
  const dropHost = db.prepare<[string]>('DELETE FROM host_state WHERE host = ?');

  const forget = (keep: Parameters<Store['forget']>[0]): void => {
    for (const { host, check } of checkNames.all()) {
      if (!keep.hosts.has(host) || !keep.checks.has(`${host}\n${check}`)) dropCheck.run(host, check);
    }
    for (const { host } of hosts.all()) if (!keep.hosts.has(host)) dropHost.run(host);
  };

  return {
    putCheck: (host, check, status) => void putCheck.run(host, check, JSON.stringify(status)),
    putHost: (host, status) => void putHost.run(host, JSON.stringify(status)),
    loadChecks: () =>
      checks
        .all()
        .map(
          ({ status, ...place }): StoredCheck => ({ ...place, status: JSON.parse(status) as CheckStatus }),
        ),
    loadHosts: () =>
      hosts.all().map(({ host, status }) => ({ host, status: JSON.parse(status) as HostStatus })),
    forget,
  };
}
