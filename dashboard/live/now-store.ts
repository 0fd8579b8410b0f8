/**
 * What the page knows at present: the newest `now`, how old it is, and what has just happened. The tab that leads asks the
 * daemon and tells the others; nobody else asks.
 */
import { computed, effect, signal } from '@preact/signals';
import { answers, get, noAnswer, type Problem } from '../http/client.ts';
import { loadSession, mustSignIn, session } from '../http/session.ts';
import type { LiveEvent, NowAnswer } from '../http/wire-types.ts';
import { openStream } from './event-stream.ts';
import { type Freshness, freshLimits, freshnessOf, type Moment } from './freshness.ts';
import { joinTabs, type Tabs } from './tabs.ts';

type Message =
  | { kind: 'now'; value: NowAnswer }
  | { kind: 'answered' }
  | { kind: 'failed'; problem: Problem }
  | { kind: 'event'; event: LiveEvent }
  | { kind: 'missed' }
  /** From a tab that does not lead: something was done, or it has nothing yet. */
  | { kind: 'wanted' };

/** Least time between two looks at `now`, however much happens; and most, when nothing does. */
const leastGapMs = 1_000;
const longestGapMs = 10_000;
/** A daemon that answers slowly is asked less often: the gap is so many times what the answer took. */
const gapTimes = 10;
/** An answer that takes longer would be old. Milliseconds. */
const nowWithinMs = 6_000;
/** Between two looks at the clock. */
const tickMs = 1_000;

function moment(): Moment {
  return { monoMs: performance.now(), wallMs: Date.now() };
}

const answeredAt = signal<Moment | undefined>(undefined);
const tick = signal<Moment>(moment());

export const now = signal<NowAnswer | undefined>(undefined);
/** Why the newest question got no answer. */
export const trouble = signal<Problem | undefined>(undefined);
export const freshness = computed<Freshness>(() =>
  freshnessOf(answeredAt.value, now.value?.health.ready ?? true, tick.value),
);
export const isStale = computed(() => freshness.value.kind === 'stale');

/** Rises by one with each thing that happens, and when something may have been missed; `lastEvent` is then undefined. */
export const changes = signal(0);
export const lastEvent = signal<LiveEvent | undefined>(undefined);

let heardAt: Moment = moment();
let heardServerMs = Date.now();

/** The daemon's wall clock, as this browser can know it. Milliseconds since the epoch; moves once a second. */
export const serverNowMs = computed(() => heardServerMs + Math.max(0, tick.value.monoMs - heardAt.monoMs));

let tabs: Tabs<Message> | undefined;
/** Set while this tab leads. */
let askNow: ((soon: boolean) => void) | undefined;

function hear(message: Message): void {
  if (message.kind === 'now') {
    heardAt = moment();
    heardServerMs = Date.parse(message.value.at);
    now.value = message.value;
    tick.value = heardAt;
  } else if (message.kind === 'answered') {
    answeredAt.value = moment();
    tick.value = answeredAt.value;
    trouble.value = undefined;
  } else if (message.kind === 'failed') trouble.value = message.problem;
  else if (message.kind === 'wanted') askNow?.(true);
  else {
    lastEvent.value = message.kind === 'event' ? message.event : undefined;
    changes.value += 1;
  }
}

function spread(message: Message): void {
  hear(message);
  tabs?.tell(message);
}

/** Reads `now` again, soon: after something was done. */
export function refresh(): void {
  if (askNow === undefined) tabs?.tell({ kind: 'wanted' });
  else askNow(true);
}

async function lookAtNow(): Promise<void> {
  // Whoever asks again and again without a token is taken for somebody who guesses them.
  if (mustSignIn.peek()) return;
  const answer = await get<NowAnswer>('/api/v1/now', nowWithinMs);
  if (!answer.ok) {
    spread({ kind: 'failed', problem: answer.problem });
    return;
  }
  const repeats = answer.value.at === now.value?.at;
  spread({ kind: 'now', value: answer.value });
  // The same moment twice comes from something between us and the daemon, and proves nothing.
  if (!repeats) spread({ kind: 'answered' });
}

/** Between two looks at `now` the stream tells what happens; that the daemon lives has to be asked. */
async function askAlive(): Promise<void> {
  if (mustSignIn.peek()) return;
  const isAlive = await answers('/healthz', freshLimits.askMs);
  // Who may not read any more has old data, however well the daemon is.
  if (isAlive && trouble.value === undefined && now.value !== undefined) spread({ kind: 'answered' });
  else if (!isAlive) spread({ kind: 'failed', problem: noAnswer });
  else askNow?.(true);
}

/** This tab asks for all of them. Returns what ends that. */
function lead(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let dueMs = Infinity;
  let lookedMs = -Infinity;
  let gapMs: number = leastGapMs;
  let [isLooking, isWanted, isOver] = [false, false, false];

  const plan = (inMs: number): void => {
    const atMs = performance.now() + inMs;
    if (isOver || atMs >= dueMs) return;
    clearTimeout(timer);
    dueMs = atMs;
    timer = setTimeout(() => void look(), inMs);
  };
  const look = async (): Promise<void> => {
    dueMs = Infinity;
    isLooking = true;
    isWanted = false;
    lookedMs = performance.now();
    await lookAtNow();
    gapMs = Math.min(longestGapMs, Math.max(leastGapMs, (performance.now() - lookedMs) * gapTimes));
    isLooking = false;
    plan(isWanted ? gapMs : longestGapMs);
  };
  askNow = (soon) => {
    isWanted = true;
    if (!isLooking) plan(soon ? 0 : Math.max(0, lookedMs + gapMs - performance.now()));
  };
  const heartbeat = setInterval(() => void askAlive(), freshLimits.askMs);
  const closeStream = openStream({
    isAllowed: () => !mustSignIn.peek(),
    event: (event) => {
      spread({ kind: 'event', event });
      askNow?.(false);
    },
    missed: () => {
      spread({ kind: 'missed' });
      askNow?.(false);
    },
  });
  plan(0);
  return () => {
    isOver = true;
    askNow = undefined;
    clearTimeout(timer);
    clearInterval(heartbeat);
    closeStream();
  };
}

/** Begins as soon as reading is allowed, and begins anew with another person. */
export function startLive(): void {
  setInterval(() => {
    tick.value = moment();
  }, tickMs);
  document.addEventListener('visibilitychange', () => {
    tick.value = moment();
    if (!document.hidden) refresh();
  });
  let isStarted = false;
  effect(() => {
    if (isStarted || mustSignIn.value) return;
    isStarted = true;
    tabs = joinTabs<Message>({ hear, lead });
    if (askNow === undefined) tabs.tell({ kind: 'wanted' });
  });
  effect(() => {
    if (session.value !== undefined) refresh();
    if (mustSignIn.value) forget();
  });
  let wasStale = false;
  effect(() => {
    // What answers again may be another version, or not know the token any more.
    if (wasStale && !isStale.value) void loadSession();
    wasStale = isStale.value;
  });
}

/** What was read belongs to whoever was allowed to. */
function forget(): void {
  now.value = undefined;
  answeredAt.value = undefined;
  trouble.value = undefined;
}
