/**
 * Makes what is told where a question to people went once nobody waits for an answer, so that receivers with a book of incidents close
 * theirs. Queues nothing.
 */
import type { MessageBody } from '../actions/message-words.ts';
import { type Notice, noticeMessage } from '../actions/notice-message.ts';
import type { Clock, Coordinator, OutboxMessage } from '../core/ports.ts';
import type { Approval } from '../core/safety.ts';

type Answer = Pick<OutboxMessage, 'key' | 'target' | 'host' | 'ladder'> & {
  kind: 'notice';
  body: MessageBody;
};

/** Messages of its host that are looked through for the question, newest first. */
const messagesRead = 200;

/** One for each target that was asked. A question that waits for delivery is not sent any more. Errors: MenddError. */
export function answersTo(
  { coordinator, clock }: { coordinator: Coordinator; clock: Clock },
  { id, host, status }: Approval,
  notice: Omit<Notice, 'nowMs'>,
): Answer[] {
  const asked = coordinator
    .messages({ host, limit: messagesRead })
    .items.toReversed()
    .filter(({ body }) => body['kind'] === 'approval' && body['approval'] === id);
  for (const question of asked) {
    if (question.status !== 'pending') continue;
    coordinator.messageFailed(question.id, 'it is a question no more', 'dead');
    coordinator.dismissMessage(question.id);
  }
  // What is pending may be on its way at this moment.
  const heard = asked.filter((question) => question.status === 'pending' || question.status === 'sent');
  return [...new Map(heard.map((question) => [question.target, question]))].map(([target, question]) => {
    const { runbook, check, since } = question.body;
    const words = noticeMessage({ ...notice, nowMs: clock.nowMs() });
    const body = { ...words, approval: id, runbook, check, since };
    return { key: `${question.key}~${status}`, target, kind: 'notice', host, ladder: question.ladder, body };
  });
}
