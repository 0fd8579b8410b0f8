/** The part of the ledger that remembers messages and what they are about; core/ports.ts joins it into the `Coordinator`. */
import type { Conversation } from './conversation.ts';
import type { HistoryQuery, OutboxMessage, Page } from './ports.ts';

export type NewMessage = Omit<OutboxMessage, 'id' | 'attempts' | 'status' | 'lastError' | 'sentAtMs'>;

export interface MessageQuery
  extends Pick<HistoryQuery, 'cursor' | 'limit' | 'sinceMs' | 'untilMs' | 'host'> {
  status?: OutboxMessage['status'];
  target?: string;
  /** What their keys begin with. */
  keyPrefix?: string;
}

export interface MessageCounts {
  waiting: number;
  sent: number;
  dead: number;
}

/** What waits for delivery, and what will not be delivered. */
export interface MessageTrouble {
  waiting: number;
  /** Created at or after the time that was asked for. */
  dead: number;
  /** Wall time at which the oldest waiting message was queued. */
  oldestWaitingAtMs?: number;
}

/** Each change is durable when the method returns. Errors: MenddError. */
export interface MessageBook {
  /** Open ones, and those that ended later than that wall time; in the order they began. */
  conversations(endedAfterMs: number): readonly Conversation[];
  /** One transaction: the conversations as they are now, and the messages that led to it. */
  converse(conversations: readonly Conversation[], messages?: readonly NewMessage[]): void;
  /** Newest first. */
  messages(query: MessageQuery): Page<OutboxMessage>;
  message(id: number): OutboxMessage | undefined;
  /** A dead, dismissed or waiting message is due at once, as if it were new; false when it is none of these. */
  retryMessage(id: number, atMs: number): boolean;
  /** A dead message is counted among the dead no more; false when it is not dead. */
  dismissMessage(id: number): boolean;
  /** All dead ones up to that id, of one target or of all; returns how many. */
  dismissMessages(upToId: number, target?: string): number;
  /** How many `dismissMessages` would let rest. */
  deadMessages(upToId: number, target?: string): number;
  /** Reads every row's status. */
  messageCounts(): MessageCounts;
  messageTrouble(deadSinceMs: number): MessageTrouble;
  /** Ladders with a problem message outside of conversations whose recovery was not queued. */
  unrecoveredLadders(): { host: string; ladder: string }[];
}
