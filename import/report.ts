/**
 * Owns what every importer answers: files of definitions, and a note for each place of the source that was not simply
 * carried over. It reads and writes nothing.
 */

/** `left_out`: nothing of it is in the result. `changed`: it means something a little else. `check`: a person must look. */
export type NoteLevel = 'left_out' | 'changed' | 'check';

export interface ImportNote {
  /** As a person would name it: relative to what was imported. */
  file: string;
  /** From 1. */
  line: number;
  level: NoteLevel;
  message: string;
  hint?: string;
}

export interface Imported {
  /**
   * Relative to the definitions directory, with `/`: `hosts/…`, `runbooks/…`, `silences/…`, and `plugins/…`, which are
   * written executable.
   */
  files: ReadonlyMap<string, string>;
  /** In order of file and line. */
  notes: readonly ImportNote[];
  /** What was found and made, by a word in the plural: `hosts`, `runbooks`. */
  counts: Record<string, number>;
}

/** What an importer can be told beside the path; each takes what is meant for it. */
export interface ImportOptions {
  /** Path of an nrpe.cfg: what the names that check_nrpe calls stand for. */
  nrpe?: string;
  /** Name of the host that files are for that name none, as those of Monit. */
  host?: string;
  /** Read the source from where it is in place of writing down what it says now, as an inventory. */
  keep?: boolean;
}

/** Errors: ImportError when the source cannot be read, or there is nothing in it to import. */
export type Importer = (path: string, options: ImportOptions) => Imported;

export class ImportError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = 'ImportError';
    this.hint = hint;
  }
}

export function sortNotes(notes: Iterable<ImportNote>): ImportNote[] {
  return [...notes].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || compare(a, b),
  );
}

function compare(a: ImportNote, b: ImportNote): number {
  return a.message < b.message ? -1 : a.message > b.message ? 1 : 0;
}

const levelWords: Record<NoteLevel, string> = {
  check: 'Look at these',
  changed: 'Carried over, with a difference',
  left_out: 'Left out',
};

/** IMPORT.md: what to look at first, then each file of the source by line. Equal words are told once, with all their lines. */
export function reportText(from: string, { notes, counts }: Imported): string {
  const made = Object.entries(counts).map(([what, count]) => countWords(what, count));
  const lines = [`# Import of ${from}`, '', `Made: ${made.join(', ')}.`, ''];
  if (notes.length === 0) lines.push('Everything was carried over.', '');
  for (const level of ['check', 'changed', 'left_out'] as const) {
    const mine = notes.filter((note) => note.level === level);
    if (mine.length === 0) continue;
    lines.push(`## ${levelWords[level]}`, '');
    for (const file of new Set(mine.map((note) => note.file))) {
      lines.push(`### ${inLine(file)}`, '');
      const said = new Map<string, number[]>();
      for (const { message, hint, line } of mine.filter((note) => note.file === file)) {
        const words = inLine(hint === undefined ? message : `${message} (${hint})`);
        said.set(words, [...(said.get(words) ?? []), line]);
      }
      for (const [words, at] of said)
        lines.push(`- ${at.length > 1 ? 'lines' : 'line'} ${[...new Set(at)].join(', ')}: ${words}`);
      lines.push('');
    }
  }
  return lines.join('\n');
}

/** `1 host`, `2 hosts`; the word is given in the plural. */
export function countWords(what: string, count: number): string {
  return `${count} ${count === 1 ? what.replace(/^lines\b/, 'line').replace(/s$/, '') : what}`;
}

/** Text of others on one line, with nothing in it that Markdown would take for HTML. */
function inLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('<', '&lt;');
}
