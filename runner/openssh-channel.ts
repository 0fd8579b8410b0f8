/** One channel of an `ssh` master as a pair of streams, with the flow control of SSH; it opens none. */
import { Duplex, Readable } from 'node:stream';
import { message, packet, text, uint32, type WireReader } from './openssh-wire.ts';

/** What the far side may send before it is credited again; as much as OpenSSH grants. Bytes. */
export const windowBytes = 2 * 1024 * 1024;
export const maxPacketBytes = 32_768;
const stderrCode = 1;

interface Waiting {
  bytes: Buffer;
  done: (error?: Error) => void;
}

export interface ChannelEnd {
  /** The far side's number. */
  id: number;
  windowBytes: number;
  maxPacketBytes: number;
}

/** Emits `exit` with a code, or with null and the name of a signal; `close` once both sides closed it. */
export class MuxChannel extends Duplex {
  readonly stderr: Readable;
  readonly #send: (bytes: Buffer) => void;
  readonly #far: ChannelEnd;
  readonly #waiting: Waiting[] = [];
  #room: number;
  /** What the far side may still send. */
  #window = windowBytes;
  #uncredited = 0;
  #eofReceived = false;
  #closeSent = false;
  #closeReceived = false;

  constructor(far: ChannelEnd, send: (bytes: Buffer) => void) {
    super({ allowHalfOpen: true, autoDestroy: false, emitClose: true });
    this.#far = far;
    this.#room = far.windowBytes;
    this.#send = send;
    this.stderr = new Readable({ autoDestroy: false, read: () => this.#credit(0) });
  }

  /** Asks the far side for a sign of life; it answers that it does not know the request. */
  keepalive(): void {
    this.request('keepalive@openssh.com');
  }

  request(name: string, ...payload: Uint8Array[]): void {
    if (this.#closeSent) return;
    this.#send(packet(message.request, uint32(this.#far.id), text(name), Uint8Array.of(1), ...payload));
  }

  /** Nothing is sent or given to readers any more. */
  close(): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.#send(packet(message.close, uint32(this.#far.id)));
    for (const { done } of this.#waiting.splice(0)) done();
  }

  /** A packet for this channel, its number left out. Errors: RangeError when it is malformed. */
  receive(type: number, reader: WireReader): void {
    switch (type) {
      case message.data:
        this.#take(this, reader.bytes());
        break;
      case message.extendedData:
        if (reader.uint32() === stderrCode) this.#take(this.stderr, reader.bytes());
        break;
      case message.windowAdjust:
        this.#room += reader.uint32();
        this.#flush();
        break;
      case message.eof:
        this.#endReading();
        break;
      case message.request:
        this.#onRequest(reader);
        break;
      case message.close:
        this.#onClose();
    }
  }

  /** The connection is gone. */
  lose(): void {
    this.#closeSent = true;
    for (const { done } of this.#waiting.splice(0)) done();
    this.destroy();
  }

  override _read(): void {
    this.#credit(0);
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error) => void): void {
    this.#waiting.push({ bytes: chunk, done });
    this.#flush();
  }

  override _final(done: () => void): void {
    if (!this.#closeSent) this.#send(packet(message.eof, uint32(this.#far.id)));
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.close();
    done(error);
  }

  #flush(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      while (next.bytes.length > 0 && this.#room > 0 && !this.#closeSent) {
        const part = next.bytes.subarray(0, Math.min(this.#room, this.#far.maxPacketBytes));
        next.bytes = next.bytes.subarray(part.length);
        this.#room -= part.length;
        this.#send(packet(message.data, uint32(this.#far.id), text(part)));
      }
      if (next.bytes.length > 0 && !this.#closeSent) return;
      this.#waiting.shift();
      next.done();
    }
  }

  #take(stream: Readable, bytes: Buffer): void {
    if (this.#closeSent || this.#eofReceived) return;
    this.#window -= bytes.length;
    if (this.#window < 0) throw new RangeError('more was sent than the window allows');
    this.#uncredited += bytes.length;
    if (stream.push(bytes)) this.#credit(windowBytes / 2);
  }

  /** Gives back what was read, once it is more than `fromBytes`. */
  #credit(fromBytes: number): void {
    if (this.#uncredited <= fromBytes || this.#closeSent) return;
    this.#send(packet(message.windowAdjust, uint32(this.#far.id, this.#uncredited)));
    this.#window += this.#uncredited;
    this.#uncredited = 0;
  }

  #onRequest(reader: WireReader): void {
    const name = reader.text();
    const wantsReply = reader.boolean();
    if (name === 'exit-status') this.emit('exit', reader.uint32());
    else if (name === 'exit-signal') this.emit('exit', null, `SIG${reader.text().slice(0, 32)}`);
    else if (wantsReply && !this.#closeSent) this.#send(packet(message.failure, uint32(this.#far.id)));
  }

  #endReading(): void {
    if (this.#eofReceived) return;
    this.#eofReceived = true;
    this.push(null);
    this.stderr.push(null);
  }

  #onClose(): void {
    if (this.#closeReceived) return;
    this.close();
    this.#closeReceived = true;
    this.#endReading();
    // What was received is read out first; of a stream that nobody reads, once there was time to begin, it is thrown away.
    let open = 2;
    for (const stream of [this, this.stderr]) {
      const ended = (): void => {
        open -= 1;
        if (open === 0) this.destroy();
      };
      if (stream.readableEnded) ended();
      else stream.once('end', ended);
    }
    setImmediate(() => {
      for (const stream of [this, this.stderr]) {
        if (stream.readableFlowing === null) stream.resume();
      }
    });
  }
}
