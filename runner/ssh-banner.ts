/**
 * Waits until a server's first line is there as a whole: ssh2 misreads one that comes in more than two pieces. It judges
 * nothing; what it read is put back.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/ports.ts';

/** Lines before the banner are allowed; ssh2 has limits of its own and is shown this much. */
const shownBytes = 65_536;
/** A server that sends nothing at all may wait for our line first. */
const patienceMs = 1_000;

/** `ended`: the other side hung up before its line was whole; `text` is what it said. */
export type Banner = { ended: false } | { ended: true; text: string };

export function wholeBanner(stream: Duplex, clock: Clock): Promise<Banner> {
  // Its end may have come while nobody listened, and comes only once.
  if (stream.readableEnded || stream.destroyed) return Promise.resolve({ ended: true, text: '' });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (banner: Banner): void => {
      cancel();
      stream.off('data', onData);
      stream.off('end', onEnd);
      stream.off('close', onEnd);
      stream.pause();
      if (!banner.ended && bytes > 0) stream.unshift(Buffer.concat(chunks));
      resolve(banner);
    };
    const onData = (chunk: Buffer): void => {
      cancel();
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > shownBytes || isWhole(Buffer.concat(chunks))) finish({ ended: false });
    };
    const onEnd = (): void => finish({ ended: true, text: Buffer.concat(chunks).toString('latin1') });
    const cancel = clock.after(patienceMs, () => finish({ ended: false }));
    stream.on('data', onData);
    stream.once('end', onEnd);
    stream.once('close', onEnd);
  });
}

/** RFC 4253, section 4.2: the line that begins with `SSH-`, ended by a line feed; others may come before it. */
function isWhole(bytes: Buffer): boolean {
  return /(?:^|\n)SSH-[^\n]*\n/.test(bytes.toString('latin1'));
}
