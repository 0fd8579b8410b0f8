/** Notify targets: which there are, who is told of what, and what became of the messages. */
import {
  DismissBody,
  Dismissed,
  Message,
  MessagePath,
  MessagesQuery,
  NotifyPath,
  NotifyTarget,
  NotifyTest,
  RouteAnswer,
  RouteQuery,
} from '../notify-shapes.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { historyQuery, pageBy } from '../paging.ts';
import { unlessRejected } from '../problems.ts';
import { CheckPath, DryQuery, EmptyBody } from '../queries.ts';
import { PageQuery } from '../restraint-queries.ts';
import { pageOf } from '../shapes.ts';
import { toWire } from '../wire.ts';

export function notifyRoutes(app: ApiServer, options: ApiOptions): void {
  const { daemon } = options;
  messageRoutes(app, options);

  app.route({
    method: 'GET',
    url: '/api/v1/notify',
    config: { scope: 'read' },
    schema: {
      ...describe('control', 'listNotifyTargets', 'Whom mendd can notify', pageOf(NotifyTarget)),
      querystring: PageQuery,
    },
    handler: async ({ query }) => pageBy(daemon.notify.targets(), ({ name }) => name, query),
  });

  app.route({
    method: 'POST',
    url: '/api/v1/notify/:name/test',
    config: { scope: 'act' },
    schema: {
      ...describe(
        'control',
        'testNotifyTarget',
        'Send a test message; tells what the receiver said',
        NotifyTest,
      ),
      params: NotifyPath,
      querystring: DryQuery,
      body: EmptyBody,
    },
    handler: async ({ params, query, person }) =>
      unlessRejected(await daemon.notify.test(params.name, person, query.dry_run === true)),
  });
}

function messageRoutes(app: ApiServer, { daemon: { notify } }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/notify/route/:host/:check',
    config: { scope: 'read' },
    schema: {
      ...describe('control', 'explainRoute', 'Who would be told of a check, and why', RouteAnswer),
      params: CheckPath,
      querystring: RouteQuery,
    },
    handler: async ({ params, query }) =>
      toWire(unlessRejected(notify.route(params.host, params.check, query.severity))),
  });

  app.route({
    method: 'GET',
    url: '/api/v1/messages',
    config: { scope: 'read' },
    schema: {
      ...describe('control', 'listMessages', 'Messages to people, newest first', pageOf(Message)),
      querystring: MessagesQuery,
    },
    handler: async ({ query }) => {
      const { status, target } = query;
      return toWire(
        notify.messages({
          ...historyQuery(query),
          ...(status === undefined ? {} : { status }),
          ...(target === undefined ? {} : { target }),
        }),
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/messages/:id/retry',
    config: { scope: 'act' },
    schema: {
      ...describe('control', 'retryMessage', 'Send a dead, dismissed or waiting message now', Message),
      params: MessagePath,
      querystring: DryQuery,
      body: EmptyBody,
    },
    handler: async ({ params, query, person }) =>
      toWire(unlessRejected(notify.retry(params.id, person, query.dry_run === true))),
  });

  app.route({
    method: 'POST',
    url: '/api/v1/messages/:id/dismiss',
    config: { scope: 'act' },
    schema: {
      ...describe('control', 'dismissMessage', 'Let a dead message rest; it is counted no more', Message),
      params: MessagePath,
      querystring: DryQuery,
      body: EmptyBody,
    },
    handler: async ({ params, query, person }) =>
      toWire(unlessRejected(notify.dismiss(params.id, person, query.dry_run === true))),
  });

  app.route({
    method: 'POST',
    url: '/api/v1/messages/dismiss',
    config: { scope: 'act' },
    schema: {
      ...describe(
        'control',
        'dismissMessages',
        'Let the dead messages rest that a person has seen',
        Dismissed,
      ),
      querystring: DryQuery,
      body: DismissBody,
    },
    handler: async ({ query, body: { upTo, target }, person }) => ({
      dismissed: notify.dismissUpTo(upTo, target, person, query.dry_run === true),
    }),
  });
}
