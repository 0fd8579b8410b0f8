/**
 * Owns how what a check printed is kept small: it is written once, and of those that differ from it in numbers only, the numbers.
 * Knows no table.
 */
import type { CheckResult, PerfDatum } from '../core/types.ts';

type Printed = Pick<CheckResult, 'text' | 'longText' | 'perfdata'>;

/** Of longer ones the numbers are not told apart: they are written whole when they differ. Characters. */
const comparedLength = 1_024;

/** What the following results of a series are compared with. */
export interface Bearer {
  /** Undefined when it is too long to be kept. */
  content: string | undefined;
  /** The result before, and how it differed from the content. */
  previous: Printed;
  changes: string | null;
}

/** A row has one of both, or none when it equals its bearer. */
export interface Written {
  content: string | null;
  changes: string | null;
}

const digits = /\d+/g;
const keys = ['label', 'value', 'uom', 'warn', 'crit', 'min', 'max'] as const;

/** What to write for `printed`, and what the next one is compared with. Without a bearer it is written whole. */
export function write(printed: Printed, bearer: Bearer | undefined): Written & { bearer: Bearer } {
  if (bearer !== undefined && isSame(printed, bearer.previous))
    return { content: null, changes: bearer.changes, bearer: { ...bearer, previous: printed } };
  const { text, longText, perfdata } = printed;
  const content = JSON.stringify([text, longText, ...perfdata.map(listed)]);
  const changes = bearer?.content === undefined ? undefined : changesOf(content, bearer.content);
  if (bearer !== undefined && changes !== undefined)
    return { content: null, changes, bearer: { ...bearer, previous: printed, changes } };
  const kept = content.length > comparedLength ? undefined : content;
  return { content, changes: null, bearer: { content: kept, previous: printed, changes: null } };
}

/** The runs of digits of `content`, empty where they equal those of `bearer`; undefined when the two differ in more. */
function changesOf(content: string, bearer: string): string | null | undefined {
  // JSON escapes control characters, so that this one stands for nothing else.
  if (content.replace(digits, '\u0001') !== bearer.replace(digits, '\u0001')) return undefined;
  const before = bearer.match(digits) ?? [];
  const changed = (content.match(digits) ?? []).map((run, index) => (run === before[index] ? '' : run));
  return changed.join(' ').trimEnd() || null;
}

/** The opposite of `write`; `content` is the row's own or that of its bearer. */
export function read(content: string, changes: string | null): Printed {
  const changed = changes === null ? [] : changes.split(' ');
  let index = -1;
  const whole =
    changes === null
      ? content
      : content.replace(digits, (number) => {
          index += 1;
          return changed[index] || number;
        });
  const [text, longText, ...perfdata] = JSON.parse(whole) as [string, string, ...ReturnType<typeof listed>[]];
  return { text, longText, perfdata: perfdata.map(named) };
}

function listed({ label, value, uom, warn, crit, min, max }: PerfDatum) {
  return [label, value, uom, warn, crit, min, max] as const;
}

function named([label, value, uom, warn, crit, min, max]: ReturnType<typeof listed>): PerfDatum {
  return { label, value, uom, warn, crit, min, max };
}

function isSame(a: Printed, b: Printed): boolean {
  if (a.text !== b.text || a.longText !== b.longText || a.perfdata.length !== b.perfdata.length) return false;
  return a.perfdata.every((datum, index) => {
    const other = b.perfdata[index];
    return other !== undefined && keys.every((key) => datum[key] === other[key]);
  });
}
