/** Hosts that register themselves: their word, and a person's answer to it. */
import type { FastifyRequest } from 'fastify';
import type { Registering } from '../../core/outside-port.ts';
import { isPassedOn } from '../access.ts';
import { tagOfAnswer } from '../entity-tags.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { RegisterBody, Registered, Registration, RegistrationPath } from '../outside-shapes.ts';
import { pageBy } from '../paging.ts';
import { unlessRejected } from '../problems.ts';
import { DryQuery } from '../queries.ts';
import { AnswerHeader, PageQuery, ReasonBody } from '../restraint-queries.ts';
import { pageOf } from '../shapes.ts';
import { toWire } from '../wire.ts';

export function registrationRoutes(app: ApiServer, options: ApiOptions): void {
  const { daemon } = options;
  answerRoutes(app, options);

  app.route({
    method: 'POST',
    url: '/api/v1/register',
    config: { scope: 'register' },
    schema: {
      ...describe(
        'control',
        'register',
        'A host tells that it is there; said again from time to time',
        Registered,
      ),
      querystring: DryQuery,
      body: RegisterBody,
    },
    handler: async (request) => {
      const { body, query, person } = request;
      const { name, address, port, user, labels = {}, host_key: hostKey } = body;
      const told: Registering = {
        name,
        labels,
        ...(address === undefined ? {} : { address }),
        ...(port === undefined ? {} : { port }),
        ...(user === undefined ? {} : { user }),
        ...(hostKey === undefined ? {} : { hostKey }),
      };
      const by = { address: originOf(request), by: person, isDry: query.dry_run === true };
      return toWire(unlessRejected(daemon.outside.register(told, by)));
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/registrations',
    config: { scope: 'read' },
    schema: {
      ...describe('state', 'listRegistrations', 'Hosts that registered themselves', pageOf(Registration)),
      querystring: PageQuery,
    },
    handler: async ({ query }) => toWire(pageBy(daemon.outside.registrations(), ({ name }) => name, query)),
  });
}

/** Where it came from; what came over the socket or was passed on says nothing of that, as if it came from this box. */
function originOf(request: FastifyRequest): string {
  const { remoteAddress } = request.socket;
  if (remoteAddress === undefined || isPassedOn(request)) return '127.0.0.1';
  return remoteAddress.replace(/^::ffff:/, '');
}

function answerRoutes(app: ApiServer, { daemon: { outside } }: ApiOptions): void {
  app.route({
    method: 'POST',
    url: '/api/v1/registrations/:name/admit',
    config: { scope: 'admin', keepsIfMatch: true },
    schema: {
      ...describe(
        'control',
        'admitRegistration',
        'Let it in as it was read, and record its host key',
        Registration,
      ),
      params: RegistrationPath,
      querystring: DryQuery,
      headers: AnswerHeader,
      body: ReasonBody,
    },
    handler: async ({ params, query, headers, body, person }) => {
      const tag = tagOfAnswer(headers['if-match'], 'registration');
      const answer = { by: person, reason: body.reason, tag, isDry: query.dry_run === true };
      return toWire(unlessRejected(outside.admitRegistration(params.name, answer)));
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/registrations/:name/reject',
    config: { scope: 'admin' },
    schema: {
      ...describe('control', 'rejectRegistration', 'Do not let it in, or no longer', Registration),
      params: RegistrationPath,
      querystring: DryQuery,
      body: ReasonBody,
    },
    handler: async ({ params, query, body, person }) => {
      const answer = { by: person, reason: body.reason, isDry: query.dry_run === true };
      return toWire(unlessRejected(outside.rejectRegistration(params.name, answer)));
    },
  });
}
