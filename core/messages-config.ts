/** What the daemon file says about messages: who is told of what, when, in which words. Resolved by config/; data only. */
import type { Severity } from './daemon-config.ts';

export interface MessagesConfig {
  /** In order: the first that matches decides, unless it says to go on. */
  routes: readonly MessageRoute[];
  digest?: DigestRule;
}

export interface MessageRoute {
  name: string;
  match: RouteMatch;
  /** Names of notify targets. */
  to: readonly string[];
  /** The routes behind it are looked at as well. */
  continues: boolean;
  group?: GroupRule;
  /** Of critical problems that nobody acknowledged. */
  repeat?: { everyMs: number; times: number };
  quiet: readonly QuietRule[];
  /** A problem that lasts so long is told although repairs are under way. */
  pageAfterMs?: number;
  words?: MessageWords;
}

/** An empty list or map narrows nothing. */
export interface RouteMatch {
  /** Names and globs; `!` leaves out. */
  hosts: readonly string[];
  labels: Readonly<Record<string, string>>;
  /** Ids and globs. */
  runbooks: readonly string[];
  severities: readonly Severity[];
}

export interface GroupRule {
  /** `label:NAME`, `host`, `runbook` or `check`; of an empty list all problems of the route are one group. */
  by: readonly string[];
  /** From the first problem to the first message. */
  waitMs: number;
  /** Between two messages of one group. */
  intervalMs: number;
}

/** Begins at each minute that the expression names. */
export interface QuietRule {
  cron: string;
  timezone: string;
  lastsMs: number;
  /** Told all the same. */
  pass: readonly Severity[];
}

/** Liquid templates in place of the built-in words; config/ has judged them. */
export interface MessageWords {
  subject?: string;
  text?: string;
}

export interface DigestRule {
  cron: string;
  timezone: string;
  to: readonly string[];
  /** Sent also when there is nothing to tell. */
  empty: boolean;
}
