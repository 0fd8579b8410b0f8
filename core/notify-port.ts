/** What people see of notify targets, and may ask of them. No secret is in it. */
import type { NotifyTarget, Severity } from './daemon-config.ts';
import type { MessageCounts, MessageQuery, MessageTrouble } from './message-port.ts';
import type { RouteVerdict } from './message-routes.ts';
import type { OutboxMessage, Page } from './ports.ts';
import type { Rejected } from './views.ts';

export interface NotifyTargetView {
  name: string;
  kind: NotifyTarget['kind'];
  /** Where messages go, as far as that is no secret: mail addresses, a program. */
  to?: string;
}

/** What became of one test message. */
export interface NotifyTest {
  target: string;
  kind: NotifyTarget['kind'];
  ok: boolean;
  /** Why it was not taken. */
  error?: string;
  /** What went wrong although somebody got it. */
  note?: string;
  /** The receiver's own words, on one line, without our secrets. */
  answer?: string;
  /** From the start of the attempt to its end. */
  tookMs: number;
}

/** One message, without its text. */
export interface MessageView {
  /** A number. */
  id: string;
  key: string;
  target: string;
  kind: OutboxMessage['kind'];
  host: string;
  ladder: string;
  subject: string;
  status: 'waiting' | 'sent' | 'dead' | 'dismissed';
  createdAtMs: number;
  attempts: number;
  /** Of one that waits. */
  nextAttemptAtMs?: number;
  sentAtMs?: number;
  /** Why the newest attempt failed. */
  lastError?: string;
}

/** Who would be told of a problem, and why. */
export interface RouteAnswer {
  host: string;
  check: string;
  severity: Severity;
  /** In mode observe: nobody is told of problems. */
  observing?: true;
  ladders: {
    ladder: string;
    runbook: string;
    /** No action waits for it: routes tell of it at once, and nobody else. */
    unwatched?: true;
    /** What its own `notify` action names: the routes do not matter then. */
    own?: string;
    routes: RouteVerdict[];
    targets: RoutedTarget[];
    /** Present conversations about it. */
    told: { target: string; route: string; sinceMs?: number; hold?: string }[];
  }[];
}

export interface RoutedTarget {
  target: string;
  /** Absent for `remediation.page` and targets that are named by themselves. */
  route?: string;
  /** In quiet hours that this severity does not pass: their end. */
  quietEndsAtMs?: number;
  /** Of its group, before the first message. */
  waitMs?: number;
  pageAfterMs?: number;
}

export interface NotifyPort {
  /** Newest first. */
  messages(query: Omit<MessageQuery, 'status'> & { status?: MessageView['status'] }): Page<MessageView>;
  /** Sends a dead, dismissed or waiting message now. 404 when there is none, 409 when it was sent. */
  retry(id: string, by: string, isDry?: boolean): MessageView | Rejected;
  /** Lets a dead message rest; one that rests already stays as it is. 404 when there is none, 409 when it is not dead. */
  dismiss(id: string, by: string, isDry?: boolean): MessageView | Rejected;
  /** All dead ones up to that id: what died after a person looked stays. Returns how many. */
  dismissUpTo(id: string, target: string | undefined, by: string, isDry?: boolean): number;
  counts(): MessageCounts;
  trouble(): MessageTrouble;
  /** As the check stands, or as it would be. 404 when there is no such check. */
  route(host: string, check: string, severity?: Severity): RouteAnswer | Rejected;
  /** By name. */
  targets(): NotifyTargetView[];
  /** Sends one message at once, past the outbox: it is never repeated. 404 when there is no such target, 409 while one is under way. */
  test(name: string, by: string, isDry?: boolean): Promise<NotifyTest | Rejected>;
}
