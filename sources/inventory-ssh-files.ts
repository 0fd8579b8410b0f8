/** Owns reading the files of an ssh_config for its aliases: `Host` lines and `Include`. What they say of hosts it leaves to ssh. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';

const fileBytesLimit = 1_048_576;
const filesLimit = 1_000;
/** As ssh itself has it. */
const includeDepthLimit = 16;

export class SshConfigFiles {
  /** Names of `Host` lines without wildcards. */
  readonly aliases = new Set<string>();
  readonly warnings: string[] = [];
  #files = 0;

  /** Why it cannot be read. */
  read(path: string): string | undefined {
    return this.#read(path, 0);
  }

  #read(path: string, depth: number): string | undefined {
    this.#files += 1;
    if (this.#files > filesLimit) return `it includes more than ${filesLimit} files`;
    let text: string;
    try {
      const stat = statSync(path);
      if (!stat.isFile()) return `${path} is not a regular file`;
      if (stat.size > fileBytesLimit) return `${path} is larger than ${fileBytesLimit} bytes`;
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      return `${path} cannot be read: ${String(error.code)}`;
    }
    for (const line of text.split('\n')) {
      const [, keyword = '', rest = ''] = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*)$/.exec(line) ?? [];
      if (keyword.toLowerCase() === 'host') this.#addAliases(wordsOf(rest));
      if (keyword.toLowerCase() !== 'include') continue;
      if (depth >= includeDepthLimit) return `${path} includes too deep`;
      for (const pattern of wordsOf(rest)) {
        for (const each of expand(absolute(pattern))) {
          const wrong = this.#read(each, depth + 1);
          if (wrong !== undefined) this.warnings.push(wrong);
        }
      }
    }
    return undefined;
  }

  #addAliases(words: readonly string[]): void {
    for (const word of words) if (!/[*?!]/.test(word) && !word.startsWith('-')) this.aliases.add(word);
  }
}

/** Words, some in double quotes, up to a comment. */
function wordsOf(text: string): string[] {
  const words = [...text.matchAll(/"([^"]*)"|(#.*)|([^\s"#]\S*)/g)];
  const end = words.findIndex(([, , comment]) => comment !== undefined);
  return words.slice(0, end === -1 ? words.length : end).map(([, quoted, , bare]) => quoted ?? bare ?? '');
}

/** As ssh has it: relative ones begin in ~/.ssh, and the home is that of the user, whatever HOME says. */
function absolute(pattern: string): string {
  const { homedir } = userInfo();
  if (pattern.startsWith('~/')) return join(homedir, pattern.slice(2));
  return isAbsolute(pattern) ? pattern : join(homedir, '.ssh', pattern);
}

/** The files that a path with wildcards means, in order. */
function expand(pattern: string): string[] {
  let found = ['/'];
  for (const segment of pattern.split('/').filter((each) => each !== '')) {
    if (!/[*?[]/.test(segment)) {
      found = found.map((path) => join(path, segment));
      continue;
    }
    const matches = new RegExp(`^${segment.split('').map(globChar).join('')}$`);
    const hidden = segment.startsWith('.');
    found = found.flatMap((path) =>
      namesIn(path)
        .filter((name) => matches.test(name) && (hidden || !name.startsWith('.')))
        .map((name) => join(path, name)),
    );
  }
  // A pattern that matches nothing includes nothing.
  return found.filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
}

function globChar(char: string): string {
  if (char === '*') return '[^/]*';
  if (char === '?') return '[^/]';
  return /[A-Za-z0-9_]/.test(char) ? char : `\\${char}`;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    return [];
  }
}
