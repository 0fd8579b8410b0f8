/**
 * The way of one check: ask, read, conclude. A transport failure goes to the host's own axis and is never a result.
 */

import type { CheckDefinition, Definitions, HostDefinition } from '../core/definitions.ts';
import { resultOf } from '../core/exit-code.ts';
import type { PlanCheck, Runner, RunOutcome, Target } from '../core/ports.ts';
import type { EngineEvent } from '../core/reduction.ts';
import type { CheckResult, TransportFailure } from '../core/types.ts';

export interface CheckRunOptions extends AskOptions {
  apply: (host: string, event: EngineEvent) => void;
  /** The check was not asked: no free channel in time, or the daemon is stopping. */
  onNotAsked: (place: Place, reason: string) => void;
  onBug: (place: Place, bug: unknown) => void;
}

interface Place {
  host: string;
  check: string;
}

/** What asking came to. `asked` is the host that was asked; undefined when the ops box asked by itself. */
export type Asked =
  | { kind: 'result'; result: CheckResult; asked?: string }
  | { kind: 'unreachable'; failure: TransportFailure; startedAtMs: number; asked: string }
  | { kind: 'not_asked'; reason: string };

export interface AskOptions {
  runner: Runner;
  planCheck: PlanCheck;
  definitions: () => Definitions;
  /** Withdraws a probe, which then rejects; what a runner runs, the runner ends. */
  signal?: AbortSignal;
}

const stopping = 'the daemon is stopping';

/** Asks once and reads the answer; concludes nothing. `parallel`: as `RunRequest.batch`. */
export async function askCheck(
  options: AskOptions,
  host: HostDefinition,
  check: CheckDefinition,
  parallel?: number,
): Promise<Asked> {
  const asked = askedHost(options, host, check);
  if (asked === 'gone') return { kind: 'not_asked', reason: 'the host that `run_on` names is not defined' };
  const plan = options.planCheck(check, host);
  const { signal = new AbortController().signal } = options;
  if (plan.kind === 'probe') return { kind: 'result', result: await plan.probe(check.timeoutMs, signal) };
  if (plan.kind === 'told') {
    const told = plan.look();
    return typeof told === 'string' ? { kind: 'not_asked', reason: told } : { kind: 'result', result: told };
  }
  const outcome = await options.runner.run({
    target: targetOf(asked),
    script: plan.script,
    timeoutMs: check.timeoutMs,
    purpose: 'check',
    env: check.env,
    ...(check.sudo === undefined ? {} : { sudo: check.sudo }),
    ...(plan.plugin === undefined ? {} : { plugin: plan.plugin }),
    ...(parallel === undefined ? {} : { batch: { parallel } }),
  });
  const via = asked === undefined ? {} : { asked: asked.name };
  if (outcome.kind === 'unreachable') {
    // An ops box that cannot run a process says nothing about the host.
    if (asked === undefined) return { kind: 'not_asked', reason: outcome.failure.message };
    const { failure, startedAtMs } = outcome;
    return { kind: 'unreachable', failure, startedAtMs, asked: asked.name };
  }
  if (outcome.kind === 'not_sent') return { kind: 'not_asked', reason: outcome.reason };
  return { kind: 'result', result: readOutcome(outcome, check, plan.read), ...via };
}

type Answer = Exclude<RunOutcome, { kind: 'unreachable' } | { kind: 'not_sent' }>;

function readOutcome(
  outcome: Answer,
  check: CheckDefinition,
  read: ((outcome: Extract<RunOutcome, { kind: 'exited' }>) => CheckResult) | undefined,
): CheckResult {
  if (outcome.kind === 'exited' && read !== undefined) return read(outcome);
  return resultOf(outcome, check.exitMap);
}

function askedHost(
  options: AskOptions,
  host: HostDefinition,
  check: CheckDefinition,
): HostDefinition | 'gone' | undefined {
  if (check.runOn.kind === 'local') return undefined;
  return check.runOn.kind === 'target' ? host : (options.definitions().hosts.get(check.runOn.host) ?? 'gone');
}

/** Whether the check may share an exec with others of its host. */
export function sharesExec(host: HostDefinition | undefined, check: CheckDefinition): boolean {
  if (host === undefined || !host.batch || !check.batch || check.sudo !== undefined) return false;
  if (check.blocked !== undefined) return false;
  return host.transport !== 'local' && check.runOn.kind === 'target';
}

export function targetOf(host: HostDefinition | undefined): Target {
  return host === undefined || host.transport === 'local' ? { kind: 'local' } : { kind: 'ssh', host };
}

/**
 * Asks, and hands what came of it to the reducer. What one host answers must not end the daemon for all others, so a bug that
 * an answer brings to light is told and leaves the check without a result.
 */
export async function runCheck(
  options: CheckRunOptions,
  host: HostDefinition,
  check: CheckDefinition,
  parallel?: number,
): Promise<void> {
  const isWithdrawn = (): boolean => options.signal?.aborted === true;
  const placeOf = (): Place => ({ host: host.name, check: check.id });
  let asked: Asked;
  try {
    asked = await askCheck(options, host, check, parallel);
  } catch (bug) {
    return isWithdrawn() ? options.onNotAsked(placeOf(), stopping) : options.onBug(placeOf(), bug);
  }
  if (isWithdrawn()) return options.onNotAsked(placeOf(), stopping);
  switch (asked.kind) {
    case 'result': {
      const viaHost = asked.asked === host.name;
      options.apply(host.name, { kind: 'result', check: check.id, result: asked.result, viaHost });
      return;
    }
    case 'unreachable': {
      const { failure, startedAtMs } = asked;
      options.apply(asked.asked, { kind: 'unreachable', failure, startedAtMs });
      return;
    }
    case 'not_asked':
      options.onNotAsked(placeOf(), asked.reason);
  }
}
