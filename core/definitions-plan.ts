/** What other definitions would change, in plain data: what `mendd plan` shows and a reload records. */

/** Some names of so many. */
export interface Names {
  count: number;
  names: readonly string[];
}

export interface NameChanges {
  gained: Names;
  lost: Names;
  changed: Names;
}

export interface DefinitionsPlan {
  /** Revisions. */
  from: string;
  to: string;
  hosts: NameChanges & { before: number; after: number };
  /** By id. A check that applies to no host is none. */
  checks: NameChanges;
  /** By id; also changed when what triggers its ladder, or its place in it, changed. */
  actions: NameChanges;
  /** Silences and downtimes, `<file>:<line>`; one that only moved did not change. */
  suppressions: NameChanges;
  /** Sections of the daemon file that changed. */
  daemon: readonly string[];
  /** Each check on each host. The state of one is kept while its host and its id stay. */
  state: {
    before: number;
    after: number;
    kept: number;
    /** Of those kept: they ask something else from now on. */
    changed: number;
    fresh: number;
    forgotten: number;
    /** Their state is lost although they ask the same, since it goes by the id. */
    renamed: readonly { from: string; to: string; hosts: number }[];
  };
  /** Runbooks that select other hosts than before. */
  selectors: readonly { runbook: string; before: number; after: number; gained: Names; lost: Names }[];
  /** Keys of the daemon file that take effect at the next start. */
  restart: readonly string[];
  /** Why it needs a person's word; empty when it needs none. */
  hold: readonly string[];
}
