/** The brake's arithmetic against the rule in other words, and its life: on, off by rule, off by a person. */
import { expect, test } from 'vitest';
import { allowedUnhealthy, brakeReleasesAtMs, isBraked, isMassFailure, stepBrake } from '../../core/brake.ts';
import type { GroupView } from '../../core/fleet-view.ts';
import type { BrakeRule } from '../../core/remediation-config.ts';
import type { BrakeState } from '../../core/safety.ts';

const minuteMs = 60_000;
const auto: BrakeRule = {
  unhealthyAbovePercent: 30,
  minUnhealthy: 2,
  release: { kind: 'auto', afterMs: 10 * minuteMs },
};
const byPerson: BrakeRule = { ...auto, release: { kind: 'person' } };
const member = { unhealthy: false, unhealthySinceMs: 0, askedAtMs: 0, openRepairs: 0 };

function groupOf(unhealthy: number, brake?: BrakeState, repairs = 0, hosts = 10): GroupView {
  const members = new Map(
    Array.from({ length: hosts }, (_, i) => [`web-${i}`, { ...member, unhealthy: i < unhealthy }] as const),
  );
  const view = { key: 'fleet', members, unhealthy, openRepairs: 0, repairsSince: () => repairs };
  return brake === undefined ? view : { ...view, brake };
}

test('percentages round towards fewer actions: whoever is above the share brakes, from the least number on', () => {
  const percents = [0, 0.5, 1, 10, 12.5, 20, 25, 29, 30, 33, 33.3, 50, 66.6, 75, 99, 99.9, 100];
  const wrong: string[] = [];
  for (const percent of percents) {
    for (const minUnhealthy of [1, 2, 3, 10]) {
      const rule = { ...auto, unhealthyAbovePercent: percent, minUnhealthy };
      for (let hosts = 0; hosts <= 200; hosts += 1) {
        const allowed = allowedUnhealthy(rule, hosts);
        for (let sick = 0; sick <= hosts; sick += 1) {
          // The rule as it is told to people; in tenths of a percent, so that it is exact.
          const isAbove = sick * 1_000 > Math.round(percent * 10) * hosts;
          const brakes = isAbove && sick >= minUnhealthy;
          if (brakes !== sick > allowed)
            wrong.push(`${sick} of ${hosts} at ${percent}%, at least ${minUnhealthy}`);
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('one sick host never brakes by default, in a fleet of any size', () => {
  for (let hosts = 1; hosts <= 200; hosts += 1) {
    expect(isMassFailure(groupOf(1, undefined, 0, hosts), auto)).toBe(false);
    if (hosts >= 2) expect(isMassFailure(groupOf(2, undefined, 0, hosts), auto)).toBe(hosts < 7);
  }
});

test('it comes on above the limit, with the figures of that moment, and not at it', () => {
  expect(stepBrake(groupOf(3), auto, undefined, 5)).toBeUndefined();
  expect(stepBrake(groupOf(4), auto, undefined, 5)).toEqual({
    scope: 'fleet',
    cause: 'mass_failure',
    sinceMs: 5,
    unhealthy: 4,
    hosts: 10,
    allowed: 3,
  });
});

/** The brake after each step: how many are sick, and at which minute. */
function after(rule: BrakeRule, ...steps: [minute: number, sick: number][]): BrakeState | undefined {
  let brake: BrakeState | undefined;
  for (const [minute, sick] of steps)
    brake = stepBrake(groupOf(sick, brake), rule, undefined, minute * minuteMs);
  return brake;
}

test('the rule releases it after so long below without a break', () => {
  expect(after(auto, [0, 4], [1, 3])).toMatchObject({ sinceMs: 0, belowSinceMs: minuteMs });
  expect(after(auto, [0, 4], [1, 3], [10.999, 3])).toBeDefined();
  expect(after(auto, [0, 4], [1, 3], [11, 3])).toBeUndefined();
});

test('a release that is interrupted begins again', () => {
  const again = after(auto, [0, 4], [1, 3], [9, 4]);
  expect(again).toMatchObject({ sinceMs: 0 });
  expect(again).not.toHaveProperty('belowSinceMs');
  expect(after(auto, [0, 4], [1, 3], [9, 4], [10, 0], [19.999, 0])).toBeDefined();
  expect(after(auto, [0, 4], [1, 3], [9, 4], [10, 0], [20, 0])).toBeUndefined();
});

test('a clock that is set back begins the wait again and never waits longer than that', () => {
  const back = after(auto, [1_000, 4], [1_001, 0], [1, 0]);
  expect(back).toMatchObject({ belowSinceMs: minuteMs });
  expect(after(auto, [1_000, 4], [1_001, 0], [1, 0], [11, 0])).toBeUndefined();
});

test('one for a person stays until a person comes', () => {
  expect(after(byPerson, [0, 4], [1, 0], [100_000, 0])).toBeDefined();
});

test('released by a person: it stays off while the trouble lasts, and comes on again with the next', () => {
  for (const rule of [auto, byPerson]) {
    const on = after(rule, [0, 4]);
    if (on === undefined) throw new Error('not on');
    const released: BrakeState = { ...on, released: { atMs: 1, by: 'ann', reason: 'looked' } };
    expect(isBraked(groupOf(4, released))).toBe(false);
    const still = stepBrake(groupOf(6, released), rule, undefined, minuteMs);
    expect(still, 'even when it grows').toEqual(released);
    expect(stepBrake(groupOf(3, released), rule, undefined, minuteMs)).toBeUndefined();
    expect(isBraked(groupOf(4, after(rule, [2, 4])))).toBe(true);
  }
});

test('a budget that is spent brakes as well, and is released like any other', () => {
  const budget = { runs: 20, perMs: 60 * minuteMs };
  expect(stepBrake(groupOf(0, undefined, 19), auto, budget, 5)).toBeUndefined();
  const on = stepBrake(groupOf(0, undefined, 20), auto, budget, 5);
  expect(on).toMatchObject({ cause: 'budget_spent', sinceMs: 5, unhealthy: 0 });
  expect(stepBrake(groupOf(4, undefined, 20), auto, budget, 5)).toMatchObject({ cause: 'mass_failure' });
  if (on === undefined) throw new Error('not on');
  const massive = { cause: 'mass_failure', sinceMs: 9, unhealthy: 4 };
  expect(stepBrake(groupOf(4, on, 20), auto, budget, 9), 'other trouble').toMatchObject(massive);
  const released: BrakeState = { ...on, released: { atMs: 6, by: 'ann', reason: 'more is wanted' } };
  expect(isBraked(groupOf(0, stepBrake(groupOf(0, released, 20), auto, budget, 7)))).toBe(false);
  expect(isBraked(groupOf(4, stepBrake(groupOf(4, released, 20), auto, budget, 9)))).toBe(true);
  const below = stepBrake(groupOf(0, on, 19), auto, budget, minuteMs);
  expect(below).toMatchObject({ belowSinceMs: minuteMs });
  expect(stepBrake(groupOf(0, below, 19), auto, budget, 11 * minuteMs)).toBeUndefined();
});

test('the time of release is known once it is below, and never when it takes a person', () => {
  const below = after(auto, [0, 4], [1, 3]);
  if (below === undefined) throw new Error('not on');
  expect(brakeReleasesAtMs(below, auto)).toBe(11 * minuteMs);
  expect(brakeReleasesAtMs(below, byPerson)).toBeUndefined();
  expect(brakeReleasesAtMs({ ...below, belowSinceMs: 7 }, auto)).toBe(10 * minuteMs + 7);
});
