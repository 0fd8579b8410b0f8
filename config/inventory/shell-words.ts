/** Owns splitting a line into words as Python's `shlex.split(comments=True)` does. Source: Python 3, Lib/shlex.py. */

/** The words, or why the line has none. */
export function splitShellWords(line: string): { value: string[] } | { problem: string } {
  const words: string[] = [];
  let word = '';
  let isOpen = false;
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? '';
    const next = line[at + 1];
    if (quote !== '') {
      if (char === quote) quote = '';
      else if (char === '\\' && quote === '"') {
        if (next === undefined) return { problem: 'a quote is not closed' };
        // Within double quotes a backslash escapes these two alone.
        word += next === '"' || next === '\\' ? next : `\\${next}`;
        at += 1;
      } else word += char;
    } else if (char === '"' || char === "'") {
      [quote, isOpen] = [char, true];
    } else if (char === '\\') {
      if (next === undefined) return { problem: 'a backslash stands at the end' };
      word += next;
      isOpen = true;
      at += 1;
    } else if (char === '#') break;
    else if (/[ \t\r\n]/.test(char)) {
      if (isOpen) words.push(word);
      [word, isOpen] = ['', false];
    } else {
      word += char;
      isOpen = true;
    }
  }
  if (quote !== '') return { problem: 'a quote is not closed' };
  if (isOpen) words.push(word);
  return { value: words };
}
