/** The numbers of the outbox. Reads nothing by itself. */
import type { MessageCounts, MessageTrouble } from '../core/message-port.ts';
import type { Scrape } from './scrape.ts';

export function readMessages(
  scrape: Scrape,
  counts: MessageCounts,
  { oldestWaitingAtMs }: MessageTrouble,
  nowMs: number,
): void {
  const messages = scrape.gauge(
    'mendd_messages',
    'Messages to people that are kept, by what became of them',
    ['status'],
  );
  for (const [status, value] of Object.entries(counts)) messages.set({ status }, Number(value));
  const ageMs = oldestWaitingAtMs === undefined ? 0 : Math.max(0, nowMs - oldestWaitingAtMs);
  scrape
    .gauge('mendd_message_oldest_waiting_seconds', 'Age of the oldest message that waits; 0 for none')
    .set(ageMs / 1000);
}
