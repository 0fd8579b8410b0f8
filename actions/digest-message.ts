/** Owns the words of the digest: what happened and needed nobody, and what did not reach anybody. Pure. */
import { bodyOf, clockWords, cut, type MessageBody, oneLine, timeText } from './message-words.ts';

export interface DigestPart {
  title: string;
  lines: readonly string[];
}

const shownLines = 50;
const listedLines = 500;

export function digestMessage({
  parts,
  sinceMs,
  nowMs,
}: {
  parts: readonly DigestPart[];
  sinceMs: number;
  nowMs: number;
}): MessageBody {
  const told = parts.filter(({ lines }) => lines.length > 0);
  const summary = told.map(({ title, lines }) => `${lines.length} ${title.toLowerCase()}`).join(', ');
  const title = told.length === 0 ? 'digest: nothing to tell' : `digest: ${summary}`;
  const words = [
    title,
    '',
    `Since ${clockWords(sinceMs, nowMs)}:`,
    ...(told.length === 0 ? ['nothing healed, flapped, was held back or stayed undelivered.'] : []),
    ...told.flatMap(({ title: name, lines }) => [
      '',
      `${name}:`,
      ...lines.slice(0, shownLines).map((line) => `- ${cut(oneLine(line), 200)}`),
      ...(lines.length > shownLines ? [`- and ${lines.length - shownLines} more`] : []),
    ]),
  ];
  return {
    ...bodyOf('notice', title, words, nowMs),
    topic: 'digest',
    title,
    sinceTime: timeText(sinceMs),
    parts: told.map(({ title: name, lines }) => ({
      title: name,
      lines: lines.slice(0, listedLines).map((line) => cut(oneLine(line), 200)),
    })),
  };
}
