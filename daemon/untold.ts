/**
 * Tells at a start what the ledger holds and the daemon before did not tell any more: it died between the two, or the history lost
 * its last moments with the power. Changes no run.
 */
import { MenddError } from '../core/errors.ts';
import type { EventType } from '../core/event-types.ts';
import type { Clock, Coordinator, Store } from '../core/ports.ts';
import type { StoredEvent } from '../core/types.ts';
import type { Healing } from './healing.ts';
import * as notices from './notices.ts';

/** Newest events that are looked through; what happened before them was told. */
const lookedThrough = 5_000;
/** A run lasts no longer, and what people were told before that is not told again. Milliseconds. */
const lookBackMs = 86_400_000;

/** Messages about brakes that are looked through, newest first. */
const toldBrakes = 500;

export interface UntoldOptions extends Pick<Healing, 'history' | 'journal' | 'messages' | 'brakes'> {
  clock: Clock;
  store: Store;
  coordinator: Coordinator;
}

/** Once, before anything acts. What cannot be read never stops the start. */
export function tellUntold(options: UntoldOptions): void {
  try {
    tellPeople(options);
    tellRuns(options);
  } catch (error) {
    if (!(error instanceof MenddError)) throw error;
    options.history.failed(error);
  }
}

function tellRuns({ clock, store, coordinator, history, journal }: UntoldOptions): void {
  const events = store.eventsAfter(Math.max(0, store.lastEventId() - lookedThrough), lookedThrough);
  const nowMs = clock.nowMs();
  // Once the clock was set back, what happened since seems to be from before the events that are left.
  const isSetBack = events.some(({ atMs }) => atMs > nowMs);
  const fromMs = events.reduce(
    (ms, { atMs }) => Math.min(ms, atMs),
    isSetBack ? nowMs - lookBackMs : Infinity,
  );
  const told = new Set(events.map(nameOf));
  for (const { id, host, status, ...run } of coordinator.summaries(fromMs - lookBackMs)) {
    const isUntold = (type: EventType, atMs = 0): boolean =>
      atMs > fromMs && !told.has(nameOf({ type, runId: id, data: { status } }));
    const tell = (type: EventType, more: StoredEvent['data'] = {}): void =>
      history.add(type, { host, runId: id, data: { action: run.action, ...more } });
    if (isUntold('action.intended', run.decidedAtMs))
      tell('action.intended', { reason: coordinator.get(id)?.reason });
    if (isUntold('action.started', run.dispatchedAtMs)) tell('action.started');
    const ended = isUntold('action.ended', run.endedAtMs) ? coordinator.get(id) : undefined;
    if (ended !== undefined) journal.tellEnd(ended);
  }
}

/** An end may be told twice: as unknown, and as what it was. */
function nameOf({ type, runId = '', data }: Pick<StoredEvent, 'type' | 'runId' | 'data'>): string {
  return `${type} ${runId} ${type === 'action.ended' ? String(data['status']) : ''}`;
}

/** What stands and people have to know; the outbox drops what it holds already. */
function tellPeople({ clock, coordinator, messages, brakes }: UntoldOptions): void {
  messages.oweAll();
  const sinceMs = clock.nowMs() - lookBackMs;
  const known = brakes.views().flatMap(({ on, state }) => (state === undefined ? [] : [{ on, ...state }]));
  for (const { on, ...state } of known) if (on && state.sinceMs > sinceMs) notices.brakeOn(messages, state);
  const told = coordinator.messages({ keyPrefix: 'brake~', limit: toldBrakes }).items;
  for (const { kind, key, status } of told) {
    const [, scope, since] = /^brake~(.*)~(\d+)~on$/.exec(key) ?? [];
    if (scope === undefined || kind !== 'problem' || (status !== 'pending' && status !== 'sent')) continue;
    const brake = { scope, sinceMs: Number(since) };
    const now = known.find((each) => each.scope === scope && each.sinceMs === brake.sinceMs);
    if (now?.on !== true) notices.brakeOff(messages, brake, now?.released?.by ?? 'the rule');
  }
}
