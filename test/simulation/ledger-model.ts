/** What a ledger and a history must hold, as told by what they acknowledged: a second book, kept apart from both. */
import type { Slots, Store, StoreChange } from '../../core/ports.ts';
import type { Approval, BrakeState } from '../../core/safety.ts';
import { type Intent, isOpen, type Pause, type Run, type RunStatus } from '../../core/types.ts';

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
  pause: Pause | undefined;
  readonly checks = new Map<string, string>();
  readonly hosts = new Map<string, string>();
  /** Acknowledged by the store, over all lives. */
  transitions = 0;
  decisions = 0;

  claimed(intent: Intent, slots: Slots): void {
    const groups = slots.groups.map(({ key }) => key);
    this.runs.set(intent.id, { intent, status: 'intended', groups, dispatched: false });
  }

  moved(run: Pick<Run, 'id' | 'status'>): void {
    const known = this.runs.get(run.id);
    if (known !== undefined) known.status = run.status;
  }

  saved(change: StoreChange): void {
    const { host, check, checkStatus, hostStatus } = change;
    if (checkStatus !== undefined) this.checks.set(`${host}\n${check ?? ''}`, JSON.stringify(checkStatus));
    if (hostStatus !== undefined) this.hosts.set(host, JSON.stringify(hostStatus));
    this.transitions += change.transitions.length;
  }

  forgot({ hosts, checks }: Parameters<Store['forget']>[0]): void {
    for (const key of this.checks.keys()) if (!checks.has(key)) this.checks.delete(key);
    for (const host of this.hosts.keys()) if (!hosts.has(host)) this.hosts.delete(host);
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
