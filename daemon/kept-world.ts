/**
 * Owns the world a daemon starts in: what was told from outside before it ended, so that no host is taken for gone, and its
 * state forgotten, only because nobody was asked yet.
 */
import { resolveCalmly } from '../config/load.ts';
import { formatProblem } from '../config/problems.ts';
import type { Definitions } from '../core/definitions.ts';
import type { Coordinator, Store } from '../core/ports.ts';
import type { World } from '../core/sources.ts';
import { factsByHost, loadKeptFacts } from './facts-kept.ts';
import type { InventoryMemory } from './inventory-memory.ts';
import type { Resolved } from './judge-definitions.ts';
import type { Log } from './log.ts';

interface Kept {
  store: Pick<Store, 'loadHeard'>;
  coordinator: Pick<Coordinator, 'registrations'>;
}

/** The definitions as they were when the daemon ended, as far as that was kept; as they were loaded when they do not fit. */
export async function inKeptWorld(
  loaded: { definitions: Definitions; log: Log } & Partial<Resolved>,
  kept: Kept,
): Promise<{ definitions: Definitions } & Partial<Resolved>> {
  const { definitions, read, log } = loaded;
  const world = keptWorld(definitions, kept);
  const { inventories, registered, facts } = world;
  if (read === undefined || inventories.size + registered.length + facts.size === 0) return loaded;
  const resolved = await resolveCalmly(read, world);
  if (resolved.ok) return resolved;
  const problems = resolved.problems.map(formatProblem);
  log.warn({ problems }, 'the definitions do not fit what was told from outside before; it is left out');
  return loaded;
}

/** Files are not among it: they are read while loading. */
export function keptWorld({ inventories, daemon }: Definitions, { store, coordinator }: Kept): World {
  const asked = new Set(inventories.filter(({ from }) => from.kind !== 'file').map(({ name }) => name));
  const told = store.loadHeard('inventory').filter(({ name }) => asked.has(name));
  const states = told.map(({ name, body }) => {
    const { hosts, heardAtMs } = body as InventoryMemory;
    return [name, { hosts, heardAtMs }] as const;
  });
  const admitted = coordinator.registrations().flatMap((each) => each.admitted?.host ?? []);
  return {
    inventories: new Map(states),
    registered: daemon.registration === undefined ? [] : admitted,
    facts: factsByHost(loadKeptFacts(store)),
  };
}
