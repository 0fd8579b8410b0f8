/** What the daemon file says about repairs: limits, brake, self-doubt, signs of people. Resolved by config/; data only. */
import type { RunLimit, Secret } from './definitions.ts';
import type { Mode } from './safety.ts';

export interface RemediationConfig {
  mode: Mode;
  maxRuns: RunLimit;
  maxConcurrent: number;
  /** Repairs on any one host. */
  maxRunsPerHost: RunLimit;
  /** Limits on each group of hosts that share a label's value. */
  groups: readonly GroupLimit[];
  /** null: off. */
  brake: BrakeRule | null;
  selfDoubt: SelfDoubtRule;
  humanIntent: HumanIntentRule;
  /** Notify target used when a ladder without a notify rung gives up, and for what concerns the daemon as a whole. */
  page?: string;
  /** Gets the head of the audit chain. */
  auditWebhook?: Secret;
}

export interface GroupLimit {
  label: string;
  maxRuns?: RunLimit;
  maxConcurrent?: number;
}

/** Holds for the fleet, and for each group of `label` when given. */
export interface BrakeRule {
  unhealthyAbovePercent: number;
  /** Fewer unhealthy hosts than this never brake, or small fleets could not be healed. */
  minUnhealthy: number;
  label?: string;
  release: { kind: 'auto'; afterMs: number } | { kind: 'person' };
}

export interface SelfDoubtRule {
  /** A wait of the event loop longer than this. */
  stallMs: number;
  /** `host:port`, asked by TCP; all of them down means that we are cut off. */
  canaries: readonly { host: string; port: number }[];
  /** The default route and its interface must be up. */
  gateway: boolean;
  /** Names that must resolve; all failing means that DNS is down. */
  dns: readonly string[];
  /** Between two looks. */
  everyMs: number;
  /** Share of all hosts that changed to unhealthy within `changedWithinMs`, from `changedMin` hosts on. */
  changedAbovePercent: number;
  changedWithinMs: number;
  changedMin: number;
}

export interface HumanIntentRule {
  /** Beside /run/mendd/hold. */
  lockFiles: readonly string[];
  /** A login so young holds actions; absent: logins do not matter. */
  loginWithinMs?: number;
}
