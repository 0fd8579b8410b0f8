/** Reads from the sources of the page what its controls are called and which keys it listens for. Text only. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('../../../dashboard', import.meta.url));

/** From `start` to where the braces and the tag are closed. */
function endOfTag(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1;
    else if (text[at] === '}') depth -= 1;
    else if (text[at] === '>' && depth === 0) return at;
  }
  throw new Error(`a tag without an end: ${text.slice(start, start + 60)}`);
}

/** What stands in a button for everybody to read: plain text, and the words that an expression may choose between. */
function wordsOfButtons(text: string): string[] {
  const found: string[] = [];
  for (const { index } of text.matchAll(/<button\b/g)) {
    const end = endOfTag(text, index);
    const aria = /aria-label="([^"]+)"/.exec(text.slice(index, end))?.[1];
    const inner = text.slice(end + 1, text.indexOf('</button>', end)).replaceAll(/<kbd.*?<\/kbd>/gs, '');
    const plain = inner
      .replaceAll(/\{[^{}]*\}/g, '')
      .replaceAll(/<[^>]*>/g, '')
      .trim();
    const isHold = text.slice(index, end).includes(' hold ');
    if (isHold) found.push('Hold');
    else if (aria !== undefined) found.push(aria);
    else found.push(...(plain === '' ? chosenIn(inner) : [plain]));
  }
  return found.filter((word) => word !== 'Asking…');
}

function chosenIn(expression: string): string[] {
  return all(expression, /[?:] '([^']+)'/g);
}

function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, word]) => word ?? '');
}

/** As the notes of what was used say them, or a part of that. */
export function namedInSources(): string[] {
  const files = (readdirSync(sources, { recursive: true }) as string[]).filter((name) =>
    /\.tsx?$/.test(name),
  );
  const found = files.flatMap((name) => {
    const text = readFileSync(join(sources, name), 'utf8');
    return [
      ...wordsOfButtons(text).map((word) => `button ${word}`),
      ...all(text, /\bconfirm="([^"]+)"/g).map((word) => `dialog button ${word}`),
      ...all(text, /\bconfirm=\{([^`}]*)\}/g)
        .flatMap(chosenIn)
        .map((word) => `dialog button ${word}`),
      ...all(text, /\blabel: '([^']+)',\s+(?:look|scope)/g).map((word) => `button ${word}`),
      ...all(text, /\bkey(?:: | ?[!=]== )'([^']+)'/g).map((key) => `key ${key}`),
      ...all(text, /^ +\['(\w+)', '.*'\],$/gm).map((key) => `key ${key}`),
    ];
  });
  return [...new Set(found)].map((name) => (name === 'key  ' ? 'key Space' : name));
}
