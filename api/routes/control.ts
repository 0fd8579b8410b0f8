/**
 * The daemon itself: the page's one call, the definitions in force, the global pause.
 */
import { DefinitionsAnswer, Now, PauseAnswer } from '../control-shapes.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { DryQuery, NoQuery, PauseBody, WhyBody } from '../queries.ts';
import { instant, toWire } from '../wire.ts';

export function controlRoutes(app: ApiServer, options: ApiOptions): void {
  readingRoutes(app, options);
  pauseRoutes(app, options);
}

function readingRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/now',
    config: { scope: 'read' },
    schema: {
      ...describe('state', 'now', 'What needs a person, what heals itself, what is worst', Now),
      querystring: NoQuery,
    },
    handler: async () => toWire(daemon.now()),
  });

  app.route({
    method: 'GET',
    url: '/api/v1/definitions',
    config: { scope: 'read' },
    schema: {
      ...describe('control', 'getDefinitions', 'The definitions in force', DefinitionsAnswer),
      querystring: NoQuery,
    },
    handler: async () => {
      const { revision, hosts, runbooks } = daemon.definitions();
      const { loadedAtMs, lastReloadOk } = daemon.now().definitions;
      return {
        revision,
        loadedAt: instant(loadedAtMs),
        lastReloadOk,
        counts: {
          hosts: hosts.size,
          runbooks: runbooks.length,
          checks: runbooks.reduce((sum, runbook) => sum + runbook.checks.length, 0),
          actions: runbooks
            .flatMap((runbook) => runbook.ladders)
            .reduce((sum, { rungs }) => sum + rungs.length, 0),
        },
        problems: daemon.loadProblems(),
      };
    },
  });
}

function pauseRoutes(app: ApiServer, { daemon, clock }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/pause',
    config: { scope: 'read' },
    schema: {
      ...describe('control', 'getPause', 'Whether actions are paused', PauseAnswer),
      querystring: NoQuery,
    },
    handler: async () => {
      const pause = daemon.now().automation.paused;
      return pause === undefined ? { paused: false } : { paused: true, pause: toWire(pause) };
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/pause',
    config: { scope: 'act' },
    schema: {
      ...describe('control', 'pause', 'Start no action until resumed; checks go on', PauseAnswer),
      querystring: DryQuery,
      body: PauseBody,
    },
    handler: async ({ query, body, person }) => {
      const wanted = {
        by: person,
        reason: body.reason,
        ...(body.for === undefined ? {} : { untilMs: clock.nowMs() + body.for }),
      };
      const pause = daemon.pause(wanted, query.dry_run === true);
      return { paused: true, pause: toWire(pause) };
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/resume',
    config: { scope: 'act' },
    schema: {
      ...describe('control', 'resume', 'Let actions run again', PauseAnswer),
      querystring: DryQuery,
      body: WhyBody,
    },
    handler: async ({ query, body, person }) => {
      if (query.dry_run !== true) daemon.resume(person, body?.reason);
      return { paused: false };
    },
  });
}
