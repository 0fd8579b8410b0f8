/**
 * Owns which actions lost trust: lowers it as core/outcomes.ts says, and lets only a person raise it. Kept in the ledger; what cannot
 * be written is lost all the same.
 */
import type { ActionDefinition } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import { judgeTrust } from '../core/outcomes.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import { actionOf } from '../core/runs.ts';
import { type Mode, type TrustCap, tightest } from '../core/safety.ts';
import type { Run } from '../core/types.ts';
import type { DemotedView } from '../core/views.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import type { Recorder } from './recorder.ts';
import { tagOf } from './tags.ts';

export interface TrustOptions {
  clock: Clock;
  coordinator: Coordinator;
  history: History;
  recorder: Recorder;
  caps: Map<string, TrustCap>;
  fleet: Fleet;
  onDemoted: (cap: TrustCap) => void;
}

export class Trust {
  readonly #options: TrustOptions;
  /** Actions of which the ledger does not know yet that they lost trust. */
  readonly #unwritten = new Set<string>();

  constructor(options: TrustOptions) {
    this.#options = options;
  }

  demoted(): DemotedView[] {
    return [...this.#options.caps.values()]
      .filter(({ mode }) => mode !== 'auto')
      .map((cap) => ({ ...cap, tag: tagOf(cap.action, cap.mode, cap.sinceMs, cap.reason) }));
  }

  /** A run ended: does its action still deserve its mode? */
  judge(run: Run): void {
    const { clock, history, recorder, fleet, caps, onDemoted } = this.#options;
    const plan = fleet.plan(run.host);
    const action = plan && actionOf(run, plan)?.action;
    if (action?.demote == null) return;
    const runs = [...fleet.states().values()]
      .flatMap((state) => state.runs)
      .filter((each) => each.ladder === run.ladder)
      .toSorted((a, b) => a.decidedAtMs - b.decidedAtMs);
    const nowMs = clock.nowMs();
    const cap = caps.get(action.id);
    const demotion = judgeTrust(
      action.id,
      this.#modeOf(action),
      action.demote,
      runs,
      // A clock that was set back must not put off for how long failures do not count.
      Math.min(cap?.sinceMs ?? 0, nowMs),
      nowMs,
    );
    if (demotion === undefined) return;
    const next: TrustCap = { action: action.id, sinceMs: nowMs, by: 'rule', ...demotion };
    // In force before it is written: a ledger that fails must not let the action go on as before.
    caps.set(action.id, next);
    const { mode, reason } = next;
    const body = { action: action.id, mode, reason };
    history.add('action.demoted', { data: body });
    recorder.record({ kind: 'decision', actor: 'rule', event: 'action.demoted', body });
    onDemoted(next);
    this.#write(action.id);
  }

  /** From time to time: what the ledger did not take. */
  turn(): void {
    for (const action of this.#unwritten) this.#write(action);
  }

  /** Undefined when it was not demoted. Errors: MenddError. */
  promote(action: string, by: string, reason: string): Mode | undefined {
    const { clock, coordinator, history, caps } = this.#options;
    const cap = caps.get(action);
    if (cap === undefined || cap.mode === 'auto') return undefined;
    const next: TrustCap = { action, mode: 'auto', sinceMs: clock.nowMs(), by: `person:${by}`, reason };
    coordinator.saveTrust(next);
    this.#unwritten.delete(action);
    caps.set(action, next);
    history.add('action.promoted', { data: { action, by, reason } });
    return 'auto';
  }

  #modeOf(action: ActionDefinition): Mode {
    return tightest(action.mode, this.#options.caps.get(action.id)?.mode ?? 'auto');
  }
  /** Tried again until the ledger takes it, or the next start would trust the action as before. */
  #write(action: string): void {
    const { coordinator, history, caps } = this.#options;
    const cap = caps.get(action);
    if (cap === undefined) return;
    try {
      coordinator.saveTrust(cap);
      this.#unwritten.delete(action);
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      this.#unwritten.add(action);
      history.failed(error);
    }
  }
}
