/**
 * Questions to a person: may this run start. An answer is bound to what was read: If-Match carries its tag, and the daemon
 * refuses one to anything else.
 */
import { tagOfAnswer } from '../entity-tags.ts';
import { hostFilter } from '../host-filter.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { pageBy } from '../paging.ts';
import { RequestProblem, unlessRejected } from '../problems.ts';
import { DryQuery, NoQuery, RunPath, WhyBody } from '../queries.ts';
import { AnswerHeader, ApprovalsQuery, ReasonBody } from '../restraint-queries.ts';
import { Approval } from '../restraint-shapes.ts';
import { pageOf } from '../shapes.ts';
import { toWire } from '../wire.ts';

export function approvalRoutes(app: ApiServer, options: ApiOptions): void {
  const { daemon } = options;
  answerRoutes(app, options);

  app.route({
    method: 'GET',
    url: '/api/v1/approvals',
    config: { scope: 'read' },
    schema: {
      ...describe(
        'restraint',
        'listApprovals',
        'Questions that wait, and those settled in the last seven days, newest first',
        pageOf(Approval),
      ),
      querystring: ApprovalsQuery,
    },
    handler: async ({ query }) => {
      const { status: wanted } = query;
      const { exact, matches } = hostFilter(daemon, query);
      const asked = daemon
        .approvals()
        .filter(
          ({ status, host }) =>
            (wanted === undefined || wanted === status) &&
            (exact === undefined || exact === host) &&
            (matches?.(host) ?? true),
        );
      return toWire(pageBy(asked, newestFirst, query));
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/approvals/:id',
    config: { scope: 'read' },
    schema: {
      ...describe('restraint', 'getApproval', 'One question; its ETag belongs into the answer', Approval),
      params: RunPath,
      querystring: NoQuery,
    },
    handler: async ({ params: { id } }, reply) => {
      const asked = daemon.approvals().find((each) => each.id === id);
      if (asked === undefined)
        throw new RequestProblem(404, 'approval_unknown', `There is no question "${id}".`);
      // Its status changes under one tag: an answer from a cache would be an old one.
      return reply.header('etag', `"${asked.tag}"`).header('cache-control', 'no-store').send(toWire(asked));
    },
  });
}

function newestFirst({ createdAtMs, id }: { createdAtMs: number; id: string }): string {
  return `${String(Number.MAX_SAFE_INTEGER - createdAtMs).padStart(16, '0')} ${id}`;
}

function answerRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  app.route({
    method: 'POST',
    url: '/api/v1/approvals/:id/approve',
    config: { scope: 'act', keepsIfMatch: true },
    schema: {
      ...describe('restraint', 'approve', 'Let it run, if it is still what was asked', Approval),
      params: RunPath,
      querystring: DryQuery,
      headers: AnswerHeader,
      body: WhyBody,
    },
    handler: async ({ params, query, headers, body, person }) => {
      const [reason, tag] = [body?.reason ?? '', tagOfAnswer(headers['if-match'], 'question')];
      const answer = { by: person, reason, tag, isDry: query.dry_run === true };
      return toWire(unlessRejected(daemon.settleApproval(params.id, 'approved', answer)));
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/approvals/:id/reject',
    config: { scope: 'act', keepsIfMatch: true },
    schema: {
      ...describe('restraint', 'reject', 'Do not let it run', Approval),
      params: RunPath,
      querystring: DryQuery,
      headers: AnswerHeader,
      body: ReasonBody,
    },
    handler: async ({ params, query, headers, body, person }) => {
      const tag = tagOfAnswer(headers['if-match'], 'question');
      const answer = { by: person, reason: body.reason, tag, isDry: query.dry_run === true };
      return toWire(unlessRejected(daemon.settleApproval(params.id, 'rejected', answer)));
    },
  });
}
