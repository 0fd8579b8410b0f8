import { expect, test } from 'vitest';
import { assertDriver, driverProblem } from '../../store/driver.ts';

const never = (): void => expect.unreachable();
const fails = (): void => {
  throw new Error('Could not locate the bindings file. Tried:\n -> here\n -> there');
};

test('better-sqlite3 13 is not tried below Node-API 10, where it would kill the process', () => {
  expect(driverProblem('13.2.0', '9')).toContain('needs Node-API 10');
  expect(driverProblem('13.2.0', undefined)).toContain('needs Node-API 10');
  expect(driverProblem('14.0.0', '9')).toContain('needs Node-API 10');
  expect(driverProblem('13.2.0', '10')).toBeUndefined();
  expect(driverProblem('12.9.0', '9')).toBeUndefined();
  if (Number(process.versions['napi']) >= 10) return;
  expect(() => assertDriver(() => '13.2.0', never)).toThrow(
    expect.objectContaining({ code: 'NATIVE_MODULE' }),
  );
});

test('a driver that does not load is told in one line', () => {
  expect(() => assertDriver(() => '12.9.0', fails)).toThrow(
    expect.objectContaining({
      code: 'NATIVE_MODULE',
      message: 'better-sqlite3 cannot be loaded: Could not locate the bindings file. Tried:',
    }),
  );
});

test('the driver of this installation fits', () => {
  expect(() => assertDriver()).not.toThrow();
});
