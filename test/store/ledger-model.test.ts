import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClaimVerdict, Coordinator, Slots } from '../../core/ports.ts';
import type { RunStatus } from '../../core/types.ts';
import { closeStores, intentOf, openForTest, startMs, storePath } from './support/samples.ts';

interface ModelRun {
  id: string;
  host: string;
  action: string;
  status: RunStatus;
  atMs: number;
  sent: boolean;
  repairs: boolean;
}

/** Written from the contract's words alone, to disagree with the SQL where either is wrong. */
class Model {
  runs: ModelRun[] = [];
  paused = false;

  claim(run: ModelRun, slots: Slots): ClaimVerdict {
    const reason = this.#refusal(run, slots);
    if (reason !== undefined) return { kind: 'refused', reason };
    this.runs.push(run);
    return { kind: 'claimed' };
  }

  #refusal(run: ModelRun, slots: Slots): Extract<ClaimVerdict, { kind: 'refused' }>['reason'] | undefined {
    if (this.runs.some((other) => other.id === run.id)) return 'duplicate';
    if (!run.repairs) return undefined;
    if (this.paused) return 'paused';
    const repairs = this.runs.filter((other) => other.repairs);
    const open = repairs.filter((other) => holding.has(other.status));
    if (open.some((other) => other.host === run.host)) return 'host_busy';
    if (open.length + 1 > slots.fleetConcurrent) return 'fleet_busy';
    const spent = (other: ModelRun): boolean =>
      other.status === 'cancelled' ? other.sent : other.status !== 'refused' && other.status !== 'expired';
    const own = this.runs.filter((other) => other.host === run.host && other.action === run.action);
    if (
      own.filter((other) => spent(other) && other.atMs > slots.action.sinceMs).length + 1 >
      slots.action.runs
    ) {
      return 'max_runs_reached';
    }
    const recent = repairs.filter((other) => spent(other) && other.atMs > slots.fleet.sinceMs);
    return recent.length + 1 > slots.fleet.runs ? 'fleet_budget_spent' : undefined;
  }
}

const holding = new Set<RunStatus>(['intended', 'dispatched', 'unknown', 'verifying']);
const final: RunStatus[] = [
  'verified',
  'not_verified',
  'inconclusive',
  'done',
  'failed',
  'cancelled',
  'refused',
  'expired',
];

function legal(run: ModelRun, to: RunStatus): boolean {
  if (run.status === to) return true;
  if (run.status === 'intended') return ['cancelled', 'refused', 'expired', 'failed'].includes(to);
  if (run.status === 'dispatched') return to === 'unknown' || to === 'verifying' || final.includes(to);
  if (run.status === 'unknown') return to === 'verifying' || final.includes(to);
  if (run.status === 'verifying') return final.includes(to) && to !== 'refused' && to !== 'expired';
  return false;
}

type Step =
  | {
      kind: 'claim';
      name: number;
      host: number;
      action: number;
      repairs: boolean;
      limit: number;
      windowMs: number;
    }
  | { kind: 'dispatch'; pick: number }
  | { kind: 'advance'; pick: number; to: RunStatus }
  | { kind: 'pause'; on: boolean }
  | { kind: 'reopen' };

const claimStep = fc.record({
  kind: fc.constant('claim' as const),
  name: fc.nat(11),
  host: fc.nat(2),
  action: fc.nat(1),
  repairs: fc.boolean(),
  limit: fc.integer({ min: 1, max: 4 }),
  windowMs: fc.nat(40),
});
const statuses: RunStatus[] = [...holding, ...final];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: claimStep },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('dispatch' as const), pick: fc.nat(20) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      pick: fc.nat(20),
      to: fc.constantFrom(...statuses),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof Error && /cannot (move|be dispatched)/.test(error.message)) return false;
    throw error;
  }
}

function take(
  given: Exclude<Step, { kind: 'reopen' }>,
  nowMs: number,
  model: Model,
  coordinator: Coordinator,
): void {
  if (given.kind === 'pause') {
    model.paused = given.on;
    if (given.on) coordinator.pause({ sinceMs: nowMs, by: 'kim', reason: 'test' });
    else coordinator.resume();
    return;
  }
  if (given.kind === 'claim') {
    const { name, repairs, limit, windowMs } = given;
    const [id, host, action] = [`run-${name}`, `host-${given.host}`, `book.action-${given.action}`];
    const window = { runs: limit, sinceMs: nowMs - windowMs };
    const slots: Slots = {
      fleetConcurrent: limit,
      action: window,
      fleet: { ...window, runs: limit + 1 },
      repairs,
    };
    const intent = intentOf(coordinator.fence, { id, host, action, decidedAtMs: nowMs });
    const run: ModelRun = { id, host, action, status: 'intended', atMs: nowMs, sent: false, repairs };
    expect(coordinator.claim(intent, slots)).toEqual(model.claim(run, slots));
    return;
  }
  const run = model.runs[given.pick % Math.max(1, model.runs.length)];
  if (run === undefined) return;
  if (given.kind === 'dispatch') {
    expect(succeeds(() => coordinator.dispatched(run.id, nowMs))).toBe(run.status === 'intended');
    if (run.status === 'intended') Object.assign(run, { status: 'dispatched', sent: true });
    return;
  }
  const moves = succeeds(() => coordinator.advance(run.id, { atMs: nowMs, status: given.to }));
  expect(moves).toBe(legal(run, given.to));
  if (moves) run.status = given.to;
}

test('claims and moves agree with a model, across restarts; no host ever has two open repairs', () => {
  const sequences = fc.array(step, { minLength: 10, maxLength: 60 });
  fc.assert(
    fc.property(sequences, (steps) => {
      const path = storePath();
      const model = new Model();
      let stores = openForTest(path);
      for (const [index, given] of steps.entries()) {
        const nowMs = startMs + index;
        if (given.kind === 'reopen') {
          closeStores(stores);
          stores = openForTest(path);
        } else {
          take(given, nowMs, model, stores.coordinator);
        }
        const open = model.runs.filter((run) => holding.has(run.status));
        expect(stores.coordinator.open().map((run) => run.id)).toEqual(open.map((run) => run.id));
        const hosts = open.filter((run) => run.repairs).map((run) => run.host);
        expect(new Set(hosts).size).toBe(hosts.length);
      }
      const kept = stores.coordinator.summaries(0).map(({ id, status }) => ({ id, status }));
      expect(kept).toEqual(model.runs.map(({ id, status }) => ({ id, status })));
      closeStores(stores);
    }),
    { numRuns: 60 },
  );
});
