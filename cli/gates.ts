/**
 * How the answers of gates look on a terminal: those that stop first, each with what opens it; then those that let through, close
 * together, since there are thirty of them. None is left out, and none without what it saw.
 */
import type { GateRow } from './api-types.ts';
import type { Output } from './output.ts';
import { plain, widthOf } from './plain-text.ts';
import { showAge, showDuration, showInstant } from './times.ts';

/** Of the lines with gates that passed, when stdout is no terminal. */
const usualColumns = 100;

export function gateLines(out: Output, gates: readonly GateRow[], indent: string): string[] {
  const stopping = gates.filter(({ passed }) => !passed);
  const width = Math.max(0, ...stopping.map(({ gate }) => gate.length));
  const closed = stopping.map((gate) => {
    const words = [seenText(gate), gate.reason ?? 'closed', opensText(gate)].filter((part) => part !== '');
    return `${indent}${out.paint('bad', '✗')} ${plain(gate.gate).padEnd(width)}  ${plain(words.join(' · '))}`;
  });
  return [
    ...closed,
    ...passedLines(
      out,
      gates.filter(({ passed }) => passed),
      indent,
    ),
  ];
}

/** As many on a line as fit. */
function passedLines(out: Output, gates: readonly GateRow[], indent: string): string[] {
  const columns = out.columns ?? usualColumns;
  const lines: string[] = [];
  let left = 0;
  for (const gate of gates) {
    const seen = plain(seenText(gate));
    const words = `${plain(gate.gate)}${seen === '' ? '' : ` (${seen})`}`;
    const width = widthOf(words) + 4;
    if (left < width) {
      lines.push('');
      left = columns - widthOf(indent);
    }
    const line = lines.length - 1;
    lines[line] += `${lines[line] === '' ? indent : '  '}${out.paint('good', '✓')} ${words}`;
    left -= width;
  }
  return lines;
}

/** What a gate compared: `seen 1, needed 2`. Not made safe. */
export function seenText({ values }: Pick<GateRow, 'values'>): string {
  return Object.entries(values)
    .map(([name, value]) => showValue(name, value))
    .join(', ');
}

function opensText({ opens, opensAt }: GateRow): string {
  const at = opensAt === undefined ? '' : ` (${showInstant(opensAt)}, ${showAge(opensAt)})`;
  return opens === undefined && at === '' ? '' : `opens: ${opens ?? ''}${at}`;
}

const instantForm = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** A name that ends in Ms holds a duration; instants are text; null where nothing happened yet. */
function showValue(name: string, value: GateRow['values'][string]): string {
  const label = spaced(name.replace(/(At)?(Ms)?$/, ''));
  if (value === null || value === '') return `${label} none`;
  if (typeof value === 'boolean') return `${label} ${value ? 'yes' : 'no'}`;
  if (typeof value === 'number')
    return `${label} ${name.endsWith('Ms') ? showDuration(value) : Math.round(value * 10) / 10}`;
  if (!instantForm.test(value)) return `${label} ${value}`;
  return `${label}${name.endsWith('At') ? ' at' : ''} ${showInstant(value)}`;
}

/** `neededRuns` -> `needed runs` */
function spaced(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
