/** What people see of notify targets, and may ask of them. No secret is in it. */
import type { NotifyTarget } from './daemon-config.ts';
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

export interface NotifyPort {
  /** By name. */
  targets(): NotifyTargetView[];
  /** Sends one message at once, past the outbox: it is never repeated. 404 when there is no such target, 409 while one is under way. */
  test(name: string, by: string): Promise<NotifyTest | Rejected>;
}
