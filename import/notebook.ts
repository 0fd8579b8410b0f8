/**
 * Owns the account of a source: every line that means something is carried over or noted, so that nothing is lost in
 * silence. Importers of formats with lines use it; it knows none of them.
 */
import { type ImportNote, type NoteLevel, sortNotes } from './report.ts';

export interface Place {
  file: string;
  line: number;
}

export class Notebook {
  readonly #notes = new Map<string, ImportNote>();
  /** Lines by file that were read, and are not accounted for yet. */
  readonly #open = new Map<string, Place & { what: string }>();
  readonly #seen = new Set<string>();

  /** Of lines that mean something. */
  get lines(): number {
    return this.#seen.size;
  }

  /** A line that means something; it stays open until it is carried over or noted. `what` names it in the end. */
  read(place: Place, what: string): void {
    this.#seen.add(key(place));
    this.#open.set(key(place), { ...place, what });
  }

  carried(...places: readonly Place[]): void {
    for (const place of places) this.#open.delete(key(place));
  }

  note({ file, line }: Place, level: NoteLevel, message: string, hint?: string): void {
    this.#open.delete(key({ file, line }));
    const note = { file, line, level, message, ...(hint === undefined ? {} : { hint }) };
    this.#notes.set(`${file}\n${line}\n${level}\n${message}`, note);
  }

  /** Whether the line was read, accounted for or not. */
  has(place: Place): boolean {
    return this.#seen.has(key(place));
  }

  isOpen(place: Place): boolean {
    return this.#open.has(key(place));
  }

  /** What is still open, with the name it was read by. */
  get open(): readonly (Place & { what: string })[] {
    return [...this.#open.values()];
  }

  /** Everything that was said. Errors: a line that is still open is a bug of the importer. */
  close(): ImportNote[] {
    const [first] = this.#open.values();
    if (first !== undefined)
      throw new Error(`${first.file}:${first.line}: \`${first.what}\` was neither carried over nor noted`);
    return sortNotes(this.#notes.values());
  }
}

function key({ file, line }: Place): string {
  return `${file}\n${line}`;
}
