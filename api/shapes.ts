/**
 * The shapes of hosts and checks as the API answers them, and what all shapes share: one zod schema each gives the filter
 * for what leaves the daemon, the OpenAPI component and the type. Instants are RFC 3339 UTC strings; durations carry their unit in the name.
 * Sets that grow with versions (reasons, gates, event types) are open strings, so that old rows stay readable.
 */
import { z } from 'zod';
import { eventTypes } from '../core/event-types.ts';

/** What the OpenAPI document says of schemas. Not zod's global registry: other folders register there too. */
export const shapes = z.registry<{ id?: string; description?: string; format?: string; type?: string }>();

/** Makes `schema` a component of the OpenAPI document. */
export function named<T extends z.ZodType>(id: string, schema: T): T {
  shapes.add(schema, { id });
  return schema;
}

/** Explains `schema` to readers of the OpenAPI document. */
export function noted<T extends z.ZodType>(description: string, schema: T): T {
  shapes.add(schema, { description });
  return schema;
}

// No validation of our own clock's output: a year beyond 9999 must not turn a page of history into an error.
export const time = z.string();
shapes.add(time, { format: 'date-time' });

/** A whole number. Not checked, for the same reason. */
export const count = z.number();
shapes.add(count, { type: 'integer' });

const checkState = z.enum(['ok', 'warning', 'critical', 'unknown', 'pending']);
const stateType = z.enum(['soft', 'hard']);
const runStatus = z.enum([
  'intended',
  'dispatched',
  'unknown',
  'verifying',
  'verified',
  'not_verified',
  'inconclusive',
  'done',
  'failed',
  'cancelled',
  'refused',
  'expired',
]);

export const checkStates = checkState.options;
export const runStatuses = runStatus.options;
export const hostStates = ['pending', 'up', 'unreachable'] as const;

/** To ask for events by; those told may be older than this list. */
export const EventName = z.enum(eventTypes);
export type EventName = z.infer<typeof EventName>;

const Counts = z.object({ ok: count, warning: count, critical: count, unknown: count, pending: count });

const TransportFailure = named(
  'TransportFailure',
  z.object({
    stage: z.enum(['dns', 'connect', 'host_key', 'auth', 'channel', 'lost', 'timeout']),
    message: z.string(),
    hint: z.string(),
    sent: z.boolean(),
  }),
);

const HostStatus = named(
  'HostStatus',
  z.object({
    state: z.enum(hostStates),
    type: stateType,
    attempt: count,
    since: time,
    failure: TransportFailure.optional(),
    lastSeenAt: time.optional(),
    behind: noted('The parent whose trouble is the cause', z.string().optional()),
  }),
);

export const RunSummary = named(
  'RunSummary',
  z.object({
    id: z.string(),
    host: z.string(),
    ladder: z.string(),
    action: z.string(),
    kind: z.string(),
    episode: z.string(),
    attempt: count,
    status: runStatus,
    decidedAt: time,
    dispatchedAt: time.optional(),
    endedAt: time.optional(),
    verifyBy: time.optional(),
    verifyOkSince: time.optional(),
  }),
);

export const Host = named(
  'Host',
  z.object({
    name: z.string(),
    address: z.string(),
    labels: z.record(z.string(), z.string()),
    status: HostStatus,
    checks: Counts,
    run: RunSummary.optional(),
    parents: z.array(z.string()),
  }),
);

const PerfDatum = z.object({
  label: z.string(),
  value: z.number().nullable(),
  uom: z.string(),
  warn: z.string(),
  crit: z.string(),
  min: z.number().nullable(),
  max: z.number().nullable(),
});

const resultFields = {
  state: z.enum(['ok', 'warning', 'critical', 'unknown']),
  text: z.string(),
  longText: z.string(),
  perfdata: z.array(PerfDatum),
  exitCode: count.optional(),
  startedAt: time,
  durationMs: count,
};

const Result = named('Result', z.object(resultFields));

export const StoredResult = named(
  'StoredResult',
  z.object({ id: count, host: z.string(), check: z.string(), ...resultFields }),
);

export const Rollup = named(
  'Rollup',
  z.object({
    at: noted('The beginning of the step', time),
    stepMs: count,
    count: noted('Results in the step', count),
    states: z.object({ ok: count, warning: count, critical: count, unknown: count }),
    durationAvgMs: count,
    durationMaxMs: count,
    perfdata: z.array(
      z.object({
        label: z.string(),
        uom: z.string(),
        // What is not a finite number on the wire is null.
        min: z.number().nullable(),
        avg: z.number().nullable(),
        max: z.number().nullable(),
      }),
    ),
  }),
);

export const CheckStatus = named(
  'CheckStatus',
  z.object({
    state: checkState,
    type: stateType,
    attempt: count,
    problemResults: count,
    problemSince: time.optional(),
    since: time,
    lastHardState: checkState,
    flap: z.object({
      percent: z.number(),
      flapping: z.boolean(),
      percentWithoutActions: z.number(),
      flappingWithoutActions: z.boolean(),
    }),
    lastResult: Result.optional(),
    suppressedBy: z.string().optional(),
  }),
);

export const Check = named(
  'Check',
  z.object({
    host: z.string(),
    check: z.string(),
    kind: z.string(),
    status: CheckStatus,
    stale: z.boolean(),
    nextDueAt: time.optional(),
    maxAttempts: count,
  }),
);

export const Transition = named(
  'Transition',
  z.object({
    id: count,
    at: time,
    host: z.string(),
    check: z.string().optional(),
    from: z.string(),
    to: z.string(),
    type: stateType,
    attempt: count,
    text: z.string(),
    flapping: z.boolean(),
    percent: z.number(),
    percentWithoutActions: z.number(),
    afterAction: z.boolean(),
  }),
);

/** A page of a list; `next` is absent on the last one. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().optional() });
}
