/** Owns the questions to people whether a run may start, and their answers. Asks and judges nothing. */
import type { QuestionEnd, Restraints } from '../core/ledger-ports.ts';
import type { NewMessage } from '../core/message-port.ts';
import type { Approval } from '../core/safety.ts';
import type { Connection } from './connection.ts';
import { type Documents, documentTable, withoutEnd } from './documents.ts';
import type { Outbox } from './outbox.ts';
import { present } from './rows.ts';

type Change = Parameters<Restraints['settleApproval']>[1];

export type Approvals = Pick<
  Restraints,
  'approvals' | 'approval' | 'askApproval' | 'askAgain' | 'settleApproval'
> &
  Pick<Documents<Approval>, 'verify' | 'prune'> & {
    /** Whether a person approved exactly this. */
    isApproved: (id: string, tag: string) => boolean;
  };

export function approvalTable(
  db: Connection,
  file: string,
  { enqueue, withdraw }: Pick<Outbox, 'enqueue' | 'withdraw'>,
): Approvals {
  const documents = documentTable<Approval>(db, file, {
    table: 'approvals',
    idOf: ({ id }) => id,
    untilMs: ({ status, decidedAtMs }) => (status === 'waiting' ? withoutEnd : (decidedAtMs ?? withoutEnd)),
  });
  const ask = db.transaction((approval: Approval, messages: readonly NewMessage[]): boolean => {
    if (!documents.add(approval)) return false;
    for (const each of messages) enqueue(each);
    return true;
  });
  const settle = db.transaction((id: string, change: Change, end?: QuestionEnd): Approval | undefined => {
    const found = documents.get(id);
    if (found === undefined || !maySettle(found, change)) return undefined;
    const { status, atMs, by, answer, tag } = change;
    const settled = { ...found, status, decidedAtMs: atMs, decidedBy: by, ...present({ answer, tag }) };
    documents.put(settled);
    for (const message of end?.withdrawn ?? []) withdraw(message);
    for (const each of end?.messages ?? []) enqueue(each);
    return settled;
  });
  const again = db.transaction((approval: Approval, messages: readonly NewMessage[]): boolean => {
    const status = documents.get(approval.id)?.status;
    if (status !== 'waiting' && status !== 'approved') return false;
    documents.put(approval);
    for (const each of messages) enqueue(each);
    return true;
  });
  return {
    approvals: (sinceMs) => documents.lastingAfter(sinceMs - 1).toReversed(),
    approval: documents.get,
    askApproval: (approval, messages = []) => ask.immediate(approval, messages),
    askAgain: (approval, messages = []) => again.immediate(approval, messages),
    settleApproval: (id, change, end) => settle.immediate(id, change, end),
    isApproved(id, tag) {
      const found = documents.get(id);
      return found?.status === 'approved' && found.tag === tag;
    },
    verify: documents.verify,
    prune: documents.prune,
  };
}

function maySettle({ status }: Approval, change: Change): boolean {
  return status === 'waiting' || (status === 'approved' && change.status === 'lapsed');
}
