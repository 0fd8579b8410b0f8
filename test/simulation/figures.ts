/** Counts what happened in a simulation, by kind, so that one in which little happens does not pass for one that holds. */
export class Figures {
  readonly counts = new Map<string, number>();

  count(what: string, times = 1): void {
    this.counts.set(what, this.get(what) + times);
  }

  /** Of one kind. */
  get(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  /** Of all kinds that begin so. */
  sum(prefix: string): number {
    return [...this.counts].reduce((sum, [what, times]) => (what.startsWith(prefix) ? sum + times : sum), 0);
  }

  add(other: Figures): void {
    for (const [what, times] of other.counts) this.count(what, times);
  }

  /** One line for each first word, sorted. */
  lines(): string[] {
    const byFirst = new Map<string, string[]>();
    for (const [what, times] of [...this.counts].toSorted(([a], [b]) => a.localeCompare(b))) {
      const [first = '', ...rest] = what.split(' ');
      byFirst.set(first, [...(byFirst.get(first) ?? []), [...rest, times].join(' ')]);
    }
    return [...byFirst].map(([first, all]) => `${first}: ${all.join(', ')}`);
  }
}
