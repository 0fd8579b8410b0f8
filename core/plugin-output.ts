/**
 * Owns the reading of what a plugin printed: text, long text, perfdata. Tolerant, for output is data from a machine
 * that may be broken or hostile: it never throws, takes linear time, and drops what it cannot read. Knows no exit codes.
 * Source: Monitoring Plugins Development Guidelines and the Nagios plugin API; checked on test/vectors/plugin-output.jsonl.
 */
import type { PerfDatum } from './types.ts';

export interface PluginOutput {
  /** The first line up to its first `|`, trimmed. */
  text: string;
  /** The other lines up to the first `|` among them, as they are. */
  longText: string;
  perfdata: PerfDatum[];
}

/** Items beyond are dropped. No plugin of good faith prints so many, and each is stored. */
export const maxPerfdata = 1000;

/** Characters read; the runner's own cap (64 KiB) is the first line. */
const maxOutputChars = 1_048_576;

const escapeSequence = new RegExp(String.raw`\x1b\[[0-?]{0,32}[ -/]{0,8}[@-~]`, 'g');
const controls = /[^\P{Cc}\t\n]/gu;

/** Value and unit. The unit is kept as written, also outside the guideline's list; digits, quotes, `=` and `|` end the belief in it. */
const measure = /^([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?)([^\d\s;'"=|,]*)$/;
const plainNumber = /^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Limits: 1,048,576 characters and 1,000 items of perfdata. Colours and all control characters but tab and line feed are
 * taken out (NUL, escape, carriage return, C1), so that a check cannot draw on the terminal of whoever reads it.
 */
export function parsePluginOutput(stdout: string): PluginOutput {
  const clean = printable(stdout.slice(0, maxOutputChars)).replace(/\n$/, '');
  const [firstLine, others] = cut(clean, '\n');
  const [text, firstPerf] = cut(firstLine, '|');
  const [longText, morePerf] = cut(others, '|');
  return { text: text.trim(), longText, perfdata: parsePerfdata(`${firstPerf} ${morePerf}`) };
}

/** Without terminal escapes and control characters; tab and line feed stay. */
export function printable(text: string): string {
  return text.replace(escapeSequence, '').replace(controls, '');
}

function cut(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}

/** `'label'=value[uom];warn;crit;min;max`, separated by white space; a broken item is dropped, the others survive. */
function parsePerfdata(text: string): PerfDatum[] {
  const items: PerfDatum[] = [];
  let position = 0;
  while (items.length < maxPerfdata) {
    const label = readLabel(text, position);
    if (label === undefined) break;
    const end = endOfToken(text, label.next);
    const item = readItem(label.text, text.slice(label.next, end));
    if (item !== undefined) items.push(item);
    position = end;
  }
  return items;
}

/** The label and the place after its `=`. Undefined when there is no `=` left. */
function readLabel(text: string, from: number): { text: string; next: number } | undefined {
  const start = skipSpace(text, from);
  if (text[start] === "'") {
    const quoted = readQuoted(text, start);
    if (quoted !== undefined) return quoted;
  }
  const equals = text.indexOf('=', start);
  if (equals < 0) return undefined;
  // A plain label may hold spaces but no line feed: words that end a line belong to nothing.
  const [label = ''] = text.slice(start, equals).split('\n').slice(-1);
  return { text: label.trim(), next: equals + 1 };
}

/** Undefined when the quote never ends, or ends before something else than `=`: then it is part of a plain label. */
function readQuoted(text: string, start: number): { text: string; next: number } | undefined {
  let position = start + 1;
  for (;;) {
    const quote = text.indexOf("'", position);
    if (quote < 0) return undefined;
    if (text[quote + 1] === '=')
      return { text: text.slice(start + 1, quote).replaceAll("''", "'"), next: quote + 2 };
    if (text[quote + 1] !== "'") return undefined;
    position = quote + 2;
  }
}

function readItem(label: string, token: string): PerfDatum | undefined {
  if (label === '') return undefined;
  const [measured = '', warn = '', crit = '', min = '', max = ''] = token.split(';', 5);
  const bounds = { warn, crit, min: numberOf(min), max: numberOf(max) };
  if (measured === 'U') return { label, value: null, uom: '', ...bounds };
  const [, digits = '', uom = ''] = measure.exec(measured) ?? [];
  const value = numberOf(digits);
  return value === null ? undefined : { label, value, uom, ...bounds };
}

/** One comma is a decimal point (plugins run under any locale). Adding 0 turns -0 to 0, which JSON would do later. */
function numberOf(text: string): number | null {
  if (!plainNumber.test(text)) return null;
  const value = Number(text.replace(',', '.')) + 0;
  return Number.isFinite(value) ? value : null;
}

function skipSpace(text: string, from: number): number {
  let position = from;
  while (isSpace(text[position])) position += 1;
  return position;
}

function endOfToken(text: string, from: number): number {
  let position = from;
  while (position < text.length && !isSpace(text[position])) position += 1;
  return position;
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\n';
}
