/**
 * What the API is built from and what its route files share. Types only; it holds no behaviour.
 */
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { TlsFiles } from '../core/daemon-config.ts';
import type { Clock } from '../core/ports.ts';
import type { DaemonPort, History, RunBook } from '../core/views.ts';

/** The part of a structured logger that the API writes to; pino fits. */
export interface ApiLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ApiOptions {
  daemon: DaemonPort;
  history: History;
  runs: RunBook;
  clock: Clock;
  log: ApiLog;
  /** As people reach it; its host name is taken as our own. */
  publicUrl?: string;
  /** Speaks TLS with them; plain HTTP without. */
  tls?: TlsFiles;
  /** Where the built page is: index.html and assets/. */
  pageDirectory?: string;
}

/** fastify with zod schemas as its types. */
export type ApiServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;
