/**
 * Owns the order of what is due: a binary heap by due time. Knows nothing of checks or clocks.
 */

interface Entry {
  key: string;
  dueMs: number;
  /** Its place in the heap. */
  index: number;
}

export class DueQueue {
  readonly #heap: Entry[] = [];
  readonly #entries = new Map<string, Entry>();

  get size(): number {
    return this.#heap.length;
  }

  dueOf(key: string): number | undefined {
    return this.#entries.get(key)?.dueMs;
  }

  /** Adds the key, or moves it. */
  set(key: string, dueMs: number): void {
    const known = this.#entries.get(key);
    if (known === undefined) {
      const entry = { key, dueMs, index: this.#heap.length };
      this.#entries.set(key, entry);
      this.#heap.push(entry);
      this.#rise(entry);
      return;
    }
    known.dueMs = dueMs;
    this.#rise(known);
    this.#sink(known);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    const last = entry && this.#heap.pop();
    this.#entries.delete(key);
    if (entry === undefined || last === undefined || last === entry) return;
    this.#put(entry.index, last);
    this.#rise(last);
    this.#sink(last);
  }

  nextDueMs(): number | undefined {
    return this.#heap[0]?.dueMs;
  }

  /** The first key that is due at `nowMs`; it stays where it is. */
  first(nowMs: number): string | undefined {
    const first = this.#heap[0];
    return first === undefined || first.dueMs > nowMs ? undefined : first.key;
  }

  /** Takes the first key that is due at `nowMs`. */
  take(nowMs: number): string | undefined {
    const key = this.first(nowMs);
    if (key !== undefined) this.delete(key);
    return key;
  }

  #rise(entry: Entry): void {
    let { index } = entry;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.dueMs <= entry.dueMs) break;
      this.#put(index, parent);
      index = above;
    }
    this.#put(index, entry);
  }

  #sink(entry: Entry): void {
    let { index } = entry;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const leftDueMs = this.#heap[left]?.dueMs ?? Infinity;
      const rightDueMs = this.#heap[right]?.dueMs ?? Infinity;
      const below = rightDueMs < leftDueMs ? right : left;
      const child = this.#heap[below];
      if (child === undefined || child.dueMs >= entry.dueMs) break;
      this.#put(index, child);
      index = below;
    }
    this.#put(index, entry);
  }

  #put(index: number, entry: Entry): void {
    this.#heap[index] = entry;
    entry.index = index;
  }
}
