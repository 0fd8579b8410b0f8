/**
 * The audit: who did what, as a hash-chained record, and whether the chain is whole. Its rows leave as they were recorded.
 */
import type { AuditEntry as Entry } from '../../core/safety.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { historyQuery } from '../paging.ts';
import { NoQuery } from '../queries.ts';
import { AuditQuery } from '../restraint-queries.ts';
import { AuditEntry, AuditVerdict } from '../restraint-shapes.ts';
import { pageOf } from '../shapes.ts';
import { instant } from '../wire.ts';

export function auditRoutes(app: ApiServer, { runs }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/audit',
    config: { scope: 'admin' },
    schema: {
      ...describe('history', 'listAudit', 'Who did what, newest first', pageOf(AuditEntry)),
      querystring: AuditQuery,
    },
    handler: async ({ query }) => {
      const { items, ...rest } = runs.auditEntries(historyQuery(query));
      return { items: items.map(shown), ...rest };
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/audit/verify',
    config: { scope: 'admin' },
    schema: {
      ...describe(
        'history',
        'verifyAudit',
        'Whether the chain is whole; if not, the first altered row',
        AuditVerdict,
      ),
      querystring: NoQuery,
    },
    handler: async (_request, reply) => reply.header('cache-control', 'no-store').send(runs.verifyAudit()),
  });
}

/** The body stays as it is: a reader can take the hash anew. */
function shown({ atMs, ...entry }: Entry) {
  return { ...entry, at: instant(atMs) };
}
