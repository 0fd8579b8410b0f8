/** Exports the head of the audit chain, so that a chain that is cut or rewritten later can be told from the one that was. */
import { sendAuditHead } from '../actions/audit-head.ts';
import type { Secret } from '../core/definitions.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { Log } from './log.ts';

export interface AuditExportOptions {
  clock: Clock;
  coordinator: Coordinator;
  log: Log;
  webhook: () => Secret | undefined;
}

export class AuditExport {
  readonly #options: AuditExportOptions;
  #exportedSeq = 0;
  #sending = false;

  constructor(options: AuditExportOptions) {
    this.#options = options;
  }

  /** When something was recorded since: to the log, and to `remediation.audit_webhook`. Errors: MenddError. */
  turn(): void {
    const { clock, coordinator, log, webhook } = this.#options;
    const head = coordinator.auditHead();
    if (head === undefined || head.seq === this.#exportedSeq || this.#sending) return;
    this.#exportedSeq = head.seq;
    log.info({ auditSeq: head.seq, auditHash: head.hash }, 'audit: head');
    const url = webhook();
    if (url === undefined) return;
    this.#sending = true;
    const body = { ...head, atMs: clock.nowMs(), member: coordinator.member };
    void sendAuditHead(url, body).then((sent) => {
      this.#sending = false;
      if (!sent.ok) {
        // The next turn sends the head as it is then.
        this.#exportedSeq = 0;
        log.warn({ error: sent.error }, 'audit: the webhook did not take the head');
      }
    });
  }
}
