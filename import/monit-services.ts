/**
 * Owns what one service of Monit becomes: its checks, the actions they start, and how often it is looked at. Tests are read
 * in import/monit-tests.ts; runbooks are put together in import/monit.ts.
 */
import { formatDuration } from '../core/duration.ts';
import {
  type MonitAction,
  type MonitCondition,
  readCondition,
  readRestarts,
  userOf,
} from './monit-conditions.ts';
import {
  commandKeys,
  everyOf,
  type Keys,
  type Program,
  programKeys,
  programOf,
  sudoFor,
} from './monit-programs.ts';
import * as scripts from './monit-scripts.ts';
import type { MonitService, MonitStatement } from './monit-source.ts';
import { type MonitTarget, testOf } from './monit-tests.ts';
import { itemNameFrom } from './names.ts';
import type { Notebook, Place } from './notebook.ts';

export interface MonitCheck {
  name: string;
  keys: Keys;
  place: Place;
  action?: { name: string; when: Keys; keys: Keys };
}

export interface PlannedService {
  service: MonitService;
  checks: MonitCheck[];
  /** Names of services. */
  dependsOn: string[];
  /** `every` or `schedule`. */
  timing: Keys;
  isOff: boolean;
}

interface Programs {
  start?: Program;
  stop?: Program;
  restart?: Program;
}

const presence: Readonly<Record<string, string>> = {
  file: '-f',
  directory: '-d',
  fifo: '-p',
  filesystem: '-e',
};
const longestMs = 86_400_000;
const dayMs = 86_400_000;

export function planMonitService(service: MonitService, cycleSec: number, book: Notebook): PlannedService {
  return new Planner(service, cycleSec, book).plan();
}

class Planner {
  readonly #service: MonitService;
  readonly #cycleMs: number;
  readonly #book: Notebook;
  readonly #target: MonitTarget;
  readonly #programs: Programs = {};
  readonly #planned: PlannedService;
  #maxRuns: string | undefined;
  #isPassive = false;
  /** From `if does not exist then …`. */
  #absent: { condition: MonitCondition; place: MonitStatement } | undefined;

  constructor(service: MonitService, cycleSec: number, book: Notebook) {
    this.#service = service;
    this.#book = book;
    this.#target = targetOf(service);
    const every = everyOf(service.statements);
    this.#cycleMs = Math.min(7 * dayMs, cycleSec * 1000 * every.cycles);
    const timing =
      every.schedule === undefined ? { every: formatDuration(this.#cycleMs) } : { schedule: every.schedule };
    this.#planned = { service, checks: [], dependsOn: [], timing, isOff: false };
  }

  plan(): PlannedService {
    const { statements } = this.#service;
    // What actions need is read first, wherever it stands.
    for (const statement of statements) if (statement.keyword !== 'if') this.#setting(statement);
    for (const statement of statements) if (statement.keyword === 'if') this.#limit(statement);
    for (const statement of statements)
      if (statement.keyword === 'if' && readRestarts(statement) === undefined) this.#test(statement);
    this.#presence();
    return this.#planned;
  }

  #setting(statement: MonitStatement): void {
    const { keyword, words } = statement;
    const [first] = words;
    if (keyword === 'start' || keyword === 'stop' || keyword === 'restart') {
      const program = programOf(statement);
      if (program === undefined) return this.#leaveOut(statement, 'this program is not understood');
      this.#programs[keyword] = program;
    } else if (keyword === 'depends' || keyword === 'depend') {
      this.#planned.dependsOn.push(...words.map(({ text }) => text).filter((text) => text !== ','));
    } else if (keyword === 'mode') {
      return this.#mode(statement);
    } else if (keyword === 'alert' || keyword === 'noalert') {
      return this.#leaveOut(
        statement,
        'people are told through `notify`',
        'name them under `notify` in mendd.yaml, and write actions with `notify:`',
      );
    } else if (keyword === 'group') {
      return this.#leaveOut(statement, 'checks are in no groups', 'runbooks are the groups of checks');
    } else if (keyword === 'not') {
      return this.#leaveOut(
        statement,
        'times without checks are not said by a runbook',
        'write a downtime with `schedule` in silences/',
      );
    } else if (keyword === 'every') {
      if (this.#planned.timing['schedule'] === undefined && !/^\d+$/.test(first?.text ?? ''))
        return this.#leaveOut(statement, 'this time is no cron expression');
      if (this.#planned.timing['schedule'] !== undefined) {
        const hint = 'write `timezone` beside it';
        this.#book.note(
          statement,
          'changed',
          'Monit took the time zone of its machine; the schedule is in UTC',
          hint,
        );
      }
    } else {
      return this.#leaveOut(statement, `\`${keyword.slice(0, 40)}\` has no place here`);
    }
    this.#book.carried(...statement.places);
  }

  #mode(statement: MonitStatement): void {
    const mode = statement.words[0]?.text.toLowerCase();
    if (mode === 'passive') this.#isPassive = true;
    if (mode === 'manual') this.#planned.isOff = true;
    this.#book.carried(...statement.places);
    if (mode === 'manual')
      this.#book.note(
        statement,
        'changed',
        'Monit waited to be told to watch this; the runbook has `enabled: false`',
      );
  }

  #limit(statement: MonitStatement): void {
    const limit = readRestarts(statement);
    if (limit === undefined) return;
    this.#book.carried(...statement.places);
    if (!['timeout', 'unmonitor', 'stop'].includes(limit.what)) {
      return this.#leaveOut(
        statement,
        `\`${limit.what}\` after many restarts`,
        'write a next rung: an action with `after:`',
      );
    }
    const windowMs = Math.min(365 * dayMs, limit.cycles * this.#cycleMs);
    this.#maxRuns = `${limit.restarts} per ${formatDuration(windowMs)}`;
    const message = `after ${limit.restarts} restarts in ${limit.cycles} cycles it is left alone until that time has passed; Monit ${limit.what === 'stop' ? 'stopped it' : 'gave up for good'}`;
    this.#book.note(statement, 'changed', message);
  }

  #test(statement: MonitStatement): void {
    const condition = readCondition(statement);
    if (condition === undefined) return this.#leaveOut(statement, 'this test is not understood');
    const test = testOf(this.#target, condition);
    if ('leftOut' in test) return this.#leaveOut(statement, `this test is not carried over: ${test.leftOut}`);
    this.#book.carried(...statement.places);
    if ('isPresence' in test) {
      this.#absent = { condition, place: statement };
      this.#tell(statement, condition);
      return;
    }
    if (test.difference !== undefined) this.#book.note(statement, 'changed', test.difference);
    this.#tell(statement, condition);
    this.#add(test.name, test.keys, statement, condition);
  }

  /** That it is there at all, which Monit asks of everything. */
  #presence(): void {
    const { type, path, by, address } = this.#target;
    const start = Object.hasOwn(presence, type) ? presence[type] : undefined;
    const run =
      by !== undefined
        ? scripts.runningScript(by)
        : start === undefined || path === ''
          ? undefined
          : scripts.existsScript(path, start);
    if (run === undefined || address !== undefined) return;
    const place = this.#absent?.place ?? this.#service;
    const repair =
      this.#programs.start !== undefined || this.#programs.restart !== undefined ? 'restart' : 'alert';
    const usual = {
      text: '',
      values: [],
      cycles: { count: 1, of: 1 },
      action: { what: repair, repeats: false },
    };
    const before = this.#planned.checks.length;
    this.#add(by === undefined ? 'present' : 'running', { run }, place, this.#absent?.condition ?? usual);
    // First, since the others mean little without it.
    this.#planned.checks.unshift(...this.#planned.checks.splice(before));
  }

  #add(name: string, keys: Keys, place: Place, { cycles, action: wish }: MonitCondition): void {
    const { count, of } = cycles;
    const wanted = itemNameFrom(name, 'check');
    const withinMs = of * this.#cycleMs;
    const inWindow =
      of > count &&
      count > 1 &&
      count <= 100 &&
      withinMs <= longestMs &&
      this.#planned.timing['every'] !== undefined;
    const attempts = Math.min(1000, count);
    const when = inWindow
      ? { state: 'critical', times: count, within: formatDuration(withinMs) }
      : { state: 'critical', attempts };
    const action = this.#action(wish, place);
    const user =
      this.#service.type === 'program' && name === 'status'
        ? { sudo: sudoFor(userOf(this.#service.head)) }
        : {};
    this.#planned.checks.push({
      name: wanted,
      place: { file: place.file, line: place.line },
      keys: { ...keys, ...user, max_attempts: attempts },
      ...(action === undefined
        ? {}
        : { action: { name: `${wish.what}_${wanted}`.slice(0, 48), when, keys: action } }),
    });
  }

  #action({ what, command, user }: MonitAction, place: Place): Keys | undefined {
    const { start, stop, restart } = this.#programs;
    const limits = {
      ...(this.#isPassive ? { enabled: false } : {}),
      ...(this.#maxRuns === undefined ? {} : { max_runs: this.#maxRuns }),
      cooldown: formatDuration(Math.min(7 * dayMs, this.#cycleMs)),
    };
    if (what === 'exec' && command !== undefined) return { ...commandKeys(command, user), ...limits };
    if (what === 'start' && start !== undefined) return { ...programKeys([start]), ...limits };
    if (what === 'stop' && stop !== undefined) return { ...programKeys([stop]), ...limits, mode: 'approve' };
    if (what === 'restart') {
      if (restart !== undefined) return { ...programKeys([restart]), ...limits };
      if (start !== undefined)
        return { ...programKeys(stop === undefined ? [start] : [stop, start]), ...limits };
    }
    if (['restart', 'start', 'stop', 'exec'].includes(what))
      this.#book.note(
        place,
        'left_out',
        `no program says how to ${what} \`${this.#service.name.slice(0, 80)}\`; it is only checked`,
      );
    return undefined;
  }

  /** What is said of an action beside the action itself. */
  #tell(statement: MonitStatement, { action, otherwise }: MonitCondition): void {
    if (action.what === 'unmonitor')
      this.#book.note(statement, 'changed', 'Monit stopped watching it then; it goes on being checked');
    if (action.repeats)
      this.#book.note(statement, 'changed', 'it is repeated after its cooldown, as often as max_runs allows');
    if (action.what === 'stop' && this.#programs.stop !== undefined)
      this.#book.note(statement, 'check', 'it stops the service; a person is asked first (`mode: approve`)');
    if (otherwise !== undefined && otherwise.what !== 'alert')
      this.#book.note(
        statement,
        'left_out',
        '`else` has no place here',
        'write an action with `on_recovery:`',
      );
  }

  #leaveOut(statement: MonitStatement, message: string, hint?: string): void {
    for (const place of statement.places) {
      if (place.line === statement.line || this.#book.isOpen(place))
        this.#book.note(place, 'left_out', message, hint);
    }
  }
}

function targetOf({ type, head, name }: MonitService): MonitTarget {
  const after = (...keys: string[]): string | undefined => {
    const at = head.findIndex(({ text, isQuoted }) => !isQuoted && keys.includes(text.toLowerCase()));
    return at === -1 ? undefined : head[at + 1]?.text;
  };
  const pidfile = after('pidfile');
  const matching = after('matching', 'match');
  const by = pidfile !== undefined ? { pidfile } : matching !== undefined ? { matching } : undefined;
  const address = type === 'host' ? (after('address') ?? name) : undefined;
  return {
    type,
    path: after('path') ?? '',
    ...(by === undefined ? {} : { by }),
    ...(address === undefined ? {} : { address }),
  };
}
