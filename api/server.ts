/**
 * The HTTP side of the daemon: limits, access, errors and the routes, joined on one fastify instance. It answers and
 * passes on; it decides nothing about hosts, checks or actions.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { fastifyCookie } from '@fastify/cookie';
import { fastifyHelmet } from '@fastify/helmet';
import { fastifyRateLimit } from '@fastify/rate-limit';
import { fastify } from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { guardAccess } from './access.ts';
import { Certificate } from './certificate.ts';
import { tagReads } from './entity-tags.ts';
import { EventStreams } from './event-streams.ts';
import { pickFields } from './fields.ts';
import { keepAnswers } from './idempotency.ts';
import { Listeners, listenFailure } from './listeners.ts';
import { Metrics } from './metrics.ts';
import { documentRoutes } from './openapi.ts';
import type { ApiOptions, ApiServer } from './options.ts';
import { pageFiles } from './page-files.ts';
import { RequestProblem, sendProblem } from './problems.ts';
import { actionRoutes } from './routes/actions.ts';
import { alertRoutes } from './routes/alerts.ts';
import { approvalRoutes } from './routes/approvals.ts';
import { auditRoutes } from './routes/audit.ts';
import { checkRoutes } from './routes/checks.ts';
import { configRoutes } from './routes/config.ts';
import { controlRoutes } from './routes/control.ts';
import { coverageRoutes } from './routes/coverage.ts';
import { eventRoutes } from './routes/events.ts';
import { factRoutes } from './routes/facts.ts';
import { historyRoutes } from './routes/history.ts';
import { hostRoutes } from './routes/hosts.ts';
import { inventoryRoutes } from './routes/inventories.ts';
import { notifyRoutes } from './routes/notify.ts';
import { probeRoutes } from './routes/probes.ts';
import { publicStatusRoutes } from './routes/public-status.ts';
import { registrationRoutes } from './routes/registrations.ts';
import { resultRoutes } from './routes/results.ts';
import { runbookRoutes } from './routes/runbooks.ts';
import { sessionRoutes } from './routes/session.ts';
import { suppressionRoutes } from './routes/suppressions.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { trustRoutes } from './routes/trust.ts';
import { refuseUnrouted } from './unrouted.ts';
import { validatorCompiler } from './validation.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route compares If-Match itself. */
    keepsIfMatch?: boolean;
    /** Its answer is told once and must be kept nowhere. */
    answersSecret?: boolean;
    /** What it waits for may take minutes: silence meanwhile does not end the connection. */
    isSlow?: boolean;
  }
}

/** Half a year. */
const hstsSeconds = 15_552_000;

const apiLimits = {
  bodyBytes: 65_536,
  paramChars: 700,
  /** From close() until connections still open are destroyed. */
  closeMs: 10_000,
  /** Silence on a connection whose route is slow. */
  slowMs: 600_000,
} as const;

export interface Api {
  /** Resolves when everything but the socket is there; `listen` waits for it. */
  ready(): Promise<void>;
  /**
   * Listens; port 0 takes any free one.
   * Errors: MenddError PORT_IN_USE, LISTEN_FAILED.
   */
  listen(host: string, port: number): Promise<{ host: string; port: number }>;
  /**
   * Listens on a socket in the file system; who may open it may read without a token.
   * Errors: MenddError PORT_IN_USE, LISTEN_FAILED.
   */
  listenOn(path: string): Promise<void>;
  /** Ends streams, lets answers in flight finish and closes. Limits: 10 seconds. May be called twice. */
  close(): Promise<void>;
  /** The OpenAPI document; only after `ready` or `listen`. */
  openapi(): object;
}

function createServer(options: ApiOptions, listeners: Listeners): ApiServer {
  return fastify({
    logger: false,
    bodyLimit: apiLimits.bodyBytes,
    serverFactory: (handler) => listeners.create(handler),
    routerOptions: { maxParamLength: apiLimits.paramChars },
    // A request that comes while closing is refused by our own hook, as a problem like every other.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    trustProxy: false,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => {
      sendProblem(error, request, reply, options.log);
    },
  }).withTypeProvider<ZodTypeProvider>();
}

/** Many clients name JSON with every request, also with one that has no body. */
function readBodies(app: ApiServer): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, String(body), done);
  });
}

const brokenRequests: Record<string, [status: number, title: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'Headers too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request too slow'],
};

/** Answers what never became a request; there is no id and no route yet. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, title] = brokenRequests[error.code ?? ''] ?? [400, 'Bad request'];
  const body = JSON.stringify({
    type: 'about:blank',
    title,
    status,
    detail: `${title}: not readable as HTTP.`,
  });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Headers and refusals that concern every answer. */
function commonHooks(app: ApiServer, options: ApiOptions, isClosing: () => boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    if (request.routeOptions.config.isSlow === true) request.raw.setTimeout(apiLimits.slowMs);
    if (!isClosing()) return;
    reply.header('connection', 'close');
    throw new RequestProblem(503, 'closing', 'mendd is stopping.', {}, { 'retry-after': '5' });
  });
  app.addHook('preValidation', async (request) => {
    // A caller that sends it relies on it for safety.
    if (request.headers['if-match'] === undefined || request.method === 'GET' || request.method === 'HEAD')
      return;
    if (request.routeOptions.config.keepsIfMatch === true) return;
    throw new RequestProblem(400, 'header_unsupported', 'This route does not compare If-Match.');
  });
  app.addHook('onSend', async (_request, reply, payload) => {
    if (isClosing()) reply.header('connection', 'close');
    return payload;
  });
  app.addHook('onResponse', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD') return;
    const { method, url, person, id: requestId } = request;
    options.log.info({ method, url, person, requestId, status: reply.statusCode }, 'change asked');
  });
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, options.log));
}

/** Builds the API on its ports. Nothing listens until `listen`. */
export function createApi(options: ApiOptions): Api {
  const { tls, clock, log, publicUrl } = options;
  const certificate = tls && new Certificate(tls, clock, log);
  const listeners = new Listeners(certificate);
  const app = createServer(options, listeners);
  const streams = new EventStreams(options);
  let listenHost = '127.0.0.1';
  let closing: Promise<void> | undefined;

  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser('text/plain');
  readBodies(app);

  app.register(fastifyHelmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    // Without TLS a browser would not believe it.
    strictTransportSecurity: listeners.tls && { maxAge: hstsSeconds, includeSubDomains: false },
  });
  app.register(fastifyRateLimit, { global: false });
  app.register(fastifyCookie);
  documentRoutes(app);
  app.after(() => {
    commonHooks(app, options, () => closing !== undefined);
    const place = { tls: listeners.tls, ...(publicUrl === undefined ? {} : { publicUrl }) };
    const isLocal = (socket: Socket) => listeners.isLocal(socket);
    const access = guardAccess(app, { ...options, place, isLocal, listenHost: () => listenHost });
    refuseUnrouted(app, log);
    pickFields(app);
    tagReads(app);
    keepAnswers(app, options);
    hostRoutes(app, options);
    factRoutes(app, options);
    checkRoutes(app, options);
    historyRoutes(app, options);
    actionRoutes(app, options);
    suppressionRoutes(app, options);
    approvalRoutes(app, options);
    trustRoutes(app, options);
    auditRoutes(app, options);
    inventoryRoutes(app, options);
    registrationRoutes(app, options);
    resultRoutes(app, options);
    alertRoutes(app, options);
    publicStatusRoutes(app, options);
    controlRoutes(app, options);
    configRoutes(app, options);
    runbookRoutes(app, options);
    eventRoutes(app, streams, access);
    sessionRoutes(app, options, access);
    tokenRoutes(app, options);
    pageFiles(app, options.pageDirectory);
    notifyRoutes(app, options);
    coverageRoutes(app, options);
    probeRoutes(app, options, new Metrics(options.daemon, streams, clock), () => certificate?.problem());
  });
  app.addHook('preClose', async () => streams.closeAll());

  async function close(): Promise<void> {
    const cancel = clock.after(apiLimits.closeMs, () => {
      app.server.closeAllConnections();
      listeners.closeAllConnections();
    });
    try {
      await Promise.all([app.close(), listeners.close()]);
    } finally {
      cancel();
    }
  }

  return {
    ready: async () => {
      await app.ready();
    },
    listen: async (host, port) => {
      listenHost = host;
      try {
        await app.listen({ host, port });
      } catch (error) {
        throw listenFailure(error, `${host}:${port}`);
      }
      listeners.start();
      const address = app.server.address();
      return { host, port: typeof address === 'object' && address !== null ? address.port : port };
    },
    listenOn: async (path) => {
      await app.ready();
      await listeners.listenOn(
        path,
        (request, response) => app.routing(request, response),
        answerBrokenRequest,
      );
    },
    close: () => {
      closing ??= close();
      return closing;
    },
    openapi: () => app.swagger(),
  };
}
