/**
 * Owns the world a daemon starts in: what was told from outside before it ended, so that no host is taken for gone, and its
 * state forgotten, only because nobody was asked yet.
 */
import { resolveCalmly } from '../config/load.ts';
import { formatProblem } from '../config/problems.ts';
import type { DefinitionsRead } from '../config/read.ts';
import type { Definitions } from '../core/definitions.ts';
import type { Coordinator, Store } from '../core/ports.ts';
import { emptyWorld, type World } from '../core/sources.ts';
import type { InventoryMemory } from './inventory-memory.ts';
import type { Log } from './log.ts';

interface Kept {
  store: Pick<Store, 'loadHeard'>;
  coordinator: Pick<Coordinator, 'registrations'>;
}

/** The definitions as they were when the daemon ended, as far as that was kept; as they were loaded when they do not fit. */
export async function inKeptWorld(
  loaded: { definitions: Definitions; read?: DefinitionsRead; log: Log },
  kept: Kept,
): Promise<Definitions> {
  const { definitions, read, log } = loaded;
  const world = keptWorld(definitions, kept);
  if (read === undefined || world.inventories.size + world.registered.length === 0) return definitions;
  const resolved = await resolveCalmly(read, world);
  if (resolved.ok) return resolved.definitions;
  const problems = resolved.problems.map(formatProblem);
  log.warn({ problems }, 'the definitions do not fit what was told from outside before; it is left out');
  return definitions;
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
    ...emptyWorld,
    inventories: new Map(states),
    registered: daemon.registration === undefined ? [] : admitted,
  };
}
