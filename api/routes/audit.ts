/**
 * The audit: who did what, as a hash-chained record, and whether the chain is whole. Its rows leave as they were recorded.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { AuditEntry as Entry, AuditVerdict as Verdict } from '../../core/safety.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { historyQuery } from '../paging.ts';
import { NoQuery } from '../queries.ts';
import { AuditQuery } from '../restraint-queries.ts';
import { AuditEntry, AuditVerdict } from '../restraint-shapes.ts';
import { pageOf } from '../shapes.ts';
import { instant } from '../wire.ts';

export function auditRoutes(app: ApiServer, { runs }: ApiOptions): void {
  /** One walk at a time, however many ask. */
  let walking: Promise<Verdict> | undefined;

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
    config: { scope: 'admin', isSlow: true },
    schema: {
      ...describe(
        'history',
        'verifyAudit',
        'Whether the chain is whole; if not, the first altered row',
        AuditVerdict,
      ),
      querystring: NoQuery,
    },
    handler: async (_request, reply) => {
      walking ??= verdictOf(runs).finally(() => {
        walking = undefined;
      });
      return reply.header('cache-control', 'no-store').send(await walking);
    },
  });
}

/** A chain of years takes minutes to walk; everything else has its turn between two steps. */
async function verdictOf(runs: ApiOptions['runs']): Promise<Verdict> {
  const walk = runs.walkAudit();
  for (;;) {
    const verdict = walk.step();
    if (verdict !== undefined) return verdict;
    await turn();
  }
}

/** The body stays as it is: a reader can take the hash anew. */
function shown({ atMs, ...entry }: Entry) {
  return { ...entry, at: instant(atMs) };
}
