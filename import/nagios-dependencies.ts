/**
 * Owns servicedependency and hostdependency: between checks of the same hosts they become `depends_on`; what goes from one
 * host to another is noted. Source: Nagios Core, Host and Service Dependencies.
 */
import type { Plan } from './nagios-checks.ts';
import { type NagiosHost, type NagiosModel, take } from './nagios-model.ts';
import { listOf, type NagiosObject } from './nagios-templates.ts';
import type { Place } from './notebook.ts';

/** `of` explains problems of `by`. */
export interface PlanLink {
  of: Plan;
  by: Plan;
  /** The dependency. */
  place: Place;
}

export function linksOf(model: NagiosModel, plans: readonly Plan[]): PlanLink[] {
  const byTitle = new Map<string, Plan[]>();
  for (const plan of plans) {
    const description = plan.object.values.get('service_description')?.text;
    if (description !== undefined) byTitle.set(description, [...(byTitle.get(description) ?? []), plan]);
  }
  const links = model.ofType('servicedependency').flatMap((object) => readDependency(model, object, byTitle));
  for (const object of model.ofType('hostdependency')) {
    const hint = 'a host on the way to another is its parent: `parents` in the hosts file';
    noteAll(model, object, 'hosts depend on each other only through `parents`', hint);
  }
  return withoutCircles(links, model);
}

function readDependency(
  model: NagiosModel,
  object: NagiosObject,
  byTitle: ReadonlyMap<string, readonly Plan[]>,
): PlanLink[] {
  const { book, directory } = model;
  const masters = directory.select(object, 'host_name', 'hostgroup_name').hosts;
  const named = ['dependent_host_name', 'dependent_hostgroup_name'].some((key) => object.values.has(key));
  const dependents = named
    ? directory.select(object, 'dependent_host_name', 'dependent_hostgroup_name').hosts
    : masters;
  const of = (key: string): Plan[] =>
    listOf(take(book, object, key) ?? '').flatMap((title) => byTitle.get(title) ?? []);
  const above = of('service_description');
  const below = of('dependent_service_description');
  const pairs = above.flatMap((master) =>
    below
      .filter((dependent) => dependent !== master && isSame(master.hosts, dependent.hosts))
      .map((dependent) => ({ of: master, by: dependent, place: { file: object.file, line: object.line } })),
  );
  const hosts = new Set(masters);
  const same =
    isSame(masters, dependents) &&
    pairs.length > 0 &&
    pairs.every((pair) => pair.by.hosts.every((host) => hosts.has(host)));
  if (!same) {
    const hint = 'put both checks into one runbook and write `depends_on`, when they are for the same hosts';
    noteAll(model, object, 'this dependency is not between two checks of the same hosts', hint);
    return [];
  }
  book.carried(object);
  return pairs;
}

function isSame(one: readonly NagiosHost[], other: readonly NagiosHost[]): boolean {
  const names = new Set(one);
  return one.length === other.length && other.every((host) => names.has(host));
}

function noteAll({ book }: NagiosModel, object: NagiosObject, message: string, hint: string): void {
  const places = [...object.values.values()].flatMap(({ from }) => from);
  for (const place of places) book.note(place, 'left_out', message, hint);
}

/** `depends_on` may go in no circle; the link that would close one is left out. */
function withoutCircles(links: readonly PlanLink[], { book }: NagiosModel): PlanLink[] {
  const above = new Map<Plan, Set<Plan>>();
  return links.filter(({ of, by, place }) => {
    const reached = new Set([of]);
    for (const plan of reached) for (const next of above.get(plan) ?? []) reached.add(next);
    if (reached.has(by)) {
      book.note(
        place,
        'check',
        `\`${by.title}\` and \`${of.title}\` depend on each other; one way is left out`,
      );
      return false;
    }
    const mine = above.get(by) ?? new Set();
    above.set(by, mine.add(of));
    return true;
  });
}
