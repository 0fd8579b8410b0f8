/**
 * Owns what a user's mistake looks like: a place, a sentence, a hint. It finds no mistakes itself and throws none.
 */
import { join } from 'node:path';
import type { SourcePlace } from '../core/definitions.ts';
import type { ErrorCode } from '../core/errors.ts';

/** One mistake in the definitions. `line` and `column` count from 1; columns are UTF-16 units, as editors count. */
export interface Problem extends SourcePlace {
  message: string;
  /** What to do about it. */
  hint?: string;
  /** Set when the mistake has an entry of its own in the error catalogue, and with it an exit code. */
  code?: ErrorCode;
}

/** More than a person reads at once; the rest is counted. */
const shownProblems = 500;

/** A hint that is costly to find is found only when its problem is shown. */
export type Hint = string | (() => string | undefined) | undefined;

/** A problem as it is found. */
export interface Finding {
  place: SourcePlace;
  message: string;
  hint: Hint;
  code: ErrorCode | undefined;
}

/** Collects problems of one load, so that all of them are told at once. */
export class ProblemList {
  readonly problems: Finding[] = [];
  readonly warnings: Finding[] = [];

  add(place: SourcePlace, message: string, hint?: Hint, code?: ErrorCode): void {
    this.problems.push({ place, message, hint, code });
  }

  warn(place: SourcePlace, message: string, hint?: Hint): void {
    this.warnings.push({ place, message, hint, code: undefined });
  }
}

/** `file:line:col: message`, and the hint on a line of its own. */
export function formatProblem({ file, line, column, message, hint }: Problem): string {
  const text = `${file}:${line}:${column}: ${message}`;
  return hint === undefined ? text : `${text}\n  hint: ${hint}`;
}

export function formatPlace({ file, line, column }: SourcePlace): string {
  return `${file}:${line}:${column}`;
}

/** Places below a directory as they are told from there: where a commit was checked out tells nobody anything. */
export function toldWithin(directory: string, text: string): string {
  return text.replaceAll(join(directory, '/'), '');
}

/** By file, line and column, each once. Limits: 500, then one line that counts the rest. */
export function sortProblems(findings: readonly Finding[]): Problem[] {
  const unique = [
    ...new Map(findings.map((each) => [`${formatPlace(each.place)}: ${each.message}`, each])).values(),
  ];
  unique.sort(
    ({ place: a, message }, { place: b, message: other }) =>
      compareText(a.file, b.file) || a.line - b.line || a.column - b.column || compareText(message, other),
  );
  const shown = unique.slice(0, shownProblems).map(toProblem);
  const last = shown.at(-1);
  if (last === undefined || unique.length <= shownProblems) return shown;
  const { file, line, column } = last;
  const message = `${unique.length - shownProblems} more problems follow`;
  return [...shown, { file, line, column, message, hint: 'mend these first' }];
}

function toProblem({ place: { file, line, column }, message, hint, code }: Finding): Problem {
  const text = typeof hint === 'function' ? hint() : hint;
  return {
    file,
    line,
    column,
    message,
    ...(text === undefined ? {} : { hint: text }),
    ...(code === undefined ? {} : { code }),
  };
}

/** By code units, so that the order is the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** A hint for a word that is none of the known: the nearest, or all of them when they are few. */
export function suggest(word: string, known: Iterable<string>, otherwise?: string): () => string | undefined {
  return () => {
    const words = [...known];
    const near = nearest(word, words);
    if (near !== undefined) return `did you mean \`${near}\`?`;
    if (otherwise !== undefined) return otherwise;
    if (words.length === 0) return 'there are none; define one, or delete this';
    if (words.length > 30) return 'look for it where such things are defined, or define it';
    return `known here: ${words.sort(compareText).join(', ')}`;
  };
}

/** The known word with the fewest edits, if those are few enough to be a slip. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const asked = word.slice(0, 64).toLowerCase();
  const allowed = Math.max(1, Math.floor(asked.length / 3));
  let best: string | undefined;
  let bestEdits = allowed + 1;
  for (const each of known) {
    if (Math.abs(each.length - asked.length) >= bestEdits) continue;
    const edits = editDistance(asked, each.toLowerCase());
    if (edits < bestEdits) [best, bestEdits] = [each, edits];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(edits);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
