/** An instant as a person reads it; the exact one is told on hover and to programs. */
import { serverNowMs } from '../live/now-store.ts';
import { clockTime, span } from './words.ts';

/** `02:41` */
export function At({ at }: { at: string }) {
  return (
    <time dateTime={at} title={at}>
      {clockTime(at, serverNowMs.value)}
    </time>
  );
}

/** `18 min`, growing. */
export function Since({ at }: { at: string }) {
  return (
    <time dateTime={at} title={at}>
      {span(serverNowMs.value - Date.parse(at))}
    </time>
  );
}

/** `in 4 min`, or `now`. */
export function Until({ at }: { at: string }) {
  const leftMs = Date.parse(at) - serverNowMs.value;
  return (
    <time dateTime={at} title={at}>
      {leftMs <= 0 ? 'now' : `in ${span(leftMs)}`}
    </time>
  );
}
