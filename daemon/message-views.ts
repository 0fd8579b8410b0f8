/** Shows people what waits in the outbox and who would be told of what, and sends again or lets rest what they ask for. */

import { placeOf } from '../core/conversation.ts';
import type { Severity } from '../core/daemon-config.ts';
import type { LadderDefinition } from '../core/definitions.ts';
import { isMessage } from '../core/ladder.ts';
import { judgeRoutes, type RouteSubject, routesOf } from '../core/message-routes.ts';
import type { MessageRoute } from '../core/messages-config.ts';
import type { MessageView, NotifyPort, RouteAnswer, RoutedTarget } from '../core/notify-port.ts';
import type { Coordinator, OutboxMessage } from '../core/ports.ts';
import { isUnwatched, unwatchedLadder, watching } from '../core/unwatched.ts';
import type { Rejected } from '../core/views.ts';
import { covers, subjectOf } from './message-subject.ts';
import type { Messages } from './messages.ts';
import { type PersonControlSources, recordCommand, recordRefusal, rejected } from './person-controls.ts';
import { isQuestion } from './settled-questions.ts';

export interface MessageViewSources
  extends Pick<PersonControlSources, 'clock' | 'coordinator' | 'fleet' | 'recorder'> {
  messages: Messages;
}

type Views = Pick<
  NotifyPort,
  'messages' | 'retry' | 'dismiss' | 'dismissUpTo' | 'counts' | 'trouble' | 'route'
>;

/** Dead letters that nobody cared for so long are counted no more. Milliseconds. */
const deadMs = 7 * 86_400_000;

/** Messages of one conversation, or about one host to one target, that are looked through for an end; newest first. */
const messagesRead = 500;

export function createMessageViews(sources: MessageViewSources): Views {
  const { clock, coordinator } = sources;
  return {
    messages({ status, ...query }) {
      const stored = status === 'waiting' ? ('pending' as const) : status;
      const page = coordinator.messages({ ...query, ...(stored === undefined ? {} : { status: stored }) });
      return { ...page, items: page.items.map(viewOf) };
    },
    retry: (id, by, isDry = false) => {
      const answer = retry(sources, id, by, isDry);
      return isDry ? answer : recordRefusal(sources, by, { command: 'message.retry', message: id }, answer);
    },
    dismiss: (id, by, isDry = false) => {
      const answer = dismiss(sources, id, by, isDry);
      return isDry ? answer : recordRefusal(sources, by, { command: 'message.dismiss', message: id }, answer);
    },
    dismissUpTo(id, target, by, isDry = false) {
      const count = coordinator.deadMessages(Number(id), target);
      if (isDry || count === 0) return count;
      recordCommand(sources, by, 'messages.dismissed', { upTo: id, target: target ?? null, count });
      return coordinator.dismissMessages(Number(id), target);
    },
    counts: () => coordinator.messageCounts(),
    trouble: () => coordinator.messageTrouble(clock.nowMs() - deadMs),
    route: (host, check, severity) => routeOf(sources, host, check, severity),
  };
}

function retry(sources: MessageViewSources, id: string, by: string, isDry: boolean): MessageView | Rejected {
  const { clock, coordinator } = sources;
  const nowMs = clock.nowMs();
  const message = coordinator.message(Number(id));
  if (message === undefined) return rejected(404, 'not_found', `There is no message ${id}.`);
  if (message.status === 'sent') return rejected(409, 'sent', `Message ${id} was delivered.`);
  const over = isQuestion(message) ? overWords(coordinator, message) : undefined;
  if (over !== undefined)
    return rejected(
      409,
      'settled',
      `${over} Message ${id} is not sent: \`mendd notify dismiss ${id}\` lets it rest.`,
    );
  const again = { ...message, status: 'pending' as const, attempts: 0, nextAttemptAtMs: nowMs };
  if (isDry) return viewOf(again);
  const { key, target } = message;
  recordCommand(sources, by, 'message.retried', { message: id, key, target });
  // The end first: a death in between may tell it twice, and must not open anew what nothing ends.
  if (message.kind === 'problem') oweEnd(sources, message);
  if (!coordinator.retryMessage(message.id, nowMs))
    return rejected(409, 'sent', `Message ${id} was delivered.`);
  sources.messages.pumpSoon();
  return viewOf(again);
}

/** Why a question is not asked again, for its incident would be closed by nobody; undefined while it waits for an answer. */
function overWords(coordinator: Coordinator, { body }: OutboxMessage): string | undefined {
  const id = String(body['approval']);
  const known = coordinator.approval(id);
  if (known === undefined) return 'Nobody waits for an answer to it any more.';
  const { status, decidedBy, tag } = known;
  if (status === 'waiting')
    return tag === body['tag']
      ? undefined
      : `It was asked anew with another command: \`mendd approve ${id}\` shows it.`;
  return `It is ${status}${decidedBy === undefined ? '' : ` by ${decidedBy}`} already: nobody waits for an answer to it.`;
}

/** What is told again may be over: then its end is told again behind it. */
function oweEnd(
  { clock, coordinator, messages }: MessageViewSources,
  { conversation, target, host, ladder, body: { since } }: OutboxMessage,
): void {
  const isAlone = conversation === undefined;
  const end = coordinator
    .messages({ ...(isAlone ? { host, target } : { keyPrefix: `${conversation}~` }), limit: messagesRead })
    .items.filter(({ kind }) => kind === 'recovery')
    .find((each) => !isAlone || (each.ladder === ladder && each.body['since'] === since));
  // It may not be over, or be told by nobody else.
  if (end === undefined && isAlone) messages.owe(host, ladder);
  const nowMs = clock.nowMs();
  if (end === undefined || coordinator.retryMessage(end.id, nowMs)) return;
  const { id: _id, attempts: _attempts, status: _status, sentAtMs: _sent, lastError: _error, ...told } = end;
  coordinator.enqueue({ ...told, key: `${end.key}~${nowMs}`, createdAtMs: nowMs, nextAttemptAtMs: nowMs });
}

function dismiss(
  sources: MessageViewSources,
  id: string,
  by: string,
  isDry: boolean,
): MessageView | Rejected {
  const { coordinator } = sources;
  const message = coordinator.message(Number(id));
  if (message === undefined) return rejected(404, 'not_found', `There is no message ${id}.`);
  if (message.status === 'sent') return rejected(409, 'sent', `Message ${id} was delivered.`);
  if (message.status === 'pending')
    return rejected(409, 'waiting', `Message ${id} still waits for delivery; only a dead one is dismissed.`);
  const resting = { ...message, status: 'dismissed' as const };
  if (isDry || message.status === 'dismissed') return viewOf(resting);
  const { key, target } = message;
  recordCommand(sources, by, 'message.dismissed', { message: id, key, target });
  coordinator.dismissMessage(message.id);
  return viewOf(resting);
}

function viewOf(message: OutboxMessage): MessageView {
  const { id, key, target, kind, host, ladder, body, status, createdAtMs, attempts } = message;
  const { nextAttemptAtMs, sentAtMs, lastError } = message;
  const subject = body['subject'];
  return {
    id: String(id),
    key,
    target,
    kind,
    host,
    ladder,
    subject: typeof subject === 'string' ? subject : '',
    status: status === 'pending' ? 'waiting' : status,
    createdAtMs,
    attempts,
    ...(status === 'pending' ? { nextAttemptAtMs } : {}),
    ...(sentAtMs === undefined ? {} : { sentAtMs }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}

const stateOf = { critical: 'critical', error: 'unknown', warning: 'warning', info: 'ok' } as const;

function routeOf(
  sources: MessageViewSources,
  host: string,
  check: string,
  severity: Severity | undefined,
): RouteAnswer | Rejected {
  const { fleet } = sources;
  const plan = fleet.plan(host);
  const bare = plan && unwatchedLadder(plan, check);
  const subject = bare && subjectOf(fleet, host, bare);
  if (plan === undefined || bare === undefined || subject === undefined)
    return rejected(404, 'not_found', `There is no check ${check} on host ${host}.`);
  // Of what is well it is asked who would be told if it broke.
  const asked = severity ?? (subject.severity === 'info' ? 'critical' : subject.severity);
  const own = watching(plan, check, stateOf[asked]);
  const ladders = own.length > 0 ? own : [bare];
  return {
    host,
    check,
    severity: asked,
    ...(fleet.mode === 'observe' ? { observing: true } : {}),
    ladders: ladders.map((ladder) =>
      ladderAnswer(sources, ladder, { ...subject, runbook: ladder.runbook, severity: asked }),
    ),
  };
}

function ladderAnswer(
  { fleet, messages, clock }: MessageViewSources,
  ladder: LadderDefinition,
  subject: RouteSubject,
): RouteAnswer['ladders'][number] {
  const { daemon } = fleet.definitions;
  const routes = daemon.messages?.routes ?? [];
  const own = ladder.rungs.find((rung) => isMessage(rung) && rung.enabled)?.effect;
  const to = own?.kind === 'notify' ? own.to : undefined;
  const named = routes.filter(({ name }) => name === to);
  const taken = to === undefined ? routesOf(routes, subject, covers) : named;
  const isBare = isUnwatched(ladder.id);
  const alone = isBare ? undefined : (to ?? daemon.remediation.page);
  const nowMs = clock.nowMs();
  const targetOf = (target: string, route?: MessageRoute): RoutedTarget => {
    const quiet = messages.conversations.quietOf(target, route, nowMs);
    const isQuiet = quiet !== undefined && !quiet.pass.includes(subject.severity);
    return {
      target,
      ...(isQuiet ? { quietEndsAtMs: quiet.untilMs } : {}),
      ...(route === undefined ? {} : { route: route.name }),
      ...(route?.group === undefined ? {} : { waitMs: route.group.waitMs }),
      ...(route?.pageAfterMs === undefined ? {} : { pageAfterMs: route.pageAfterMs }),
    };
  };
  const routed = taken.flatMap((route) => route.to.map((target) => targetOf(target, route)));
  const open = messages.conversations
    .open()
    .filter(({ members }) =>
      members.some(
        (each) =>
          placeOf(each) === placeOf(subject) &&
          each.overMs === undefined &&
          (isBare || isUnwatched(each.ladder) || each.ladder === ladder.id),
      ),
    );
  return {
    ladder: ladder.id,
    runbook: ladder.runbook,
    ...(isBare ? { unwatched: true as const } : {}),
    ...(to === undefined ? {} : { own: to }),
    routes: judgeRoutes(routes, subject, covers),
    targets: routed.length > 0 || alone === undefined ? routed : [targetOf(alone)],
    told: open.map(({ target, route, sentMs, openedMs, hold }) => ({
      target,
      route,
      ...(sentMs === undefined ? {} : { sinceMs: openedMs }),
      ...(hold === undefined ? {} : { hold }),
    })),
  };
}
