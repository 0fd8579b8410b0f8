/**
 * Lets go of what ssh2 keeps of the handshake for as long as a connection is open: a third of what one takes. The only place that touches
 * ssh2's private fields; what is not there, as in another version of it, is left alone.
 */
import type { Client } from 'ssh2';

/** As of ssh2 1.17; each may be missing. */
interface Wire {
  /** Lists of algorithms, offered in each exchange of keys and only read. */
  _offer?: { lists?: { all?: unknown } };
  /** The newest exchange of keys: the next one wants nothing of it but `sessionID`. */
  _kex?: { _finished?: unknown; _keys?: unknown; sessionID?: unknown };
  _remoteIdentRaw?: unknown;
  _decipher?: { _tag?: unknown };
}

/** By what they offer: as many as there are sets of types of host keys. */
const offers = new Map<string, object>();
const offersLimit = 1_000;

/** After the login, between two packets. */
export function slim(client: Client): void {
  const wire = (client as unknown as { _protocol?: Wire | null })._protocol;
  if (!wire) return;
  const offered = wire._offer?.lists?.all;
  if (wire._offer && Buffer.isBuffer(offered)) wire._offer = shared(offered.toString('latin1'), wire._offer);
  // Our half of the key: every exchange makes a new one.
  if (wire._kex?._finished === true && wire._kex._keys) wire._kex._keys = null;
  for (const [holder, key] of [
    [wire._kex, 'sessionID'],
    [wire, '_remoteIdentRaw'],
    [wire._decipher, '_tag'],
  ] as const) {
    const fields = holder as Record<string, unknown> | undefined;
    const bytes = fields?.[key];
    if (fields && Buffer.isBuffer(bytes)) fields[key] = apart(bytes);
  }
}

function shared<T extends object>(name: string, offer: T): T {
  const known = offers.get(name) as T | undefined;
  if (known === undefined && offers.size < offersLimit) offers.set(name, offer);
  return known ?? offer;
}

/** The same bytes outside of Node's pool, of which a few that stay hold 8 KiB. */
function apart(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength === bytes.byteLength) return bytes;
  const own = Buffer.alloc(bytes.length);
  bytes.copy(own);
  return own;
}
