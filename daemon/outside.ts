/**
 * Joins what tells of hosts from outside of the definitions, inventories and registrations, for the daemon: one thing to
 * start, to update and to ask. What people say to it is recorded here.
 */
import type { Definitions } from '../core/definitions.ts';
import type { InventoryView, OutsidePort, OutsideWaiting } from '../core/outside-port.ts';
import type { Clock, Coordinator, Store } from '../core/ports.ts';
import type { World } from '../core/sources.ts';
import type { Rejected } from '../core/views.ts';
import { HostKeys } from '../runner/host-keys.ts';
import { fingerprint, keyType } from '../runner/known-hosts.ts';
import type { History } from './history.ts';
import { Inventories } from './inventories.ts';
import type { Log } from './log.ts';
import { recordCommand, recordRefusal, rejected } from './person-controls.ts';
import type { Recorder } from './recorder.ts';
import { Registrations } from './registrations.ts';

export interface OutsideOptions {
  clock: Clock;
  log: Log;
  random: () => number;
  store: Store;
  coordinator: Coordinator;
  history: History;
  recorder: Recorder;
  /** In force. */
  definitions: () => Definitions;
  /** The hosts that are told have changed: the definitions want to be resolved again. */
  onChange: (by: 'inventories' | 'registrations') => void;
}

export class Outside {
  readonly port: OutsidePort;
  readonly #options: OutsideOptions;
  readonly #inventories: Inventories;
  readonly #registrations: Registrations;

  constructor(options: OutsideOptions) {
    const { definitions, onChange } = options;
    this.#options = options;
    this.#inventories = new Inventories({ ...options, onChange: () => onChange('inventories') });
    this.#registrations = new Registrations({
      ...options,
      config: () => definitions().daemon.registration,
      hasHost: (name) => definitions().hosts.has(name),
      learnKey: (...presented) => this.#learnKey(...presented),
      onChange: () => onChange('registrations'),
    });
    this.port = this.#createPort();
  }

  /** What definitions are resolved with. */
  world(): Pick<World, 'inventories' | 'registered'> {
    return { inventories: this.#inventories.states(), registered: this.#registrations.hosts() };
  }

  waiting(): OutsideWaiting {
    return { registrations: this.#registrations.waiting(), heldInventories: this.#inventories.held() };
  }

  update({ inventories, daemon }: Definitions): void {
    this.#inventories.update(inventories, daemon.definitionsPath);
  }

  /** A person reloads: what stands in files is read again. */
  refreshFiles(): void {
    this.#inventories.refreshFiles();
  }

  start(): void {
    this.#inventories.start();
    this.#registrations.start();
  }

  async stop(): Promise<void> {
    this.#registrations.stop();
    await this.#inventories.stop();
  }

  /** As a host that presents its key for the first time, whatever `ssh.host_keys` says: somebody let it in. */
  #learnKey(address: string, port: number, key: Buffer, isDry: boolean): string | undefined {
    const { knownHosts } = this.#options.definitions().daemon.ssh;
    const keys = new HostKeys(knownHosts, 'accept_new');
    const presented = { type: keyType(key), fingerprint: fingerprint(key) };
    const verdict = isDry ? keys.judge(address, port, presented) : keys.verify(address, port, key);
    return verdict === 'new' || verdict.kind === 'ok'
      ? undefined
      : `${verdict.failure.message}. ${verdict.failure.hint}`;
  }

  #createPort(): OutsidePort {
    const registrations = this.#registrations;
    const refusable = <T extends object>(
      { by, isDry }: { by: string; isDry?: boolean },
      about: { command: string; name: string },
      answer: T | Rejected,
    ): T | Rejected => (isDry === true ? answer : recordRefusal(this.#options, by, about, answer));
    return {
      inventories: () => this.#inventories.views(),
      acceptInventory: (name, person) =>
        refusable(person, { command: 'accept', name }, this.#accept(name, person)),
      register: (told, from) => registrations.register(told, from),
      registrations: () => registrations.list(),
      admitRegistration: (name, person) =>
        refusable(person, { command: 'admit', name }, registrations.admit(name, person)),
      rejectRegistration: (name, person) =>
        refusable(person, { command: 'reject', name }, registrations.reject(name, person)),
    };
  }

  #accept(
    name: string,
    { by, reason, tag, isDry }: Parameters<OutsidePort['acceptInventory']>[1],
  ): ReturnType<OutsidePort['acceptInventory']> {
    const view = this.#inventories.views().find((each) => each.name === name);
    if (view === undefined) return rejected(404, 'not_found', `There is no inventory ${name}.`);
    if (view.held === undefined) return rejected(409, 'not_held', `No answer of ${name} waits for a person.`);
    if (view.held.tag !== tag)
      return rejected(412, 'changed', `${name} lacks other hosts by now; look at them again.`);
    if (isDry === true) return withoutVanished(view);
    recordCommand(this.#options, by, 'inventory.accepted', { name, reason, vanished: view.held.vanished });
    return this.#inventories.accept(name, tag) ?? view;
  }
}

/** As it would be once its held answer was let in. */
function withoutVanished({ held, ...view }: InventoryView): InventoryView {
  const isKept = (host: string): boolean => held?.vanished.includes(host) !== true;
  return { ...view, hosts: view.hosts.filter(isKept), gone: view.gone.filter(({ host }) => isKept(host)) };
}
