/**
 * Where the definitions come from, what others would change, and going from one to another: reload, rollback.
 */
import type { ReloadAnswer as Answered, DaemonPort } from '../../core/views.ts';
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
    config: { scope: 'admin' },
    schema: {
      ...describe('control', 'reload', 'Read the definitions anew; bad ones change nothing', ReloadAnswer),
      querystring: DryQuery,
      body: ReloadBody,
    },
    handler: async ({ query, person: by, body }) => {
      const confirm = body?.confirm;
      if (query.dry_run === true) return accepted(await reloadPlanned(daemon, confirm));
      return accepted(await daemon.reload({ by, ...(confirm === undefined ? {} : { confirm }) }));
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/rollback',
    config: { scope: 'admin' },
    schema: {
      ...describe(
        'control',
        'rollback',
        'Go back to an earlier commit and stay there, or follow again',
        ReloadAnswer,
      ),
      querystring: NoQuery,
      body: RollbackBody,
    },
    handler: async ({ person: by, body: { reason, commit, resume } }) => {
      const request = { by, reason, resume, ...(commit === undefined ? {} : { commit }) };
      return accepted(unlessRejected(await daemon.rollback(request)));
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/plan',
    config: { scope: 'admin' },
    schema: {
      ...describe('control', 'plan', 'What other definitions would change; nothing changes', PlanAnswer),
      querystring: NoQuery,
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

/** What a reload would answer now. */
async function reloadPlanned(daemon: DaemonPort, confirm: string | undefined): Promise<Answered> {
  const { revision } = daemon.config();
  const answer = await daemon.plan({});
  if (answer.kind !== 'plan')
    return { ok: false, revision, problems: answer.problems, cause: answer.kind, restart: [] };
  const { plan, commit } = answer;
  const refused = { ok: false, revision, restart: [], plan };
  const isNamed = confirm !== undefined && (confirm === plan.to || commit?.startsWith(confirm) === true);
  if (confirm !== undefined && !isNamed) {
    const problems = [`what would be loaded now is ${commit ?? plan.to}, not ${confirm}`];
    return { ...refused, problems, cause: 'not_confirmed' };
  }
  if (plan.hold.length > 0 && confirm === undefined) {
    const problems = plan.hold.map((why) => `held: ${why}`);
    return { ...refused, problems, cause: 'held', held: { revision: plan.to, why: plan.hold } };
  }
  const more = commit === undefined ? {} : { commit };
  return { ok: true, revision: plan.to, problems: [], restart: [...plan.restart], plan, ...more };
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
