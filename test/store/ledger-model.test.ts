import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClaimVerdict, Coordinator, RunsLimit, Slots } from '../../core/ports.ts';
import type { RunStatus } from '../../core/types.ts';
import {
  approvalOf,
  brakeOf,
  closeStores,
  intentOf,
  openForTest,
  startMs,
  storePath,
} from './support/samples.ts';

interface ModelRun {
  id: string;
  host: string;
  action: string;
  groups: string[];
  status: RunStatus;
  atMs: number;
  sent: boolean;
  repairs: boolean;
}

type Refusal = Extract<ClaimVerdict, { kind: 'refused' }>['reason'];

/** Written from the contract's words alone, to disagree with the SQL where either is wrong. */
class Model {
  runs: ModelRun[] = [];
  paused = false;
  quarantined = false;
  /** Scope -> whether a person released it. */
  brakes = new Map<string, boolean>();
  /** Run id -> tag and status of its question. */
  approvals = new Map<string, { tag: string; status: string }>();

  claim(run: ModelRun, slots: Slots): ClaimVerdict {
    const reason = this.#refusal(run, slots);
    if (reason !== undefined) return { kind: 'refused', reason };
    this.runs.push(run);
    return { kind: 'claimed' };
  }

  #refusal(run: ModelRun, slots: Slots): Refusal | undefined {
    if (this.runs.some((other) => other.id === run.id)) return 'duplicate';
    if (!run.repairs) return undefined;
    if (this.quarantined) return 'not_rearmed';
    if (this.paused) return 'paused';
    const repairs = this.runs.filter((other) => other.repairs);
    const open = repairs.filter((other) => holding.has(other.status));
    const groups = slots.groups.map((limit) => ({
      limit,
      open: open.filter((other) => other.groups.includes(limit.key)),
      all: repairs.filter((other) => other.groups.includes(limit.key)),
    }));
    if (open.some((other) => other.host === run.host)) return 'host_busy';
    if (groups.some((group) => group.open.length + 1 > (group.limit.concurrent ?? 1000))) return 'group_busy';
    if (open.length + 1 > slots.fleetConcurrent) return 'fleet_busy';
    if (slots.brakes.some((scope) => this.brakes.get(scope) === false)) return 'brake_on';
    const ofAction = this.runs.filter((other) => other.host === run.host && other.action === run.action);
    if (exceeds(ofAction, slots.action)) return 'max_runs_reached';
    const ofHost = repairs.filter((other) => other.host === run.host);
    if (exceeds(ofHost, slots.host)) return 'host_budget_spent';
    if (groups.some(({ all, limit }) => limit.runs !== undefined && exceeds(all, limit.runs)))
      return 'group_budget_spent';
    if (exceeds(repairs, slots.fleet)) return 'fleet_budget_spent';
    const asked = this.approvals.get(run.id);
    if (slots.approvalTag === undefined) return undefined;
    return asked?.status === 'approved' && asked.tag === slots.approvalTag ? undefined : 'not_approved';
  }
}

function exceeds(runs: ModelRun[], { runs: limit, sinceMs }: RunsLimit): boolean {
  const spent = (run: ModelRun): boolean =>
    run.status === 'cancelled' ? run.sent : run.status !== 'refused' && run.status !== 'expired';
  return runs.filter((run) => spent(run) && run.atMs > sinceMs).length + 1 > limit;
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

const statuses: RunStatus[] = [...holding, ...final];
const scopes = ['fleet', 'role=web', 'rack=1'];
const tags = ['t-1', 't-2'];

/** Small numbers, so that limits are met. Those of a window are seldom all narrow, or nothing but one would ever be met. */
const limit = fc.record({ runs: fc.constantFrom(1, 1, 2, 3, 9, 9), spanMs: fc.nat(60) });
const wideLimit = fc.record({ runs: fc.constantFrom(1, 4, 9, 9), spanMs: fc.nat(60) });
const claimStep = fc.record({
  kind: fc.constant('claim' as const),
  name: fc.nat(23),
  host: fc.nat(3),
  action: fc.nat(2),
  repairs: fc.integer({ min: 0, max: 3 }).map((number) => number > 0),
  concurrent: fc.constantFrom(1, 2, 4, 9, 9, 9),
  ofAction: wideLimit,
  ofHost: fc.oneof(limit, wideLimit),
  ofFleet: fc.oneof(limit, wideLimit),
  groups: fc.array(
    fc.record({
      key: fc.constantFrom(...scopes),
      concurrent: fc.constantFrom(null, 1, 2, 9),
      runs: fc.option(limit, { freq: 3 }),
    }),
    { maxLength: 2 },
  ),
  brakes: fc.subarray(scopes, { maxLength: 2 }),
  tag: fc.constantFrom(null, null, null, ...tags),
});
const moveStep = fc.oneof(
  fc.record({ kind: fc.constant('dispatch' as const), pick: fc.nat(20) }),
  fc.record({
    kind: fc.constant('advance' as const),
    pick: fc.nat(20),
    to: fc.constantFrom(...statuses),
  }),
);
const restraintStep = fc.oneof(
  fc.record({
    kind: fc.constant('pause' as const),
    on: fc.integer({ min: 0, max: 3 }).map((one) => one === 0),
  }),
  fc.record({
    kind: fc.constant('quarantine' as const),
    on: fc.integer({ min: 0, max: 3 }).map((one) => one === 0),
  }),
  fc.record({
    kind: fc.constant('brake' as const),
    scope: fc.constantFrom(...scopes),
    to: fc.constantFrom('on' as const, 'released' as const, 'off' as const),
  }),
  fc.record({ kind: fc.constant('ask' as const), name: fc.nat(23), tag: fc.constantFrom(...tags) }),
  fc.record({
    kind: fc.constant('answer' as const),
    name: fc.nat(23),
    to: fc.constantFrom('approved' as const, 'approved' as const, 'rejected' as const, 'lapsed' as const),
  }),
  fc.record({ kind: fc.constant('reopen' as const) }),
);
const step = fc.oneof(
  { weight: 6, arbitrary: claimStep },
  { weight: 7, arbitrary: moveStep },
  { weight: 5, arbitrary: restraintStep },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type StepOf<K extends Step['kind']> = Extract<Step, { kind: K }>;

function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof Error && /cannot (move|be dispatched)/.test(error.message)) return false;
    throw error;
  }
}

function slotsFor(given: StepOf<'claim'>, nowMs: number): Slots {
  const limitOf = ({ runs, spanMs }: { runs: number; spanMs: number }): RunsLimit => ({
    runs,
    sinceMs: nowMs - spanMs,
  });
  return {
    fleetConcurrent: given.concurrent,
    action: limitOf(given.ofAction),
    host: limitOf(given.ofHost),
    fleet: limitOf(given.ofFleet),
    groups: given.groups.map(({ key, concurrent, runs }) => ({
      key,
      ...(concurrent === null ? {} : { concurrent }),
      ...(runs === null ? {} : { runs: limitOf(runs) }),
    })),
    brakes: given.brakes,
    ...(given.tag === null ? {} : { approvalTag: given.tag }),
    repairs: given.repairs,
  };
}

function claim(given: StepOf<'claim'>, nowMs: number, model: Model, coordinator: Coordinator): string {
  const { name, repairs } = given;
  const [id, host, action] = [`run-${name}`, `host-${given.host}`, `book.action-${given.action}`];
  const slots = slotsFor(given, nowMs);
  const kind = repairs ? 'command' : 'notify';
  const intent = intentOf(coordinator.fence, { id, host, action, kind, decidedAtMs: nowMs });
  const groups = slots.groups.map(({ key }) => key);
  const run: ModelRun = { id, host, action, groups, status: 'intended', atMs: nowMs, sent: false, repairs };
  const verdict = coordinator.claim(intent, slots);
  expect(verdict).toEqual(model.claim(run, slots));
  return verdict.kind === 'claimed' ? 'claimed' : verdict.reason;
}

function restrain(
  given: Exclude<Step, StepOf<'claim' | 'dispatch' | 'advance' | 'reopen'>>,
  nowMs: number,
  model: Model,
  coordinator: Coordinator,
): void {
  if (given.kind === 'pause') {
    model.paused = given.on;
    if (given.on) coordinator.pause({ sinceMs: nowMs, by: 'kim', reason: 'test' });
    else coordinator.resume();
  } else if (given.kind === 'quarantine') {
    if (given.on) coordinator.setQuarantine({ cause: 'restored', sinceMs: nowMs, text: 'test' });
    else expect(coordinator.rearm()).toBe(model.quarantined);
    model.quarantined = given.on;
  } else if (given.kind === 'brake') {
    const { scope, to } = given;
    const released = { atMs: nowMs, by: 'person:kim', reason: 'test' };
    if (to === 'off') coordinator.clearBrake(scope);
    else coordinator.saveBrake(brakeOf({ scope, ...(to === 'released' ? { released } : {}) }));
    if (to === 'off') model.brakes.delete(scope);
    else model.brakes.set(scope, to === 'released');
  } else if (given.kind === 'ask') {
    const id = `run-${given.name}`;
    expect(coordinator.askApproval(approvalOf({ id, tag: given.tag }))).toBe(!model.approvals.has(id));
    if (!model.approvals.has(id)) model.approvals.set(id, { tag: given.tag, status: 'waiting' });
  } else {
    const asked = model.approvals.get(`run-${given.name}`);
    const may = asked?.status === 'waiting' || (asked?.status === 'approved' && given.to === 'lapsed');
    const change = { status: given.to, atMs: nowMs, by: 'person:kim' };
    expect(coordinator.settleApproval(`run-${given.name}`, change) !== undefined).toBe(may);
    if (asked !== undefined && may) asked.status = given.to;
  }
}

function move(
  given: StepOf<'dispatch' | 'advance'>,
  nowMs: number,
  model: Model,
  coordinator: Coordinator,
): void {
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
  const verdicts = new Map<string, number>();
  const sequences = fc.array(step, { minLength: 40, maxLength: 90, size: 'max' });
  const run = (steps: Step[]): void => {
    const path = storePath();
    const model = new Model();
    let stores = openForTest(path);
    for (const [index, given] of steps.entries()) {
      const nowMs = startMs + index;
      const { coordinator } = stores;
      if (given.kind === 'reopen') {
        closeStores(stores);
        stores = openForTest(path);
      } else if (given.kind === 'claim') {
        const verdict = claim(given, nowMs, model, coordinator);
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      } else if (given.kind === 'dispatch' || given.kind === 'advance')
        move(given, nowMs, model, coordinator);
      else restrain(given, nowMs, model, coordinator);
      const open = model.runs.filter(({ status }) => holding.has(status));
      expect(stores.coordinator.open().map(({ id }) => id)).toEqual(open.map(({ id }) => id));
      const hosts = open.filter(({ repairs }) => repairs).map(({ host }) => host);
      expect(new Set(hosts).size).toBe(hosts.length);
    }
    const { coordinator } = stores;
    const kept = coordinator.summaries(0).map(({ id, status }) => ({ id, status }));
    expect(kept).toEqual(model.runs.map(({ id, status }) => ({ id, status })));
    const audited = coordinator.auditEntries({ limit: 500 }).items.map(({ body }) => body['run']);
    const decided = model.runs.filter(({ repairs }) => repairs).map(({ id }) => id);
    expect(audited.toReversed()).toEqual(decided);
    expect(coordinator.verifyAudit()).toMatchObject({ ok: true, entries: decided.length });
    expect(coordinator.quarantine() !== undefined).toBe(model.quarantined);
    closeStores(stores);
  };
  fc.assert(fc.property(sequences, run), { numRuns: 60 });
  // A property that meets few of the thirteen answers says little; seldom more than one of them is not met.
  expect(verdicts.size).toBeGreaterThan(9);
});
