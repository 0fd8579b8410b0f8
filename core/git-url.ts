/** Which addresses of git repositories are understood. Others, such as `ext::`, can run programs. */

export type GitProtocol = 'ssh' | 'https' | 'git' | 'file';

/** Undefined when the text is none that is understood. */
export function protocolOf(url: string): GitProtocol | undefined {
  const scheme = /^(ssh|https|git|file):\/\/(?!-)[^\s\\]+$/.exec(url)?.[1];
  if (scheme !== undefined) return scheme as GitProtocol;
  if (/^\/[^\s]/.test(url)) return 'file';
  // As in `git@git.example.com:ops/definitions.git`.
  return /^(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*:(?![:/]?-)(?!:)[^\s\\]+$/.test(url) &&
    !url.includes('://')
    ? 'ssh'
    : undefined;
}
