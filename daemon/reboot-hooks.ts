/**
 * Sends the hooks of a reboot under the guard, and looks up what became of one; says both in words. When to send which is for
 * reboot-run.ts.
 */
import { actionEnvironment } from '../actions/environment.ts';
import { isSameBoot } from '../actions/reboot.ts';
import type { ActionDefinition, HookDefinition, HostDefinition } from '../core/definitions.ts';
import type { GuardOutcome, GuardRecord, GuardRequest, TargetGuard } from '../core/guard-port.ts';
import type { Clock, Coordinator, Target } from '../core/ports.ts';
import type { Run } from '../core/types.ts';
import { targetOf } from './check-run.ts';
import { sendWithinMs } from './intent.ts';
import type { WakeUps } from './wake-ups.ts';

/** Between two looks or attempts: 1 s at first, doubling. Milliseconds. */
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** Beside the hook's own limit, for the guard to end it and write that down. Milliseconds. */
const hookSlackMs = 30_000;

export interface RebootHooksOptions {
  clock: Clock;
  coordinator: Coordinator;
  guard: TargetGuard;
  wakeUps: WakeUps;
}

export class RebootHooks {
  readonly #options: RebootHooksOptions;

  constructor(options: RebootHooksOptions) {
    this.#options = options;
  }

  /** The guard refuses a second one of the same run and step. */
  send(
    run: Run,
    step: 'drain' | 'undrain',
    host: HostDefinition,
    action: ActionDefinition,
    hook: HookDefinition,
    beforeSend: () => string | undefined,
  ): Promise<GuardOutcome> {
    const { guard, coordinator, clock } = this.#options;
    const isBound = step === 'drain' && hook.runOn.kind === 'target';
    return guard.run({
      target: hookTarget(host, hook),
      intent: {
        ...run,
        id: hookId(run, step),
        command: hook.run,
        fence: coordinator.fence,
        notAfterMs: clock.nowMs() + sendWithinMs,
        preconditions: isBound ? run.preconditions : {},
      },
      script: hook.run,
      timeoutMs: hook.timeoutMs,
      ...surroundings(run, host, action, hook.runOn),
      beforeSend,
    });
  }

  /** Looks until the hook has ended; undefined when that did not become clear within its time, or the daemon stops. */
  async lookUp(
    run: Run,
    step: 'drain' | 'undrain',
    host: HostDefinition,
    action: ActionDefinition,
    hook: HookDefinition,
  ): Promise<GuardRecord | undefined> {
    const { guard, clock } = this.#options;
    const untilMs = clock.monotonicMs() + hook.timeoutMs + hookSlackMs;
    const sudo = hook.runOn.kind === 'local' ? undefined : action.sudo;
    for (let look = 0; !this.#options.wakeUps.stopped; look += 1) {
      const record = await guard.inspect(hookTarget(host, hook), hookId(run, step), sudo);
      if (record.kind !== 'running' && record.kind !== 'unreachable') return record;
      if (clock.monotonicMs() >= untilMs) return undefined;
      await this.#options.wakeUps.wait(pauseMs(look));
    }
    return undefined;
  }
}

/** Who runs it, and what it finds in its environment. The action's user is one of the target's. */
export function surroundings(
  run: Run,
  host: HostDefinition,
  { sudo, env }: ActionDefinition,
  runOn: HookDefinition['runOn'],
): Pick<GuardRequest, 'env' | 'sudo'> {
  return {
    env: { ...actionEnvironment(host, run.id), ...env },
    ...(sudo === undefined || runOn.kind === 'local' ? {} : { sudo }),
  };
}

export type HookEnd = GuardOutcome | GuardRecord | undefined;

function hookTarget(host: HostDefinition, hook: HookDefinition): Target {
  return targetOf(hook.runOn.kind === 'local' ? undefined : host);
}

/** Line of the run's story: from then on the hook has another id. */
export function sentAgain(step: 'drain' | 'undrain'): string {
  return `the ${step} never arrived: it is sent again`;
}

/** How often it was. */
export function sendsAgain({ events }: Run, step: 'drain' | 'undrain'): number {
  return events.filter(({ status, text }) => status === 'step' && text === sentAgain(step)).length;
}

/** A target takes each only once, whether it ran it or not. */
function hookId(run: Run, step: 'drain' | 'undrain'): string {
  const again = sendsAgain(run, step);
  return again === 0 ? `${run.id}~${step}` : `${run.id}~${step}~${again + 1}`;
}

/**
 * Proof that what was sent in this life of the daemon did not run, and never will under its id: without a boot since, the target has
 * a record of all that ran. `bootId`: of the host when it was sent.
 */
export function neverRan(end: HookEnd, hook: HookDefinition, bootId: string | undefined): boolean {
  if (end?.kind !== 'absent') return false;
  return hook.runOn.kind === 'local' || isSameBoot(end.bootId, bootId) === true;
}

export function pauseMs(attempt: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** attempt);
}

export function isBusy(end: HookEnd): boolean {
  return end?.kind === 'refused' && end.reason === 'busy';
}

export function isSuccess(end: HookEnd): boolean {
  return (end?.kind === 'ran' || end?.kind === 'finished') && end.exitCode === 0;
}

export function outputOf(end: HookEnd): Partial<Pick<Run, 'exitCode' | 'stdout' | 'stderr'>> {
  if (end?.kind === 'ran' || end?.kind === 'finished')
    return { exitCode: end.exitCode, stdout: end.stdout, stderr: end.stderr };
  return end?.kind === 'timed_out' ? { stdout: end.stdout, stderr: end.stderr } : {};
}

export function wordsOf(end: HookEnd): string {
  switch (end?.kind) {
    case 'ran':
    case 'finished':
      return `exit code ${end.exitCode}`;
    case 'timed_out':
      return `it ran longer than ${end.limitMs / 1000} s`;
    case 'refused':
      return `refused (${end.reason}): ${end.message}`;
    case 'not_sent':
      return `not sent: ${end.reason}`;
    case 'absent':
      return 'there is no record that it arrived';
    case 'interrupted':
      return 'it was interrupted before it ended';
    default:
      return 'what became of it could not be looked up';
  }
}
