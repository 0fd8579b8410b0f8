/**
 * Owns the order of what is due: a binary heap by due time. Knows nothing of checks or clocks.
 */

interface Entry {
  key: string;
  dueMs: number;
}

export class DueQueue {
  readonly #heap: Entry[] = [];
  readonly #index = new Map<string, number>();

  get size(): number {
    return this.#heap.length;
  }

  dueOf(key: string): number | undefined {
    const index = this.#index.get(key);
    return index === undefined ? undefined : this.#heap[index]?.dueMs;
  }

  /** Adds the key, or moves it. */
  set(key: string, dueMs: number): void {
    const index = this.#index.get(key);
    if (index === undefined) {
      this.#heap.push({ key, dueMs });
      this.#rise(this.#heap.length - 1);
      return;
    }
    const entry = this.#heap[index];
    if (entry === undefined) return;
    entry.dueMs = dueMs;
    this.#sink(this.#rise(index));
  }

  delete(key: string): void {
    const index = this.#index.get(key);
    if (index === undefined) return;
    const last = this.#heap.pop();
    this.#index.delete(key);
    if (last === undefined || last.key === key) return;
    this.#heap[index] = last;
    this.#sink(this.#rise(index));
  }

  nextDueMs(): number | undefined {
    return this.#heap[0]?.dueMs;
  }

  /** Takes the first key that is due at `nowMs`. */
  take(nowMs: number): string | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.delete(first.key);
    return first.key;
  }

  /** Moves the entry up to its place and returns the place. */
  #rise(from: number): number {
    let index = from;
    const entry = this.#heap[index];
    if (entry === undefined) return index;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.dueMs <= entry.dueMs) break;
      this.#put(index, parent);
      index = above;
    }
    this.#put(index, entry);
    return index;
  }

  #sink(from: number): void {
    let index = from;
    const entry = this.#heap[index];
    if (entry === undefined) return;
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
    this.#index.set(entry.key, index);
  }
}
