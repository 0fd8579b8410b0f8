/**
 * Owns the words for a failed connection from the ops box, and the question whose fault it was: a box without
 * a resolver, route or socket of its own must not call the other side broken.
 */

export interface NetworkFailure {
  words: string;
  /** True when this box could not even ask: UNKNOWN, not CRITICAL. */
  ownFault: boolean;
}

/** Codes of Node's system errors (`node:os`, constants.errno and getaddrinfo). */
const known: Readonly<Record<string, { words: string; ownFault?: true }>> = {
  ECONNREFUSED: { words: 'connection refused' },
  ECONNRESET: { words: 'the other side closed the connection' },
  EPIPE: { words: 'the other side closed the connection' },
  ETIMEDOUT: { words: 'the connection timed out' },
  EHOSTUNREACH: { words: 'no route to the host' },
  ENOTFOUND: { words: 'the name does not resolve here', ownFault: true },
  EAI_AGAIN: { words: 'the resolver of this box did not answer', ownFault: true },
  ENETUNREACH: { words: 'this box has no route to that network', ownFault: true },
  ENETDOWN: { words: 'the network of this box is down', ownFault: true },
  EADDRNOTAVAIL: { words: 'this box has no free local port or address', ownFault: true },
  EMFILE: { words: 'mendd has too many files open', ownFault: true },
  ENFILE: { words: 'this box has too many files open', ownFault: true },
  ENOBUFS: { words: 'this box is out of network buffers', ownFault: true },
  ENOMEM: { words: 'this box is out of memory', ownFault: true },
  EACCES: { words: 'this box forbids the connection', ownFault: true },
  EPERM: { words: 'this box forbids the connection', ownFault: true },
};

export function describeNetworkFailure(error: unknown): NetworkFailure {
  // One error per address that was tried; an answer of the other side outweighs a lack of ours (IPv6, often).
  if (error instanceof AggregateError && error.errors.length > 0) {
    const all = error.errors.map(describeNetworkFailure);
    return all.find((each) => !each.ownFault) ?? (all[0] as NetworkFailure);
  }
  const { code = '', message, reason } = error as { code?: string; message: string; reason?: string };
  const entry = known[code];
  if (entry !== undefined) return { words: entry.words, ownFault: entry.ownFault ?? false };
  if (code.startsWith('HPE_'))
    return { words: `the answer is not HTTP (${reason ?? code})`, ownFault: false };
  const tls = code === 'EPROTO' || /^ERR_(TLS|SSL)_|CERT|SIGNATURE|ISSUER|CRL/.test(code);
  const cause = (tls ? (reason ?? message) : message || code).split('\n', 1)[0]?.slice(0, 200) ?? '';
  return { words: tls ? `TLS: ${cause}` : cause, ownFault: false };
}
