/** Each gate for itself: when it stops, what it tells, where its edges are; and that none of them is dead. */
import { expect, test } from 'vitest';
import { type GateVerdict, gateNames, type Reason, reasons } from '../../core/decisions.ts';
import { askGates, stopsPerson } from '../../core/gates.ts';
import { concludeGates } from '../../core/remediation.ts';
import { limitCases } from './gate-cases-limits.ts';
import { peopleCases } from './gate-cases-people.ts';
import { permissionCases } from './gate-cases-permission.ts';
import { transportCases } from './gate-cases-transport.ts';
import { troubleCases } from './gate-cases-trouble.ts';
import { contextFor, type GateCase } from './gate-world.ts';

const cases = [...permissionCases, ...transportCases, ...troubleCases, ...peopleCases, ...limitCases];

function verdictOf({ gate, reason, values, opens, opensAtMs }: GateCase): Partial<GateVerdict> {
  return {
    gate,
    passed: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
    ...(values === undefined ? {} : { values }),
    ...(opens === undefined ? {} : { opens }),
    ...(opensAtMs === undefined ? {} : { opensAtMs }),
  };
}

test.each(cases.map((each) => [`${each.gate}: ${each.given}`, each] as const))('%s', (_name, each) => {
  const verdicts = askGates(contextFor(each.change));
  expect(verdicts.map(({ gate }) => gate)).toEqual(gateNames);
  const stopping = verdicts.filter(({ passed }) => !passed).map(({ gate, reason }) => `${gate} ${reason}`);
  expect(stopping).toEqual(each.reason === undefined ? [] : [`${each.gate} ${each.reason}`]);
  const verdict = verdicts.find(({ gate }) => gate === each.gate);
  expect(verdict).toMatchObject(verdictOf(each));
  expect(Object.hasOwn(verdict ?? {}, 'opensAtMs')).toBe(each.opensAtMs !== undefined);
  if (each.values !== undefined) expect(verdict?.values).toEqual(each.values);
});

test('every gate can be the only one that stops, and every reason of a gate is given by one', () => {
  const stopping = cases.filter(({ reason }) => reason !== undefined);
  expect(gateNames.filter((gate) => !stopping.some((each) => each.gate === gate))).toEqual([]);
  const told = new Set<Reason | undefined>(stopping.map(({ reason }) => reason));
  // What no gate says: that it acts, and that nothing is left to do.
  expect(reasons.filter((reason) => !told.has(reason))).toEqual(['act', 'gave_up']);
});

test('a gate that stops always says why and what would open it', () => {
  for (const each of cases) {
    for (const { passed, reason, opens, gate } of askGates(contextFor(each.change))) {
      expect(passed, gate).toBe(reason === undefined);
      if (!passed) expect(opens, gate).toMatch(/\S/);
    }
  }
});

test('of several gates that stop the first in order is the reason; the mode is told only when nothing else stops', () => {
  const stopping = cases.filter(({ reason }) => reason !== undefined && reason !== 'facts_pending');
  for (const first of stopping) {
    for (const second of stopping) {
      const verdicts = askGates(
        contextFor((world) => {
          second.change(world);
          first.change(world);
        }),
      );
      const closed = verdicts.filter(({ passed }) => !passed);
      const held = closed.find(({ gate }) => gate !== 'mode');
      const { verdict, reason } = concludeGates(verdicts);
      if (held !== undefined) expect({ verdict, reason }).toEqual({ verdict: 'held', reason: held.reason });
      else if (closed.length > 0)
        expect({ verdict, reason }).toEqual({ verdict: 'would_act', reason: closed[0]?.reason });
      else expect({ verdict, reason }).toEqual({ verdict: 'act', reason: 'act' });
    }
  }
});

test('a person may pass over what is judgement, and nothing else', () => {
  const binding = cases.filter(
    (each) => each.reason !== undefined && askGates(contextFor(each.change)).some(stopsPerson),
  );
  expect([...new Set(binding.map(({ gate }) => gate))]).toEqual([
    'pause',
    'store',
    'rearm',
    'enabled',
    'transport',
    'group_lock',
    'host_busy',
    'group_budget',
    'fleet_budget',
  ]);
});

test('the target is asked for facts only when all else is open; what stops only the acting does not count', () => {
  for (const each of cases.filter(({ reason }) => reason !== undefined)) {
    const verdicts = askGates(
      contextFor((world) => {
        each.change(world);
        world.facts = {};
      }),
    );
    const asks = verdicts.some(({ reason }) => reason === 'facts_pending');
    const others = verdicts.filter(({ passed, reason }) => !passed && reason !== 'facts_pending');
    if (asks) for (const { gate } of others) expect(['mode', 'approval']).toContain(gate);
    else expect(others.length, each.given).toBeGreaterThan(0);
  }
});
