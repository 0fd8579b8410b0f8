/**
 * Lets the tabs of one browser share one connection: one tab leads and asks the daemon, the others hear from it. Where the
 * browser has no locks (plain HTTP from another machine) each tab leads itself.
 */

export interface Tabs<Message> {
  /** To the other tabs. */
  tell(message: Message): void;
}

interface Handlers<Message> {
  hear(message: Message): void;
  /** Called when this tab has to lead; what it returns is called when it no longer does. */
  lead(): () => void;
}

type Frame<Message> = { kind: 'told'; message: Message } | { kind: 'hand_over' };

const lockName = 'mendd-live';

export function joinTabs<Message>(handlers: Handlers<Message>): Tabs<Message> {
  const { locks } = navigator as { locks?: LockManager };
  if (locks === undefined || typeof BroadcastChannel === 'undefined') {
    handlers.lead();
    return { tell: () => undefined };
  }
  const channel = new BroadcastChannel(lockName);
  let resign: (() => void) | undefined;
  const stand = (): void => {
    void locks
      .request(lockName, async () => {
        const stop = handlers.lead();
        await new Promise<void>((resolve) => {
          resign = resolve;
        });
        resign = undefined;
        stop();
      })
      .then(stand);
  };
  stand();
  channel.addEventListener('message', ({ data }: MessageEvent<Frame<Message>>) => {
    if (data.kind === 'told') handlers.hear(data.message);
    // A hidden tab is slowed down by the browser, so one that is looked at leads in its place.
    else if (document.hidden) resign?.();
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel never leaves its origin
  const post = (frame: Frame<Message>): void => channel.postMessage(frame);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && resign === undefined) post({ kind: 'hand_over' });
  });
  return { tell: (message) => post({ kind: 'told', message }) };
}
