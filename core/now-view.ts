/** What the page's one call tells: all that a person must know at 3 a.m., bounded whatever the size of the fleet. Plain data. */

import type { OutsideWaiting } from './outside-port.ts';
import type { Rollback } from './pinned-commit.ts';
import type { Approval, Doubt, Mode, Quarantine, Suppression } from './safety.ts';
import type { CheckStatus, Pause, Run } from './types.ts';
import type {
  BrakeView,
  CheckView,
  DemotedView,
  Explanation,
  Health,
  HeldReload,
  HostView,
  Stats,
} from './views.ts';

/** How a host looks as a whole, worst first: its worst fresh check, or that it cannot be asked, or that nothing fresh is known. */
export const fleetStates = [
  'critical',
  'unreachable',
  'unknown',
  'warning',
  'stale',
  'pending',
  'ok',
] as const;
export type FleetState = (typeof fleetStates)[number];

/** Most rows of each list; what is left out is counted, in the verdict or in the totals. */
export const nowLimits = {
  hosts: 500,
  needs: 100,
  runs: 50,
  checks: 50,
  flapping: 20,
  unreachable: 50,
  suppressions: 200,
} as const;

/** A message that waits longer for its delivery is one that people did not get. Milliseconds. */
export const undeliveredAfterMs = 900_000;

/** A question that waits, with the trouble it is about. */
export interface AskedApproval extends Approval {
  /** Absent when the trouble is gone. */
  trouble?: CheckStatus;
  /** What was tried before, newest first. */
  tried: Run[];
}

/** One trouble that waits for a person. */
export interface Need {
  explanation: Explanation;
  status: CheckStatus;
  /** Of this trouble, newest first. */
  runs: Run[];
  next: NextStep;
}

/** What happens by itself from here. */
export interface NextStep {
  /** Why it does not go on; a sentence without its full stop. */
  why: string;
  /** What would open it. */
  opens?: string;
  /** The action that would be next; absent when nothing more will be tried. */
  action?: string;
  /** Earliest wall time at which it could act by itself. */
  earliestMs?: number;
}

export interface HealingRun extends Run {
  check: string;
  /** What the check said last. */
  text?: string;
  /** Of the action, from when it was sent. Milliseconds. */
  timeoutMs?: number;
}

export interface HealedRun extends Run {
  check: string;
  /** From the start of the problem to the end of the run. Milliseconds. */
  downMs?: number;
}

/** A check that comes and goes; what would act on it is held. */
export interface FlappingCheck {
  host: string;
  check: string;
  /** Nagios's percent state change. */
  percent: number;
  /** Times an action was held for it in the last day. */
  held: number;
  /** There were more than those that were counted. */
  heldMore?: true;
}

export interface FleetHost {
  name: string;
  state: FleetState;
  /** Checks that are not OK. */
  problems?: number;
  /** A repair is under way. */
  healing?: true;
}

/** Shows that quiet is not blindness. */
export interface ProofOfLife {
  startedAtMs: number;
  hosts: number;
  checks: number;
  /** Started in the last one to two minutes, for each of them. */
  checksPerMin: number;
  /** From when a check was due to its start, over the last one to two minutes. */
  lateness: Stats['checkLateness'];
  lastResultAtMs?: number;
  /** When a check or a host last turned bad. */
  lastProblemAtMs?: number;
}

export interface NowView extends OutsideWaiting {
  atMs: number;
  verdict: {
    needYou: number;
    healing: number;
    problems: number;
    unreachable: number;
    stale: number;
    ok: number;
    sentence: string;
  };
  /** Of the daemon itself. */
  health: Health;
  alive: ProofOfLife;
  automation: {
    mode: Mode;
    paused?: Pause;
    /** Why the daemon does not trust its own eyes at present. */
    doubt?: Doubt;
    /** The ledger is not trusted until a person re-arms. */
    quarantine?: Quarantine;
    brakes: BrakeView[];
    /** Actions that lost trust. */
    demoted: DemotedView[];
    fleetRuns: { used: number; limit: number; perMs: number };
  };
  definitions: {
    revision: string;
    loadedAtMs: number;
    lastReloadOk: boolean;
    problems: string[];
    /** In force, when they come from git. */
    commit?: string;
    /** Waits for a person's word. */
    held?: HeldReload;
    rollback?: Rollback;
  };
  /** Questions that wait for an answer, the first of them; the verdict counts all. */
  approvals: AskedApproval[];
  /** The first of them, without those that a question is about; the verdict counts all. */
  needsYou: Need[];
  healing: HealingRun[];
  healed: HealedRun[];
  flapping: FlappingCheck[];
  worst: CheckView[];
  /** Hosts that cannot be asked, the first of them; those behind another are in `behind` of that one. */
  unreachable: (HostView & { behind: string[] })[];
  /** In force now. */
  suppressions: Suppression[];
  /** Of the lists that the verdict does not count. */
  totals: { healed: number; flapping: number; suppressions: number };
  /** What people should have been told and were not yet. `dead`: of the last seven days. */
  messages: { waiting: number; dead: number; oldestWaitingMs?: number };
  fleet: {
    /** Worst first, the first of them. */
    hosts: FleetHost[];
    /** Of all hosts. */
    counts: Readonly<Record<FleetState, number>>;
  };
}
