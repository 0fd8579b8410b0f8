/**
 * Makes what is told where a question to people went once nobody waits for an answer, so that receivers with a book of incidents close
 * theirs. Queues nothing.
 */
import { type Notice, noticeMessage } from '../actions/notice-message.ts';
import type { QuestionEnd } from '../core/ledger-ports.ts';
import type { NewMessage } from '../core/message-port.ts';
import type { OutboxMessage } from '../core/ports.ts';
import type { Approval } from '../core/safety.ts';
import { finishMessage } from './finish-message.ts';
import type { StoryParts } from './message-story.ts';

/** Messages of one question that are read, newest first. */
const messagesRead = 200;

/** Of its messages; those of a question that was asked again begin alike. */
export function questionKey({ id }: Approval, tag = ''): string {
  return `${id}~asked~${tag}`;
}

export function isQuestion({ body }: OutboxMessage): boolean {
  return body['kind'] === 'approval';
}

/**
 * One for each target that was asked, and when nobody answered one for `remediation.page` in any case. A question that waits for
 * delivery is not sent any more. Errors: MenddError.
 */
export function questionEnd(
  { coordinator, clock, fleet }: StoryParts,
  approval: Approval,
  words: Omit<Notice, 'nowMs'>,
): QuestionEnd {
  const { id, host, status } = approval;
  const { definitions } = fleet;
  const nowMs = clock.nowMs();
  // What is pending may be on its way at this moment.
  const heard = coordinator
    .messages({ keyPrefix: questionKey(approval), limit: messagesRead })
    .items.toReversed()
    .filter((each) => isQuestion(each) && (each.status === 'pending' || each.status === 'sent'));
  const notice = noticeMessage({ ...words, nowMs });
  const common = { kind: 'notice' as const, host, createdAtMs: nowMs, nextAttemptAtMs: nowMs };
  const newest = new Map(heard.map((question) => [question.target, question]));
  const messages = [...newest].map(([target, { key, ladder, body }]): NewMessage => {
    const { runbook, check, since } = body;
    const whole = { ...notice, approval: id, runbook, check, since };
    const finished = finishMessage(definitions, whole, { target });
    return { ...common, key: `${key}~${status}`, target, ladder, body: finished };
  });
  const { page } = definitions.daemon.remediation;
  const isMissed = status === 'expired' || status === 'lapsed';
  if (isMissed && page !== undefined && !newest.has(page)) {
    const body = finishMessage(definitions, notice, { target: page });
    messages.push({ ...common, key: `${id}~${status}`, target: page, ladder: '', body });
  }
  const withdrawn = heard.filter((each) => each.status === 'pending').map((each) => each.id);
  return { messages, withdrawn };
}
