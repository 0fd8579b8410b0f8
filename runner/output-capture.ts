/** Keeps the head of one output stream and forgets the rest; it never slows the stream down. */

/** Units: bytes. Memory stays below the limit however much is pushed. */
export class OutputCapture {
  readonly #limitBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #keptBytes = 0;
  #truncated = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  push(chunk: Uint8Array): void {
    const room = this.#limitBytes - this.#keptBytes;
    if (chunk.length > room) this.#truncated = true;
    if (room <= 0 || chunk.length === 0) return;
    // Copied, because a small slice would keep the whole packet of the transport alive.
    const kept = Uint8Array.prototype.slice.call(chunk, 0, room);
    this.#chunks.push(kept);
    this.#keptBytes += kept.length;
  }

  get truncated(): boolean {
    return this.#truncated;
  }

  /** UTF-8 read leniently: bytes that are no UTF-8 become U+FFFD, a character cut by the limit is left out. */
  text(): string {
    const bytes = Buffer.concat(this.#chunks);
    const end = this.#truncated ? wholeCharacters(bytes) : bytes.length;
    return bytes.toString('utf8', 0, end);
  }
}

/** Length without an unfinished UTF-8 sequence at the end. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes.length;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
