import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOpen, type RunSummary } from '../../core/types.ts';
import { checkOf, ladderOf, page, planOf, reboot, restart } from '../support/definitions.ts';
import { SimulatedHost } from './simulated-host.ts';

const quick = { ...restart, cooldownMs: 30_000, maxRuns: { runs: 2, perMs: 600_000 } };
const second = {
  ...restart,
  id: 'app.flush',
  name: 'flush',
  maxRuns: { runs: 3, perMs: 900_000 },
  cooldownMs: 0,
};
const plan = planOf(
  [checkOf('running', { flapping: null }), checkOf('backlog', { maxAttempts: 1 })],
  [ladderOf([quick, reboot, page]), ladderOf([second], { check: 'app.backlog', attempts: 1 })],
);

const states = fc.constantFrom('ok', 'warning', 'critical', 'unknown' as const);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('result' as const),
      state: states,
      check: fc.constantFrom('app.running', 'app.backlog'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      to: fc.constantFrom(
        'dispatched',
        'verifying',
        'failed',
        'done',
        'cancelled',
        'refused',
        'unknown' as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(1_000, 10_000, 60_000, 400_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'cut' as const, 'tick' as const) }),
  },
);

/** Only the moves the daemon can make. */
function mayMove(run: RunSummary, to: string): boolean {
  const moves: Record<string, string[]> = {
    intended: ['dispatched', 'cancelled'],
    dispatched: run.kind === 'notify' ? ['done', 'failed'] : ['verifying', 'failed', 'refused', 'unknown'],
    unknown: ['verifying', 'failed', 'cancelled'],
    verifying: [],
  };
  return moves[run.status]?.includes(to) ?? false;
}

function checkInvariants(host: SimulatedHost): void {
  const runs = [...host.ledger.values()];
  const repairs = runs.filter((run) => run.kind !== 'notify');
  expect(repairs.filter(isOpen).length, 'open repairs on one host').toBeLessThanOrEqual(1);
  for (const action of [quick, second, reboot]) {
    const spent = repairs.filter(
      (run) => run.action === action.id && !['cancelled', 'refused'].includes(run.status),
    );
    for (const run of spent) {
      const inWindow = spent.filter(
        (other) =>
          other.decidedAtMs > run.decidedAtMs - action.maxRuns.perMs && other.decidedAtMs <= run.decidedAtMs,
      );
      expect(inWindow.length, `${action.id} in its window`).toBeLessThanOrEqual(action.maxRuns.runs);
    }
  }
  expect(new Set(runs.map((run) => run.id)).size).toBe(runs.length);
  for (const decision of host.decisions) expect(decision.reason).not.toBe('');
}

test('no sequence of results, outcomes and crashes makes runs overlap on a host or exceed a window', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const host = new SimulatedHost(plan);
      for (const each of steps) {
        host.pass(500);
        const seen = host.ledger.size;
        const open = host.openRun;
        if (each.do === 'result') host.result(each.state, each.check);
        else if (each.do === 'pass') host.pass(each.ms);
        else if (each.do === 'crash') host.crash();
        else if (each.do === 'cut') host.cutOff();
        else if (each.do === 'tick') host.apply({ kind: 'tick' });
        else if (each.do === 'move' && open !== undefined && mayMove(open, each.to)) host.move(each.to);
        if (each.do !== 'result') expect(host.ledger.size, 'only a result makes a run').toBe(seen);
        checkInvariants(host);
      }
    }),
    { numRuns: 500 },
  );
});

test('the state that is stored is the state that is loaded', () => {
  fc.assert(
    fc.property(fc.array(states, { maxLength: 40 }), (results) => {
      const host = new SimulatedHost(plan).results(...results);
      expect(JSON.parse(JSON.stringify(host.state))).toEqual(host.state);
    }),
    { numRuns: 100 },
  );
});
