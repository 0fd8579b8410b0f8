/**
 * What is heard from outside of the definitions and goes into them: hosts of inventories, facts of hosts. Plain data; who
 * gathers it and who reads it never meet elsewhere.
 */
import type { Secret, SourcePlace, SudoDefinition } from './definitions.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A host as a source of hosts tells it: before defaults and groups of the hosts files. What is absent is left to those. */
export interface FoundHost {
  name: string;
  address?: string;
  port?: number;
  user?: string;
  /** `local` is the ops box itself. */
  transport?: 'ssh' | 'local';
  jump?: string;
  /** A group `web` of an inventory is the label `group/web: "true"`. */
  labels: Readonly<Record<string, string>>;
  /** What templates read as `vars`. */
  vars: Readonly<Record<string, Json>>;
}

/** One entry under `inventories` of a hosts file. */
export interface InventorySource {
  /** Unique; the path, program or URL without secrets when none is written. */
  name: string;
  from:
    | { kind: 'file'; path: string }
    | { kind: 'exec'; path: string; args: readonly string[] }
    | { kind: 'http'; url: Secret }
    | { kind: 'dns_srv'; record: string }
    | { kind: 'ssh_config'; path: string };
  /** How the text is read; `auto` looks at it. Without meaning for `dns_srv` and `ssh_config`. */
  format: 'auto' | 'ansible' | 'prometheus' | 'mendd';
  everyMs: number;
  timeoutMs: number;
  /** A host that the source no longer tells is kept so long. */
  expireMs: number;
  /** More than this share of its hosts never vanishes at once: then what was known stays, and a person is told. 0..100. */
  vanishPercent: number;
  /** Added to each of its hosts; what the source says itself wins. */
  labels: Readonly<Record<string, string>>;
  vars: Readonly<Record<string, Json>>;
  source: SourcePlace;
}

/** What is in force of one inventory: the newest answer, and what it no longer told but has not expired. */
export interface InventoryState {
  hosts: readonly FoundHost[];
  /** When it last answered; absent when never. */
  heardAtMs?: number;
  /** Why the newest attempt changed nothing. */
  problem?: string;
}

/** One entry of a facts file: a program that prints a JSON object. */
export interface FactSource {
  /** Templates read it as `facts.<name>`. */
  name: string;
  /** Absolute path of the program in plugins/facts/, and the hash by which it is uploaded. */
  plugin: { path: string; sha256: string; bytes: number };
  args: readonly string[];
  hosts: readonly string[];
  everyMs: number;
  timeoutMs: number;
  /** `local`: on the ops box, once for each host, which is in its environment. */
  runOn: 'target' | 'local';
  sudo?: SudoDefinition;
  source: SourcePlace;
}

/** What one source told of one host. The built-in facts have the name `builtin`; their keys stand at the top of `facts`. */
export interface FactsHeard {
  values: { readonly [key: string]: Json };
  heardAtMs: number;
  /** Why the newest attempt changed nothing. */
  problem?: string;
}

/** Facts by host, then by the name of their source. */
export type FactsByHost = ReadonlyMap<string, ReadonlyMap<string, FactsHeard>>;

/** All that definitions are resolved with beside their files. */
export interface World {
  /** By the name of the source. */
  inventories: ReadonlyMap<string, InventoryState>;
  /** Hosts that registered themselves and were admitted. */
  registered: readonly FoundHost[];
  facts: FactsByHost;
}

export const emptyWorld: World = { inventories: new Map(), registered: [], facts: new Map() };
