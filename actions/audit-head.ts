/**
 * Owns one sending of the audit chain's head to a place outside this box, so that whoever rewrites the whole chain is
 * found out. It keeps nothing and never tries twice.
 */
import type { Secret } from '../core/definitions.ts';
import { sendWebhook, type WebhookOutcome } from './webhook.ts';

export interface AuditHead {
  seq: number;
  hash: string;
  /** Wall time of the sending. */
  atMs: number;
  member: string;
}

/** Never rejects. `timeoutMs`: default 10 s. */
export function sendAuditHead(url: Secret, head: AuditHead, timeoutMs = 10_000): Promise<WebhookOutcome> {
  const { seq, hash, atMs, member } = head;
  return sendWebhook({
    url,
    method: 'POST',
    body: { seq, hash, atMs, member },
    timeoutMs,
    idempotencyKey: `audit~${member}~${seq}~${hash}`,
  });
}
