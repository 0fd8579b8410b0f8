/** What people see and say of hosts that come from outside of the definitions: inventories and registrations. */
import type { FoundHost } from './sources.ts';
import type { Rejected } from './views.ts';

export interface InventoryView {
  name: string;
  kind: 'file' | 'exec' | 'http' | 'dns_srv' | 'ssh_config';
  /** In force, also those that it no longer tells. */
  hosts: readonly string[];
  /** No longer told, and kept until they expire. Wall times. */
  gone: readonly { host: string; sinceMs: number; expiresAtMs: number }[];
  heardAtMs?: number;
  /** Why the newest attempt changed nothing. */
  problem?: string;
  warnings: readonly string[];
  /** An answer that lacks more hosts than may vanish at once, which waits for a person. */
  held?: HeldAnswer;
  everyMs: number;
}

export interface HeldAnswer {
  /** Of the answer: what a person confirms is what they saw. */
  tag: string;
  sinceMs: number;
  vanished: readonly string[];
  /** How many it told before. */
  of: number;
}

/** What a host says of itself. */
export interface Registering {
  name: string;
  address?: string;
  port?: number;
  user?: string;
  labels: Readonly<Record<string, string>>;
  /** `ssh-ed25519 AAAA…`, as in a .pub file, without its comment. */
  hostKey?: string;
}

/** A host that registered itself. */
export interface Registration {
  name: string;
  /** What it says at present, and from which address it was said. */
  told: Registering;
  from: string;
  firstAtMs: number;
  lastAtMs: number;
  /** What was admitted; what it says otherwise since then waits for a person. */
  admitted?: { host: FoundHost; told: Registering; atMs: number; by: string };
  /** A person does not want what is told. */
  rejected?: { atMs: number; by: string; reason: string };
}

export type RegistrationStatus = 'pending' | 'admitted' | 'changed' | 'rejected';

export interface RegistrationView extends Registration {
  /** `changed`: admitted, and it says something else since then. */
  status: RegistrationStatus;
  /** Of what a person lets in: what is told, where it would be reached, and whether it was rejected. */
  tag: string;
  /** `SHA256:…` of the host key it told. */
  fingerprint?: string;
  expiresAtMs: number;
}

/** Whom to let in without a person; all that is written must match. */
export interface RegistrationRule {
  /** Bounds of the address, as in `10.0.0.0/8`. */
  network?: { address: string; prefix: number };
  /** Glob of names. */
  name?: string;
  /** Of the host; they win over what it says itself. */
  labels: Readonly<Record<string, string>>;
}

export interface RegistrationConfig {
  rules: readonly RegistrationRule[];
  /** A host that no longer registers is forgotten after so long. */
  expireMs: number;
}

export interface RegistrationAnswer {
  by: string;
  reason: string;
  /** Judged alike; nothing changes and nothing is recorded. */
  isDry?: boolean;
}

/** What waits for a person. */
export interface OutsideWaiting {
  /** Hosts that registered themselves and were not answered, or say something else since then: how many, and the first names. */
  registrations: { waiting: number; names: readonly string[] };
  /** Answers of inventories that are held. `vanished`: hosts that they lack of those they told before. */
  heldInventories: { name: string; sinceMs: number; vanished: number; of: number }[];
}

export interface OutsidePort {
  inventories(): InventoryView[];
  /** Lets the hosts go that a held answer lacks. 412 when `tag` is not that of the held answer. */
  acceptInventory(
    name: string,
    person: { by: string; reason: string; tag: string; isDry?: boolean },
  ): InventoryView | Rejected;
  /** Errors: 409 when registration is off or the name is taken, 503 when too many wait. */
  register(
    told: Registering,
    from: { address: string; by: string; isDry?: boolean },
  ): RegistrationView | Rejected;
  registrations(): RegistrationView[];
  /** 412 when `tag` is not that of the registration: what a person lets in is what they saw. */
  admitRegistration(name: string, person: RegistrationAnswer & { tag: string }): RegistrationView | Rejected;
  rejectRegistration(name: string, person: RegistrationAnswer): RegistrationView | Rejected;
}
