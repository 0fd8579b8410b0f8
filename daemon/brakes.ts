/**
 * Puts brakes on and takes them off as core/brake.ts says, keeps them in the ledger and tells people. A brake that cannot be written
 * is on all the same.
 */
import { allowedUnhealthy, brakeReleasesAtMs, isBraked, stepBrake } from '../core/brake.ts';
import { type Census, fleetKey } from '../core/census.ts';
import type { Definitions, RunLimit } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { GroupView } from '../core/fleet-view.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { BrakeState, GroupKey } from '../core/safety.ts';
import type { BrakeView } from '../core/views.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import type { Recorder } from './recorder.ts';
import { tagOf } from './tags.ts';

export interface BrakesOptions {
  clock: Clock;
  coordinator: Coordinator;
  history: History;
  recorder: Recorder;
  log: Log;
  census: Census;
  definitions: () => Definitions;
  /** The rule took one off: what was seen before this wall time was seen while too much was wrong. */
  onOver: (belowSinceMs: number) => void;
  /** Tells people: a brake came on, or off. */
  onChange: (brake: BrakeState, isOn: boolean, by: string) => void;
}

export class Brakes {
  readonly #options: BrakesOptions;
  /** Groups of which the ledger does not know yet whether the brake is on. */
  readonly #unwritten = new Set<GroupKey>();

  /** Brakes that were on when the last process ended are still on. Errors: MenddError. */
  constructor(options: BrakesOptions) {
    this.#options = options;
    for (const brake of options.coordinator.brakes()) options.census.setBrake(brake.scope, brake);
  }

  /** After something changed in these groups, and from time to time in all. */
  step(scopes: Iterable<GroupKey>): void {
    const { census, clock, onOver } = this.#options;
    const rule = this.#options.definitions().daemon.remediation.brake;
    for (const scope of scopes) {
      const group = census.groups.get(scope);
      if (group === undefined || !this.#isWatched(scope)) continue;
      const before = group.brake;
      if (rule === null) {
        if (before !== undefined) this.#release(before, 'the definitions');
        continue;
      }
      const after = stepBrake(group, rule, this.#budgetOf(scope), clock.nowMs());
      if (before !== undefined && before.cause !== after?.cause) {
        if (after === undefined && before.released === undefined)
          onOver(before.belowSinceMs ?? clock.nowMs());
        this.#release(before, 'the rule');
      }
      census.setBrake(scope, after);
      if (after !== undefined && before?.cause !== after.cause) this.#engaged(after);
    }
  }

  stepAll(): void {
    for (const scope of this.#unwritten) this.#write(scope);
    this.step([...this.#options.census.groups.keys()]);
  }

  /** A jump of the clock is no time without trouble. */
  forgetTimes(): void {
    const { census } = this.#options;
    for (const { key, brake } of census.groups.values()) {
      if (brake?.belowSinceMs === undefined) continue;
      const { belowSinceMs: _jumped, ...rest } = brake;
      census.setBrake(key, rest);
    }
  }

  /** Undefined when it is not on. Errors: MenddError. */
  releaseBy(scope: GroupKey, by: string, reason: string, isDry: boolean): BrakeView | undefined {
    const { census, coordinator, clock } = this.#options;
    const group = census.groups.get(scope);
    if (group?.brake === undefined || !isBraked(group)) return undefined;
    const brake = { ...group.brake, released: { atMs: clock.nowMs(), by, reason } };
    if (isDry) return this.#view({ ...group, brake });
    coordinator.saveBrake(brake);
    this.#unwritten.delete(scope);
    census.setBrake(scope, brake);
    this.#tell(brake, false, by);
    return this.#view(group);
  }

  views(): BrakeView[] {
    const { census } = this.#options;
    return [...census.groups.values()]
      .filter(({ key }) => this.#isWatched(key))
      .map((group) => this.#view(group));
  }

  get on(): number {
    return [...this.#options.census.groups.values()].filter(isBraked).length;
  }

  /** The fleet, and the groups of the label that the brake looks at. */
  #isWatched(scope: GroupKey): boolean {
    const label = this.#options.definitions().daemon.remediation.brake?.label;
    const isOn = this.#options.census.groups.get(scope)?.brake !== undefined;
    return isOn || scope === fleetKey || (label !== undefined && scope.startsWith(`${label}=`));
  }

  #budgetOf(scope: GroupKey): RunLimit | undefined {
    const { maxRuns, groups } = this.#options.definitions().daemon.remediation;
    if (scope === fleetKey) return maxRuns;
    return groups.find(({ label }) => scope.startsWith(`${label}=`))?.maxRuns;
  }

  #view(group: GroupView): BrakeView {
    const rule = this.#options.definitions().daemon.remediation.brake;
    const { key: scope, unhealthy, members, brake: state } = group;
    const releasesAtMs = state && rule ? brakeReleasesAtMs(state, rule) : undefined;
    const release = rule?.release;
    return {
      scope,
      on: isBraked(group),
      unhealthy,
      hosts: members.size,
      allowed: rule === null ? members.size : allowedUnhealthy(rule, members.size),
      ...(state === undefined ? {} : { state }),
      tag: tagOf(scope, isBraked(group), state?.cause, state?.sinceMs, state?.released),
      ...(releasesAtMs === undefined ? {} : { releasesAtMs }),
      ...(release?.kind === 'auto' ? { releasesAfterMs: release.afterMs } : {}),
    };
  }

  #engaged(brake: BrakeState): void {
    this.#write(brake.scope);
    this.#record('brake.engaged', brake);
    this.#tell(brake, true, 'the rule');
  }

  #release(brake: BrakeState, by: string): void {
    this.#options.census.setBrake(brake.scope, undefined);
    this.#write(brake.scope);
    if (brake.released !== undefined) return;
    this.#record('brake.released', brake);
    this.#tell(brake, false, by);
  }

  #record(event: string, { scope, cause, unhealthy, hosts, allowed }: BrakeState): void {
    const body = { scope, cause, unhealthy, hosts, allowed };
    this.#options.recorder.record({ kind: 'decision', actor: 'rule', event, body }, `${event} ${scope}`);
  }

  #tell(brake: BrakeState, isOn: boolean, by: string): void {
    const { history, log, onChange } = this.#options;
    history.add(isOn ? 'brake.engaged' : 'brake.released', { data: { ...brake, by } });
    log.warn({ ...brake, by }, `brake of ${brake.scope}: ${isOn ? 'on' : 'off'}`);
    onChange(brake, isOn, by);
  }

  /** Brings the ledger up to what holds; tried again until it takes it, or its claims and the next start would brake by what was. */
  #write(scope: GroupKey): void {
    const { census, coordinator, history } = this.#options;
    const brake = census.groups.get(scope)?.brake;
    try {
      if (brake === undefined) coordinator.clearBrake(scope);
      else coordinator.saveBrake(brake);
      this.#unwritten.delete(scope);
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      this.#unwritten.add(scope);
      history.failed(error);
    }
  }
}
