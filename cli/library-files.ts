/** Owns the runbooks that come with mendd: where they are, what they say of themselves, and which files each has. It writes nothing. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface LibraryEntry {
  name: string;
  /** The first sentence of its comment. */
  summary: string;
  /** The runbook first, then the shared checks and actions it uses. */
  files: readonly LibraryFile[];
}

export interface LibraryFile {
  /** Relative to the definitions directory. */
  path: string;
  text: string;
}

/** Beside the sources, or beside dist/ in an installation. */
function libraryDirectory(): URL {
  const places = [new URL('../library/', import.meta.url), new URL('../../library/', import.meta.url)];
  const found = places.find((place) => existsSync(new URL('nginx.yaml', place)));
  if (found === undefined) throw new Error('library/ is missing from this installation');
  return found;
}

/** All of them, by name. */
export function readLibrary(): LibraryEntry[] {
  const directory = libraryDirectory();
  const names = readdirSync(fileURLToPath(directory)).filter((name) => name.endsWith('.yaml'));
  return names.sort().map((file) => {
    const runbook = readFileSync(new URL(file, directory), 'utf8');
    const shared = (['checks', 'actions'] as const).flatMap((kind) => {
      const place = new URL(`${kind}/${file}`, directory);
      return existsSync(place) ? [{ path: `${kind}/${file}`, text: readFileSync(place, 'utf8') }] : [];
    });
    return {
      name: file.replace(/\.yaml$/, ''),
      summary: /^# (.+)/.exec(runbook)?.[1] ?? '',
      files: [{ path: `runbooks/${file}`, text: runbook }, ...shared],
    };
  });
}

/** The runbook for other hosts. `written`: `role=web,env=prod` for labels, `web-*,!web-9` for names and globs. */
export function withHosts(runbook: string, written: string): string | { problem: string } {
  const parts = written.split(',').map((part) => part.trim());
  const labels = parts.map((part) => /^([A-Za-z0-9][A-Za-z0-9._/-]*)=([A-Za-z0-9._ -]+)$/.exec(part));
  const selector = labels.every((match) => match !== null)
    ? `{ ${labels.map(([, label, value]) => `${label}: "${value}"`).join(', ')} }`
    : `[${parts.map((part) => `"${part}"`).join(', ')}]`;
  if (labels.includes(null) && !parts.every((part) => /^!?[\w.*?[\]{}-]+$/.test(part)))
    return { problem: `\`${written}\` is neither labels nor names` };
  return runbook.replace(/^hosts: .*$/m, () => `hosts: ${selector}`);
}
