/**
 * Owns what happened beside the results: hosts that went away, daemons that started, doubts, what people laid upon actions and what they
 * answered, each at its time. It plays them to a replay as they were recorded; what they lead to is decided there.
 */
import { createPlanCheck } from '../checks/plan-check.ts';
import type { Definitions, RunOn } from '../core/definitions.ts';
import { attemptSpacingMs } from '../core/host-status.ts';
import type { Coordinator } from '../core/ports.ts';
import { summaryOf } from '../core/runs.ts';
import type { Approval, BrakeState, Quarantine, Suppression, TrustCap } from '../core/safety.ts';
import type { Pause, Run, StoredEvent, TransportFailure, TransportStage } from '../core/types.ts';
import type { HostChange, Recorded, Span } from '../store/recorded.ts';
import type { ReplayDaemon } from './replay-daemon.ts';

export interface Mark {
  atMs: number;
  /** No daemon ran until then. */
  isStart?: boolean;
  play: (daemon: ReplayDaemon) => void;
}

const stages: readonly TransportStage[] = [
  'dns',
  'connect',
  'host_key',
  'auth',
  'channel',
  'lost',
  'timeout',
];

/** In the order of time, of that span; what people laid upon problems before it comes first. */
export function marksOf(
  recorded: Recorded,
  runs: readonly Run[],
  definitions: Definitions,
  span: Span,
): Mark[] {
  const marks = [
    ...hostMarks(recorded.hostChanges(span), definitions),
    ...recorded.events(eventTypes, span).flatMap((event) => eventMark(event)),
    ...recorded.suppressions(span.sinceMs).flatMap((each) => suppressionMarks(each, definitions, span)),
    ...recorded.approvals(span.sinceMs).flatMap((each) => answerMark(each, span)),
    ...runs.filter(isByPerson).flatMap((run) => playedMarks(run)),
  ];
  return marks.toSorted((a, b) => a.atMs - b.atMs);
}

export function isByPerson(run: Run): boolean {
  return summaryOf(run).byPerson === true;
}

/** Fills a ledger that is empty with what lay upon actions at that time: pause, quarantine, brakes, caps on trust. Errors: MenddError. */
export function restoreRestraints(ledger: Coordinator, recorded: Recorded, beforeMs: number): void {
  const types = [...restraintTypes, 'action.demoted', 'brake.engaged'] as const;
  for (const event of recorded.events(types, { sinceMs: 0, untilMs: beforeMs - 1 })) restore(ledger, event);
  // What the ledger keeps lasts longer than what is told of it.
  for (const cap of recorded.trust()) if (cap.sinceMs < beforeMs) ledger.saveTrust(cap);
  const pause = recorded.paused(beforeMs);
  if (pause !== undefined && pause.sinceMs < beforeMs) ledger.pause(pause);
}

function restore(ledger: Coordinator, { atMs: sinceMs, type, data }: StoredEvent): void {
  switch (type) {
    case 'automation.paused':
      return ledger.pause(data as unknown as Pause);
    case 'automation.resumed':
      return ledger.resume();
    case 'brake.engaged':
      return ledger.saveBrake(data as unknown as BrakeState);
    case 'brake.released':
      return ledger.clearBrake((data as unknown as BrakeState).scope);
    case 'action.demoted':
      return ledger.saveTrust({ ...(data as unknown as TrustCap), sinceMs, by: 'rule' });
    case 'action.promoted':
      return ledger.saveTrust({ ...(data as unknown as TrustCap), sinceMs, mode: 'auto' });
    case 'store.quarantined':
      return ledger.setQuarantine(data as unknown as Quarantine);
    case 'store.rearmed':
      return void ledger.rearm();
    default:
  }
}

const restraintTypes = [
  'automation.paused',
  'automation.resumed',
  'brake.released',
  'action.promoted',
  'store.quarantined',
  'store.rearmed',
] as const;
const eventTypes = [...restraintTypes, 'daemon.started', 'doubt.began', 'doubt.ended'] as const;

function eventMark(event: StoredEvent): Mark[] {
  const { atMs, type, data } = event;
  const told = (name: string): string => (typeof data[name] === 'string' ? data[name] : '');
  const one = (play: Mark['play']): Mark[] => [{ atMs, play }];
  switch (type) {
    case 'daemon.started':
      // A doubt was that of the process before.
      return [{ atMs, isStart: true, play: ({ doubted }) => doubted.clear() }];
    case 'automation.paused':
    case 'automation.resumed':
      return one(({ coordinator }) => restore(coordinator, event));
    case 'brake.released':
      // The rule does it again.
      if (data['released'] === undefined) return [];
      return one(
        ({ healing }) => void healing.brakes.releaseBy(told('scope'), told('by'), 'as recorded', false),
      );
    case 'action.promoted':
      return one(({ healing }) => void healing.trust.promote(told('action'), told('by'), 'as recorded'));
    case 'doubt.began':
      return one(({ doubted }) => doubted.add(told('cause')));
    case 'doubt.ended':
      return one(({ doubted }) => doubted.delete(told('cause')));
    case 'store.quarantined':
      return one(({ healing }) => healing.fleet.distrust(data as unknown as Quarantine));
    case 'store.rearmed':
      return one(({ healing }) => healing.fleet.rearm());
    default:
      return [];
  }
}

/**
 * Of a host that cannot be reached only the first failure and the one that made it hard are recorded. A second one is put between
 * them; from then on it is taken to be asked as often as its checks are due.
 */
function hostMarks(changes: readonly HostChange[], definitions: Definitions): Mark[] {
  const before = new Map<string, HostChange>();
  return changes.flatMap((change): Mark[] => {
    const last = before.get(change.host);
    before.set(change.host, change);
    const { host, atMs, to, type, text } = change;
    const plan = definitions.byHost.get(host);
    if (to !== 'unreachable' || plan === undefined) return [];
    const failure = failureOf(text);
    const fail = ({ healing }: ReplayDaemon, startedAtMs: number): void =>
      healing.fleet.apply(host, { kind: 'unreachable', failure, startedAtMs });
    if (type !== 'hard') return [{ atMs, play: (daemon) => fail(daemon, atMs) }];
    const betweenMs = ((last?.atMs ?? atMs) + atMs) / 2;
    const everyMs = Math.max(
      attemptSpacingMs,
      Math.min(
        60_000,
        ...plan.checks.map(({ timing }) => (timing.kind === 'interval' ? timing.everyMs : 60_000)),
      ),
    );
    const goOn = (daemon: ReplayDaemon): void => {
      fail(daemon, daemon.clock.nowMs());
      daemon.clock.after(everyMs, () => {
        if (daemon.healing.fleet.state(host)?.host.state === 'unreachable') goOn(daemon);
      });
    };
    return [
      { atMs: betweenMs, play: (daemon) => fail(daemon, betweenMs) },
      { atMs, play: goOn },
    ];
  });
}

function failureOf(text: string): TransportFailure {
  const stage = stages.find((each) => text.startsWith(`${each}: `)) ?? 'connect';
  return { stage, message: 'as it was recorded', hint: '', sent: false };
}

function suppressionMarks(
  suppression: Suppression,
  definitions: Definitions,
  { sinceMs, untilMs }: Span,
): Mark[] {
  const { endedAtMs, endedBy, ...open } = suppression;
  const refresh = ({ healing, clock }: ReplayDaemon): void =>
    healing.suppressions.refresh(definitions, clock.nowMs());
  const atMs = Math.max(sinceMs, suppression.createdAtMs);
  if (atMs > untilMs) return [];
  const add: Mark = {
    atMs,
    play(daemon) {
      daemon.coordinator.addSuppression(aboutNow(open));
      refresh(daemon);
    },
  };
  // What a rule ended is ended by it again, if the trouble ends.
  if (endedAtMs === undefined || endedAtMs > untilMs || endedBy === 'rule') return [add];
  const end = (daemon: ReplayDaemon): void => {
    daemon.coordinator.endSuppression(suppression.id, endedBy ?? 'a person', endedAtMs);
    refresh(daemon);
  };
  return [add, { atMs: endedAtMs, play: end }];
}

/** An acknowledgement holds until the check is OK: results are played some milliseconds off, and a problem may be older than they are. */
function aboutNow(made: Suppression): Suppression {
  return made.kind === 'acknowledgement' ? { ...made, problemSinceMs: Number.MAX_SAFE_INTEGER } : made;
}

/** What a person said to a question holds for the question about the same action, if it is asked by then. */
function answerMark({ host, action, ladder, status, decidedAtMs, decidedBy }: Approval, span: Span): Mark[] {
  const isAnswer = status === 'approved' || status === 'rejected';
  if (!isAnswer || decidedAtMs === undefined || decidedAtMs < span.sinceMs || decidedAtMs > span.untilMs)
    return [];
  const by = (decidedBy ?? '').replace(/^person:/, '');
  const play = ({ healing: { approvals } }: ReplayDaemon): void => {
    const open = approvals
      .list()
      .find(
        (each) =>
          each.status === 'waiting' && each.host === host && each.action === action && each.ladder === ladder,
      );
    if (open !== undefined)
      approvals.settle(open.id, status, { by, reason: 'as it was recorded', tag: open.tag });
  };
  return [{ atMs: decidedAtMs, play }];
}

/** A run as it was: it holds its host and counts against cooldowns and budgets as it did then; nothing is sent. */
export function playedMarks(run: Run): Mark[] {
  const { endedAtMs, verifyByMs: _by, verifyOkSinceMs: _since, ...begun } = summaryOf(run);
  const began = { ...begun, status: 'dispatched' as const };
  const begin: Mark = { atMs: run.decidedAtMs, play: ({ healing }) => healing.fleet.moved(began) };
  if (endedAtMs === undefined) return [begin];
  return [begin, { atMs: endedAtMs, play: ({ healing }) => healing.fleet.moved(summaryOf(run)) }];
}

/** Whether a result of that check came over the host's own connection. */
export function viaHostOf(definitions: Definitions): (host: string, check: string) => boolean {
  const planCheck = createPlanCheck({ pluginDirs: [], clock: { nowMs: () => 0, monotonicMs: () => 0 } });
  const known = new Map<string, boolean>();
  return (host, check) => {
    const key = `${host}\n${check}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const plan = definitions.byHost.get(host);
    const definition = plan?.checks.find(({ id }) => id === check);
    const via = definition !== undefined && plan !== undefined && isAsked(definition.runOn, host);
    const isVia = via && planCheck(definition, plan.host).kind === 'command';
    known.set(key, isVia);
    return isVia;
  };
}

function isAsked(runOn: RunOn, host: string): boolean {
  return runOn.kind === 'target' || (runOn.kind === 'host' && runOn.host === host);
}
