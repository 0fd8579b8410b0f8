/**
 * Owns what a change of definitions comes to: what is gained, lost and changed, which state survives, which selections moved, and
 * whether it drops so much that a person has to say yes. It changes nothing.
 */
import type { Definitions, HoldLimits, HostPlan } from '../core/definitions.ts';
import type { DefinitionsPlan } from '../core/definitions-plan.ts';
import {
  areSame,
  diffDaemon,
  diffNames,
  diffSuppressions,
  fingerprint,
  namesOf,
  type Roots,
  relativeText,
} from './diff.ts';
import { toEnd } from './steps.ts';

/** Names of each kind that are shown; the rest is counted. */
const shownNames = 1_000;
/** Less may always go. */
const leastHeld = 2;

export interface PlanOptions {
  /** The one that runs does not stand before it in its repository. */
  rewritten?: string;
  /** As they were when the daemon started; `before` without it. */
  atStart?: Definitions;
  /** Directories of two daemon files that are compared: paths in them are the same when they are so from there. */
  roots?: Roots;
}

/** In one go. */
export function planDefinitions(
  before: Definitions,
  after: Definitions,
  options: PlanOptions = {},
): DefinitionsPlan {
  return toEnd(planSteps(before, after, options));
}

/** A step at a time, each far below a millisecond but for the last: fleets are large and the daemon must go on meanwhile. */
export function* planSteps(
  before: Definitions,
  after: Definitions,
  options: PlanOptions = {},
): Generator<void, DefinitionsPlan> {
  const checks = new Comparison();
  const actions = new Comparison();
  for (const name of new Set([...before.byHost.keys(), ...after.byHost.keys()])) {
    const [was, is] = [before.byHost.get(name), after.byHost.get(name)];
    checks.add(checksOf(was), checksOf(is));
    actions.add(actionsOf(was), actionsOf(is));
    yield;
  }
  const hosts = diffNames(before.hosts, after.hosts, shownNames);
  yield;
  const selectors: DefinitionsPlan['selectors'][number][] = [];
  for (const runbook of after.runbooks) {
    const earlier = before.runbooks.find(({ id }) => id === runbook.id);
    if (earlier !== undefined) selectors.push(...selectionChange(runbook.id, earlier.hosts, runbook.hosts));
    yield;
  }
  const plan = {
    from: before.revision,
    to: after.revision,
    hosts: { ...hosts, before: before.hosts.size, after: after.hosts.size },
    checks: checks.names(),
    actions: actions.names(),
    suppressions: diffSuppressions(before, after, shownNames),
    daemon: diffDaemon(before, after, options.roots),
    state: { ...checks.pairs, renamed: renamedChecks(before, after, checks) },
    selectors,
    restart: restartKeys(options.atStart ?? before, after, options.roots),
  };
  return { ...plan, hold: holdReasons(plan, before.daemon.hold, options.rewritten) };
}

/** What stands on one host, by id. */
type Items = ReadonlyMap<string, unknown>;

function checksOf(plan: HostPlan | undefined): Items {
  return new Map(plan?.checks.map((check) => [check.id, check]));
}

/** An action that follows several recoveries stands in several ladders. */
function actionsOf(plan: HostPlan | undefined): Items {
  const actions = new Map<string, unknown[]>();
  for (const { rungs, trigger } of plan?.ladders ?? []) {
    for (const [index, rung] of rungs.entries()) {
      const places = actions.get(rung.id) ?? [];
      places.push(index, trigger, rung);
      actions.set(rung.id, places);
    }
  }
  return actions;
}

/** The same things on host after host, before and after. */
class Comparison {
  readonly pairs = { before: 0, after: 0, kept: 0, changed: 0, fresh: 0, forgotten: 0 };
  /** Ids, with the hosts that have them. */
  readonly before = new Map<string, number>();
  readonly after = new Map<string, number>();
  readonly #changed = new Set<string>();

  add(before: Items, after: Items): void {
    for (const id of before.keys()) {
      this.before.set(id, (this.before.get(id) ?? 0) + 1);
      if (!after.has(id)) this.pairs.forgotten += 1;
    }
    for (const [id, item] of after) {
      this.after.set(id, (this.after.get(id) ?? 0) + 1);
      const earlier = before.get(id);
      if (earlier === undefined) this.pairs.fresh += 1;
      else this.pairs.kept += 1;
      if (earlier === undefined || areSame(earlier, item)) continue;
      this.pairs.changed += 1;
      this.#changed.add(id);
    }
    this.pairs.before += before.size;
    this.pairs.after += after.size;
  }

  get gained(): string[] {
    return [...this.after.keys()].filter((id) => !this.before.has(id));
  }

  get lost(): string[] {
    return [...this.before.keys()].filter((id) => !this.after.has(id));
  }

  names(): DefinitionsPlan['checks'] {
    return {
      gained: namesOf(this.gained, shownNames),
      lost: namesOf(this.lost, shownNames),
      changed: namesOf([...this.#changed], shownNames),
    };
  }
}

function selectionChange(
  runbook: string,
  before: readonly string[],
  after: readonly string[],
): DefinitionsPlan['selectors'][number][] {
  const [was, is] = [new Set(before), new Set(after)];
  const gained = after.filter((name) => !was.has(name));
  const lost = before.filter((name) => !is.has(name));
  if (gained.length + lost.length === 0) return [];
  return [
    {
      runbook,
      before: was.size,
      after: is.size,
      gained: namesOf(gained, shownNames),
      lost: namesOf(lost, shownNames),
    },
  ];
}

/** A lost and a gained check that ask the same. */
function renamedChecks(
  before: Definitions,
  after: Definitions,
  { gained, lost, before: hosts }: Comparison,
): DefinitionsPlan['state']['renamed'] {
  if (gained.length === 0 || lost.length === 0) return [];
  const asked = questionsOf(after, new Set(gained));
  const lostQuestions = [...questionsOf(before, new Set(lost))];
  return lostQuestions
    .flatMap(([question, from]) => {
      const to = asked.get(question);
      return to === undefined ? [] : [{ from, to, hosts: hosts.get(from) ?? 0 }];
    })
    .slice(0, shownNames);
}

/** What the checks of these ids ask, apart from what they are called. */
function questionsOf({ byHost }: Definitions, ids: Set<string>): Map<string, string> {
  const questions = new Map<string, string>();
  for (const { checks } of byHost.values()) {
    for (const check of checks) {
      if (!ids.delete(check.id)) continue;
      const { id, runbook: _runbook, name: _name, dependsOn: _dependsOn, ...question } = check;
      questions.set(fingerprint(question), id);
    }
    if (ids.size === 0) break;
  }
  return questions;
}

/** Keys of the daemon file that are read once at start. */
function restartKeys(before: Definitions, after: Definitions, roots?: Roots): string[] {
  const [was, is] = [before, after].map(({ daemon: { store, api, log, scheduler, ssh } }, index) => {
    const keys = {
      'store.path': store.path,
      api,
      log,
      scheduler,
      'ssh.guard_directory': ssh.guardDirectory ?? '',
    };
    return Object.entries(keys).map(([key, value]) => [key, relativeText(value, roots?.[index])] as const);
  });
  return (is ?? []).filter(([, text], index) => text !== was?.[index]?.[1]).map(([key]) => key);
}

function dropped(count: number, of: number, percent: number, what: string): string[] {
  if (count < leastHeld || count * 100 <= of * percent) return [];
  return [`it drops ${count} of ${of} ${what}; up to ${percent}% may go without a word`];
}

function holdReasons(
  { hosts, state }: Pick<DefinitionsPlan, 'hosts' | 'state'>,
  { hostsPercent, checksPercent, rewritten: holdsRewritten }: HoldLimits,
  rewritten: string | undefined,
): string[] {
  return [
    ...(holdsRewritten && rewritten !== undefined ? [rewritten] : []),
    ...dropped(hosts.lost.count, hosts.before, hostsPercent, 'hosts'),
    ...dropped(state.forgotten, state.before, checksPercent, 'checks on hosts'),
  ];
}

/** Whether nothing at all changed. */
export function isSame(plan: DefinitionsPlan): boolean {
  const { hosts, checks, actions, suppressions, daemon, state, selectors } = plan;
  const lists = [hosts, checks, actions, suppressions].flatMap(({ gained, lost, changed }) => [
    gained,
    lost,
    changed,
  ]);
  return (
    lists.every(({ count }) => count === 0) &&
    daemon.length + selectors.length + state.fresh + state.forgotten === 0
  );
}

/** For a line of the log and an event: what is counted, and some names of each kind. */
export function planSummary(plan: DefinitionsPlan, shown = 20): Record<string, unknown> {
  const short = ({ gained, lost, changed }: DefinitionsPlan['checks']) =>
    Object.fromEntries(
      Object.entries({ gained, lost, changed })
        .filter(([, { count }]) => count > 0)
        .map(([key, { count, names }]) => [key, { count, names: names.slice(0, shown) }]),
    );
  const { hosts, checks, actions, suppressions, daemon, state, selectors } = plan;
  const { renamed, ...counts } = state;
  return {
    hosts: short(hosts),
    checks: short(checks),
    actions: short(actions),
    suppressions: short(suppressions),
    daemon,
    state: { ...counts, renamed: renamed.slice(0, shown) },
    selectors: selectors.slice(0, shown).map(({ runbook, before, after }) => ({ runbook, before, after })),
  };
}
