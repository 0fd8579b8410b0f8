/** How definitions come to be asked for: by whom, from where, and what was said of them. It swaps nothing. */
import type { Commit, Rollback } from '../core/pinned-commit.ts';
import type { DefinitionsSource } from './definitions-source.ts';

export interface Entrance {
  by: string;
  source: DefinitionsSource | undefined;
  /** Revision or commit that is let in although it would be held. */
  confirm?: string;
  /** A person goes there and says why: it is not held, and stays. */
  rollback?: Rollback;
  /** Judged alike, and nothing comes of it. */
  isDry: boolean;
}

/** A revision, or a commit by at least seven digits. */
export function isNamed(name: string, revision: string, commit: Commit | undefined): boolean {
  return name === revision || (name.length >= 7 && commit?.id.startsWith(name) === true);
}
