/**
 * What is kept beside the checkouts of a git repository with definitions: which commit runs, which others ran before, and
 * whether a person holds it there. Config reads it, daemon/ writes it; the layout of the directory is here and nowhere else.
 */

export interface Commit {
  /** Whole hash. */
  id: string;
  subject: string;
  author: string;
  /** When it was committed. Wall time. */
  committedAtMs: number;
}

/** A person went to an earlier commit, and new ones are not taken until they say so. */
export interface Rollback {
  by: string;
  reason: string;
  sinceMs: number;
}

export interface PinnedCommit {
  /** Repository, branch and path that it is of; those of another are forgotten. */
  from: string;
  commit: Commit;
  /** Valid ones that ran or run, newest use first; each has its checkout. */
  valid: readonly Commit[];
  rollback?: Rollback;
}

/** Valid commits whose checkouts are kept. */
export const keptCommits = 10;

/** Paths below the `directory` of the source. */
export const pinFile = 'pinned.json';
export const mirrorDirectory = 'mirror.git';
export const checkoutsDirectory = 'commits';

/** Of a commit, or of one directory in it; files are where they are in the repository. */
export function checkoutOf(directory: string, commitId: string, path: string): string {
  return `${directory}/${checkoutsDirectory}/${checkoutName(commitId, path)}`;
}

export function checkoutName(commitId: string, path: string): string {
  return path === '' ? commitId : `${commitId}~${path.replaceAll('/', '~')}`;
}

export const commitIdPattern: RegExp = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Undefined when the text is no such record. */
export function parsePin(text: string): PinnedCommit | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isRecord(value) || typeof value['from'] !== 'string' || !isCommit(value['commit'])) return undefined;
  const { from, commit, valid, rollback } = value;
  return {
    from,
    commit,
    valid: Array.isArray(valid) ? valid.filter(isCommit).slice(0, keptCommits) : [commit],
    ...(isRollback(rollback) ? { rollback } : {}),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isCommit(value: unknown): value is Commit {
  if (!isRecord(value)) return false;
  const { id, subject, author, committedAtMs } = value;
  const isNamed = typeof id === 'string' && commitIdPattern.test(id);
  return (
    isNamed && typeof subject === 'string' && typeof author === 'string' && typeof committedAtMs === 'number'
  );
}

function isRollback(value: unknown): value is Rollback {
  if (!isRecord(value)) return false;
  const { by, reason, sinceMs } = value;
  return typeof by === 'string' && typeof reason === 'string' && typeof sinceMs === 'number';
}
