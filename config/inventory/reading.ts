/** Owns what comes of reading an inventory: hosts and what was left out, or why it cannot be read. It reads nothing. */
import type { FoundHost } from '../../core/sources.ts';

/** Something that was left out or read in another way than one might think. */
export interface Note {
  message: string;
  /** From 1, where there is a text with lines. */
  line?: number;
  /** The file of a directory of files. */
  file?: string;
}

/** Why a whole inventory cannot be read. */
export interface Refusal extends Note {
  /** What to do about it. */
  hint: string;
}

export type InventoryReading =
  | {
      ok: true;
      hosts: readonly FoundHost[];
      warnings: readonly Note[];
      /** A dynamic script that told no variables wants to be asked for these hosts one by one, with `--host`. */
      askHosts?: readonly string[];
    }
  | { ok: false; refusal: Refusal; warnings: readonly Note[] };

/** Stops a parser; `readInventory` makes an answer of it. Never leaves config/inventory/. */
export class Unreadable extends Error {
  readonly refusal: Refusal;

  constructor(message: string, hint: string, line?: number) {
    super(message);
    this.refusal = { message, hint, ...(line === undefined ? {} : { line }) };
  }
}

/** Notes that a fleet repeats are told once, with the number of hosts and one of them. */
export class Notes {
  readonly #once: Note[] = [];
  readonly #byHost = new Map<string, { first: string; count: number }>();

  add(message: string, line?: number): void {
    if (this.#once.length < notesLimit) this.#once.push({ message, ...(line === undefined ? {} : { line }) });
  }

  /** `message` begins with a verb or a quoted word: it follows the hosts. */
  ofHost(host: string, message: string): void {
    const known = this.#byHost.get(message);
    if (known !== undefined) known.count += 1;
    else if (this.#byHost.size < notesLimit) this.#byHost.set(message, { first: host, count: 1 });
  }

  list(): Note[] {
    const told = [...this.#byHost].map(([message, { first, count }]) => {
      const begin = message.startsWith('`') || count > 1 ? ': ' : ' ';
      const which = count === 1 ? `host ${shown(first)}` : `${count} hosts, such as ${shown(first)}`;
      return { message: `${which}${begin}${message}` };
    });
    return [...this.#once, ...told];
  }
}

/** More than a person reads. */
const notesLimit = 100;

/** A name as it can stand in a message, whatever it holds. */
export function shown(name: string): string {
  const plain = JSON.stringify(name).slice(1, -1);
  return `\`${plain.length > 80 ? `${plain.slice(0, 80)}…` : plain}\``;
}
