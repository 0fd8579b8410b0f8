/**
 * Asks a target what a decision wants to know of it, how long it is up and whether a person is at work there, and hands the
 * answer to the reducer. Changes nothing on the target and judges nothing.
 */
import {
  type ActionDefinition,
  type HostDefinition,
  hostCheck,
  type LadderDefinition,
} from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { FactsQuestion, TargetGuard } from '../core/guard-port.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import { targetOf } from './check-run.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';

export interface AskTargetOptions {
  clock: Clock;
  coordinator: Pick<Coordinator, 'knowsFence'>;
  guard: TargetGuard;
  fleet: Fleet;
  history: History;
  log: Log;
  /** The host has seen a fence that this ledger never raised: an old copy of it, or another daemon. */
  onForeignFence: (host: string, fenceSeen: number) => void;
}

export class AskTarget {
  readonly #options: AskTargetOptions;
  readonly #asking = new Set<string>();
  #stopped = false;

  constructor(options: AskTargetOptions) {
    this.#options = options;
  }

  /** Asks in the background, unless the same is being asked already. */
  ask(host: string, ladder: LadderDefinition, action: ActionDefinition): void {
    const target = this.#options.fleet.definitions.hosts.get(host);
    const key = `${host}\n${action.id}`;
    if (this.#stopped || target === undefined || this.#asking.has(key)) return;
    this.#asking.add(key);
    void this.#ask(target, ladder, action).finally(() => this.#asking.delete(key));
  }

  /** Answers that still come are dropped. */
  stop(): void {
    this.#stopped = true;
  }

  async #ask(host: HostDefinition, ladder: LadderDefinition, action: ActionDefinition): Promise<void> {
    const { guard, fleet, history, clock, coordinator, log, onForeignFence } = this.#options;
    const { name } = host;
    try {
      // When it was asked, not when it answered: what a person did meanwhile may be missing.
      const atMs = clock.nowMs();
      const answer = await guard.facts(targetOf(host), this.#questionOf(name, ladder, action));
      if (this.#stopped) return;
      if (answer.kind === 'unreachable') {
        const { failure } = answer;
        log.warn(
          { host: name },
          `${action.id} on ${name}: the host did not tell its facts: ${failure.message}`,
        );
        if (host.transport !== 'local')
          fleet.apply(name, { kind: 'unreachable', failure, startedAtMs: atMs });
        return;
      }
      const { kind: _answered, people, ...facts } = answer;
      const { fenceSeen } = facts;
      if (fenceSeen !== undefined && !coordinator.knowsFence(fenceSeen)) onForeignFence(name, fenceSeen);
      const seen = people ?? (action.humanIntent ? [] : undefined);
      fleet.apply(name, {
        kind: 'facts',
        ladder: ladder.id,
        action: action.id,
        facts: { ...facts, ...(seen === undefined ? {} : { people: seen }), atMs, heardAtMs: clock.nowMs() },
      });
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
    }
  }

  #questionOf(host: string, ladder: LadderDefinition, action: ActionDefinition): FactsQuestion {
    const { lockFiles, loginWithinMs } = this.#options.fleet.definitions.daemon.remediation.humanIntent;
    const { effect } = action;
    const unit = effect.kind === 'systemd_restart' ? effect.unit : undefined;
    const units = [...new Set([unit, this.#triggerUnit(host, ladder)])].filter((each) => each !== undefined);
    const people = { units, lockFiles, ...(loginWithinMs === undefined ? {} : { loginWithinMs }) };
    return {
      ...(unit === undefined ? {} : { unit }),
      ...(action.humanIntent ? { people } : {}),
      ...(action.sudo === undefined ? {} : { sudo: action.sudo }),
    };
  }

  /** The unit that the trigger looks at, when it is one. */
  #triggerUnit(host: string, { trigger }: LadderDefinition): string | undefined {
    if (trigger.check === hostCheck) return undefined;
    const probe = this.#options.fleet.plan(host)?.checks.find(({ id }) => id === trigger.check)?.probe;
    return probe?.kind === 'systemd_unit' ? probe.unit : undefined;
  }
}
