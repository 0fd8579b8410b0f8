/**
 * What strangers may know of the fleet: groups, how each is, and what was wrong in the last week. Never what a check said, what is run,
 * or an address; names of hosts only where the daemon file says so. It answers no request.
 */
import type { StatusPageConfig } from '../core/daemon-config.ts';
import type { Clock } from '../core/ports.ts';
import type { Transition } from '../core/types.ts';
import type { CheckView, DaemonPort, History, HostView } from '../core/views.ts';
import { walk } from './paging.ts';
import { type PublicDowntime, publicDowntimes } from './public-downtimes.ts';

/** Worst first. */
export const publicStates = ['down', 'degraded', 'unknown', 'up'] as const;
export type PublicState = (typeof publicStates)[number];

export interface PublicHost {
  name: string;
  state: PublicState;
  checks: ReadonlyMap<string, PublicState>;
}

interface PublicGroup {
  name: string;
  state: PublicState;
  hosts: readonly { name: string; state: PublicState }[];
}

export interface Incident {
  group: string;
  sinceMs: number;
  /** Absent while it lasts. */
  untilMs?: number;
}

export interface PublicStatus {
  atMs: number;
  state: PublicState;
  groups: readonly PublicGroup[];
  incidents: readonly Incident[];
  /** Soonest first. */
  downtimes: readonly PublicDowntime[];
  hosts: ReadonlyMap<string, PublicHost>;
}

/** How long an answer serves everybody. Milliseconds. */
const cachedMs = 10_000;
const incidentsMs = 7 * 86_400_000;
const incidentsShown = 50;
/** Changes of state that are read for incidents; a fleet with more of them in a week shows those of its last days. */
const changesRead = 5_000;
const pageSize = 500;
/** Troubles of one group that are closer together are one. Milliseconds. */
const nearMs = 60_000;

interface Sources {
  daemon: Pick<DaemonPort, 'hosts' | 'eachCheck' | 'definitions' | 'coverage'>;
  history: Pick<History, 'transitions'>;
  clock: Clock;
}

/** Keeps the newest answer, so that visitors cost nothing, however many there are. */
export class PublicStatusBook {
  readonly #sources: Sources;
  #kept: { config: StatusPageConfig; untilMs: number; status: Promise<PublicStatus> } | undefined;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Undefined when nothing is public. */
  get config(): StatusPageConfig | undefined {
    return this.#sources.daemon.definitions().daemon.api.statusPage;
  }

  read(config: StatusPageConfig): Promise<PublicStatus> {
    const nowMs = this.#sources.clock.monotonicMs();
    if (this.#kept !== undefined && this.#kept.config === config && nowMs < this.#kept.untilMs)
      return this.#kept.status;
    const status = readStatus(this.#sources, config);
    const kept = { config, untilMs: nowMs + cachedMs, status };
    this.#kept = kept;
    // What could not be read is tried again by the next visitor.
    status.catch(() => {
      if (this.#kept === kept) this.#kept = undefined;
    });
    return status;
  }
}

async function readStatus(
  { daemon, history, clock }: Sources,
  config: StatusPageConfig,
): Promise<PublicStatus> {
  const atMs = clock.nowMs();
  const shown = new Map(daemon.hosts().flatMap((host) => (isShown(host, config) ? [[host.name, host]] : [])));
  const groupOf = grouping(daemon, shown, config);
  const members = new Map<string, Map<string, PublicState[]>>();
  const hosts = new Map<string, PublicHost & { checks: Map<string, PublicState> }>();
  const open: Incident[] = [];
  await walk(daemon.eachCheck(), (view) => {
    const host = shown.get(view.host);
    const group = host && groupOf(view.host, view.check);
    if (host === undefined || group === undefined) return true;
    const state = stateOf(view, host);
    const known = hosts.get(host.name) ?? { name: host.name, state: 'up', checks: new Map() };
    known.checks.set(view.check, state);
    hosts.set(host.name, { ...known, state: worst([known.state, state]) });
    const states = members.get(group) ?? new Map<string, PublicState[]>();
    states.set(host.name, [...(states.get(host.name) ?? []), state]);
    members.set(group, states);
    const { type, state: own, sinceMs, problemSinceMs } = view.status;
    if (type === 'hard' && own === 'critical') open.push({ group, sinceMs: problemSinceMs ?? sinceMs });
    return true;
  });
  const groups = [...members]
    .map(([name, states]) => groupFrom(name, states))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const past = pastIncidents(changesSince(history, atMs - incidentsMs), (host, check) =>
    shown.has(host) ? groupOf(host, check) : undefined,
  );
  return {
    atMs,
    state: overall(groups),
    groups,
    incidents: merged([...open, ...past]).slice(0, incidentsShown),
    downtimes: publicDowntimes(daemon.coverage, hosts, groupOf, atMs),
    hosts,
  };
}

function isShown({ labels }: HostView, config: StatusPageConfig): boolean {
  return Object.entries(config.labels).every(([key, value]) => labels[key] === value);
}

function grouping(
  daemon: Pick<DaemonPort, 'definitions'>,
  hosts: ReadonlyMap<string, HostView>,
  { groupBy }: StatusPageConfig,
): (host: string, check: string) => string | undefined {
  if (groupBy !== undefined) return (host) => hosts.get(host)?.labels[groupBy];
  const titles = new Map(daemon.definitions().runbooks.map(({ id, title }) => [id, title]));
  return (_host, check) => titles.get(check.split('.', 1)[0] ?? '');
}

/** What may still pass is nothing to tell strangers. */
function stateOf({ status, stale }: CheckView, { status: host }: HostView): PublicState {
  if (host.state === 'unreachable' && host.type === 'hard') return 'down';
  if (status.state === 'pending' || stale) return 'unknown';
  if (status.state === 'ok' || status.type === 'soft') return 'up';
  if (status.state === 'critical') return 'down';
  return status.state === 'warning' ? 'degraded' : 'unknown';
}

export function worst(states: readonly PublicState[]): PublicState {
  return publicStates.find((state) => states.includes(state)) ?? 'up';
}

/** Down when no host of it is left; one of several is a degraded group. */
function groupFrom(name: string, members: ReadonlyMap<string, readonly PublicState[]>): PublicGroup {
  const hosts = [...members].map(([host, states]) => ({ name: host, state: worst(states) }));
  hosts.sort((a, b) => publicStates.indexOf(a.state) - publicStates.indexOf(b.state));
  return { name, state: joint(hosts.map(({ state }) => state)), hosts };
}

function joint(states: readonly PublicState[]): PublicState {
  const [first] = states;
  if (first === undefined) return 'unknown';
  if (states.every((state) => state === first)) return first;
  return states.includes('down') || states.includes('degraded') ? 'degraded' : 'up';
}

/** Of a single group its own state; else down only when all of them are. */
function overall(groups: readonly PublicGroup[]): PublicState {
  const states = groups.map(({ state }) => state);
  const all = joint(states);
  // One group of which nothing is known must not pass for well.
  return all === 'up' && states.includes('unknown') ? 'unknown' : all;
}

/** Newest first. */
function changesSince(history: Sources['history'], sinceMs: number): Transition[] {
  const changes: Transition[] = [];
  let cursor: string | undefined;
  do {
    const page = history.transitions({
      sinceMs,
      limit: pageSize,
      ...(cursor === undefined ? {} : { cursor }),
    });
    changes.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined && changes.length < changesRead);
  return changes;
}

/** Those that ended; what lasts is told by the states themselves. */
function pastIncidents(
  changes: readonly Transition[],
  groupOf: (host: string, check: string) => string | undefined,
): Incident[] {
  const began = new Map<string, number>();
  const incidents: Incident[] = [];
  for (const { host, check, to, type, atMs } of changes.toReversed()) {
    const group = check === undefined ? undefined : groupOf(host, check);
    if (check === undefined || group === undefined) continue;
    const key = `${host}\n${check}`;
    if (to === 'critical' && type === 'hard') began.set(key, began.get(key) ?? atMs);
    const sinceMs = began.get(key);
    if (to === 'critical' || sinceMs === undefined) continue;
    began.delete(key);
    incidents.push({ group, sinceMs, untilMs: atMs });
  }
  return incidents;
}

/** What overlaps in one group is one. Newest first. */
function merged(incidents: readonly Incident[]): Incident[] {
  const byStart = incidents.toSorted((a, b) => a.sinceMs - b.sinceMs);
  const last = new Map<string, Incident>();
  const all: Incident[] = [];
  for (const incident of byStart) {
    const before = last.get(incident.group);
    if (before !== undefined && incident.sinceMs <= (before.untilMs ?? Infinity) + nearMs) {
      const lasts = before.untilMs === undefined || incident.untilMs === undefined;
      if (lasts) delete before.untilMs;
      else before.untilMs = Math.max(before.untilMs ?? 0, incident.untilMs ?? 0);
      continue;
    }
    const own = { ...incident };
    last.set(incident.group, own);
    all.push(own);
  }
  return all.toReversed();
}
