import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { Calendar } from '../../daemon/calendar.ts';

/** Polls once a minute, as a timer would; returns the UTC times of the firings. */
function firesIn(cron: string, timezone: string, fromIso: string, hours: number): string[] {
  const fromMs = Date.parse(fromIso);
  const schedule = new Calendar().schedule(cron, timezone, fromMs);
  const fired: string[] = [];
  for (let ms = fromMs; ms < fromMs + hours * 3_600_000; ms += 60_000) {
    if (schedule.poll(ms)) fired.push(new Date(ms).toISOString().slice(8, 16));
  }
  return fired;
}

test('in autumn, when an hour comes twice, a schedule for every hour goes on through both', () => {
  const fired = firesIn('*/10 * * * *', 'Europe/Berlin', '2026-10-24T23:05:00Z', 4);
  expect(fired).toHaveLength(24);
  expect(new Set(fired).size).toBe(24);
});

test('in autumn a schedule for one hour fires once, at the first of the two', () => {
  expect(firesIn('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 36)).toEqual(['25T00:30']);
  expect(firesIn('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 40)).toEqual([
    '25T00:30',
    '26T01:30',
  ]);
});

test('in spring a schedule in the missing hour fires right after it, once', () => {
  expect(firesIn('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 40)).toEqual([
    '29T01:00',
    '30T00:30',
  ]);
  expect(firesIn('*/10 * * * *', 'Europe/Berlin', '2026-03-29T00:05:00Z', 4)).toHaveLength(24);
});

test('a shift of half an hour is a shift too', () => {
  expect(firesIn('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T00:00:00Z', 36)).toEqual(['04T14:45']);
});

test.each([
  ['America/New_York', '08:30'],
  ['Asia/Kolkata', '23:00'],
  ['Asia/Kathmandu', '22:45'],
  ['UTC', '04:30'],
])('a nightly schedule in %s fires once a night', (timezone, at) => {
  const fired = firesIn('30 4 * * *', timezone, '2026-06-01T00:00:00Z', 48);
  expect(fired.map((time) => time.slice(3))).toEqual([at, at]);
});

test('a schedule that fires seldom is found', () => {
  expect(firesIn('0 12 1 * *', 'UTC', '2026-06-02T00:00:00Z', 31 * 24)).toEqual(['01T12:00']);
});

test('after a suspend it fires once, and the clock going back fires nothing twice', () => {
  const fromMs = Date.parse('2026-06-01T00:00:00Z');
  const schedule = new Calendar().schedule('*/10 * * * *', 'UTC', fromMs);
  expect(schedule.poll(fromMs + 8 * 3_600_000)).toBe(true);
  expect(schedule.poll(fromMs + 8 * 3_600_000 + 1_000)).toBe(false);
  expect(schedule.poll(fromMs + 3_600_000)).toBe(false);
  expect(schedule.poll(fromMs + 8 * 3_600_000 + 600_000)).toBe(true);
});

test('seconds, when the expression has them', () => {
  const fromMs = Date.parse('2026-06-01T00:00:00Z');
  const schedule = new Calendar().schedule('*/15 * * * * *', 'UTC', fromMs);
  expect(schedule.nextFireMs).toBe(fromMs + 15_000);
});

test('every entry point thinks in UTC before node-cron is loaded', () => {
  for (const entry of ['cli/main.ts', 'daemon/main.ts']) {
    const [first] = readFileSync(entry, 'utf8').match(/^import .*$/m) ?? [];
    expect(first, entry).toMatch(/utc\.ts'/);
  }
});

test('schedules of one expression search once for all of them, and fire each for itself', () => {
  const looks = vi.spyOn(Intl.DateTimeFormat.prototype, 'formatToParts');
  try {
    const calendar = new Calendar();
    const fromMs = Date.parse('2026-03-01T00:00:30Z');
    const one = calendar.schedule('30 4 * * *', 'Europe/Berlin', fromMs);
    const { length } = looks.mock.calls;
    expect(length).toBeGreaterThan(0);
    const other = calendar.schedule('30 4 * * *', 'Europe/Berlin', fromMs + 5_000);
    expect(looks).toHaveBeenCalledTimes(length);
    const atMs = Date.parse('2026-03-01T03:30:00Z');
    expect([one.nextFireMs, other.nextFireMs]).toEqual([atMs, atMs]);
    expect([one.poll(atMs), other.poll(atMs), one.poll(atMs)]).toEqual([true, true, false]);
  } finally {
    looks.mockRestore();
  }
});

const at = (time: string): number => Date.parse(`2026-06-02T${time}:00Z`);

test('hours that come again since the clock was set back by more than one are lived through again', () => {
  const nightly = new Calendar().schedule('0 2 * * *', 'UTC', at('00:00'));
  expect(nightly.poll(at('02:00'))).toBe(true);
  expect(nightly.poll(at('01:10'))).toBe(false);
  expect(nightly.poll(at('02:00'))).toBe(false);
  expect(nightly.poll(at('00:30'))).toBe(false);
  expect(nightly.nextFireMs).toBe(at('02:00'));
  expect(nightly.poll(at('02:00'))).toBe(true);
  const often = new Calendar().schedule('*/10 * * * *', 'UTC', at('12:00'));
  expect(often.poll(at('12:10'))).toBe(true);
  expect([at('04:05'), at('04:10'), at('04:11')].map((ms) => often.poll(ms))).toEqual([false, true, false]);
});
