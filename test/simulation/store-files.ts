/**
 * The files of one store, from life to life: what kill -9 leaves of them, and what a power cut leaves. The ledger loses nothing that
 * it acknowledged; the history, written with `synchronous = NORMAL`, may lose the end of its log up to the last checkpoint.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import type { Random } from './random.ts';

/** How far the history's log had come; a log that was begun anew has another salt. */
export interface LogPosition {
  salt: string;
  frames: number;
}

// Of SQLite's file format, https://www.sqlite.org/walformat.html. Bytes.
const logHeaderBytes = 32;
const frameHeaderBytes = 24;
const pageSizeOffset = 8;
const indexBytes = 132;
const framesOffset = 16;
const saltOffset = 32;
/** Frames that a checkpoint took up: all of them were synced before. */
const backfilledOffset = 128;

const isLittle = endianness() === 'LE';

function read(file: string, bytes: number): Buffer | undefined {
  if (!existsSync(file)) return undefined;
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    return readSync(descriptor, buffer, 0, bytes, 0) === bytes ? buffer : undefined;
  } finally {
    closeSync(descriptor);
  }
}

export class StoreFiles {
  readonly directory: string;
  /** The newest position when these were copied, and what of it is surely on the disk. */
  #end: LogPosition | undefined;
  #durable: LogPosition | undefined;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  get path(): string {
    return join(this.directory, 'mendd.db');
  }

  #index(): { salt: string; frames: number; backfilled: number } | undefined {
    const index = read(`${this.path}-shm`, indexBytes);
    if (index === undefined) return undefined;
    const number = (offset: number): number =>
      isLittle ? index.readUInt32LE(offset) : index.readUInt32BE(offset);
    const salt = index.toString('hex', saltOffset, saltOffset + 8);
    return { salt, frames: number(framesOffset), backfilled: number(backfilledOffset) };
  }

  /** Of what was written until now. Only while the store is open. */
  position(): LogPosition {
    const { salt = '', frames = 0 } = this.#index() ?? {};
    return { salt, frames };
  }

  /** As kill -9 leaves them at this moment: all that was handed to the kernel is there. */
  copied(): StoreFiles {
    const copy = new StoreFiles(`${this.directory}+`);
    for (const name of readdirSync(this.directory))
      if (!/-shm$|\.lock/.test(name)) copyFileSync(join(this.directory, name), join(copy.directory, name));
    const index = this.#index();
    if (index === undefined) return copy;
    const { salt, frames, backfilled } = index;
    const inherited = this.#durable?.salt === salt ? this.#durable.frames : 0;
    copy.#end = { salt, frames };
    copy.#durable = { salt, frames: Math.max(backfilled, inherited) };
    return copy;
  }

  /** Before they are opened again. Returns the end of the history's log as it is now. */
  cutPower(random: Random): LogPosition | undefined {
    this.#loseMark(random);
    const [end, durable] = [this.#end, this.#durable];
    const header = read(`${this.path}-wal`, logHeaderBytes);
    if (end === undefined || durable === undefined || header === undefined) return undefined;
    if (end.frames <= durable.frames) return end;
    const frames = random.between(durable.frames, end.frames - 1);
    const frameBytes = frameHeaderBytes + header.readUInt32BE(pageSizeOffset);
    const tornBytes = random.pick([0, random.between(1, frameBytes - 1)]);
    truncateSync(`${this.path}-wal`, logHeaderBytes + frames * frameBytes + tornBytes);
    this.#end = { salt: end.salt, frames };
    this.#durable = this.#end;
    return this.#end;
  }

  /** It is renamed into its place and not synced. */
  #loseMark(random: Random): void {
    const mark = join(this.directory, 'mendd-ledger.db.mark');
    if (!existsSync(mark)) return;
    const what = random.pick(['kept', 'gone', 'empty'] as const);
    if (what === 'gone') rmSync(mark);
    if (what === 'empty') writeFileSync(mark, '');
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}
