/**
 * Owns names that stand for many hosts: `web-[02:50]`, `[a:f]`, `[1:9:2]`, as Ansible reads them. It makes no hosts.
 */
import type { Parsed } from '../core/types.ts';

/** Hosts of one name. */
const rangeLimit = 100_000;

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

export interface RangedName {
  name: string;
  /** What `{n}` stands for: the value of the only range; absent for names with none or several. */
  n?: string;
}

/**
 * Every name of a pattern, in order; both ends belong to a range.
 * Source: Ansible, "How to build your inventory", "Adding ranges of hosts"; inventory/manager `expand_hostname_range`.
 */
export function expandHostRange(pattern: string): Parsed<RangedName[]> {
  const pieces = pattern.split(/\[([^[\]]*)\]/);
  const ranges: string[][] = [];
  let count = 1;
  for (const [index, piece] of pieces.entries()) {
    if (index % 2 === 0) {
      if (/[[\]:]/.test(piece))
        return { problem: 'has a range that is not closed; write for example `web-[01:20]`' };
      continue;
    }
    const range = expandOne(piece, rangeLimit / count);
    if ('problem' in range) return range;
    ranges.push(range.value);
    count *= range.value.length;
  }
  const [only] = ranges;
  if (only === undefined) return { value: [{ name: pattern }] };
  let names = [pieces[0] ?? ''];
  for (const [index, values] of ranges.entries()) {
    const after = pieces[index * 2 + 2] ?? '';
    names = names.flatMap((name) => values.map((value) => `${name}${value}${after}`));
  }
  return {
    value: names.map((name, index) => (ranges.length === 1 ? { name, n: only[index] ?? '' } : { name })),
  };
}

function expandOne(range: string, limit: number): Parsed<string[]> {
  const match = /^(\d{0,9}|[A-Za-z]):(\d{1,9}|[A-Za-z])(?::(\d{1,9}))?$/.exec(range);
  if (match === null)
    return { problem: `\`[${range}]\` is no range; write for example \`[01:20]\`, \`[1:9:2]\` or \`[a:f]\`` };
  const [, first = '', last = '', stepText] = match;
  const step = Number(stepText ?? 1);
  const numbers = /^\d/.test(last);
  if (numbers === /[A-Za-z]/.test(first))
    return { problem: `\`[${range}]\` mixes a number and a letter; use two of a kind` };
  const padded = first.length > 1 && first.startsWith('0');
  if (padded && first.length !== last.length) {
    return {
      problem: `\`[${range}]\` has ends of different width; write both with ${Math.max(first.length, last.length)} digits`,
    };
  }
  const [from, to] = numbers
    ? [Number(first), Number(last)]
    : [letters.indexOf(first), letters.indexOf(last)];
  if (from > to) return { problem: `\`[${range}]\` runs backwards; write the smaller end first` };
  if (step < 1) return { problem: `\`[${range}]\` has a step of 0; write at least 1` };
  const length = Math.floor((to - from) / step) + 1;
  if (length > limit)
    return {
      problem: `\`[${range}]\` makes more than ${rangeLimit.toLocaleString('en-US')} hosts; write a smaller range`,
    };
  return {
    value: Array.from({ length }, (_, index) => {
      const at = from + index * step;
      return numbers ? String(at).padStart(padded ? first.length : 0, '0') : (letters[at] ?? '');
    }),
  };
}
