/** Works out when the downtimes that are known run next, and which hosts they are for. Changes nothing. */
import { matchesCheck, matchHosts } from '../config/selectors.ts';
import type { PlannedDowntime } from '../core/coverage-port.ts';
import type { Definitions } from '../core/definitions.ts';
import type { DowntimeWindow, Suppression } from '../core/safety.ts';
import { Calendar } from './calendar.ts';

type Downtime = Extract<Suppression, { kind: 'downtime' }>;
type Span = Pick<PlannedDowntime, 'startsAtMs' | 'endsAtMs'>;

/** To find when one recurs costs milliseconds: so many are kept. */
const keptLimit = 1_000;
/** Of one whose windows overlap many times no more are looked at. */
const looksLimit = 200;

export class PlannedDowntimes {
  readonly #definitions: () => Definitions;
  readonly #known: () => readonly Suppression[];
  /** By window, until the first span of it is over. */
  readonly #recurring = new Map<string, { atMs: number; spans: readonly Span[] }>();

  constructor(definitions: () => Definitions, known: () => readonly Suppression[]) {
    this.#definitions = definitions;
    this.#known = known;
  }

  /** Soonest first. */
  between(nowMs: number, beforeMs: number): PlannedDowntime[] {
    const { hosts } = this.#definitions();
    const downtimes = this.#known().filter(
      (each): each is Downtime => each.kind === 'downtime' && each.endedAtMs === undefined,
    );
    return downtimes
      .flatMap(({ window, match }) => {
        const isFor = (check: string): boolean => match.checks.length === 0 || matchesCheck(match, check);
        const spans = this.#spansOf(window, nowMs, beforeMs).filter(
          ({ startsAtMs, endsAtMs }) => endsAtMs > nowMs && startsAtMs < beforeMs,
        );
        const names = spans.length === 0 ? [] : matchHosts(match, hosts);
        return spans.map((span) => ({ ...span, hosts: names, isFor }));
      })
      .toSorted((a, b) => a.startsAtMs - b.startsAtMs || a.endsAtMs - b.endsAtMs);
  }

  #spansOf(window: DowntimeWindow, nowMs: number, beforeMs: number): readonly Span[] {
    if (window.kind !== 'recurring') return [window];
    const key = JSON.stringify(window);
    const kept = this.#recurring.get(key);
    const isKept =
      kept !== undefined &&
      kept.atMs <= nowMs &&
      (kept.spans[0] === undefined ? nowMs - kept.atMs < 3_600_000 : nowMs < kept.spans[0].endsAtMs);
    if (isKept) return kept.spans;
    const spans = recurrences(window, nowMs, beforeMs);
    if (this.#recurring.size >= keptLimit) this.#recurring.clear();
    this.#recurring.set(key, { atMs: nowMs, spans });
    return spans;
  }
}

/** The one that runs, and the next one that begins before `beforeMs`. */
function recurrences(
  { cron, timezone, lastsMs }: Extract<DowntimeWindow, { kind: 'recurring' }>,
  nowMs: number,
  beforeMs: number,
): Span[] {
  const schedule = new Calendar().schedule(cron, timezone, nowMs - lastsMs);
  let present: Span | undefined;
  for (let looks = 0; looks < looksLimit && schedule.pollAtMs < beforeMs; looks += 1) {
    const startsAtMs = schedule.pollAtMs;
    if (!schedule.poll(startsAtMs)) continue;
    const span = { startsAtMs, endsAtMs: startsAtMs + lastsMs };
    if (startsAtMs > nowMs) return present === undefined ? [span] : [present, span];
    present = span;
  }
  return present === undefined ? [] : [present];
}
