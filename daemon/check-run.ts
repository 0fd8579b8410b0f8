/**
 * The way of one check: ask, read, conclude. A transport failure goes to the host's own axis and is never a result.
 */

import type { CheckDefinition, Definitions, HostDefinition } from '../core/definitions.ts';
import { resultOf } from '../core/exit-code.ts';
import type { PlanCheck, Runner, RunOutcome, Target } from '../core/ports.ts';
import type { EngineEvent } from '../core/reduction.ts';
import type { CheckResult, TransportFailure } from '../core/types.ts';

export interface CheckRunOptions {
  runner: Runner;
  planCheck: PlanCheck;
  definitions: () => Definitions;
  apply: (host: string, event: EngineEvent) => void;
  /** The check was not asked: no free channel in time, or the daemon is stopping. */
  onNotAsked: (reason: string) => void;
}

/** What asking came to. `asked` is the host whose connection was used; undefined on the ops box itself. */
export type Asked =
  | { kind: 'result'; result: CheckResult; asked?: string }
  | { kind: 'unreachable'; failure: TransportFailure; asked: string }
  | { kind: 'not_asked'; reason: string };

export type AskOptions = Pick<CheckRunOptions, 'runner' | 'planCheck' | 'definitions'>;

/** Asks once and reads the answer; concludes nothing. */
export async function askCheck(
  options: AskOptions,
  host: HostDefinition,
  check: CheckDefinition,
): Promise<Asked> {
  const asked = askedHost(options, host, check);
  const plan = options.planCheck(check, host);
  if (plan.kind === 'probe') {
    const never = new AbortController();
    return { kind: 'result', result: await plan.probe(check.timeoutMs, never.signal) };
  }
  const outcome = await options.runner.run({
    target: targetOf(asked),
    script: plan.script,
    timeoutMs: check.timeoutMs,
    purpose: 'check',
    env: check.env,
    ...(check.sudo === undefined ? {} : { sudo: check.sudo }),
    ...(plan.plugin === undefined ? {} : { plugin: plan.plugin }),
  });
  const via = asked?.transport === 'ssh' ? { asked: asked.name } : {};
  if (outcome.kind === 'unreachable') {
    return { kind: 'unreachable', failure: outcome.failure, asked: asked?.name ?? host.name };
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
): HostDefinition | undefined {
  if (check.runOn.kind === 'local') return undefined;
  return check.runOn.kind === 'target' ? host : options.definitions().hosts.get(check.runOn.host);
}

export function targetOf(host: HostDefinition | undefined): Target {
  return host === undefined || host.transport === 'local' ? { kind: 'local' } : { kind: 'ssh', host };
}

/** Asks, and hands what came of it to the reducer. */
export async function runCheck(
  options: CheckRunOptions,
  host: HostDefinition,
  check: CheckDefinition,
): Promise<void> {
  const asked = await askCheck(options, host, check);
  switch (asked.kind) {
    case 'result': {
      const viaHost = asked.asked === host.name;
      options.apply(host.name, { kind: 'result', check: check.id, result: asked.result, viaHost });
      return;
    }
    case 'unreachable':
      options.apply(asked.asked, { kind: 'unreachable', failure: asked.failure });
      return;
    case 'not_asked':
      options.onNotAsked(asked.reason);
  }
}
