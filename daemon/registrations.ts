/**
 * Owns the hosts that register themselves: who waits, who was let in by a rule or a person, who no longer registers. What is
 * told is believed by nobody until then, and what was let in changes by a person alone.
 */

import { problemOf } from '../config/inventory/found-hosts.ts';
import { MenddError } from '../core/errors.ts';
import type {
  OutsideWaiting,
  Registering,
  Registration,
  RegistrationAnswer,
  RegistrationConfig,
  RegistrationRule,
  RegistrationStatus,
  RegistrationView,
} from '../core/outside-port.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { FoundHost } from '../core/sources.ts';
import type { Rejected } from '../core/views.ts';
import { fingerprint } from '../runner/known-hosts.ts';
import { type Admission, admittedOf, hostOf, keyBytes, ruleFor } from './admission.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import { rejected } from './person-controls.ts';
import { tagOf } from './tags.ts';

export interface RegistrationsOptions {
  clock: Clock;
  log: Log;
  coordinator: Pick<Coordinator, 'registrations' | 'saveRegistration' | 'removeRegistration' | 'audit'>;
  history: Pick<History, 'add' | 'failed'>;
  config: () => RegistrationConfig | undefined;
  /** Whether the definitions have a host of that name. */
  hasHost: (name: string) => boolean;
  /** Records the key of a host that none is known of, unless `isDry`; answers why it cannot be. */
  learnKey: (address: string, port: number, key: Buffer, isDry: boolean) => string | undefined;
  /** The hosts in force have changed. */
  onChange: () => void;
}

/** Hosts that wait for a person. */
const pendingLimit = 1_000;
const admittedLimit = 100_000;
/** Of those that wait. */
const shownNames = 10;
/** How often it is looked for those that no longer register. Milliseconds. */
const turnEveryMs = 60_000;
const byRule = { actor: 'rule', reason: 'a rule of `registration.admit` fits' };
/** Part of `expire` by which the time of the last word may be older on the disk than it is. */
const seenSlack = 0.05;

export class Registrations {
  readonly #options: RegistrationsOptions;
  readonly #known: Map<string, Registration>;
  /** Names of those that wait for a person: to be asked often, whatever the number of hosts. */
  readonly #waiting = new Set<string>();
  /** Wall times on the disk. */
  readonly #writtenMs = new Map<string, number>();
  readonly #startedAtMs: number;
  #cancel: (() => void) | undefined;

  constructor(options: RegistrationsOptions) {
    this.#options = options;
    this.#known = new Map(options.coordinator.registrations().map((each) => [each.name, each]));
    for (const each of this.#known.values()) {
      this.#writtenMs.set(each.name, each.lastAtMs);
      this.#noteWaiting(each);
    }
    this.#startedAtMs = options.clock.nowMs();
  }

  start(): void {
    this.#cancel = this.#options.clock.after(turnEveryMs, () => {
      this.#expire();
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  /** Those that were let in, and none while registration is off. */
  hosts(): FoundHost[] {
    if (this.#options.config() === undefined) return [];
    return [...this.#known.values()].flatMap(({ admitted }) =>
      admitted === undefined ? [] : [admitted.host],
    );
  }

  /** None while registration is off. */
  waiting(): OutsideWaiting['registrations'] {
    if (this.#options.config() === undefined) return { waiting: 0, names: [] };
    return { waiting: this.#waiting.size, names: [...this.#waiting].slice(0, shownNames) };
  }

  list(): RegistrationView[] {
    return [...this.#known.values()].map((each) => this.#view(each));
  }

  /** Errors: MenddError when the ledger cannot be written. */
  register(
    told: Registering,
    from: { address: string; by: string; isDry?: boolean },
  ): RegistrationView | Rejected {
    const { clock, config, hasHost, coordinator } = this.#options;
    const rules = config()?.rules;
    if (rules === undefined)
      return rejected(409, 'registration_off', 'The daemon file has no `registration`.');
    const wrong = problemOf({ ...hostOf(told, from.address), vars: {} });
    if (wrong !== undefined) return rejected(422, 'not_a_host', `The host ${wrong}.`);
    const before = this.#known.get(told.name);
    if (before?.admitted === undefined && hasHost(told.name))
      return rejected(409, 'name_taken', `There is a host ${told.name} that did not register itself.`);
    const limit = this.#limitFor(before);
    if (limit !== undefined) return limit;
    const nowMs = clock.nowMs();
    const known: Registration = {
      ...(before ?? { name: told.name, firstAtMs: nowMs }),
      told,
      from: from.address,
      lastAtMs: nowMs,
    };
    const rule = statusOf(known) === 'pending' ? ruleFor(rules, told, from.address) : undefined;
    if (from.isDry === true) return this.#wouldBe(known, rule && { ...rule, ...byRule });
    const isNews = before === undefined || !isSame(before.told, told);
    if (isNews) {
      const body = { name: told.name, told, from: from.address, token: from.by };
      coordinator.audit({ atMs: nowMs, kind: 'daemon', actor: 'daemon', event: 'registration.asked', body });
    }
    this.#keep(known, isNews);
    const admitted = rule && this.#admitByRule(known, rule);
    if (isNews && admitted !== true) {
      const data = { name: told.name, from: from.address, status: statusOf(known) };
      this.#options.history.add('registration.asked', { data });
    }
    return this.#view(this.#known.get(told.name) ?? known);
  }

  admit(
    name: string,
    { by, reason, tag, isDry }: RegistrationAnswer & { tag: string },
  ): RegistrationView | Rejected {
    const known = this.#known.get(name);
    if (known === undefined) return notThere(name);
    // Whoever may register may tell another key or address between the reading and the answer.
    if (tag !== readTag(known))
      return rejected(412, 'changed', `What ${name} tells has changed since it was read; read it again.`);
    if (statusOf(known) === 'admitted') return rejected(409, 'admitted', `${name} is let in already.`);
    if (known.admitted === undefined && this.#options.hasHost(name))
      return rejected(409, 'name_taken', `There is a host ${name} that did not register itself.`);
    const admission = { labels: {}, actor: `person:${by}`, reason };
    const problem = this.#keyProblem(known, admission, isDry === true);
    if (problem !== undefined) return rejected(409, 'host_key', problem);
    if (isDry === true) return this.#wouldBe(known, admission);
    this.#letIn(known, admission);
    return this.#view(this.#known.get(name) ?? known);
  }

  /** What was let in before goes too. */
  reject(name: string, { by, reason, isDry }: RegistrationAnswer): RegistrationView | Rejected {
    const known = this.#known.get(name);
    if (known === undefined) return notThere(name);
    if (known.rejected !== undefined) return rejected(409, 'rejected', `${name} is rejected already.`);
    const { admitted, ...rest } = known;
    const atMs = this.#options.clock.nowMs();
    if (isDry === true) return this.#view({ ...rest, rejected: { atMs, by, reason } });
    this.#record(`person:${by}`, 'registration.rejected', { name, reason });
    this.#keep({ ...rest, rejected: { atMs, by, reason } }, true);
    this.#options.history.add('registration.rejected', { data: { name, by, reason } });
    if (admitted !== undefined) this.#options.onChange();
    return this.#view(this.#known.get(name) ?? known);
  }

  #limitFor(before: Registration | undefined): Rejected | undefined {
    if (before !== undefined) return undefined;
    const all = [...this.#known.values()];
    const admitted = all.filter((each) => each.admitted !== undefined).length;
    if (all.length - admitted < pendingLimit && admitted < admittedLimit) return undefined;
    const message = `${pendingLimit.toLocaleString('en-US')} hosts wait for a person already.`;
    return rejected(503, 'too_many_wait', message);
  }

  /** A key that is not the one on record is for a person. */
  #admitByRule(known: Registration, { labels }: RegistrationRule): boolean {
    const admission = { labels, ...byRule };
    const problem = this.#keyProblem(known, admission, false);
    if (problem === undefined) {
      this.#letIn(known, admission);
      return true;
    }
    this.#options.log.warn(
      { name: known.name, problem },
      'a rule fits a registration, and its host key does not',
    );
    return false;
  }

  /** Why its key keeps it out. The key is learnt first: a host that is in force without it could not be reached. */
  #keyProblem({ name, told, from }: Registration, { labels }: Admission, isDry: boolean): string | undefined {
    const host = hostOf(told, from, labels);
    const key = keyBytes(told.hostKey);
    return key && this.#options.learnKey(host.address ?? name, host.port ?? 22, key, isDry);
  }

  #letIn(known: Registration, admission: Admission): void {
    const { history, onChange } = this.#options;
    const { actor, reason } = admission;
    const next = admittedOf(known, admission, this.#options.clock.nowMs());
    const { name, told } = known;
    const { host } = next.admitted;
    this.#record(actor, 'registration.admitted', { name, host, reason, hostKey: told.hostKey ?? null });
    this.#keep(next, true);
    history.add('registration.admitted', { data: { name, by: actor } });
    onChange();
  }

  /** For a dry run: as it would be after `admission`, when its key lets it in. */
  #wouldBe(known: Registration, admission: Admission | undefined): RegistrationView {
    const isIn = admission !== undefined && this.#keyProblem(known, admission, true) === undefined;
    return this.#view(isIn ? admittedOf(known, admission, this.#options.clock.nowMs()) : known);
  }

  #keep(registration: Registration, isNews: boolean): void {
    const { name, lastAtMs } = registration;
    const slackMs = (this.#options.config()?.expireMs ?? 0) * seenSlack;
    if (isNews || lastAtMs - (this.#writtenMs.get(name) ?? 0) >= slackMs) {
      this.#options.coordinator.saveRegistration(registration);
      this.#writtenMs.set(name, lastAtMs);
    }
    this.#known.set(name, registration);
    this.#noteWaiting(registration);
  }

  #noteWaiting(registration: Registration): void {
    const status = statusOf(registration);
    if (status === 'pending' || status === 'changed') this.#waiting.add(registration.name);
    else this.#waiting.delete(registration.name);
  }

  #expire(): void {
    const config = this.#options.config();
    if (config === undefined) return;
    const nowMs = this.#options.clock.nowMs();
    const over = [...this.#known.values()].filter((each) => this.#expiresAtMs(each, config) <= nowMs);
    try {
      for (const { name } of over) {
        this.#record('rule', 'registration.expired', { name });
        this.#options.coordinator.removeRegistration(name);
        this.#known.delete(name);
        this.#waiting.delete(name);
        this.#writtenMs.delete(name);
        this.#options.history.add('registration.expired', { data: { name } });
      }
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      this.#options.history.failed(error);
    }
    if (over.some(({ admitted }) => admitted !== undefined)) this.#options.onChange();
  }

  /** A daemon that was down heard nobody: its hosts have the whole time again. */
  #expiresAtMs({ lastAtMs }: Registration, { expireMs }: RegistrationConfig): number {
    return Math.max(lastAtMs, this.#startedAtMs) + expireMs;
  }

  #record(actor: string, event: string, body: Record<string, unknown>): void {
    const kind = actor.startsWith('person:') ? 'command' : 'decision';
    this.#options.coordinator.audit({ atMs: this.#options.clock.nowMs(), kind, actor, event, body });
  }

  #view(registration: Registration): RegistrationView {
    const config = this.#options.config();
    const key = keyBytes(registration.told.hostKey);
    return {
      ...registration,
      status: statusOf(registration),
      tag: readTag(registration),
      ...(key === undefined ? {} : { fingerprint: fingerprint(key) }),
      expiresAtMs: config === undefined ? registration.lastAtMs : this.#expiresAtMs(registration, config),
    };
  }
}

function statusOf({ told, admitted, ...answered }: Registration): RegistrationStatus {
  if (answered.rejected !== undefined) return 'rejected';
  if (admitted === undefined) return 'pending';
  return isSame(admitted.told, told) ? 'admitted' : 'changed';
}

function isSame(a: Registering, b: Registering): boolean {
  return JSON.stringify(ordered(a)) === JSON.stringify(ordered(b));
}

function readTag({ told, from, rejected: refusal }: Registration): string {
  return tagOf(ordered(told), hostOf(told, from).address, refusal);
}

/** Whatever order a host writes its keys in. */
function ordered({ name, address, port, user, labels, hostKey }: Registering): unknown[] {
  return [
    name,
    address,
    port,
    user,
    Object.keys(labels).sort(),
    Object.keys(labels)
      .sort()
      .map((key) => labels[key]),
    hostKey,
  ];
}

function notThere(name: string): Rejected {
  return rejected(404, 'not_found', `No host ${name} registered itself.`);
}
