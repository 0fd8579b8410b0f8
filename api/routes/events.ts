/**
 * The route of the event stream: reads where to start, answers the head and hands the socket to EventStreams.
 */
import { z } from 'zod';
import type { Access } from '../access.ts';
import type { EventStreams } from '../event-streams.ts';
import { describe } from '../openapi.ts';
import type { ApiServer } from '../options.ts';
import { RequestProblem } from '../problems.ts';
import { EventsQuery, LastEventHeader } from '../queries.ts';
import { noted } from '../shapes.ts';

const eventText = noted(
  'Server-sent events. Each has the id of its row, its type and the event as JSON. Besides them: gap (events were pruned), reset (the store is older than the id), dropped (the reader was too slow, or its token is worthless), closing.',
  z.string(),
);

export function eventRoutes(app: ApiServer, streams: EventStreams, access: Access): void {
  app.route({
    method: 'GET',
    url: '/api/v1/events',
    exposeHeadRoute: false,
    config: { scope: 'read' },
    schema: {
      ...describe(
        'history',
        'streamEvents',
        'Events as they happen; with Last-Event-ID or after, first those since then',
        eventText,
        'text/event-stream',
      ),
      querystring: EventsQuery,
      headers: LastEventHeader,
    },
    handler: (request, reply) => {
      const address = request.socket.remoteAddress ?? '';
      const full = streams.fullFor(address);
      if (full !== undefined)
        throw new RequestProblem(503, 'streams_full', full, {}, { 'retry-after': '10' });
      // A reader that reconnects keeps its address and adds the header: the header is newer.
      const afterId = request.headers['last-event-id'] ?? request.query.after;
      const { types } = request.query;
      const hasToken = request.tokenId !== '';
      const reading = {
        address,
        ...(afterId === undefined ? {} : { afterId }),
        ...(types === undefined ? {} : { types: new Set(types) }),
        mayRead: () => !hasToken || access.tokenOf(request)?.id === request.tokenId,
      };
      streams.start(() => {
        reply.hijack();
        for (const [name, value] of Object.entries(reply.getHeaders())) {
          if (value !== undefined) reply.raw.setHeader(name, value);
        }
        return reply.raw.writeHead(200, {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
          connection: 'close',
          'x-accel-buffering': 'no',
        });
      }, reading);
    },
  });
}
