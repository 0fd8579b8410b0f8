/** What a ledger must hold, as told by what it acknowledged: a second book, kept apart from it. */
import type { ClaimVerdict, Slots } from '../../core/ports.ts';
import type { Approval, BrakeState, TrustCap } from '../../core/safety.ts';
import { type Intent, isOpen, type Pause, type Run, type RunStatus } from '../../core/types.ts';
import type { Figures } from './figures.ts';

export interface KnownRun {
  intent: Intent;
  status: RunStatus;
  groups: readonly string[];
  dispatched: boolean;
}

export class LedgerModel {
  readonly runs = new Map<string, KnownRun>();
  readonly approvals = new Map<string, Approval>();
  readonly brakes = new Map<string, BrakeState>();
  readonly caps = new Map<string, TrustCap>();
  pause: Pause | undefined;
  readonly #figures: Figures;

  constructor(figures: Figures) {
    this.#figures = figures;
  }

  /** A call that writes came back. */
  recorded(name: string, args: readonly unknown[], result: unknown): void {
    const [first, second] = args;
    switch (name) {
      case 'claim': {
        const verdict = result as ClaimVerdict;
        const kind = verdict.kind === 'claimed' ? verdict.kind : `${verdict.kind} ${verdict.reason}`;
        this.#figures.count(`claims ${kind}`);
        if (verdict.kind === 'claimed') this.#claimed(first as Intent, second as Slots);
        return;
      }
      case 'dispatched':
        return this.#moved({ id: first as string, status: 'dispatched' });
      case 'advance':
        return this.#moved(result as Run);
      case 'askApproval':
        if (result === true) this.#approval(first as Approval);
        return;
      case 'settleApproval':
        if (result !== undefined) this.#approval(result as Approval);
        return;
      case 'saveBrake':
        return this.#brake(first as BrakeState);
      case 'clearBrake':
        return void this.brakes.delete(first as string);
      case 'saveTrust':
        return this.#cap(first as TrustCap);
      case 'pause':
        this.pause = first as Pause;
        return;
      case 'resume':
        this.pause = undefined;
    }
  }

  #claimed(intent: Intent, slots: Slots): void {
    const groups = slots.groups.map(({ key }) => key);
    this.runs.set(intent.id, { intent, status: 'intended', groups, dispatched: false });
  }

  #moved({ id, status }: Pick<Run, 'id' | 'status'>): void {
    const known = this.runs.get(id);
    if (known === undefined || known.status === status) return;
    known.status = status;
    if (status === 'dispatched') known.dispatched = true;
    if (known.intent.kind === 'reboot' && status === 'verifying') this.#figures.count('reboots completed');
    if (!isOpen({ status }) && known.intent.kind !== 'notify') this.#figures.count(`runs ${status}`);
  }

  #approval(approval: Approval): void {
    this.approvals.set(approval.id, approval);
    this.#figures.count(`approvals ${approval.status === 'waiting' ? 'asked' : approval.status}`);
  }

  #brake(brake: BrakeState): void {
    const { scope, cause, released } = brake;
    if (!this.brakes.has(scope)) this.#figures.count(`brakes ${cause}`);
    if (released !== undefined) this.#figures.count('brakes released by a person');
    this.brakes.set(scope, brake);
  }

  #cap(cap: TrustCap): void {
    this.caps.set(cap.action, cap);
    this.#figures.count(cap.by === 'rule' ? 'demotions' : 'promotions');
  }

  isPaused(nowMs: number): boolean {
    const { untilMs = Infinity } = this.pause ?? {};
    return this.pause !== undefined && nowMs < untilMs;
  }

  get repairs(): KnownRun[] {
    return [...this.runs.values()].filter(({ intent }) => intent.kind !== 'notify');
  }

  get open(): KnownRun[] {
    return this.repairs.filter(isOpen);
  }

  /** Runs that count against budgets: all but those that certainly did nothing. */
  get spending(): KnownRun[] {
    return this.repairs.filter(({ status, dispatched }) =>
      status === 'cancelled' ? dispatched : status !== 'refused' && status !== 'expired',
    );
  }
}
