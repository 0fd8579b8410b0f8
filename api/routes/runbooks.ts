/** Runbooks as they are in force: their checks, and the ladders of actions that answer trouble. No command is in it. */
import { z } from 'zod';
import type { RunbookDefinition } from '../../core/definitions.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { matchesGlob, pageBy } from '../paging.ts';
import { RequestProblem } from '../problems.ts';
import { HostGlobQuery, NoQuery, RunbookPath } from '../queries.ts';
import { mode } from '../restraint-shapes.ts';
import { count, named, noted, pageOf } from '../shapes.ts';

const Rung = z.object({
  id: z.string(),
  kind: noted('What it does: run, systemd_restart, reboot, webhook, notify, ...', z.string()),
  mode,
  enabled: z.boolean(),
  cooldownMs: count,
  timeoutMs: count,
  source: z.string(),
});

const Runbook = named(
  'Runbook',
  z.object({
    id: z.string(),
    title: z.string(),
    enabled: z.boolean(),
    hosts: z.array(z.string()),
    source: noted('file:line:column', z.string()),
    variants: noted('Hosts on which templates or conditions make it another', count),
    checks: z.array(
      z.object({
        id: z.string(),
        kind: z.string(),
        everyMs: count.optional(),
        cron: z.string().optional(),
        timezone: z.string().optional(),
        timeoutMs: count,
        maxAttempts: count,
        dependsOn: z.array(z.string()),
        source: z.string(),
      }),
    ),
    ladders: z.array(
      z.object({
        id: z.string(),
        trigger: z.object({
          check: z.string(),
          on: z.enum(['problem', 'recovery']),
          states: z.array(z.string()),
          attempts: count,
          forMs: count,
        }),
        rungs: noted('From the mildest to the last', z.array(Rung)),
      }),
    ),
  }),
);

type Place = RunbookDefinition['source'];
const placeOf = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;

function shown({ id, title, enabled, hosts, source, variants, checks, ladders }: RunbookDefinition) {
  return {
    id,
    title,
    enabled,
    hosts: [...hosts],
    source: placeOf(source),
    variants: variants?.size ?? 0,
    checks: checks.map(({ timing, probe, dependsOn, ...check }) => ({
      id: check.id,
      kind: probe.kind,
      ...(timing.kind === 'interval' ? { everyMs: timing.everyMs } : timing),
      timeoutMs: check.timeoutMs,
      maxAttempts: check.maxAttempts,
      dependsOn: [...dependsOn],
      source: placeOf(check.source),
    })),
    ladders: ladders.map(({ id: ladder, trigger, rungs }) => ({
      id: ladder,
      trigger: { ...trigger, states: [...trigger.states] },
      rungs: rungs.map(({ effect, ...rung }) => ({
        ...rung,
        kind: effect.kind,
        source: placeOf(rung.source),
      })),
    })),
  };
}

export function runbookRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/runbooks',
    config: { scope: 'read' },
    schema: {
      ...describe('control', 'listRunbooks', 'Runbooks in force, by id', pageOf(Runbook)),
      querystring: HostGlobQuery,
    },
    handler: async ({ query }) => {
      const { host: glob } = query;
      const wanted = daemon
        .definitions()
        .runbooks.filter(({ hosts }) => glob === undefined || hosts.some((host) => matchesGlob(glob, host)));
      const page = pageBy(wanted, ({ id }) => id, query);
      return { ...page, items: page.items.map(shown) };
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/runbooks/:name',
    config: { scope: 'read' },
    schema: {
      ...describe('control', 'getRunbook', 'One runbook by its id', Runbook),
      params: RunbookPath,
      querystring: NoQuery,
    },
    handler: async ({ params: { name } }) => {
      const found = daemon.definitions().runbooks.find(({ id }) => id === name);
      if (found === undefined)
        throw new RequestProblem(404, 'runbook_unknown', `There is no runbook "${name}".`);
      return shown(found);
    },
  });
}
