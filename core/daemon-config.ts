/** What config/ makes of the daemon file: checked, resolved and frozen, with all defaults filled in. */
import type { Secret } from './definitions.ts';
import type { MessagesConfig, MessageWords, QuietRule } from './messages-config.ts';
import type { RegistrationConfig } from './outside-port.ts';
import type { RemediationConfig } from './remediation-config.ts';

export interface DaemonConfig {
  /** Directory the definitions were read from. */
  definitionsPath: string;
  /** The repository they come from; absent when they are a directory that somebody else keeps. */
  git?: GitSource;
  /** What a reload may drop without a person's word. */
  hold: HoldLimits;
  store: { path: string; keepResultsMs: number; keepHistoryMs: number; keepRollupsMs: number };
  ssh: SshConfig;
  api: ApiConfig;
  scheduler: { maxConcurrent: number; maxPerHost: number; queueLimit: number };
  remediation: RemediationConfig;
  /** Absent: no host may register itself. */
  registration?: RegistrationConfig;
  /** What mendd itself asks hosts about themselves. */
  facts: { enabled: boolean; everyMs: number; timeoutMs: number };
  notify: ReadonlyMap<string, NotifyTarget>;
  /** Absent: `remediation.page` alone. */
  messages?: MessagesConfig;
  /** An outside watchdog that is told while mendd works. */
  heartbeat?: HeartbeatConfig;
  log: { level: 'debug' | 'info' | 'warn' | 'error' };
}

export interface ApiConfig {
  /** Absent: no port, only the socket. */
  listen?: { host: string; port: number };
  /** A socket in the file system. */
  socket?: string;
  tls?: TlsFiles;
  /** As people reach it; no slash at its end. */
  publicUrl?: string;
  /** What strangers may see at /status and as badges; absent: nothing. */
  statusPage?: StatusPageConfig;
}

export interface StatusPageConfig {
  title: string;
  /** Label whose values are the groups; each runbook is one without it. */
  groupBy?: string;
  /** Only hosts with all of them. */
  labels: Readonly<Record<string, string>>;
  /** Hosts are named, and have badges. */
  names: boolean;
}

/** Paths of PEM files; the certificate with those between it and its root. */
export interface TlsFiles {
  certificate: string;
  key: string;
}

export interface HeartbeatConfig {
  url: Secret;
  everyMs: number;
  timeoutMs: number;
}

/** A git repository with definitions. */
export interface GitSource {
  /** https, ssh, git or file; holds no secret. */
  url: string;
  branch: string;
  /** Directory in the repository; empty: its top. */
  path: string;
  everyMs: number;
  /** Private key, for ssh. */
  key?: Secret;
  /** Access token, for https. */
  token?: Secret;
  /** Host keys, for ssh. */
  knownHosts: string;
  /** Of each command. */
  timeoutMs: number;
  /** Commits without a signature of one of these are refused: a file as ssh-keygen(1) reads it. */
  allowedSigners?: string;
  /** Where the mirror and the checkouts are kept. */
  directory: string;
}

/** A reload that drops more than this share is held, if it is at least two. 0..100. */
export interface HoldLimits {
  hostsPercent: number;
  /** Of each check on each host. */
  checksPercent: number;
  /** Hold a commit that does not follow upon the one that runs: its history was rewritten. */
  rewritten: boolean;
}

export interface SshConfig {
  /** Of hosts that choose none: our own client, or the ops box's `ssh` program. */
  transport: 'ssh' | 'openssh';
  user: string;
  /** Private key text; absent when only an agent is used. */
  identity?: Secret;
  /** Used for actions when present. */
  actionIdentity?: Secret;
  passphrase?: Secret;
  /** Certificates that go with the keys, for `openssh`: paths, read at each login. */
  certificates?: readonly string[];
  /** An ssh_config that `openssh` reads; none when absent. */
  clientConfig?: string;
  agent: boolean;
  knownHosts: string;
  hostKeys: 'strict' | 'accept_new';
  jump?: string;
  connectTimeoutMs: number;
  maxConnections: number;
  connectRatePerSec: number;
  maxSessionsPerHost: number;
  pluginDirs: readonly string[];
  /** Where targets keep the guard's records; the guard's own choice when absent. */
  guardDirectory?: string;
}

/** How bad what a message tells is. */
export type Severity = 'critical' | 'error' | 'warning' | 'info';

/** Where messages go, and in which words when not in the built-in ones. */
export type NotifyTarget = NotifyReceiver & {
  words?: MessageWords;
  /** Beside those of the route. */
  quiet?: readonly QuietRule[];
};

type NotifyReceiver =
  | {
      kind: 'webhook';
      name: string;
      url: Secret;
      /** `mendd`: our own JSON; `alertmanager`: what its webhook receiver sends, version 4. */
      format: 'mendd' | 'alertmanager';
      /** Signs each request when present. */
      secret?: Secret;
      /** False: refuse addresses that do not belong to the public internet. */
      allowPrivate: boolean;
    }
  | { kind: 'slack'; name: string; url: Secret }
  | {
      kind: 'ntfy';
      name: string;
      /** Of the server. */
      url: Secret;
      topic: string;
      token?: Secret;
      /** 1 (least) to 5. */
      priority: Readonly<Record<Severity, number>>;
    }
  | { kind: 'pagerduty'; name: string; url: Secret; routingKey: Secret }
  /** A program of the ops box. */
  | { kind: 'exec'; name: string; path: string; args: readonly string[]; timeoutMs: number }
  | {
      kind: 'smtp';
      name: string;
      host: string;
      port: number;
      secure: boolean;
      user?: string;
      password?: Secret;
      from: string;
      to: readonly string[];
    };
