/**
 * What people lay upon actions and take off again: suppressions, answers to questions, brakes, trust, re-arming, the pause. Each is checked
 * here, kept in the ledger with its author, and recorded in the audit chain.
 */
import { randomUUID } from 'node:crypto';
import { isTimezone, judgeCron } from '../config/cron.ts';
import { matcherProblem } from '../config/selectors.ts';
import { hostCheck } from '../core/definitions.ts';
import { outcomesOf } from '../core/outcomes.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { Quarantine, Suppression } from '../core/safety.ts';
import { troubleOf } from '../core/trouble.ts';
import type { Pause } from '../core/types.ts';
import type { DaemonPort, NewSuppression, Rejected } from '../core/views.ts';
import type { Approvals } from './approvals.ts';
import type { Brakes } from './brakes.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import type { Recorder } from './recorder.ts';
import type { Suppressions } from './suppressions.ts';
import type { Trust } from './trust.ts';

export interface PersonControlSources {
  clock: Clock;
  coordinator: Coordinator;
  history: History;
  recorder: Recorder;
  fleet: Fleet;
  suppressions: Suppressions;
  approvals: Approvals;
  brakes: Brakes;
  trust: Trust;
}

type Controls = Pick<
  DaemonPort,
  | 'pause'
  | 'resume'
  | 'suppressions'
  | 'addSuppression'
  | 'endSuppression'
  | 'approvals'
  | 'settleApproval'
  | 'brakes'
  | 'releaseBrake'
  | 'demoted'
  | 'promote'
  | 'outcomes'
  | 'rearm'
>;

export function rejected(status: Rejected['status'], code: string, message: string): Rejected {
  return { kind: 'rejected', status, code, message };
}

/** A person's command is recorded before anyone is told that it was done. Errors: MenddError. */
export function recordCommand(
  { coordinator, clock }: Pick<PersonControlSources, 'coordinator' | 'clock'>,
  by: string,
  event: string,
  body: Record<string, unknown>,
): void {
  coordinator.audit({ atMs: clock.nowMs(), kind: 'command', actor: `person:${by}`, event, body });
}

/**
 * Records as well that a person was refused what they commanded, and returns the answer; `about` says of what. What does not exist or
 * makes no sense was no command.
 */
export function recordRefusal<T extends object>(
  { recorder }: Pick<PersonControlSources, 'recorder'>,
  by: string,
  about: { command: string } & Record<string, string>,
  answer: T | Rejected,
): T | Rejected {
  if (!isRejected(answer) || (answer.status !== 409 && answer.status !== 412)) return answer;
  const { code, message } = answer;
  const actor = `person:${by}`;
  const key = JSON.stringify([actor, about, code]);
  const body = { ...about, code, message };
  recorder.record({ kind: 'command', actor, event: 'command.refused', body }, key);
  return answer;
}

function isRejected(answer: object): answer is Rejected {
  return 'kind' in answer && answer.kind === 'rejected';
}

/** All throw MenddError when the ledger cannot be written. */
export function createPersonControls(sources: PersonControlSources): Controls {
  const { clock, coordinator, history, fleet, approvals, brakes, trust } = sources;
  const record = (by: string, event: string, body: Record<string, unknown>): void =>
    recordCommand(sources, by, event, body);
  const refusable = <T extends object>(
    { by, isDry }: { by: string; isDry?: boolean },
    about: { command: string } & Record<string, string>,
    answer: T | Rejected,
  ): T | Rejected => (isDry === true ? answer : recordRefusal(sources, by, about, answer));

  return {
    pause({ by, reason, untilMs }, isDry): Pause {
      const pause = { by, reason, sinceMs: clock.nowMs(), ...(untilMs === undefined ? {} : { untilMs }) };
      if (isDry === true) return pause;
      coordinator.pause(pause);
      record(by, 'automation.paused', { ...pause });
      history.add('automation.paused', { data: { ...pause } });
      return pause;
    },
    resume(by, reason) {
      const why = reason === undefined ? {} : { reason };
      record(by, 'automation.resumed', why);
      coordinator.resume();
      history.add('automation.resumed', { data: { by, ...why } });
    },
    ...suppressionControls(sources, record),
    approvals: () => approvals.list(),
    settleApproval: (id, answer, person) =>
      refusable(person, { command: answer, id }, approvals.settle(id, answer, person)),
    brakes: () => brakes.views(),
    releaseBrake(scope, by, reason, isDry = false) {
      const off = rejected(409, 'brake_off', `No brake is on for ${scope}.`);
      if (!brakes.views().some((each) => each.on && each.scope === scope))
        return refusable({ by, isDry }, { command: 'brake.release', scope }, off);
      if (!isDry) record(by, 'brake.released', { scope, reason });
      return brakes.releaseBy(scope, by, reason, isDry) ?? off;
    },
    demoted: () => trust.demoted(),
    promote(action, by, reason, isDry = false) {
      const trusted = rejected(409, 'not_demoted', `${action} has not lost trust.`);
      if (!trust.demoted().some((cap) => cap.action === action))
        return refusable({ by, isDry }, { command: 'trust.promote', action }, trusted);
      if (isDry) return { action, mode: 'auto' };
      record(by, 'action.promoted', { action, reason });
      const mode = trust.promote(action, by, reason);
      return mode === undefined ? trusted : { action, mode };
    },
    outcomes({ sinceMs, action, host, perHost }) {
      // The ledger adds every open run, however old.
      const wanted = coordinator
        .summaries(sinceMs)
        .filter((run) => run.decidedAtMs >= sinceMs && (host === undefined || run.host === host));
      return outcomesOf(wanted, perHost || host !== undefined).filter(
        (each) => action === undefined || each.action === action,
      );
    },
    rearm(by, reason, isDry = false): Quarantine | Rejected {
      const { quarantine } = fleet;
      if (quarantine === undefined) {
        const trusted = rejected(409, 'trusted', 'The ledger is trusted; there is nothing to re-arm.');
        return refusable({ by, isDry }, { command: 'rearm' }, trusted);
      }
      if (isDry) return quarantine;
      // What lets actions go on is on record before it does.
      record(by, 'ledger.rearmed', { reason, cause: quarantine.cause, text: quarantine.text });
      fleet.rearm();
      history.add('store.rearmed', { data: { by, reason } });
      return quarantine;
    },
  };
}

function suppressionControls(
  sources: PersonControlSources,
  record: (by: string, event: string, body: Record<string, unknown>) => void,
): Pick<Controls, 'suppressions' | 'addSuppression' | 'endSuppression'> {
  const { clock, coordinator, history, fleet, suppressions } = sources;

  function refreshed(): void {
    suppressions.refresh(fleet.definitions, clock.nowMs());
  }

  return {
    suppressions: () => [...suppressions.known],
    addSuppression(wanted, by, isDry) {
      const made = suppressionOf(wanted, by, fleet, clock.nowMs());
      if (made.kind === 'rejected' || isDry === true) return made;
      coordinator.addSuppression(made);
      const { id, kind, reason } = made;
      record(by, 'suppression.added', { ...made });
      history.add('suppression.added', { data: { id, kind, by, reason } });
      refreshed();
      return made;
    },
    endSuppression(id, by, reason, isDry) {
      const known = suppressions.known.find((each) => each.id === id);
      const none = rejected(404, 'not_found', `There is no suppression ${id} in force.`);
      if (known === undefined) return none;
      if (known.origin === 'definitions') {
        const message = `It stands in the definitions (${id}); take it out there and reload.`;
        return rejected(409, 'in_definitions', message);
      }
      if (isDry === true) return { ...known, endedAtMs: clock.nowMs(), endedBy: by };
      const ended = coordinator.endSuppression(id, by, clock.nowMs());
      if (ended === undefined) return none;
      const why = reason === undefined ? {} : { reason };
      record(by, 'suppression.ended', { id, kind: ended.kind, ...why });
      history.add('suppression.ended', { data: { id, kind: ended.kind, by, ...why } });
      refreshed();
      return ended;
    },
  };
}

function suppressionOf(
  wanted: NewSuppression,
  by: string,
  fleet: Fleet,
  nowMs: number,
): Suppression | Rejected {
  const base = { id: randomUUID(), by, reason: wanted.reason, createdAtMs: nowMs, origin: 'person' as const };
  if (wanted.kind === 'acknowledgement') {
    const { host, check, sticky, endsAtMs } = wanted;
    const state = fleet.state(host);
    const trouble = state && troubleOf(state, check);
    if (trouble === undefined)
      return rejected(404, 'not_found', `There is no check ${check} on host ${host}.`);
    if (trouble.state === 'ok' || trouble.state === 'pending') {
      const what = check === hostCheck ? host : `${check} on ${host}`;
      return rejected(409, 'no_problem', `${what} has no problem that could be acknowledged.`);
    }
    return {
      ...base,
      kind: 'acknowledgement',
      host,
      check,
      problemSinceMs: trouble.problemSinceMs ?? trouble.sinceMs,
      state: trouble.state,
      sticky,
      ...(endsAtMs === undefined ? {} : { endsAtMs }),
    };
  }
  const problem = matcherProblem(wanted.match, fleet.definitions.hosts) ?? windowProblem(wanted, nowMs);
  if (problem !== undefined) return rejected(422, 'bad_suppression', problem);
  if (wanted.kind === 'downtime')
    return { ...base, kind: 'downtime', match: wanted.match, window: wanted.window };
  const { match, startsAtMs = nowMs, endsAtMs } = wanted;
  return { ...base, kind: 'silence', match, startsAtMs, endsAtMs };
}

function windowProblem(
  wanted: Exclude<NewSuppression, { kind: 'acknowledgement' }>,
  nowMs: number,
): string | undefined {
  if (wanted.kind === 'silence' || wanted.window.kind !== 'recurring') return undefined;
  const { cron, timezone } = wanted.window;
  if (!isTimezone(timezone))
    return `There is no time zone \`${timezone}\`; write an IANA name, for example \`Europe/Berlin\`.`;
  const verdict = judgeCron(cron, timezone, nowMs);
  return !('problem' in verdict) ? undefined : `\`${cron}\`: ${verdict.problem}; ${verdict.hint}.`;
}
