/**
 * Where the definitions come from, what others would change, and going from one to another: reload, rollback.
 */
import type { ReloadAnswer as Answered } from '../../core/views.ts';
import { Config, PlanAnswer, PlanBody, ReloadAnswer, ReloadBody, RollbackBody } from '../config-shapes.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { RequestProblem, unlessRejected } from '../problems.ts';
import { DryQuery, NoQuery } from '../queries.ts';
import { toWire } from '../wire.ts';

export function configRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/config',
    config: { scope: 'read' },
    schema: {
      ...describe('control', 'getConfig', 'Where the definitions come from, and the newest attempt', Config),
      querystring: NoQuery,
    },
    handler: async () => toWire(daemon.config()),
  });

  app.route({
    method: 'POST',
    url: '/api/v1/reload',
    config: { scope: 'admin', isSlow: true },
    schema: {
      ...describe('control', 'reload', 'Read the definitions anew; bad ones change nothing', ReloadAnswer),
      querystring: DryQuery,
      body: ReloadBody,
    },
    handler: async ({ query, person: by, body }) => {
      const confirm = body?.confirm;
      const isDry = query.dry_run === true;
      return accepted(await daemon.reload({ by, isDry, ...(confirm === undefined ? {} : { confirm }) }));
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/rollback',
    config: { scope: 'admin', isSlow: true },
    schema: {
      ...describe(
        'control',
        'rollback',
        'Go back to an earlier commit and stay there, or follow again',
        ReloadAnswer,
      ),
      querystring: DryQuery,
      body: RollbackBody,
    },
    handler: async ({ query, person: by, body: { reason, commit, resume } }) => {
      const request = {
        by,
        reason,
        resume,
        isDry: query.dry_run === true,
        ...(commit === undefined ? {} : { commit }),
      };
      return accepted(unlessRejected(await daemon.rollback(request)));
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/plan',
    config: { scope: 'admin', isSlow: true },
    schema: {
      ...describe('control', 'plan', 'What other definitions would change; nothing changes', PlanAnswer),
      // It is one by itself.
      querystring: DryQuery,
      body: PlanBody,
    },
    handler: async ({ body }) => {
      const { branch, commit, directory } = body ?? {};
      const answer = await daemon.plan({
        ...(branch === undefined ? {} : { branch }),
        ...(commit === undefined ? {} : { commit }),
        ...(directory === undefined ? {} : { directory }),
      });
      if (answer.kind === 'plan') return toWire(answer);
      throw answer.kind === 'invalid'
        ? new RequestProblem(422, 'definitions_invalid', 'These definitions have problems.', answer)
        : unreachable(answer.problems, daemon.config().revision);
    },
  });
}

function unreachable(problems: string[], revision: string): RequestProblem {
  const detail = 'The newest definitions could not be had; those loaded before stay in force.';
  const extras = { problems, revision };
  return new RequestProblem(503, 'definitions_unreachable', detail, extras, { 'retry-after': '30' });
}

/** Throws what was not taken. */
function accepted(answer: Answered) {
  const { ok, revision, commit, restart, plan, problems, cause, held } = answer;
  if (ok) {
    const more = { ...(commit === undefined ? {} : { commit }), ...(plan === undefined ? {} : { plan }) };
    return toWire({ ok, revision, restart, ...more });
  }
  if (cause === 'unreachable') throw unreachable(problems, revision);
  if (cause === 'held') {
    const hint = `look at \`mendd plan\`; \`mendd reload --confirm ${held?.revision ?? ''}\` lets exactly these in`;
    const detail = 'These definitions wait for a person; those loaded before stay in force.';
    throw new RequestProblem(409, 'held', detail, { problems, revision, hint });
  }
  if (cause === 'not_confirmed')
    throw new RequestProblem(412, 'not_confirmed', problems.join('; '), { revision });
  throw new RequestProblem(
    422,
    'definitions_invalid',
    'The definitions have problems; those loaded before stay in force.',
    { problems, revision },
  );
}
