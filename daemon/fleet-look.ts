/**
 * What the gates see of the fleet at one moment. Made for each of many results that come to nothing, so it reads no more than it
 * is asked for. Decides nothing.
 */
import type { FleetView } from '../core/fleet-view.ts';
import type { Pause } from '../core/types.ts';
import { Permission, type PermissionOptions } from './permission.ts';

type Seen = Omit<FleetView, 'paused' | 'storeProblem'>;

export class FleetLook implements FleetView {
  readonly mode: FleetView['mode'];
  readonly quarantine: FleetView['quarantine'];
  readonly doubt: FleetView['doubt'];
  readonly canaryAtMs: number;
  readonly freshSinceMs: number;
  readonly limits: FleetView['limits'];
  readonly groups: FleetView['groups'];
  readonly suppressions: FleetView['suppressions'];
  readonly caps: FleetView['caps'];
  readonly states: FleetView['states'];
  readonly plans: FleetView['plans'];
  readonly #options: PermissionOptions;
  #permission: Permission | undefined;

  constructor(seen: Seen, options: PermissionOptions) {
    this.mode = seen.mode;
    this.quarantine = seen.quarantine;
    this.doubt = seen.doubt;
    this.canaryAtMs = seen.canaryAtMs;
    this.freshSinceMs = seen.freshSinceMs;
    this.limits = seen.limits;
    this.groups = seen.groups;
    this.suppressions = seen.suppressions;
    this.caps = seen.caps;
    this.states = seen.states;
    this.plans = seen.plans;
    this.#options = options;
  }

  get paused(): Pause | undefined {
    return this.#permitted().paused;
  }

  get storeProblem(): string | undefined {
    return this.#permitted().storeProblem;
  }

  #permitted(): Permission {
    this.#permission ??= new Permission(this.#options);
    return this.#permission;
  }
}
