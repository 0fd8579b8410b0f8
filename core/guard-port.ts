/**
 * The seam to the guard on the target: how an action is sent at most once, and how one looks up what became of it.
 */
import type { SudoDefinition } from './definitions.ts';
import type { Target } from './ports.ts';
import type { Intent, TransportFailure } from './types.ts';

/** What the guard on the target answered. */
export type GuardOutcome =
  | { kind: 'ran'; exitCode: number; stdout: string; stderr: string; truncated: boolean; durationMs: number }
  | { kind: 'timed_out'; limitMs: number; stdout: string; stderr: string }
  | {
      kind: 'refused';
      reason: 'duplicate' | 'busy' | 'too_late' | 'fenced' | 'boot_changed' | 'unit_changed' | 'unusable';
      message: string;
    }
  | { kind: 'not_sent'; reason: string }
  /** The far side may or may not have it: resolve by `inspect`, never by sending again. */
  | { kind: 'unknown'; failure: TransportFailure };

/** What the target says about an intent it may have received. */
export type GuardRecord =
  | { kind: 'absent'; bootId: string }
  | { kind: 'running'; bootId: string }
  | { kind: 'finished'; bootId: string; exitCode: number; stdout: string; stderr: string }
  /** It was started and has no exit: killed from outside, or the machine went down meanwhile. */
  | { kind: 'interrupted'; bootId: string }
  | { kind: 'unreachable'; failure: TransportFailure };

export interface GuardRequest {
  target: Target;
  intent: Intent;
  script: string;
  timeoutMs: number;
  sudo?: SudoDefinition;
  env?: Readonly<Record<string, string>>;
  beforeSend: () => string | undefined;
  signal?: AbortSignal;
}

/** Facts read just before an intent is written. */
export type TargetFacts =
  | {
      kind: 'facts';
      bootId: string;
      uptimeSec: number;
      invocationId?: string;
      /** The newest fence this host has seen; a ledger that never had it is an old copy, or not the only one. */
      fenceSeen?: number;
      /** What shows a person at work; empty: nothing. Asked for only with `HumanProbe`. */
      people?: readonly HumanSign[];
    }
  | { kind: 'unreachable'; failure: TransportFailure };

/** A trace of a person at work on the target. */
export interface HumanSign {
  kind:
    | 'unit_stopped'
    | 'unit_masked'
    | 'unit_job'
    | 'package_manager'
    | 'lock_file'
    | 'shutdown_scheduled'
    | 'login';
  /** E.g. the unit, the file, the user. One line, at most 200 characters. */
  text: string;
}

/** What to look for. */
export interface HumanProbe {
  /** Units the action or its check is about. */
  units: readonly string[];
  lockFiles: readonly string[];
  loginWithinMs?: number;
}

export interface FactsQuestion {
  /** Its InvocationID is wanted. */
  unit?: string;
  people?: HumanProbe;
  sudo?: SudoDefinition;
}

export interface TargetGuard {
  /** Runs an action under the per-host lock; a second send of one intent is refused by the target itself. */
  run(request: GuardRequest): Promise<GuardOutcome>;
  inspect(target: Target, intentId: string, sudo?: SudoDefinition): Promise<GuardRecord>;
  facts(target: Target, question?: FactsQuestion): Promise<TargetFacts>;
}
