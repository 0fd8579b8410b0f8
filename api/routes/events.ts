/**
 * The route of the event stream: reads where to start, answers the head and hands the socket to EventStreams.
 */
import { z } from 'zod';
import { type EventStreams, streamLimits } from '../event-streams.ts';
import { describe } from '../openapi.ts';
import type { ApiServer } from '../options.ts';
import { RequestProblem } from '../problems.ts';
import { EventsQuery, LastEventHeader } from '../queries.ts';
import { noted } from '../shapes.ts';

const eventText = noted(
  'Server-sent events. Each has the id of its row, its type and the event as JSON. Besides them: gap (events were pruned), reset (the store is older than the id), dropped (the reader was too slow), closing.',
  z.string(),
);

export function eventRoutes(app: ApiServer, streams: EventStreams): void {
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
      if (streams.full) {
        throw new RequestProblem(
          503,
          'streams_full',
          `${streamLimits.streams} event streams are open already.`,
          {},
          { 'retry-after': '10' },
        );
      }
      // A reader that reconnects keeps its address and adds the header: the header is newer.
      const after = request.headers['last-event-id'] ?? request.query.after;
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
      }, after);
    },
  });
}
