/** The one stream of events of this browser: kept open while this tab leads, and opened again when it was cut. */
import type { LiveEvent } from '../http/wire-types.ts';

export interface StreamHandlers {
  /** False while an attempt would be refused. */
  isAllowed(): boolean;
  event(event: LiveEvent): void;
  /** Events may have been missed: read everything again. */
  missed(): void;
}

const firstRetryMs = 1_000;
const longestRetryMs = 15_000;
/** Each name has to be listened for; what is not in the list is heard of at the next look at `now`. */
const eventTypes = [
  'state.changed',
  'host.changed',
  'host_key.changed',
  'decision.made',
  'action.intended',
  'action.started',
  'action.ended',
  'automation.paused',
  'automation.resumed',
  'definitions.reloaded',
  'definitions.rejected',
  'definitions.held',
  'definitions.rolled_back',
  'definitions.resumed',
  'daemon.started',
  'daemon.stopping',
  'message.sent',
  'message.failed',
  'store.failed',
  'store.recovered',
  'store.quarantined',
  'store.rearmed',
  'audit.broken',
  'approval.asked',
  'approval.settled',
  'action.proposed',
  'action.demoted',
  'action.promoted',
  'brake.engaged',
  'brake.released',
  'doubt.began',
  'doubt.ended',
  'suppression.added',
  'suppression.ended',
  'inventory.changed',
  'inventory.failed',
  'inventory.recovered',
  'inventory.held',
  'facts.changed',
  'heartbeat.failed',
  'heartbeat.recovered',
  'check.shed',
  'registration.asked',
  'registration.admitted',
  'registration.rejected',
  'registration.expired',
] as const;

/** Returns what closes it. */
export function openStream(handlers: StreamHandlers): () => void {
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let retryMs = firstRetryMs;
  let lastId: string | undefined;

  const again = (): void => {
    retry = setTimeout(connect, retryMs);
    retryMs = Math.min(longestRetryMs, retryMs * 2);
  };
  const connect = (): void => {
    if (!handlers.isAllowed()) {
      again();
      return;
    }
    const made = new EventSource(lastId === undefined ? '/api/v1/events' : `/api/v1/events?after=${lastId}`);
    source = made;
    made.addEventListener('open', () => {
      retryMs = firstRetryMs;
      // What happened between the first answer and the stream is in neither.
      if (lastId === undefined) handlers.missed();
    });
    const hear = ({ data, lastEventId }: MessageEvent<string>): void => {
      if (lastEventId !== '') lastId = lastEventId;
      handlers.event(JSON.parse(data) as LiveEvent);
    };
    for (const type of eventTypes) made.addEventListener(type, hear);
    for (const type of ['gap', 'reset']) {
      made.addEventListener(type, () => {
        if (type === 'reset') lastId = undefined;
        handlers.missed();
      });
    }
    made.addEventListener('error', () => {
      // The browser tries again by itself unless the answer was a refusal.
      if (made.readyState !== EventSource.CLOSED) return;
      again();
    });
  };
  connect();
  return () => {
    clearTimeout(retry);
    source?.close();
  };
}
