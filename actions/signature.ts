/** Owns the signature by which a receiver knows that a request is ours, is whole and is new. Pure. */
import { createHmac } from 'node:crypto';
import type { Secret } from '../core/definitions.ts';

/**
 * `mendd-signature: t=<seconds>,v1=<hex>`: HMAC-SHA256 with the secret over `<seconds>.<body>`, the time being that of this
 * attempt. A receiver computes it over the bytes that came, compares in constant time, and refuses what is older than minutes.
 */
export function signatureHeaders(secret: Secret, body: string, nowMs: number): Record<string, string> {
  const seconds = Math.floor(nowMs / 1000);
  const sum = createHmac('sha256', secret.reveal()).update(`${seconds}.${body}`).digest('hex');
  return { 'mendd-signature': `t=${seconds},v1=${sum}` };
}
