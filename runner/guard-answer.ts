/**
 * Reads what the guard script prints; it never guesses. The answer begins at the first line with our nonce (a
 * login may print before it) and is strict from there: a line of the command's output always begins with `|`.
 */

export interface GuardAnswer {
  /** Every line of ours, in order: the word and the rest of the line. */
  lines: readonly { word: string; rest: string }[];
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
  const lines: { word: string; rest: string }[] = [];
  const sections = new Map<string, string[]>();
  let truncated = false;
  let body: string[] | undefined;
  const first = rows.findIndex((row) => row.startsWith(prefix));
  for (const row of first < 0 ? [] : rows.slice(first)) {
    if (row.startsWith('|') && body) {
      body.push(row.slice(1));
    } else if (row.startsWith(prefix)) {
      const [word = '', ...rest] = row.slice(prefix.length).split(' ');
      lines.push({ word, rest: rest.join(' ') });
      body = undefined;
      if (word === 'stdout' || word === 'stderr') {
        body = [];
        sections.set(word, body);
        truncated ||= rest[0] === '1';
      }
    } else if (row !== '') {
      break;
    }
  }
  const section = (name: string) => (sections.get(name) ?? []).join('\n');
  return { lines, stdout: section('stdout'), stderr: section('stderr'), truncated };
}
