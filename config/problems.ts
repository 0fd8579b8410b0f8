/**
 * Owns what a user's mistake looks like: a place, a sentence, a hint. It finds no mistakes itself and throws none.
 */
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

/** Collects problems of one load, so that all of them are told at once. */
export class ProblemList {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];

  add(place: SourcePlace, message: string, hint?: string, code?: ErrorCode): void {
    this.problems.push(problem(place, message, hint, code));
  }

  warn(place: SourcePlace, message: string, hint?: string): void {
    this.warnings.push(problem(place, message, hint));
  }
}

export function problem(place: SourcePlace, message: string, hint?: string, code?: ErrorCode): Problem {
  const { file, line, column } = place;
  return {
    file,
    line,
    column,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(code === undefined ? {} : { code }),
  };
}

/** `file:line:col: message`, and the hint on a line of its own. */
export function formatProblem({ file, line, column, message, hint }: Problem): string {
  const text = `${file}:${line}:${column}: ${message}`;
  return hint === undefined ? text : `${text}\n  hint: ${hint}`;
}

export function formatPlace({ file, line, column }: SourcePlace): string {
  return `${file}:${line}:${column}`;
}

/** By file, line and column, each once. Limits: 500, then one line that counts the rest. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const unique = [...new Map(problems.map((each) => [JSON.stringify(each), each])).values()];
  unique.sort(
    (a, b) =>
      compareText(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compareText(a.message, b.message),
  );
  const rest = unique.length - shownProblems;
  const last = unique[shownProblems - 1];
  if (rest <= 0 || last === undefined) return unique;
  return [
    ...unique.slice(0, shownProblems),
    problem(last, `${rest} more problems follow`, 'mend these first'),
  ];
}

/** By code units, so that the order is the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** A hint for a word that is none of the known: the nearest, or all of them when they are few. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const near = nearest(word, known);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  if (known.length === 0 || known.length > 30) return undefined;
  return `known here: ${[...known].sort(compareText).join(', ')}`;
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
