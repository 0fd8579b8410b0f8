/** One scrape: its metrics, and how many series were left out of it. It reads nothing. */
import { Counter, Gauge, Registry } from 'prom-client';

/** Of one metric, where definitions or people decide how many there are; checks have a limit of their own. */
const seriesLimit = 2_000;

export class Scrape {
  readonly registry = new Registry();
  #leftOut = 0;
  #text = '';

  /** What is not in the registry. */
  get text(): string {
    return this.#text;
  }

  /** Series that there are and that this scrape does not tell. */
  get leftOut(): number {
    return this.#leftOut;
  }

  gauge<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  /** Its total is kept by the daemon. */
  counter<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  /** prom-client would count the observations itself. */
  quantiles(name: string, help: string, values: Readonly<Record<string, number>>): void {
    const lines = Object.entries(values).map(
      ([quantile, value]) => `${name}{quantile="${quantile}"} ${value}`,
    );
    this.#text += `\n# HELP ${name} ${help}\n# TYPE ${name} summary\n${lines.join('\n')}\n`;
  }

  /** As many as are told; the others are counted. */
  first<T>(items: readonly T[]): readonly T[] {
    this.leave(Math.max(0, items.length - seriesLimit));
    return items.slice(0, seriesLimit);
  }

  leave(series: number): void {
    this.#leftOut += series;
  }
}
