/**
 * Speaks SSH's connection protocol with a running `ssh` master over its control socket, in the master's proxy mode, so that
 * channels, exit statuses and signals are those of the host itself and no process is started per command. It starts no
 * master and knows nothing of keys.
 */
import { connect, type Socket } from 'node:net';
import type { Clock } from '../core/ports.ts';
import { type ChannelEnd, MuxChannel, maxPacketBytes, windowBytes } from './openssh-channel.ts';
import { message, packet, text, uint32, WireReader } from './openssh-wire.ts';
import type { SshClient } from './ssh-client.ts';

/** Source: PROTOCOL.mux and mux.c of OpenSSH 9.2. */
const mux = {
  hello: 1,
  version: 4,
  terminate: 0x10000005,
  proxy: 0x1000000f,
  proxyAnswer: 0x8000000f,
} as const;

/** The longest packet an `ssh` takes is 256 KiB. */
const packetLimitBytes = 512 * 1024;

export interface MuxOptions {
  controlPath: string;
  onReady: () => void;
  /** So much came from the host. */
  onBytes: (bytes: number) => void;
  /** Called once, unless `end` was; calls `end` in the end. */
  onEnd: (why: string) => void;
}

type Answer = (error: Error | undefined, channel: MuxChannel) => void;

interface Opening {
  command?: string;
  answer: Answer;
}

interface Exec {
  channel: MuxChannel;
  answer: Answer;
}

export class MuxClient implements SshClient {
  readonly #options: MuxOptions;
  readonly #socket: Socket;
  /** Channels by our own number, from the request for one to its end. */
  readonly #opening = new Map<number, Opening>();
  readonly #starting = new Map<number, Exec>();
  readonly #channels = new Map<number, MuxChannel>();
  #rest: Buffer = Buffer.alloc(0);
  #stage: 'hello' | 'proxy' | 'open' | 'ended' = 'hello';
  #broken = false;
  #nextId = 0;

  constructor(options: MuxOptions) {
    this.#options = options;
    this.#socket = connect(options.controlPath);
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('the ssh program hung up'));
  }

  exec(command: string, _: { allowHalfOpen: boolean }, answer: Answer): void {
    this.#open('session', { command, answer });
  }

  forwardOut(fromAddress: string, fromPort: number, address: string, port: number, answer: Answer): void {
    const ends = [text(address), uint32(port), text(fromAddress), uint32(fromPort)];
    this.#open('direct-tcpip', { answer }, ...ends);
  }

  /** The master asks the host for signs of life, but tells nobody; so a command that is quiet is asked after here. */
  ask(): boolean {
    for (const [id, channel] of this.#channels) {
      if (this.#starting.has(id)) continue;
      channel.keepalive();
      return true;
    }
    return false;
  }

  end(): void {
    if (this.#stage === 'ended') return;
    this.#stage = 'ended';
    this.#socket.destroy();
    this.#opening.clear();
    this.#starting.clear();
    for (const channel of this.#channels.values()) channel.lose();
    this.#channels.clear();
  }

  #fail(why: string): void {
    if (this.#broken || this.#stage === 'ended') return;
    this.#broken = true;
    this.#options.onEnd(why);
  }

  #send(bytes: Buffer): void {
    if (!this.#broken && this.#stage !== 'ended') this.#socket.write(bytes);
  }

  #open(type: string, opening: Opening, ...more: Uint8Array[]): void {
    // Numbers come back after 2^31; by then the channel that had one is long gone.
    const id = this.#nextId;
    this.#nextId = (id + 1) % 0x80000000;
    this.#opening.set(id, opening);
    this.#send(packet(message.channelOpen, text(type), uint32(id, windowBytes, maxPacketBytes), ...more));
  }

  #receive(chunk: Buffer): void {
    if (this.#broken) return;
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    try {
      let at = 0;
      while (this.#stage !== 'ended' && this.#rest.length - at >= 4) {
        const length = this.#rest.readUInt32BE(at);
        if (length > packetLimitBytes) throw new RangeError('a packet is too long');
        if (this.#rest.length - at - 4 < length) break;
        this.#take(this.#rest.subarray(at + 4, at + 4 + length));
        at += 4 + length;
      }
      this.#rest = this.#rest.subarray(at);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#fail(`it broke the protocol: ${error.message}`);
    }
  }

  #take(bytes: Buffer): void {
    if (this.#stage === 'open') {
      this.#options.onBytes(bytes.length);
      this.#dispatch(bytes.readUInt8(1), new WireReader(bytes, 2));
      return;
    }
    const reader = new WireReader(bytes);
    const type = reader.uint32();
    if (this.#stage === 'hello' && type === mux.hello) {
      if (reader.uint32() !== mux.version) throw new RangeError('the ssh program speaks another version');
      this.#send(Buffer.concat([text(uint32(mux.hello, mux.version)), text(uint32(mux.proxy, 0))]));
      this.#stage = 'proxy';
    } else if (this.#stage === 'proxy' && type === mux.proxyAnswer) {
      this.#stage = 'open';
      this.#options.onReady();
    } else throw new RangeError('the ssh program has no proxy mode (OpenSSH 7.4 and newer have it)');
  }

  #dispatch(type: number, reader: WireReader): void {
    const id = reader.uint32();
    switch (type) {
      case message.openConfirmation:
        this.#onOpen(id, {
          id: reader.uint32(),
          windowBytes: reader.uint32(),
          maxPacketBytes: reader.uint32(),
        });
        break;
      case message.openFailure:
        this.#onRefused(id, reader.uint32(), reader.text());
        break;
      case message.success:
      case message.failure:
        this.#onStarted(id, type === message.success);
        break;
      default:
        this.#channels.get(id)?.receive(type, reader);
    }
  }

  #onOpen(id: number, far: ChannelEnd): void {
    const opening = this.#opening.get(id);
    if (!opening) throw new RangeError('a channel was opened that nobody asked for');
    if (far.maxPacketBytes === 0) throw new RangeError('a channel has no room for packets');
    this.#opening.delete(id);
    const channel = new MuxChannel(far, (bytes) => this.#send(bytes));
    this.#channels.set(id, channel);
    channel.once('close', () => {
      this.#channels.delete(id);
      this.#onStarted(id, false);
    });
    const { command, answer } = opening;
    if (command === undefined) {
      answer(undefined, channel);
      return;
    }
    this.#starting.set(id, { channel, answer });
    channel.request('exec', text(command));
  }

  #onRefused(id: number, reason: number, why: string): void {
    const opening = this.#opening.get(id);
    this.#opening.delete(id);
    const error = Object.assign(new Error(`(SSH) Channel open failure: ${why}`), { reason });
    opening?.answer(error, undefined as never);
  }

  /** Answers to keepalives come here too, when the command is long started. */
  #onStarted(id: number, started: boolean): void {
    const exec = this.#starting.get(id);
    if (!exec) return;
    this.#starting.delete(id);
    if (started) {
      exec.answer(undefined, exec.channel);
      return;
    }
    exec.channel.close();
    exec.answer(new Error('Unable to exec'), undefined as never);
  }
}

/** Ends a master that an earlier daemon left behind. Resolves when it is gone, or after `limitMs`. */
export function terminateMaster(controlPath: string, clock: Clock, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(controlPath);
    const done = (): void => {
      cancel();
      socket.destroy();
      resolve();
    };
    const cancel = clock.after(limitMs, done);
    socket.on('error', done);
    socket.on('close', done);
    socket.resume();
    socket.write(Buffer.concat([text(uint32(mux.hello, mux.version)), text(uint32(mux.terminate, 0))]));
  });
}
