/**
 * Works out which silences, downtimes and acknowledgements are in force, and for which hosts and checks. Reads the definitions and
 * the ledger; the gates judge what a suppression covers.
 */
import { matchesCheck, matchHosts } from '../config/selectors.ts';
import { type Definitions, hostCheck } from '../core/definitions.ts';
import type { Coordinator } from '../core/ports.ts';
import type { HostEngineState } from '../core/reduction.ts';
import type { ActiveSuppression, DowntimeWindow, Matcher, Suppression } from '../core/safety.ts';
import { troubleOf } from '../core/trouble.ts';
import { Calendar, type CalendarSchedule } from './calendar.ts';

type Recurring = Pick<Extract<DowntimeWindow, { kind: 'recurring' }>, 'cron' | 'timezone' | 'lastsMs'>;
type Window = Pick<ActiveSuppression, 'untilMs' | 'flexible' | 'problem'>;

/** When a recurring window last began; walks on from there at each look. */
export class RecurringWindow {
  readonly #schedule: CalendarSchedule;
  readonly #lastsMs: number;
  #beganAtMs = Number.NEGATIVE_INFINITY;

  constructor({ cron, timezone, lastsMs }: Recurring, nowMs: number) {
    this.#schedule = new Calendar().schedule(cron, timezone, nowMs - lastsMs);
    this.#lastsMs = lastsMs;
  }

  /** End of the window that is open at that wall time. */
  endsAtMs(nowMs: number): number | undefined {
    while (this.#schedule.pollAtMs <= nowMs) {
      const atMs = this.#schedule.pollAtMs;
      if (this.#schedule.poll(atMs)) this.#beganAtMs = atMs;
    }
    const endsAtMs = this.#beganAtMs + this.#lastsMs;
    return this.#beganAtMs <= nowMs && nowMs < endsAtMs ? endsAtMs : undefined;
  }
}

export class Suppressions {
  readonly #coordinator: Coordinator;
  readonly #recurring = new Map<string, RecurringWindow>();
  #known: readonly Suppression[] = [];
  #active: ReadonlyMap<string, readonly ActiveSuppression[]> = new Map();
  /** What `#active` was made from. */
  #madeFrom = '';

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
  }

  /** In force at the last refresh, by host. */
  get active(): ReadonlyMap<string, readonly ActiveSuppression[]> {
    return this.#active;
  }

  /** All that have not ended, those to come as well. */
  get known(): readonly Suppression[] {
    return this.#known;
  }

  /**
   * Ends acknowledgements whose problem is over or has become another; without `sticky`, also whose state is another. To be followed by
   * a refresh. Errors: MenddError.
   */
  endOver(states: ReadonlyMap<string, HostEngineState>, nowMs: number): Suppression[] {
    return this.#known.flatMap((each) => {
      if (each.kind !== 'acknowledgement' || each.endedAtMs !== undefined) return [];
      const state = states.get(each.host);
      const trouble = state && troubleOf(state, each.check);
      if (trouble === undefined || trouble.state === 'pending') return [];
      const { problemSinceMs = trouble.sinceMs } = trouble;
      const isSame = trouble.state !== 'ok' && problemSinceMs <= each.problemSinceMs;
      if (isSame && (each.sticky || trouble.state === each.state)) return [];
      return this.#coordinator.endSuppression(each.id, 'rule', nowMs) ?? [];
    });
  }

  /** After a jump of the clock it is worked out anew which recurring windows are open. */
  forgetTimes(): void {
    this.#recurring.clear();
  }

  isInForce(suppression: Suppression, nowMs: number): boolean {
    return this.#windowOf(suppression, nowMs) !== undefined;
  }

  /** Errors: MenddError when the ledger cannot be read; then what was known stays in force. */
  refresh(definitions: Definitions, nowMs: number): void {
    const defined = definitions.suppressions.filter((each) => !isOver(each, nowMs));
    this.#known = [...defined, ...this.#coordinator.suppressions(nowMs)];
    const windows = new Set(this.#known.map(windowKey));
    for (const key of this.#recurring.keys()) if (!windows.has(key)) this.#recurring.delete(key);
    const inForce = this.#known.flatMap((suppression) => {
      const window = this.#windowOf(suppression, nowMs);
      return window === undefined ? [] : [{ suppression, window }];
    });
    const madeFrom = `${definitions.revision} ${inForce.map(({ suppression, window }) => `${suppression.id} ${window.untilMs ?? ''}`).join(' ')}`;
    if (madeFrom === this.#madeFrom) return;
    this.#madeFrom = madeFrom;
    const active = new Map<string, ActiveSuppression[]>();
    for (const { suppression, window } of inForce) {
      const { hosts, checks } = coverage(suppression, definitions);
      const { id, kind, by, reason } = suppression;
      const found: ActiveSuppression = {
        id,
        kind,
        by,
        reason,
        ...window,
        ...(checks === undefined ? {} : { checks }),
      };
      for (const host of hosts) active.set(host, [...(active.get(host) ?? []), found]);
    }
    this.#active = active;
  }

  #windowOf(suppression: Suppression, nowMs: number): Window | undefined {
    if (suppression.endedAtMs !== undefined) return undefined;
    switch (suppression.kind) {
      case 'silence':
        return spanOf(suppression, nowMs);
      case 'acknowledgement': {
        const { problemSinceMs: sinceMs, state, sticky, endsAtMs } = suppression;
        if (endsAtMs !== undefined && nowMs >= endsAtMs) return undefined;
        return {
          problem: { sinceMs, state, sticky },
          ...(endsAtMs === undefined ? {} : { untilMs: endsAtMs }),
        };
      }
      case 'downtime':
        return this.#downtimeOf(suppression, nowMs);
    }
  }

  #downtimeOf(downtime: Extract<Suppression, { kind: 'downtime' }>, nowMs: number): Window | undefined {
    const { window } = downtime;
    if (window.kind === 'fixed') return spanOf(window, nowMs);
    if (window.kind === 'flexible') {
      const { startsAtMs: fromMs, endsAtMs: toMs, lastsMs } = window;
      return nowMs < fromMs || nowMs >= toMs + lastsMs ? undefined : { flexible: { fromMs, toMs, lastsMs } };
    }
    const key = windowKey(downtime);
    const known = this.#recurring.get(key) ?? new RecurringWindow(window, nowMs);
    this.#recurring.set(key, known);
    const untilMs = known.endsAtMs(nowMs);
    return untilMs === undefined ? undefined : { untilMs };
  }
}

/** The id of one from the definitions is its line, where another may stand after a reload. */
function windowKey(suppression: Suppression): string {
  return suppression.kind === 'downtime' ? JSON.stringify(suppression.window) : '';
}

function spanOf(span: { startsAtMs: number; endsAtMs: number }, nowMs: number): Window | undefined {
  return nowMs < span.startsAtMs || nowMs >= span.endsAtMs ? undefined : { untilMs: span.endsAtMs };
}

function isOver(suppression: Suppression, nowMs: number): boolean {
  if (suppression.kind === 'silence') return nowMs >= suppression.endsAtMs;
  if (suppression.kind !== 'downtime' || suppression.window.kind === 'recurring') return false;
  const { window } = suppression;
  return nowMs >= window.endsAtMs + (window.kind === 'flexible' ? window.lastsMs : 0);
}

function coverage(
  suppression: Suppression,
  definitions: Definitions,
): { hosts: readonly string[]; checks?: ReadonlySet<string> } {
  if (suppression.kind === 'acknowledgement')
    return { hosts: [suppression.host], checks: new Set([suppression.check]) };
  const { match } = suppression;
  const hosts = matchHosts(match, definitions.hosts);
  return match.checks.length === 0 ? { hosts } : { hosts, checks: checksOf(match, definitions) };
}

function checksOf(match: Matcher, { runbooks }: Definitions): ReadonlySet<string> {
  const ids = [hostCheck, ...runbooks.flatMap(({ checks }) => checks.map(({ id }) => id))];
  return new Set(ids.filter((id) => matchesCheck(match, id)));
}
