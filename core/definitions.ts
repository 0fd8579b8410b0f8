/**
 * What config/ produces and everyone else reads: definitions that are checked, resolved and frozen. All
 * defaults are filled in; all references exist. Nothing here parses or reads files.
 */
import type { DaemonConfig } from './daemon-config.ts';
import type { Mode, Suppression } from './safety.ts';
import type { FactSource, InventorySource, Json } from './sources.ts';
import type { CheckState } from './types.ts';

export type { DaemonConfig, GitSource, HoldLimits, NotifyTarget, SshConfig } from './daemon-config.ts';

/** A value whose text and JSON form is `<secret>`; `reveal()` is called where it is used, nowhere else. */
export interface Secret {
  reveal(): string;
  toString(): string;
  toJSON(): string;
}

export interface Definitions {
  /** Content hash of everything that was read; changes when any definition does. */
  revision: string;
  daemon: DaemonConfig;
  hosts: ReadonlyMap<string, HostDefinition>;
  runbooks: readonly RunbookDefinition[];
  /** Runbook checks and ladders as they apply to each host, joined once. */
  byHost: ReadonlyMap<string, HostPlan>;
  /** From silences/*.yaml: silences and downtimes. */
  suppressions: readonly Suppression[];
  /** Where hosts come from beside the hosts files. */
  inventories: readonly InventorySource[];
  /** Programs that tell facts, beside what is built in. */
  facts: readonly FactSource[];
}

/** All that concerns one host. */
export interface HostPlan {
  host: HostDefinition;
  checks: readonly CheckDefinition[];
  ladders: readonly LadderDefinition[];
}

export interface HostDefinition {
  name: string;
  /** `openssh` is SSH by the ops box's own `ssh` program; `local` runs on the ops box itself. */
  transport: 'ssh' | 'openssh' | 'local';
  /** False: none of its checks share an exec. */
  batch: boolean;
  address: string;
  port: number;
  user: string;
  labels: Readonly<Record<string, string>>;
  /** What templates read as `vars`. */
  vars: Readonly<Record<string, Json>>;
  /** Where it comes from: `hosts` for the hosts files, otherwise the source in words. */
  origin: string;
  /** Name of another host to go through. */
  jump?: string;
  /** Zone of the coordinator's shards; a label for later, `default` when unset. */
  zone: string;
  /** Hosts on the way to this one, by name: with all of them down it is unreachable, not down. No circles. */
  parents: readonly string[];
}

export interface RunbookDefinition {
  /** Slug of the title: the first part of check and action ids. */
  id: string;
  title: string;
  enabled: boolean;
  hosts: readonly string[];
  /** Those of hosts that have none of their own among `variants`. */
  checks: readonly CheckDefinition[];
  ladders: readonly LadderDefinition[];
  /** Of a runbook with templates or conditions: what it is on each host. Hosts that are alike share one. */
  variants?: ReadonlyMap<string, Pick<HostPlan, 'checks' | 'ladders'>>;
  source: SourcePlace;
}

export interface SourcePlace {
  file: string;
  line: number;
  column: number;
}

/** Calendar schedules go through node-cron; intervals through the monotonic timer. */
export type Timing =
  | { kind: 'interval'; everyMs: number }
  | { kind: 'calendar'; cron: string; timezone: string };

export interface SudoDefinition {
  user: string;
}

export interface CheckDefinition {
  /** `<runbook>.<check>`, unique per host. */
  id: string;
  runbook: string;
  name: string;
  probe: ProbeDefinition;
  timing: Timing;
  /** Interval while the problem is soft. */
  retryEveryMs?: number;
  timeoutMs: number;
  maxAttempts: number;
  runOn: RunOn;
  sudo?: SudoDefinition;
  exitMap: Readonly<Record<number, CheckState>>;
  /** Check ids on the same host. */
  dependsOn: readonly string[];
  /** null: flap detection off. Percent; start at or above high, stop at or below low. */
  flapping: { low: number; high: number } | null;
  env: Readonly<Record<string, string>>;
  /** May share one exec with others of its host. Never with `sudo`. */
  batch: boolean;
  /** Why it cannot be asked on this host, a template being the reason: its state is UNKNOWN. */
  blocked?: string;
  source: SourcePlace;
}

export type RunOn = { kind: 'target' } | { kind: 'local' } | { kind: 'host'; host: string };

/** What a check asks. One member per file of checks/. */
export type ProbeDefinition =
  | { kind: 'command'; run: string }
  | { kind: 'plugin'; plugin: string; args: readonly string[]; file?: PluginFile }
  | { kind: 'systemd_unit'; unit: string }
  | { kind: 'tcp'; address?: string; port: number; warnMs?: number; critMs?: number }
  | {
      kind: 'http';
      url: string;
      method: 'GET' | 'HEAD';
      /** Accepted status codes; default 200..399. */
      status?: readonly number[];
      contains?: string;
      warnMs?: number;
      critMs?: number;
    }
  | { kind: 'disk'; path: string; warnPercent: number; critPercent: number }
  | { kind: 'process'; name: string; min: number; max?: number }
  | { kind: 'ping'; address?: string; count: number; warnMs?: number; critMs?: number; lossPercent: number }
  /** Never asked: others tell its results. Without one for `ttlMs` it takes `state`. */
  | { kind: 'passive'; ttlMs?: number; state: Exclude<CheckState, 'ok'> }
  | AlertProbe;

/** Never asked: a problem while an alert that fits fires for the host. */
export interface AlertProbe {
  kind: 'alert';
  /** Globs by label; all must hold. */
  match: Readonly<Record<string, string>>;
  /** Label that names the host; `host` or else `instance` without it. */
  hostLabel?: string;
  /** Without it the label `severity` says it. */
  state?: Exclude<CheckState, 'ok'>;
  /** How long one that tells no end fires without being told again. */
  resolveMs?: number;
}

/** An executable from the definitions' plugins/ directory, uploaded by content hash. */
export interface PluginFile {
  path: string;
  sha256: string;
  bytes: number;
}

/** One root action and its `after` chain, in order. Of `on: recovery` a single rung. */
export interface LadderDefinition {
  /** Id of the root action; of a recovery `<action id>.<check name>` when its runbook acts on several checks. */
  id: string;
  runbook: string;
  trigger: TriggerDefinition;
  rungs: readonly ActionDefinition[];
}

/** The check id that stands for the host's own trouble: `when: { host: down }`. */
export const hostCheck = 'host';

export interface TriggerDefinition {
  /** Check id, or `host`. */
  check: string;
  /** `recovery`: the end of a problem that a ladder of this runbook acted on. */
  on: 'problem' | 'recovery';
  states: readonly Exclude<CheckState, 'ok'>[];
  /** Consecutive non-OK results needed. */
  attempts: number;
  /** The problem must have lasted so long; 0 without `for`. */
  forMs: number;
  /** `times: N within: D`: non-OK results, consecutive or not. */
  times?: { count: number; withinMs: number };
}

export interface RunLimit {
  runs: number;
  perMs: number;
}

export interface ActionDefinition {
  /** `<runbook>.<action>` */
  id: string;
  runbook: string;
  name: string;
  effect: EffectDefinition;
  enabled: boolean;
  /** Never looser than the daemon's. */
  mode: Mode;
  /** How long a question to a person stays open. */
  approveWithinMs: number;
  timeoutMs: number;
  sudo?: SudoDefinition;
  runOn: RunOn;
  verify: { withinMs: number; staysOkMs: number };
  cooldownMs: number;
  maxRuns: RunLimit;
  guard?: GuardDefinition;
  /** What is gathered on the target just before it runs, and kept with the run. */
  evidence: { kind: 'none' } | { kind: 'standard' } | { kind: 'command'; run: string };
  /** Without evidence it does not run. */
  requireEvidence: boolean;
  /** The target must have been up so long; 0: no matter. */
  minUptimeMs: number;
  /** Look for a person at work on the target first. */
  humanIntent: boolean;
  /** So many healed episodes on one host in the window make the trouble chronic; null: never. */
  chronic: RunLimit | null;
  /** When this action loses trust; null: never. */
  demote: DemotionRule | null;
  env: Readonly<Record<string, string>>;
  /** Why it cannot act on this host: a template of it, or of a rung before it, cannot be rendered. */
  blocked?: string;
  source: SourcePlace;
}

export interface GuardDefinition {
  /** Label whose value makes the group; the whole fleet when absent. */
  per?: string;
  /** Open repairs in the group, this one included. */
  maxConcurrent?: number;
  /** Of the group's hosts, so many percent must be healthy and left alone; rounded up. */
  minHealthyPercent?: number;
}

export interface DemotionRule {
  /** Failures in a row, over all hosts. */
  failures: number;
  /** Recurrences within 24 h of a verified run, over all hosts, in the last 24 h. */
  recurrences: number;
}

/** A command before or after a reboot. The environment has MENDD_HOST, MENDD_ADDRESS and MENDD_RUN. */
export interface HookDefinition {
  run: string;
  runOn: { kind: 'target' | 'local' };
  timeoutMs: number;
}

/** What an action does. One member per file of actions/. */
export type EffectDefinition =
  | { kind: 'command'; run: string }
  | { kind: 'systemd_restart'; unit: string }
  | {
      kind: 'reboot';
      backWithinMs: number;
      command: string;
      drain?: HookDefinition;
      undrain?: HookDefinition;
    }
  | { kind: 'webhook'; url: Secret; method: 'POST' | 'PUT' }
  | { kind: 'notify'; to: string };
