/**
 * Owns the runbooks that Nagios services become: one for each definition, or one for all that depend on each other; their
 * titles, names and selectors. What a check asks is made in import/nagios-checks.ts.
 */
import { slug } from '../config/names.ts';
import { literalTitle } from './literal-text.ts';
import type { Plan } from './nagios-checks.ts';
import type { PlanLink } from './nagios-dependencies.ts';
import { groupLabel } from './nagios-hosts.ts';
import type { NagiosModel } from './nagios-model.ts';
import { itemNames, Names } from './names.ts';
import { Commented, type YamlValue, yamlText } from './yaml-text.ts';

export interface Runbook {
  id: string;
  text: string;
  plans: readonly Plan[];
  /** Ids of the checks of each plan, as silences name them. */
  checkIds: ReadonlyMap<Plan, readonly string[]>;
  actions: number;
}

export function runbooksOf(
  model: NagiosModel,
  plans: readonly Plan[],
  links: readonly PlanLink[],
): Runbook[] {
  const ids = new Names(60);
  const perTitle = new Map<string, number>();
  for (const { title } of plans) perTitle.set(slug(title), (perTitle.get(slug(title)) ?? 0) + 1);
  return families(plans, links).map((family) => {
    const [first] = family;
    const isShared = first !== undefined && (perTitle.get(slug(first.title)) ?? 0) > 1;
    const wanted = titleOf(family, isShared);
    const plain = slug(wanted) === '' ? `service ${wanted}` : wanted;
    const id = ids.unique(slug(plain));
    const title = id === slug(plain) ? plain : `${plain.slice(0, 150)} ${id.slice(id.lastIndexOf('-') + 1)}`;
    return new Writer(model, family, links, slug(title) === id ? title : id).write();
  });
}

/** What depends on each other stands together, since `depends_on` knows only its own runbook. */
function families(plans: readonly Plan[], links: readonly PlanLink[]): Plan[][] {
  const found = new Map<Plan, Plan[]>(plans.map((plan) => [plan, [plan]]));
  for (const { of, by } of links) {
    const [one, other] = [found.get(of), found.get(by)];
    if (one === undefined || other === undefined || one === other) continue;
    one.push(...other);
    for (const plan of other) found.set(plan, one);
  }
  const order = new Map(plans.map((plan, index) => [plan, index]));
  return [...new Set(found.values())].map((family) =>
    family.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0)),
  );
}

function titleOf(family: readonly Plan[], isShared: boolean): string {
  const [first] = family;
  if (first === undefined) return 'service';
  const titles = family.map(({ title }) => oneLine(title));
  const joined = titles.length > 3 ? `${titles.slice(0, 3).join(', ')} and more` : titles.join(', ');
  if (!isShared) return joined.slice(0, 200);
  const where = first.isForAll ? 'all hosts' : (first.group ?? first.hosts[0]?.name ?? '');
  const more = first.group === undefined && !first.isForAll && first.hosts.length > 1 ? ' and others' : '';
  return `${joined.slice(0, 120)} on ${oneLine(where).slice(0, 60)}${more}`;
}

function oneLine(text: string): string {
  return literalTitle(text.replaceAll(/\s+/g, ' ').trim());
}

class Writer {
  readonly #model: NagiosModel;
  readonly #plans: readonly Plan[];
  readonly #links: readonly PlanLink[];
  readonly #title: string;
  readonly #names = new Map<Plan, string[]>();

  constructor(model: NagiosModel, plans: readonly Plan[], links: readonly PlanLink[], title: string) {
    this.#model = model;
    this.#plans = plans;
    this.#links = links;
    this.#title = title;
  }

  write(): Runbook {
    const names = itemNames();
    for (const plan of this.#plans)
      this.#names.set(
        plan,
        plan.checks.map(({ name }) => names.unique(name)),
      );
    const [first] = this.#plans;
    const isAlone = this.#plans.length === 1;
    const { flapping: _, ...head } = first?.timing ?? {};
    const problems = this.#plans.flatMap(({ problem }) => problem ?? []);
    const actions = this.#actions();
    const id = slug(this.#title);
    const text = yamlText('Imported from Nagios. IMPORT.md tells what could not be carried over.', {
      runbook: this.#title,
      hosts: this.#selector(),
      ...(problems.length === 0 ? {} : { enabled: new Commented(problems.join('\n'), false) }),
      ...(isAlone ? head : {}),
      checks: Object.fromEntries(this.#plans.flatMap((plan) => this.#checks(plan, isAlone))),
      ...(actions.length === 0 ? {} : { actions: Object.fromEntries(actions) }),
    });
    const checkIds = new Map(
      [...this.#names].map(([plan, list]) => [plan, list.map((name) => `${id}.${name}`)]),
    );
    return { id, text, plans: this.#plans, checkIds, actions: actions.length };
  }

  #checks(plan: Plan, isAlone: boolean): [string, YamlValue][] {
    const { flapping, ...timing } = plan.timing;
    const above = this.#links.filter(({ by }) => by === plan).flatMap(({ of }) => this.#names.get(of) ?? []);
    const names = this.#names.get(plan) ?? [];
    return plan.checks.map(({ keys }, index) => {
      const check = {
        ...keys,
        ...(isAlone ? {} : withoutKeys(timing, keys)),
        ...(above.length === 0 ? {} : { depends_on: [...new Set(above)] }),
        ...(flapping === undefined ? {} : { flapping }),
      };
      return [names[index] ?? '', new Commented(`from ${plan.object.file}:${plan.object.line}`, check)];
    });
  }

  #actions(): [string, YamlValue][] {
    const names = itemNames();
    return this.#plans.flatMap((plan): [string, YamlValue][] => {
      const [check] = this.#names.get(plan) ?? [];
      if (plan.action === undefined || check === undefined) return [];
      const { keys, when, place } = plan.action;
      const action = { when: { check, ...when }, ...keys };
      const name = names.unique(`mend_${check}`.slice(0, 48));
      return [[name, new Commented(`event_handler from ${place.file}:${place.line}`, action)]];
    });
  }

  #selector(): YamlValue {
    const [first] = this.#plans;
    const hosts = first?.hosts ?? [];
    if (first?.isForAll === true && hosts.length === this.#model.hosts.size) return ['*'];
    if (first?.group !== undefined) return { [groupLabel(this.#model, first.group)]: 'true' };
    return hosts.map(({ id }) => id);
  }
}

/** A check’s own keys stay. */
function withoutKeys(
  timing: Record<string, YamlValue>,
  keys: Record<string, YamlValue>,
): Record<string, YamlValue> {
  return Object.fromEntries(Object.entries(timing).filter(([key]) => !(key in keys)));
}
