/** Notify targets: which there are, and a message that shows whether one works. */
import { NotifyPath, NotifyTarget, NotifyTest } from '../notify-shapes.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { pageBy } from '../paging.ts';
import { unlessRejected } from '../problems.ts';
import { EmptyBody, NoQuery } from '../queries.ts';
import { PageQuery } from '../restraint-queries.ts';
import { pageOf } from '../shapes.ts';

export function notifyRoutes(app: ApiServer, { daemon }: ApiOptions): void {
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
      querystring: NoQuery,
      body: EmptyBody,
    },
    handler: async ({ params, person }) => unlessRejected(await daemon.notify.test(params.name, person)),
  });
}
