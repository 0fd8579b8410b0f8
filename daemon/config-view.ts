/** Shows where the definitions come from and how the newest attempt went. */
import type { Definitions } from '../core/definitions.ts';
import type { PinnedCommit } from '../core/pinned-commit.ts';
import type { ConfigView, HeldReload } from '../core/views.ts';

export interface NewestReload {
  /** Of those in force. */
  loadedAtMs: number;
  ok: boolean;
  problems: string[];
  held?: HeldReload;
}

/** `head`: where the branch was when it was last looked at. */
export function configView(
  { revision, daemon }: Definitions,
  { loadedAtMs, ok, problems, held }: NewestReload,
  pin: PinnedCommit | undefined,
  head: { commitId: string; atMs: number } | undefined,
): ConfigView {
  const { git, hold, definitionsPath } = daemon;
  return {
    revision,
    loadedAtMs,
    lastReloadOk: ok,
    problems,
    ...(held === undefined ? {} : { held }),
    ...(pin?.rollback === undefined ? {} : { rollback: pin.rollback }),
    hold,
    source:
      git === undefined
        ? { kind: 'directory', path: definitionsPath }
        : {
            kind: 'git',
            url: git.url,
            branch: git.branch,
            path: git.path,
            ...(pin === undefined ? {} : { commit: pin.commit }),
            ...(head === undefined ? {} : { head: head.commitId, lookedAtMs: head.atMs }),
          },
    commits: pin?.valid ?? [],
  };
}
