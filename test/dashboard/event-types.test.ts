import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

function quoted(file: string, from: RegExp, to: string): string[] {
  const text = readFileSync(file, 'utf8');
  const start = text.search(from);
  const part = text.slice(start, text.indexOf(to, start));
  return [...part.matchAll(/'([a-z_]+\.[a-z_]+)'/g)].map(([, name]) => name ?? '').sort();
}

// A browser hands over only the events whose names it was told.
test('the page listens for every event that the daemon tells', () => {
  const told = quoted('core/types.ts', /^export type EventType/m, ';');
  expect(told.length).toBeGreaterThan(40);
  expect(quoted('dashboard/live/event-stream.ts', /^const eventTypes/m, ']')).toEqual(told);
});
