/**
 * Reads what the guard script prints; it never guesses. The answer begins at the first line with our nonce (a
 * login may print before it) and is strict from there: a line of the command's output always begins with `|`.
 */

/** One line of ours: the word, the rest of the line, and the lines that it heads. */
export interface AnswerLine {
  word: string;
  rest: string;
  body: readonly string[];
}

export interface GuardAnswer {
  /** In order. */
  lines: readonly AnswerLine[];
  stdout: string;
  stderr: string;
  /** True when the host kept only the head of either stream. */
  truncated: boolean;
}

/** What is unreadable or cut off ends the answer there; what came before it still counts. */
export function readGuardAnswer(text: string, nonce: string): GuardAnswer {
  const prefix = `@mendd ${nonce} `;
  const rows = text.split('\n');
  // The last row has no newline: it may be half of a line.
  rows.pop();
  const lines: { word: string; rest: string; body: string[] }[] = [];
  const first = rows.findIndex((row) => row.startsWith(prefix));
  for (const row of first < 0 ? [] : rows.slice(first)) {
    if (row.startsWith('|')) {
      lines.at(-1)?.body.push(row.slice(1));
    } else if (row.startsWith(prefix)) {
      const [word = '', ...rest] = row.slice(prefix.length).split(' ');
      lines.push({ word, rest: rest.join(' '), body: [] });
    } else if (row !== '') {
      break;
    }
  }
  const last = (name: string) => lines.findLast(({ word }) => word === name);
  const section = (name: string) => (last(name)?.body ?? []).join('\n');
  const truncated = ['stdout', 'stderr'].some((name) => last(name)?.rest === '1');
  return { lines, stdout: section('stdout'), stderr: section('stderr'), truncated };
}
