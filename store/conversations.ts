/** Owns what targets are told of problems that belong together, beside the messages that tell it. Decides nothing. */
import type { Conversation } from '../core/conversation.ts';
import type { MessageBook, NewMessage } from '../core/message-port.ts';
import type { Connection } from './connection.ts';
import { type Documents, documentTable, withoutEnd } from './documents.ts';

export type Conversations = Pick<MessageBook, 'conversations' | 'converse'> &
  Pick<Documents<Conversation>, 'verify' | 'prune'>;

export function conversationTable(
  db: Connection,
  file: string,
  enqueue: (message: NewMessage) => boolean,
): Conversations {
  const documents = documentTable<Conversation>(db, file, {
    table: 'conversations',
    idOf: ({ id }) => id,
    untilMs: ({ endedMs }) => endedMs ?? withoutEnd,
  });
  const converse = db.transaction(
    (conversations: readonly Conversation[], messages: readonly NewMessage[]) => {
      for (const each of conversations) documents.put(each);
      for (const each of messages) enqueue(each);
    },
  );
  return {
    conversations: documents.lastingAfter,
    converse: (conversations, messages = []) => converse.immediate(conversations, messages),
    verify: documents.verify,
    prune: documents.prune,
  };
}
