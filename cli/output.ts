/**
 * How commands speak: data on stdout as a table, JSON or JSON lines; talk on stderr; colour on terminals only. It knows no command.
 */
import { isatty } from 'node:tty';
import pc from 'picocolors';
import { cutToWidth, plain, plainJson, widthOf } from './plain-text.ts';

export const formats = ['table', 'json', 'ndjson'] as const;
export type Format = (typeof formats)[number];

/** Version of the JSON that commands print; raised when a reader of the old form would break. */
export const jsonVersion = 1;

export type Hue = 'good' | 'bad' | 'warn' | 'odd' | 'quiet' | 'strong';

export interface Column<T> {
  title: string;
  cell: (item: T) => string;
  hue?: (item: T) => Hue | undefined;
}

/** No cell but the last is wider; long names would push the rest off the screen. */
const cellColumns = 60;

/** Colours for stdout when it is a terminal that wants them; else the same functions without colour, in CI too. */
export function terminalColors(): ReturnType<typeof pc.createColors> {
  const { NO_COLOR, TERM } = process.env;
  const wanted = (NO_COLOR ?? '') === '' && TERM !== 'dumb';
  return pc.createColors(isatty(1) && wanted);
}

export class Output {
  readonly format: Format;
  readonly isTerminal: boolean;
  readonly #colors: ReturnType<typeof pc.createColors>;
  #before: Set<string> | undefined;
  #frame: Set<string> | undefined;

  constructor(format: Format = 'table') {
    this.format = format;
    this.isTerminal = isatty(1);
    this.#colors = terminalColors();
  }

  /** Columns of the terminal; undefined when stdout is none, and then nothing is cut. */
  get columns(): number | undefined {
    return this.isTerminal ? Math.max(40, process.stdout.columns ?? 80) : undefined;
  }

  /** From now on JSON lines that the frame before held as well are left out. */
  beginFrame(): void {
    this.#before = this.#frame;
    this.#frame = new Set();
  }

  paint(hue: Hue | undefined, text: string): string {
    const { green, red, yellow, magenta, dim, bold } = this.#colors;
    switch (hue) {
      case 'good':
        return green(text);
      case 'bad':
        return red(text);
      case 'warn':
        return yellow(text);
      case 'odd':
        return magenta(text);
      case 'quiet':
        return dim(text);
      case 'strong':
        return bold(text);
      case undefined:
        return text;
    }
  }

  /** Items of one kind. JSON: `{version, [name]: items}`; JSON lines: one item a line, each with the version. */
  list<T extends object>(
    name: string,
    items: readonly T[],
    columns: readonly Column<T>[],
    empty: string,
  ): void {
    if (this.format === 'json') this.#json({ [name]: items });
    else if (this.format === 'ndjson') for (const item of items) this.#jsonLine(item);
    else if (items.length === 0) this.talk(empty);
    else this.lines(this.table(items, columns));
  }

  /** One thing. `lines` says it to a person. */
  value(value: object, lines: () => readonly string[]): void {
    if (this.format === 'json') this.#json(value);
    else if (this.format === 'ndjson') this.#jsonLine(value);
    else this.lines(lines());
  }

  /** Data for a person; made safe by whoever made the lines. */
  lines(lines: readonly string[]): void {
    if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
  }

  /** Words about what happens, never data. */
  talk(text: string): void {
    process.stderr.write(`${plain(text, { lines: true })}\n`);
  }

  /** Aligned lines with a head; cells are made safe here. The last column is cut at the terminal's edge. */
  table<T>(items: readonly T[], columns: readonly Column<T>[], indent = ''): string[] {
    const last = columns.length - 1;
    const rows = items.map((item) =>
      columns.map((column, index) => {
        const text = plain(column.cell(item)) || '-';
        return { text: index === last ? text : cutToWidth(text, cellColumns), hue: column.hue?.(item) };
      }),
    );
    const head = columns.map(({ title }) => ({ text: title, hue: 'quiet' as const }));
    const widths = columns.map((_, index) =>
      Math.max(...[head, ...rows].map((row) => widthOf(row[index]?.text ?? ''))),
    );
    return [head, ...rows].map((row) => indent + this.#row(row, widths, widthOf(indent)));
  }

  #row(
    row: readonly { text: string; hue: Hue | undefined }[],
    widths: readonly number[],
    used: number,
  ): string {
    let left = (this.columns ?? Number.POSITIVE_INFINITY) - used;
    const cells = row.map(({ text, hue }, index) => {
      if (index === row.length - 1) return this.paint(hue, cutToWidth(text, Math.max(8, left)));
      const width = widths[index] ?? 0;
      left -= width + 2;
      return this.paint(hue, text) + ' '.repeat(width - widthOf(text));
    });
    return cells.join('  ');
  }

  #json(value: object): void {
    process.stdout.write(`${plainJson({ version: jsonVersion, ...value }, 2)}\n`);
  }

  #jsonLine(value: object): void {
    const line = plainJson({ version: jsonVersion, ...value });
    this.#frame?.add(line);
    if (this.#before?.has(line) !== true) process.stdout.write(`${line}\n`);
  }
}
