/** Owns the import of Monit control files as a whole: one host, and a runbook for each service with those it depends on. */
import { hostNamePattern, slug } from '../config/names.ts';
import { literalTitle } from './literal-text.ts';
import { type MonitCheck, type PlannedService, planMonitService } from './monit-services.ts';
import { type MonitSource, type MonitStatement, readMonit } from './monit-source.ts';
import { itemNames, Names } from './names.ts';
import { ImportError, type Imported, type ImportOptions } from './report.ts';
import { Commented, type YamlValue, yamlText } from './yaml-text.ts';

const defaultCycleSec = 30;

/**
 * `path`: monitrc, or a directory with one. `host`: the machine that it is for; without it the ops box itself.
 * Errors: ImportError when it has no services.
 */
export function importMonit(path: string, { host }: ImportOptions): Imported {
  if (host !== undefined && (!hostNamePattern.test(host) || host === 'target' || host === 'local'))
    throw new ImportError(`\`${host}\` is no name of a host`, 'Use letters, digits, `.`, `_` and `-`.');
  const source = readMonit(path);
  const { book, services } = source;
  if (services.length === 0)
    throw new ImportError(`${path} has no services`, 'Name monitrc, or the directory that it is in.');
  const name = host ?? 'localhost';
  const cycleSec = settingsOf(source);
  const planned = services.map((service) => planMonitService(service, cycleSec, book));
  const [first] = services;
  if (host === undefined && first !== undefined)
    book.note(
      first,
      'check',
      'the file names no machine; all of it is for the ops box itself',
      'import again with --host NAME when it is another',
    );
  if (first !== undefined && planned.some(({ checks }) => checks.some(usesSudo))) {
    const hint = 'allow them in sudoers for the login that mendd uses there';
    book.note(first, 'check', 'Monit ran as root; its programs run by `sudo -n` here', hint);
  }
  const files = new Map<string, string>([['hosts/monit.yaml', hostsText(name, host === undefined)]]);
  const ids = new Names(60);
  let actions = 0;
  const families = familiesOf(planned, source);
  for (const family of families) {
    if (family.every(({ checks }) => checks.length === 0)) {
      for (const { service } of family)
        book.note(service, 'left_out', `nothing of \`${service.name.slice(0, 80)}\` is asked here`);
      continue;
    }
    const runbook = new Writer(family, name, ids).write();
    actions += runbook.actions;
    files.set(`runbooks/${runbook.id}.yaml`, runbook.text);
  }
  for (const { file, line, what } of book.open)
    book.note({ file, line }, 'left_out', `\`${what.slice(0, 60)}\` is not understood`);
  return {
    files,
    notes: book.close(),
    counts: {
      services: services.length,
      hosts: 1,
      runbooks: files.size - 1,
      checks: planned.reduce((sum, { checks }) => sum + checks.length, 0),
      actions,
      'lines read': book.lines,
    },
  };
}

function usesSudo({ keys, action }: MonitCheck): boolean {
  return keys['sudo'] !== undefined || action?.keys['sudo'] !== undefined;
}

/** Seconds of a cycle; every other setting is told. */
function settingsOf({ settings, book }: MonitSource): number {
  let cycleSec = defaultCycleSec;
  for (const statement of settings) {
    const [first, second] = statement.words;
    if (first?.text.toLowerCase() === 'daemon' && /^\d{1,6}$/.test(second?.text ?? '')) {
      cycleSec = Math.max(1, Number(second?.text));
      book.carried(...statement.places);
    } else leaveOut(statement, book, first?.text.toLowerCase() ?? '');
  }
  return cycleSec;
}

function leaveOut({ places }: MonitStatement, book: MonitSource['book'], what: string): void {
  const people = /^(alert|mailserver|mail-format|mmonit)$/.test(what);
  const message = people
    ? 'people are told through `notify`'
    : `\`set ${what.slice(0, 40)}\` is of the Monit daemon itself, and has no place here`;
  for (const place of places)
    book.note(place, 'left_out', message, people ? 'name them under `notify` in mendd.yaml' : undefined);
}

function hostsText(name: string, isLocal: boolean): string {
  const host = isLocal ? { transport: 'local' } : {};
  return yamlText('Imported from Monit.', { hosts: { [name]: host } });
}

/** `depends on` joins services into one runbook, since `depends_on` knows only its own. */
function familiesOf(planned: readonly PlannedService[], { book }: MonitSource): PlannedService[][] {
  const byName = new Map(planned.map((each) => [each.service.name, each]));
  const families = new Map<PlannedService, PlannedService[]>(planned.map((each) => [each, [each]]));
  const kept = new Map<PlannedService, PlannedService[]>();
  for (const one of planned) {
    one.dependsOn = one.dependsOn.filter((name) => {
      const other = byName.get(name);
      if (other === undefined || other === one || reaches(kept, other, one)) {
        const why = other === undefined ? 'there is no service of that name' : 'it would go in a circle';
        book.note(one.service, 'check', `it depends on \`${name.slice(0, 80)}\`, but ${why}`);
        return false;
      }
      kept.set(one, [...(kept.get(one) ?? []), other]);
      const [mine, theirs] = [families.get(one), families.get(other)];
      if (mine !== undefined && theirs !== undefined && mine !== theirs) {
        mine.push(...theirs);
        for (const each of theirs) families.set(each, mine);
      }
      return true;
    });
  }
  const order = new Map(planned.map((each, index) => [each, index]));
  return [...new Set(families.values())].map((family) =>
    family.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0)),
  );
}

function reaches(
  edges: ReadonlyMap<PlannedService, PlannedService[]>,
  from: PlannedService,
  to: PlannedService,
): boolean {
  const reached = new Set([from]);
  for (const each of reached) for (const next of edges.get(each) ?? []) reached.add(next);
  return reached.has(to);
}

class Writer {
  readonly #family: readonly PlannedService[];
  readonly #host: string;
  readonly #ids: Names;
  readonly #names = new Map<MonitCheck, string>();

  constructor(family: readonly PlannedService[], host: string, ids: Names) {
    this.#family = family;
    this.#host = host;
    this.#ids = ids;
  }

  write(): { id: string; text: string; actions: number } {
    // The one that no other of them explains gives its name.
    const needed = new Set(this.#family.flatMap(({ dependsOn }) => dependsOn));
    const head = this.#family.find(({ service }) => !needed.has(service.name)) ?? this.#family[0];
    // `$HOST` is the machine itself.
    const plain =
      head?.service.name
        .replace(/^\$HOST$/i, 'system')
        .replaceAll(/\s+/g, ' ')
        .trim()
        .slice(0, 120) ?? 'service';
    const wanted = literalTitle(slug(plain) === '' ? `service ${plain}` : plain);
    const id = this.#ids.unique(slug(wanted));
    const items = itemNames();
    for (const { service, checks } of this.#family)
      for (const check of checks)
        this.#names.set(
          check,
          items.unique(
            this.#family.length === 1
              ? check.name
              : `${slug(service.name).replaceAll('-', '_').slice(0, 30)}_${check.name}`
                  .replace(/^_/, '')
                  .slice(0, 48),
          ),
        );
    const timing = head?.timing ?? {};
    const actions = this.#family.flatMap((each) => this.#actions(each));
    const isOff = this.#family.every((each) => each.isOff);
    const text = yamlText('Imported from Monit. IMPORT.md tells what could not be carried over.', {
      runbook: slug(wanted) === id ? wanted : id,
      hosts: [this.#host],
      ...(isOff ? { enabled: false } : {}),
      ...timing,
      checks: Object.fromEntries(this.#family.flatMap((each) => this.#checks(each, timing))),
      ...(actions.length === 0 ? {} : { actions: Object.fromEntries(actions) }),
    });
    return { id, text, actions: actions.length };
  }

  #checks(
    { checks, dependsOn, timing }: PlannedService,
    usual: Record<string, YamlValue>,
  ): [string, YamlValue][] {
    const above = this.#family
      .filter(({ service }) => dependsOn.includes(service.name))
      .flatMap(({ checks: theirs }) => this.#names.get(theirs[0] as MonitCheck) ?? []);
    return checks.map((check, index) => {
      const [first] = checks;
      const own =
        index > 0 && first !== undefined && /^(running|present)$/.test(first.name)
          ? [this.#names.get(first) ?? '']
          : above;
      const keys = {
        ...check.keys,
        ...(JSON.stringify(timing) === JSON.stringify(usual) ? {} : timing),
        ...(own.length === 0 ? {} : { depends_on: own }),
      };
      return [
        this.#names.get(check) ?? '',
        new Commented(`from ${check.place.file}:${check.place.line}`, keys),
      ];
    });
  }

  #actions({ checks, isOff }: PlannedService): [string, YamlValue][] {
    return checks.flatMap((check): [string, YamlValue][] => {
      const name = this.#names.get(check);
      if (check.action === undefined || name === undefined) return [];
      const { when, keys } = check.action;
      const action = { when: { check: name, ...when }, ...keys, ...(isOff ? { enabled: false } : {}) };
      const [verb = 'mend'] = check.action.name.split('_');
      return [[this.#actionNames.unique(`${verb}_${name}`.slice(0, 48)), action]];
    });
  }

  readonly #actionNames = itemNames();
}
