/**
 * Finds hard problems that no action watches and has those told whom `messages.routes` name: there is no repair to wait for. Looks
 * only at hosts that changed; keeps nothing that a restart would lose, since who was told stands in the ledger.
 */
import { placeOf } from '../core/conversation.ts';
import { type Definitions, type HostPlan, hostCheck } from '../core/definitions.ts';
import type { HostEngineState } from '../core/reduction.ts';
import type { Doubt } from '../core/safety.ts';
import { troubleOf } from '../core/trouble.ts';
import type { CheckStatus } from '../core/types.ts';
import { isUnwatched, isWatched, unwatchedLadder } from '../core/unwatched.ts';
import type { Conversations } from './conversations.ts';
import type { StoryParts } from './message-story.ts';

/** A check that flaps makes many problems of one trouble and is told no more often. Milliseconds. */
const repeatedToldEveryMs = 3_600_000;
/** What may be our own trouble waits so long, as the messages of actions do. Milliseconds. */
const longestDoubtMs = 300_000;
/** What is known from before a start, a doubt or a jump of the clock waits so long for the next answer. Milliseconds. */
const longestStaleMs = 900_000;
/** Problems that one turn has told. */
const asksAtOnce = 250;

const ownTroubles: readonly Doubt['cause'][] = ['network_down', 'canaries_down', 'dns_down'];

/** What was asked for one check. */
interface Asked {
  /** The problem and the routes. */
  what: string;
  /** Wall time. */
  atMs: number;
  isOver: boolean;
}

/** What all hosts are judged by in one turn. */
interface Scene {
  nowMs: number;
  freshSinceMs: number;
  /** Since when we doubt what we see of the network. */
  doubtSinceMs: number | undefined;
}

export class UnwatchedProblems {
  readonly #options: StoryParts;
  readonly #conversations: Conversations;
  /** Hosts of which nothing is left to tell, as they were then. */
  readonly #seen = new Map<string, HostEngineState>();
  /** By place. */
  readonly #asked = new Map<string, Asked>();
  #definitions: Definitions | undefined;

  constructor(options: StoryParts, conversations: Conversations) {
    this.#options = options;
    this.#conversations = conversations;
  }

  /** Each second. Errors: MenddError when the ledger cannot be read; the next turn tries again. */
  turn(): void {
    const { clock, fleet } = this.#options;
    const { daemon } = fleet.definitions;
    if ((daemon.messages?.routes ?? []).length === 0 || fleet.mode === 'observe') {
      this.#definitions = undefined;
      return;
    }
    this.#beginAnew(fleet.definitions);
    const { doubt, freshSinceMs } = fleet.view();
    const isOurs = doubt !== undefined && ownTroubles.includes(doubt.cause);
    const scene = {
      nowMs: clock.nowMs(),
      freshSinceMs,
      doubtSinceMs: isOurs ? doubt.sinceMs : undefined,
    };
    let left = asksAtOnce;
    for (const [host, state] of fleet.states()) {
      if (left <= 0) return;
      const plan = fleet.plan(host);
      if (plan === undefined || this.#seen.get(host) === state) continue;
      const { asked, held } = this.#look(plan, state, scene);
      left -= asked;
      if (held === 0) this.#seen.set(host, state);
    }
  }

  /** With other definitions all is asked once more: whom the ledger has as told is not told again. */
  #beginAnew(definitions: Definitions): void {
    if (this.#definitions === definitions) return;
    this.#seen.clear();
    if (this.#definitions === undefined) this.#readAsked();
    for (const asked of this.#asked.values()) asked.what = '';
    this.#definitions = definitions;
  }

  #readAsked(): void {
    const { clock, coordinator } = this.#options;
    this.#asked.clear();
    for (const { members } of coordinator.conversations(clock.nowMs() - repeatedToldEveryMs))
      for (const { host, ladder, check, askedMs } of members)
        if (isUnwatched(ladder))
          this.#asked.set(placeOf({ host, check }), { what: '', atMs: askedMs, isOver: false });
  }

  #look(plan: HostPlan, state: HostEngineState, scene: Scene): { asked: number; held: number } {
    let [asked, held] = [0, 0];
    for (const check of [hostCheck, ...plan.checks.map(({ id }) => id)]) {
      const status = troubleOf(state, check);
      if (status === undefined || status.state === 'pending') continue;
      if (status.state === 'ok') this.#over(plan.host.name, check);
      else if (status.type === 'hard' && !isWatched(plan, check, status.state)) {
        const fate = this.#problem(plan, check, status, scene);
        if (fate === 'asked') asked += 1;
        if (fate === 'held') held += 1;
      }
    }
    return { asked, held };
  }

  #problem(plan: HostPlan, check: string, status: CheckStatus, scene: Scene): 'asked' | 'held' | 'known' {
    if (isDoubtful(status, scene)) return 'held';
    const { name: host } = plan.host;
    const place = placeOf({ host, check });
    const ladder = unwatchedLadder(plan, check);
    const routes = ladder === undefined ? [] : this.#conversations.routesOf(host, ladder);
    if (ladder === undefined || routes.length === 0) return 'known';
    const episode = (status.problemSinceMs ?? status.sinceMs).toString(36);
    const what = [episode, ...routes.map(({ name }) => name)].join(' ');
    const before = this.#asked.get(place);
    if (before?.what === what && !before.isOver) return 'known';
    const isSame = before?.what.startsWith(`${episode} `) === true;
    if (!isSame && isTooOften(status, before, scene.nowMs)) return 'held';
    this.#conversations.ask(host, ladder, episode, routes, `${host}~${ladder.id}~${episode}`);
    this.#asked.set(place, { what, atMs: isSame ? before.atMs : scene.nowMs, isOver: false });
    return 'asked';
  }

  #over(host: string, check: string): void {
    const asked = this.#asked.get(placeOf({ host, check }));
    if (asked === undefined || asked.isOver) return;
    asked.isOver = true;
    this.#conversations.recovered(host, check);
  }
}

/** The network of the ops box is in doubt, or the answer is from before it was, from before a jump of the clock or a start. */
function isDoubtful({ lastResult }: CheckStatus, { nowMs, freshSinceMs, doubtSinceMs }: Scene): boolean {
  const isWithin = (sinceMs: number, lengthMs: number): boolean =>
    nowMs >= sinceMs && nowMs - sinceMs < lengthMs;
  if (doubtSinceMs !== undefined && isWithin(doubtSinceMs, longestDoubtMs)) return true;
  const startedAtMs = lastResult?.startedAtMs ?? 0;
  const isStale = startedAtMs < freshSinceMs || startedAtMs > nowMs;
  return isStale && isWithin(freshSinceMs, longestStaleMs);
}

function isTooOften({ flap }: CheckStatus, before: Asked | undefined, nowMs: number): boolean {
  const elapsedMs = nowMs - (before?.atMs ?? Number.NEGATIVE_INFINITY);
  return flap.flapping && elapsedMs >= 0 && elapsedMs < repeatedToldEveryMs;
}
