/** The one stream of events of this browser: kept open while this tab leads, and opened again when it was cut. */
import type { EventName } from '../../api/shapes.ts';
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
/** Each name has to be listened for. */
const eventTypes: Record<EventName, true> = {
  'state.changed': true,
  'host.changed': true,
  'host_key.changed': true,
  'decision.made': true,
  'action.intended': true,
  'action.started': true,
  'action.ended': true,
  'automation.paused': true,
  'automation.resumed': true,
  'definitions.reloaded': true,
  'definitions.rejected': true,
  'definitions.held': true,
  'definitions.rolled_back': true,
  'definitions.resumed': true,
  'daemon.started': true,
  'daemon.stopping': true,
  'check.shed': true,
  'message.held': true,
  'message.sent': true,
  'message.failed': true,
  'store.failed': true,
  'store.recovered': true,
  'store.quarantined': true,
  'store.rearmed': true,
  'audit.broken': true,
  'approval.asked': true,
  'approval.settled': true,
  'action.proposed': true,
  'action.demoted': true,
  'action.promoted': true,
  'brake.engaged': true,
  'brake.released': true,
  'doubt.began': true,
  'doubt.ended': true,
  'suppression.added': true,
  'suppression.ended': true,
  'inventory.changed': true,
  'inventory.failed': true,
  'inventory.recovered': true,
  'inventory.held': true,
  'facts.changed': true,
  'registration.asked': true,
  'registration.admitted': true,
  'registration.rejected': true,
  'registration.expired': true,
  'heartbeat.failed': true,
  'heartbeat.recovered': true,
};

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
    for (const type of Object.keys(eventTypes)) made.addEventListener(type, hear);
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
