/**
 * Sends the digest at its time: what healed by itself, flapped, was held back until it was over, or could not be delivered since
 * the one before. Reads only; the outbox delivers.
 */
import { type DigestPart, digestMessage } from '../actions/digest-message.ts';
import type { Conversation } from '../core/conversation.ts';
import type { NewMessage } from '../core/message-port.ts';
import type { DigestRule } from '../core/messages-config.ts';
import type { Store } from '../core/ports.ts';
import { Calendar, type CalendarSchedule } from './calendar.ts';
import { finishMessage } from './finish-message.ts';
import type { StoryParts } from './message-story.ts';

export interface DigestOptions extends StoryParts {
  store: Pick<Store, 'transitions'>;
  onQueued: () => void;
}

/** Without one before. Milliseconds. */
const firstLooksBackMs = 86_400_000;
/** No digest looks further back. Milliseconds. */
const longestLookBackMs = 31 * 86_400_000;
/** Of each kind that are read. */
const readLimit = 500;
const keyPrefix = 'digest~';

const holdWords = {
  suppressed: 'covered by a silence, downtime or acknowledgement until it was over',
  quiet: 'over before the end of quiet hours',
  grouping: 'over before its group was told',
  behind: 'over while it was behind another trouble',
  interval: 'over before the next message of its group',
} as const;

export class Digest {
  readonly #options: DigestOptions;
  #schedule: { rule: string; calendar: CalendarSchedule } | undefined;

  constructor(options: DigestOptions) {
    this.#options = options;
  }

  /** After a jump of the clock it is worked out anew when the next one is due. */
  forgetTimes(): void {
    this.#schedule = undefined;
  }

  /** Errors: MenddError; it is tried again at the next turn. */
  turn(): void {
    const { clock, fleet } = this.#options;
    const rule = fleet.definitions.daemon.messages?.digest;
    if (rule === undefined) return;
    const nowMs = clock.nowMs();
    const key = JSON.stringify([rule.cron, rule.timezone]);
    if (this.#schedule?.rule !== key) {
      // What fell into a time without a daemon is made good.
      const calendar = new Calendar().schedule(rule.cron, rule.timezone, this.#lastMs(rule) ?? nowMs);
      this.#schedule = { rule: key, calendar };
    }
    const { calendar } = this.#schedule;
    if (nowMs < calendar.pollAtMs) return;
    if (calendar.nextFireMs !== undefined) this.#send(rule, calendar.nextFireMs, nowMs);
    calendar.poll(nowMs);
  }

  #lastMs({ to }: DigestRule): number | undefined {
    const [target] = to;
    if (target === undefined) return undefined;
    const { items } = this.#options.coordinator.messages({ target, keyPrefix, limit: 1 });
    return items[0]?.createdAtMs;
  }

  #send(rule: DigestRule, dueAtMs: number, nowMs: number): void {
    const { coordinator, fleet, onQueued } = this.#options;
    const lastMs = this.#lastMs(rule) ?? nowMs - firstLooksBackMs;
    const sinceMs = Math.max(lastMs, nowMs - longestLookBackMs);
    const parts = this.#parts(sinceMs);
    if (!rule.empty && parts.every(({ lines }) => lines.length === 0)) return;
    const messages = rule.to.map((target): NewMessage => {
      const body = digestMessage({ parts, sinceMs, nowMs });
      return {
        key: `${keyPrefix}${dueAtMs}~${target}`,
        target,
        kind: 'notice',
        host: '',
        ladder: '',
        body: finishMessage(fleet.definitions, body, { target }),
        createdAtMs: nowMs,
        nextAttemptAtMs: nowMs,
      };
    });
    // All or none: the first one says for all whether it was sent.
    coordinator.converse([], messages);
    onQueued();
  }

  #parts(sinceMs: number): DigestPart[] {
    const { coordinator, store } = this.#options;
    const runs = coordinator.list({ sinceMs, limit: readLimit }).items;
    const verified = runs.filter(({ status }) => status === 'verified');
    const { items } = store.transitions({ sinceMs, limit: readLimit });
    const flapped = items.filter(({ flapping }) => flapping);
    const untold = coordinator
      .conversations(sinceMs)
      .filter(({ endedMs, sentMs }) => endedMs !== undefined && sentMs === undefined);
    const dead = coordinator.messages({ status: 'dead', sinceMs, limit: readLimit }).items;
    return [
      {
        title: 'Healed by itself',
        lines: counted(verified.map(({ host, action }) => `${host}: ${action} helped`)),
      },
      {
        title: 'Flapped',
        lines: counted(flapped.map(({ host, check }) => `${host} ${check ?? ''}`.trim())).map((line) =>
          line.replace(/ x\d+$/, ''),
        ),
      },
      { title: 'Not told', lines: untold.flatMap(untoldLines) },
      {
        title: 'Not delivered',
        lines: dead.map(({ target, key, lastError = 'no reason' }) => `${key} to ${target}: ${lastError}`),
      },
    ];
  }
}

function untoldLines({ target, hold, members }: Conversation): string[] {
  const why = hold === undefined ? 'over before it was told' : holdWords[hold];
  return members.map(({ host, check }) => `${host} ${check} to ${target}: ${why}`);
}

/** Each line once, with its count. */
function counted(lines: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, count]) => (count === 1 ? line : `${line} x${count}`));
}
