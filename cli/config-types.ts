/** The answers of the API about where definitions come from, as far as commands read them. */

export interface HeldRow {
  revision: string;
  commit?: string;
  why: string[];
}

export interface RollbackRow {
  by: string;
  reason: string;
  since: string;
}

export interface CommitRow {
  id: string;
  subject: string;
  author: string;
  committedAt: string;
}

export interface ConfigAnswer {
  revision: string;
  loadedAt: string;
  lastReloadOk: boolean;
  problems: string[];
  held?: HeldRow;
  rollback?: RollbackRow;
  source:
    | { kind: 'directory'; path: string }
    | {
        kind: 'git';
        url: string;
        branch: string;
        path: string;
        commit?: CommitRow;
        head?: string;
        lookedAt?: string;
      };
  commits: CommitRow[];
}
