/**
 * What must hold at every moment of a simulation. Judges by a book of its own and by the truth of the world; of the daemon it
 * believes only what it shows. The first breach is kept and not thrown: it must not look like a failure of the daemon's own.
 */
import { isDeepStrictEqual } from 'node:util';
import { allowedUnhealthy } from '../../core/brake.ts';
import { fleetKey, groupKeyOf, isUnhealthy } from '../../core/census.ts';
import { type Decision, reasons } from '../../core/decisions.ts';
import type { ActionDefinition, HostPlan, RunLimit } from '../../core/definitions.ts';
import type { ClaimVerdict, Slots } from '../../core/ports.ts';
import { actionOf } from '../../core/runs.ts';
import { type Approval, type BrakeState, type Mode, tightest } from '../../core/safety.ts';
import { type Intent, isOpen, type Pause, type Run } from '../../core/types.ts';
import type { Life } from './daemon-life.ts';
import type { KnownRun, LedgerModel } from './ledger-model.ts';
import type { SimulatedClock } from './simulated-clock.ts';
import { checkEveryMs } from './simulated-definitions.ts';
import { opsBox, type World } from './world.ts';

/** After so long a round counts as complete, whoever did not answer. Milliseconds. */
const roundWithinMs = 2 * checkEveryMs + 60_000;

export class Invariants {
  breach: Error | undefined;
  /** Runs that a person closed or that were given up while their command may still run. */
  readonly executed = new Map<string, number>();
  commands = 0;
  readonly #sent = new Set<string>();
  readonly #asked = new Map<string, number>();
  readonly #clock: SimulatedClock;
  readonly #model: LedgerModel;
  readonly #world: () => World;
  #upsetAtMs = 0;

  constructor(clock: SimulatedClock, model: LedgerModel, world: () => World) {
    this.#clock = clock;
    this.#model = model;
    this.#world = world;
  }

  /** The ops box cannot trust what it saw until now: it began, slept, stalled, or its clock was set. */
  upset(): void {
    this.#upsetAtMs = this.#clock.monotonicMs;
    this.#asked.clear();
  }

  /** A check began then, on the monotonic clock, and came to an end. */
  asked(host: string, beganAtMs: number): void {
    if (beganAtMs >= this.#upsetAtMs) this.#asked.set(host, beganAtMs);
  }

  #must(holds: boolean, sentence: () => string): void {
    if (!holds) this.breach ??= new Error(sentence());
  }

  decided(decision: Decision): void {
    this.#model.decisions += 1;
    const isKnown = reasons.includes(decision.reason);
    const hasGates = decision.gates.length > 0 || decision.verdict === 'gave_up';
    this.#must(isKnown && hasGates, () => `a decision without reason or gates: ${JSON.stringify(decision)}`);
  }

  recorded(life: Life, name: string, args: readonly unknown[], result: unknown): void {
    const model = this.#model;
    const [first, second] = args;
    switch (name) {
      case 'claim':
        if ((result as ClaimVerdict).kind === 'claimed')
          this.#claimed(life, first as Intent, second as Slots);
        return;
      case 'dispatched':
        return this.#dispatched(life, first as string);
      case 'advance':
        return model.moved(result as Run);
      case 'askApproval':
        if (result === true) model.approvals.set((first as Approval).id, first as Approval);
        return;
      case 'settleApproval':
        if (result !== undefined) model.approvals.set(first as string, result as Approval);
        return;
      case 'saveBrake':
        return void model.brakes.set((first as BrakeState).scope, first as BrakeState);
      case 'clearBrake':
        return void model.brakes.delete(first as string);
      case 'pause':
        model.pause = first as Pause;
        return;
      case 'resume':
        model.pause = undefined;
    }
  }

  /** At the moment of claim: one run on the host, every lock, every budget, brakes, pause. */
  #claimed(life: Life, intent: Intent, slots: Slots): void {
    const { open, spending } = this.#model;
    this.#must(!this.#model.runs.has(intent.id), () => `${intent.id} was claimed twice`);
    this.#model.claimed(intent, slots);
    if (intent.kind === 'notify') return;
    const others = open.filter((run) => run.intent.host === intent.host);
    this.#must(others.length === 0, () => `${intent.id} was claimed beside ${idsOf(others)}`);
    const { definitions } = life.healing.fleet;
    const plan = definitions.byHost.get(intent.host);
    const found = plan && actionOf(intent, plan);
    this.#must(found !== undefined, () => `${intent.id} was claimed without a definition`);
    if (plan === undefined || found === undefined) return;
    this.#locks(life, intent, plan, found.action, open);
    this.#budgets(life, intent, plan, found.action, spending);
    this.#must(!this.#isPaused(), () => `${intent.id} was claimed while paused`);
    if (intent.decidedBy !== 'rule') return;
    for (const { scope, released } of this.#model.brakes.values()) {
      const isWatched = life.healing.fleet.definitions.daemon.remediation.brake !== null;
      const concerns = isWatched && this.#brakeScopes(life, plan).includes(scope);
      this.#must(
        !concerns || released !== undefined,
        () => `${intent.id} was claimed with the brake of ${scope} on`,
      );
    }
  }

  #locks(
    life: Life,
    intent: Intent,
    plan: HostPlan,
    { guard }: ActionDefinition,
    open: readonly KnownRun[],
  ): void {
    const { maxConcurrent, groups } = life.healing.fleet.definitions.daemon.remediation;
    const limits = [
      { label: undefined, maxConcurrent },
      ...groups,
      ...(guard === undefined ? [] : [{ label: guard.per, maxConcurrent: guard.maxConcurrent }]),
    ];
    for (const { label, maxConcurrent: limit = Infinity } of limits) {
      const inside = this.#inGroup(life, plan, label, open);
      this.#must(
        inside.length < limit,
        () => `${intent.id} is one more than ${limit} in ${label ?? fleetKey}: ${idsOf(inside)}`,
      );
    }
  }

  #inGroup(life: Life, plan: HostPlan, label: string | undefined, runs: readonly KnownRun[]): KnownRun[] {
    const key = groupKeyOf(plan, label);
    if (label === undefined || key === undefined) return key === undefined ? [] : [...runs];
    const { byHost } = life.healing.fleet.definitions;
    return runs.filter(({ intent }) => {
      const other = byHost.get(intent.host);
      return other !== undefined && groupKeyOf(other, label) === key;
    });
  }

  #budgets(
    life: Life,
    intent: Intent,
    plan: HostPlan,
    action: ActionDefinition,
    spending: readonly KnownRun[],
  ): void {
    const { maxRuns, maxRunsPerHost, groups } = life.healing.fleet.definitions.daemon.remediation;
    const nowMs = this.#clock.wallMs;
    const within = (what: string, limit: RunLimit | undefined, runs: readonly KnownRun[]): void => {
      const used = runs.filter((run) => run.intent.decidedAtMs > nowMs - (limit?.perMs ?? 0));
      this.#must(
        limit === undefined || used.length < limit.runs,
        () => `${intent.id} is one more than ${limit?.runs ?? 0} runs of ${what}: ${idsOf(used)}`,
      );
    };
    within(fleetKey, maxRuns, spending);
    for (const { label, maxRuns: limit } of groups)
      within(label, limit, this.#inGroup(life, plan, label, spending));
    if (intent.decidedBy !== 'rule') return;
    const onHost = spending.filter((run) => run.intent.host === intent.host);
    within(intent.host, maxRunsPerHost, onHost);
    within(
      intent.action,
      action.maxRuns,
      onHost.filter((run) => run.intent.action === intent.action),
    );
  }

  #isPaused(): boolean {
    const { pause } = this.#model;
    return pause !== undefined && (pause.untilMs === undefined || this.#clock.wallMs < pause.untilMs);
  }

  #modeOf({ healing: { fleet, trust } }: Life, action: ActionDefinition): Mode {
    const cap = trust.demoted().find((each) => each.action === action.id);
    return tightest(fleet.mode, action.mode, cap?.mode ?? 'auto');
  }

  #brakeScopes(life: Life, plan: HostPlan): string[] {
    const label = life.healing.fleet.definitions.daemon.remediation.brake?.label;
    const own = label === undefined ? undefined : groupKeyOf(plan, label);
    return [fleetKey, ...(own === undefined ? [] : [own])];
  }

  /** At the last moment before the first byte leaves: everything that may have changed since the decision. */
  #dispatched(life: Life, runId: string): void {
    const known = this.#model.runs.get(runId);
    this.#must(
      known?.status === 'intended',
      () => `${runId} was dispatched as ${known?.status ?? 'nothing'}`,
    );
    if (known === undefined) return;
    known.status = 'dispatched';
    known.dispatched = true;
    const { intent } = known;
    if (intent.kind === 'notify') return;
    const { fleet, selfDoubt, brakes } = life.healing;
    const plan = fleet.plan(intent.host);
    const found = plan && actionOf(intent, plan);
    this.#must(found !== undefined, () => `${runId} was sent without a definition`);
    this.#must(fleet.quarantine === undefined, () => `${runId} was sent in quarantine`);
    this.#must(!this.#isPaused(), () => `${runId} was sent while paused`);
    if (intent.decidedBy !== 'rule' || plan === undefined || found === undefined) return;
    const mode = this.#modeOf(life, found.action);
    this.#must(mode === 'auto' || mode === 'approve', () => `${runId} was sent in mode ${mode}`);
    const { status } = this.#model.approvals.get(intent.id) ?? {};
    this.#must(
      mode === 'auto' || status === 'approved',
      () => `${runId} was sent and is ${status ?? 'not asked'}`,
    );
    const { doubt } = selfDoubt;
    this.#must(doubt === undefined, () => `${runId} was sent in doubt: ${doubt?.cause ?? ''}`);
    for (const { scope, on } of brakes.views())
      this.#must(
        !on || !this.#brakeScopes(life, plan).includes(scope),
        () => `${runId} was sent with a brake on: ${scope}`,
      );
    this.#massFailure(life, runId, plan);
    this.#quorum(life, runId, plan, found.action);
    const isLocal = found.action.runOn.kind === 'local';
    const state = fleet.state(intent.host)?.host.state;
    this.#must(isLocal || state !== 'unreachable', () => `${runId} was sent to an unreachable host`);
    this.#freshRound(runId, fleet.definitions.byHost.keys());
  }

  /** The brake's own arithmetic, over what the daemon knows of each host. */
  #massFailure({ healing: { fleet } }: Life, runId: string, plan: HostPlan): void {
    const { brake: rule } = fleet.definitions.daemon.remediation;
    if (rule === null) return;
    const keys = [undefined, ...(rule.label === undefined ? [] : [rule.label])];
    for (const label of keys) {
      const key = groupKeyOf(plan, label);
      const members = [...fleet.definitions.byHost.values()].filter(
        (each) => groupKeyOf(each, label) === key,
      );
      if (key === undefined) continue;
      const sick = members.filter((each) => {
        const state = fleet.state(each.host.name);
        return state !== undefined && isUnhealthy(each, state);
      });
      const isReleased = this.#model.brakes.get(key)?.released !== undefined;
      const allowed = allowedUnhealthy(rule, members.length);
      this.#must(
        isReleased || sick.length <= allowed,
        () => `${runId} was sent with ${sick.length} of ${members.length} sick in ${key}, ${allowed} allowed`,
      );
    }
  }

  #quorum({ healing: { fleet } }: Life, runId: string, plan: HostPlan, { guard }: ActionDefinition): void {
    if (guard?.minHealthyPercent === undefined) return;
    const key = groupKeyOf(plan, guard.per);
    const members = [...fleet.definitions.byHost.values()].filter(
      (each) => groupKeyOf(each, guard.per) === key,
    );
    const left = members.filter((each) => {
      const state = fleet.state(each.host.name);
      if (each === plan || state === undefined) return false;
      const isTouched = this.#model.open.some(({ intent }) => intent.host === each.host.name);
      return !isTouched && !isUnhealthy(each, state);
    });
    const needed = Math.ceil((guard.minHealthyPercent * members.length) / 100);
    this.#must(
      left.length >= needed,
      () => `${runId} was sent with ${left.length} healthy in ${key ?? ''}, ${needed} needed`,
    );
  }

  /** Nothing acts on what was seen before the ops box was upset. */
  #freshRound(runId: string, hosts: Iterable<string>): void {
    if (this.#clock.monotonicMs - this.#upsetAtMs >= roundWithinMs) return;
    const missing = [...hosts].filter((host) => !this.#asked.has(host));
    this.#must(missing.length === 0, () => `${runId} was sent before ${missing.join(' ')} were asked again`);
  }

  /** Bytes leave for a machine: the intent is durable and says so. */
  sent(life: Life, intent: Intent, machine: string): void {
    const id = baseOf(intent.id);
    const run = life.coordinator.get(id);
    const isWritten = run !== undefined && run.status !== 'intended';
    this.#must(isWritten, () => `${intent.id} left without a durable intent: ${run?.status ?? 'none'}`);
    // Hooks may be sent again: their guard refuses what it has seen.
    const isHook = id !== intent.id;
    this.#must(isHook || !this.#sent.has(intent.id), () => `${intent.id} was sent twice to ${machine}`);
    this.#sent.add(intent.id);
    const isDeaf = this.#world().cutOff && machine !== opsBox;
    this.#must(!isDeaf, () => `${intent.id} left a box that is cut off`);
  }

  /** A machine begins to run a command. */
  runs(machine: string, intent: Intent): void {
    this.commands += 1;
    const count = (this.executed.get(intent.id) ?? 0) + 1;
    this.executed.set(intent.id, count);
    this.#must(count === 1, () => `${intent.id} ran ${count} times on ${machine}`);
    this.#must(this.#sent.has(intent.id), () => `${intent.id} runs on ${machine} and was never sent`);
  }

  /** The next life knows what the last one was told is durable. */
  restarted(life: Life): void {
    const { fleet } = life.healing;
    const model = this.#model;
    for (const [host, state] of fleet.states()) {
      const stored = model.hosts.get(host);
      this.#must(
        stored === undefined || isDeepStrictEqual(state.host, JSON.parse(stored)),
        () => `after the restart ${host} is ${JSON.stringify(state.host)} and was ${stored ?? ''}`,
      );
      for (const [check, status] of Object.entries(state.checks)) {
        const known = model.checks.get(`${host}\n${check}`);
        this.#must(
          known === undefined || isDeepStrictEqual(JSON.parse(JSON.stringify(status)), JSON.parse(known)),
          () => `after the restart ${host} ${check} is ${JSON.stringify(status)} and was ${known ?? ''}`,
        );
      }
    }
    this.ledgerAgrees(life);
    for (const [id, { status }] of model.approvals) {
      const now = life.coordinator.approval(id)?.status;
      this.#must(now === status, () => `approval ${id} is ${now ?? 'gone'} and was ${status}`);
    }
    const scopes = life.coordinator.brakes().map(({ scope }) => scope);
    const wanted = [...model.brakes.keys()];
    this.#must(
      isDeepStrictEqual(scopes.toSorted(), wanted.toSorted()),
      () => `after the restart the brakes are ${scopes.join(' ')} and were ${wanted.join(' ')}`,
    );
    this.transitionsAgree(life);
  }

  ledgerAgrees({ coordinator, healing: { fleet } }: Life): void {
    for (const [id, { status, intent }] of this.#model.runs) {
      const stored = coordinator.get(id)?.status;
      this.#must(stored === status, () => `run ${id} is ${stored ?? 'gone'} in the ledger and was ${status}`);
      const inMemory = fleet.state(intent.host)?.runs.find((run) => run.id === id);
      const isOld = intent.decidedAtMs <= this.#clock.wallMs - fleet.memoryMs();
      const isForgotten = inMemory === undefined && (isOld || fleet.state(intent.host) === undefined);
      const isExpected = inMemory?.status === status || isForgotten;
      this.#must(
        isExpected,
        () => `run ${id} is ${inMemory?.status ?? 'unknown'} to the fleet and was ${status}`,
      );
    }
  }

  transitionsAgree({ store }: Life): void {
    let [stored, cursor]: [number, string | undefined] = [0, undefined];
    do {
      const page = store.transitions({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });
      stored += page.items.length;
      cursor = page.next;
    } while (cursor !== undefined);
    const { transitions } = this.#model;
    this.#must(
      stored === transitions,
      () => `${stored} transitions are stored, ${transitions} were acknowledged`,
    );
  }

  /** After long calm: everything that was sent is judged, and every transition was told. */
  settled(life: Life, isReachable: (host: string) => boolean): void {
    const open = this.#model.open.filter(({ intent }) => isReachable(intent.host));
    this.#must(
      open.length === 0,
      () =>
        `still open after the calm: ${open.map(({ intent, status }) => `${intent.id} ${status}`).join(', ')}`,
    );
    const { emitted, acknowledged } = life;
    this.#must(
      emitted === acknowledged,
      () => `${emitted} transitions were concluded, ${acknowledged} stored`,
    );
    for (const [id, { status, dispatched, intent }] of this.#model.runs)
      this.#must(
        !dispatched || !isOpen({ status }) || !isReachable(intent.host),
        () => `${id} was sent and is ${status}`,
      );
    const audit = life.coordinator.verifyAudit();
    this.#must(audit.ok, () => `the audit chain is broken: ${JSON.stringify(audit)}`);
    this.ledgerAgrees(life);
    this.transitionsAgree(life);
  }
}

function idsOf(runs: readonly KnownRun[]): string {
  return runs.map(({ intent, status }) => `${intent.id} (${status})`).join(', ');
}

/** Hooks of a reboot are sent under its run. */
function baseOf(id: string): string {
  return id.replace(/~(?:un)?drain$/, '');
}
