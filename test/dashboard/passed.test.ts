import { expect, test } from 'vitest';
import { type Change, passedOf } from '../../dashboard/parts/passed.ts';

function change(minute: number, from: string, to: string, more: Partial<Change> = {}): Change {
  return {
    at: at(minute),
    host: 'web-1',
    check: 'app.http',
    from,
    to,
    type: 'hard',
    afterAction: false,
    ...more,
  };
}

function at(minute: number): string {
  return new Date(Date.UTC(2026, 0, 1, 3, minute)).toISOString();
}

test('a problem that ended by itself is told with its beginning', () => {
  const changes = [
    change(9, 'critical', 'ok'),
    change(3, 'warning', 'critical'),
    change(2, 'ok', 'warning', { type: 'soft' }),
  ];
  expect(passedOf(changes)).toEqual([
    { host: 'web-1', check: 'app.http', state: 'critical', beganAt: at(2), endedAt: at(9) },
  ]);
});

test('what a repair ended, never became hard, or still goes on is left out', () => {
  expect(passedOf([change(2, 'critical', 'ok', { afterAction: true }), change(1, 'ok', 'critical')])).toEqual(
    [],
  );
  expect(passedOf([change(2, 'critical', 'ok', { type: 'soft' }), change(1, 'ok', 'critical')])).toEqual([]);
  expect(passedOf([change(1, 'ok', 'critical')])).toEqual([]);
  expect(passedOf([change(1, 'pending', 'ok')])).toEqual([]);
});

test('each host and check by itself, newest first; a beginning that is not known is not made up', () => {
  const changes = [
    change(8, 'unreachable', 'up', { check: undefined, host: 'web-2' }),
    change(7, 'critical', 'ok'),
    change(6, 'up', 'unreachable', { check: undefined, host: 'web-2' }),
  ].map(({ check, ...rest }) => (check === undefined ? rest : { ...rest, check }));
  expect(passedOf(changes)).toEqual([
    { host: 'web-2', check: 'host', state: 'unreachable', beganAt: at(6), endedAt: at(8) },
    { host: 'web-1', check: 'app.http', state: 'critical', endedAt: at(7) },
  ]);
});
