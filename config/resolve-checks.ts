/**
 * Owns the way from the checks of one runbook to check definitions: one kind each, timing, defaults, dependencies. What
 * each kind asks is in config/probes.ts.
 */
import type { CheckDefinition, RunOn, SourcePlace, SudoDefinition, Timing } from '../core/definitions.ts';
import { type CheckInput, type CheckKind, checkSchema, kindKeys } from './check-schema.ts';
import { isTimezone, readSchedule, refuseTimezone } from './cron.ts';
import { milliseconds } from './fields.ts';
import { findLoops, loopWords } from './loops.ts';
import { itemNamePattern } from './names.ts';
import type { PluginFiles } from './plugin-files.ts';
import { checkLimits, probeOf } from './probes.ts';
import { type ProblemList, suggest } from './problems.ts';
import type { RunbookInput } from './runbook-schema.ts';
import type { SecretReader } from './secrets.ts';
import type { HostIndex } from './selectors.ts';
import { type Entry, isMapTree, keyPlace, mapEntries, type Tree, treeAt } from './yaml-tree.ts';
import { hasUnknownKey, readPartly } from './zod-problems.ts';

/** What the parts of one runbook are resolved with. */
export interface RunbookContext {
  id: string;
  head: Partial<RunbookInput>;
  tree: Tree;
  problems: ProblemList;
  plugins: PluginFiles;
  secrets: SecretReader;
  /** Absent when hosts files have problems: then no name of a host is judged. */
  fleet?: HostIndex;
  /** Absent when the daemon file has problems there. */
  notifyNames?: readonly string[];
  /** There is no daemon file to know them from: others are told, and are no mistake. */
  areNotifyNamesOpen?: boolean;
  nowMs: number;
  /** Of the definitions: what runs tells places within it. */
  directory: string;
}

export interface ResolvedChecks {
  /** Every name that is written, also of checks with problems. */
  names: ReadonlySet<string>;
  checks: ReadonlyMap<string, CheckDefinition>;
}

/** Kinds that a command of the user's carries out, whose exit code is free. */
const commandKinds: readonly string[] = ['run', 'plugin'] satisfies CheckKind[];
/** Kinds that are never asked. */
const toldKinds: readonly string[] = ['passive', 'alert'] satisfies CheckKind[];
const uselessForTold = ['every', 'schedule', 'timezone', 'timeout', 'run_on', 'batch'];
/** Kinds that ask over the network, as clients do. */
const networkKinds: readonly string[] = ['tcp', 'http', 'ping'] satisfies CheckKind[];

export function resolveChecks(context: RunbookContext): ResolvedChecks {
  const written = mapEntries(context.tree, ['checks']);
  const names = new Set(written.keys());
  const checks = new Map<string, CheckDefinition>();
  const edges = new Map<string, readonly string[]>();
  for (const [name, entry] of written) {
    const { whole, parts } = readPartly(checkSchema, entry.tree, name, context.problems);
    if (!isMapTree(entry.tree)) continue;
    const one = new OneCheck(context, name, entry, parts);
    edges.set(name, one.dependencies(names));
    const check = one.resolve(whole);
    if (check !== undefined && itemNamePattern.test(name)) checks.set(name, check);
  }
  for (const loop of findLoops(edges)) {
    const from = loop.at(-2) ?? '';
    const list = treeAt(context.tree, ['checks', from, 'depends_on']);
    const item = [...(list?.entries.values() ?? [])].find((each) => each.tree.value === loop[0]);
    const place = item?.tree.place ?? list?.place ?? context.tree.place;
    context.problems.add(
      place,
      `\`depends_on\` goes in a circle: ${loopWords(loop)}`,
      'take one of them out',
    );
  }
  return { names, checks };
}

class OneCheck {
  readonly #context: RunbookContext;
  readonly #name: string;
  readonly #entry: Entry;
  readonly #parts: Partial<CheckInput>;

  constructor(context: RunbookContext, name: string, entry: Entry, parts: Partial<CheckInput>) {
    this.#context = context;
    this.#name = name;
    this.#entry = entry;
    this.#parts = parts;
  }

  /** The checks this one depends on; names that do not exist become problems. */
  dependencies(names: ReadonlySet<string>): readonly string[] {
    const listed = this.#parts.depends_on ?? [];
    for (const [index, name] of listed.entries()) {
      if (names.has(name)) continue;
      const place = treeAt(this.#entry.tree, ['depends_on', index])?.place ?? this.#entry.keyPlace;
      this.#context.problems.add(
        place,
        `there is no check \`${name}\` in this runbook`,
        suggest(name, names),
      );
    }
    return listed;
  }

  /** Everything is judged even when keys are wrong; the definition is made only when all of it is right. */
  resolve(input: CheckInput | undefined): CheckDefinition | undefined {
    const { id: runbook, head, problems, plugins } = this.#context;
    const kind = this.#kind();
    if (kind !== undefined) this.#refuseUseless(kind);
    const isTold = kind !== undefined && toldKinds.includes(kind);
    const timing = isTold ? toldTiming(kind) : timingOf(this.#context, this.#parts, this.#entry.tree);
    const runOn = this.#runOn(kind);
    checkLimits(this.#parts, this.#entry.tree, problems);
    const flapping = this.#parts.flapping ?? defaultFlapping;
    if (input === undefined || kind === undefined || timing === undefined || runOn === undefined)
      return undefined;
    const probe = probeOf(kind, input, (plugin) => plugins.find(plugin, this.#place('plugin'), problems));
    const retryEveryMs = input.retry_every ?? head.retry_every;
    const sudo = sudoOf(input.sudo);
    return {
      id: `${runbook}.${this.#name}`,
      runbook,
      name: this.#name,
      probe,
      timing,
      ...(retryEveryMs === undefined ? {} : { retryEveryMs }),
      timeoutMs: input.timeout ?? head.timeout ?? milliseconds('10s'),
      maxAttempts: input.max_attempts ?? head.max_attempts ?? (isTold ? 1 : 3),
      runOn,
      ...(sudo === undefined ? {} : { sudo }),
      exitMap: Object.fromEntries(
        Object.entries(input.exit_map ?? {}).map(([code, state]) => [Number(code), state]),
      ),
      dependsOn: (input.depends_on ?? []).map((name) => `${runbook}.${name}`),
      flapping: flapping === false ? null : flapping,
      env: input.env ?? {},
      batch: input.batch ?? head.batch ?? true,
      source: this.#entry.keyPlace,
    };
  }

  #kind(): CheckKind | undefined {
    const kinds = (Object.keys(kindKeys) as CheckKind[]).filter((key) => this.#entry.tree.entries.has(key));
    const [first, second] = kinds;
    if (first === undefined) {
      if (hasUnknownKey(checkSchema, this.#entry.tree)) return undefined;
      const hint = `write one of ${Object.keys(kindKeys).join(', ')}`;
      this.#context.problems.add(this.#entry.keyPlace, `the check \`${this.#name}\` asks nothing`, hint);
    } else if (second !== undefined) {
      const hint = 'a check has one kind; make two checks';
      this.#context.problems.add(this.#place(second), `\`${second}\` stands beside \`${first}\``, hint);
      return undefined;
    }
    return first;
  }

  /** Keys that would be ignored are refused. */
  #refuseUseless(kind: CheckKind): void {
    const [isTold, isNetwork] = [toldKinds.includes(kind), networkKinds.includes(kind)];
    const useless: Record<string, boolean> = {
      args: kind !== 'plugin',
      exit_map: !commandKinds.includes(kind) && kind !== 'passive',
      sudo: isNetwork || isTold,
      env: isNetwork || isTold,
      ...(isTold ? Object.fromEntries(uselessForTold.map((key) => [key, true])) : {}),
    };
    if (
      kind === 'alert' &&
      this.#parts.alert !== undefined &&
      Object.keys(this.#parts.alert.match).length === 0
    )
      this.#context.problems.add(
        this.#place('alert'),
        '`match` is empty: every alert would fit',
        'write at least `alertname: NAME`',
      );
    for (const [key, wrong] of Object.entries(useless)) {
      if (!wrong || !this.#entry.tree.entries.has(key)) continue;
      this.#context.problems.add(this.#place(key), `\`${key}\` means nothing for \`${kind}\``, 'delete it');
    }
  }

  #runOn(kind: CheckKind | undefined): RunOn | undefined {
    const name = this.#parts.run_on;
    const local: RunOn = { kind: 'local' };
    if (name === undefined)
      return kind !== undefined && [...networkKinds, ...toldKinds].includes(kind)
        ? local
        : { kind: 'target' };
    if (name === 'target') return { kind: 'target' };
    if (name === 'local') return local;
    const { fleet, problems } = this.#context;
    if (fleet === undefined) return undefined;
    const host = fleet.hosts.get(name);
    if (host === undefined) {
      problems.add(
        this.#place('run_on', true),
        `\`run_on\`: there is no host \`${name}\``,
        suggest(name, fleet.names),
      );
      return undefined;
    }
    return host.transport === 'local' ? local : { kind: 'host', host: name };
  }

  #place(key: string, value = false): SourcePlace {
    const entry = this.#entry.tree.entries.get(key);
    return (value ? entry?.tree.place : entry?.keyPlace) ?? this.#entry.keyPlace;
  }
}

/**
 * When it is looked whether a result is overdue, or an alert over. Of a passive check by the calendar: nobody is to wait for its next
 * result as for that of a check that is asked.
 */
function toldTiming(kind: CheckKind): Timing {
  if (kind === 'passive') return { kind: 'calendar', cron: '* * * * *', timezone: 'UTC' };
  return { kind: 'interval', everyMs: milliseconds('1m') };
}

/** Nagios Core's low_service_flap_threshold and high_service_flap_threshold. */
const defaultFlapping = { low: 5, high: 20 };

export function sudoOf(input: boolean | { user: string } | undefined): SudoDefinition | undefined {
  if (input === undefined || input === false) return undefined;
  return input === true ? { user: 'root' } : { user: input.user };
}

type TimingKeys = Partial<Pick<CheckInput, 'every' | 'schedule' | 'timezone'>>;

/** A check's own `every` or `schedule` takes the place of its runbook's, whichever that has. */
export function timingOf(context: RunbookContext, own: TimingKeys, tree: Tree): Timing | undefined {
  const fromOwn = ownTiming(context, own, tree);
  if (tree === context.tree) return fromOwn ?? { kind: 'interval', everyMs: milliseconds('1m') };
  const { head } = context;
  if (fromOwn !== undefined) return fromOwn;
  if (tree.entries.has('every') || tree.entries.has('schedule')) return undefined;
  const timezone = own.timezone ?? head.timezone ?? 'UTC';
  if (head.schedule !== undefined && isTimezone(timezone))
    return { kind: 'calendar', cron: head.schedule, timezone };
  if (context.tree.entries.has('schedule')) return undefined;
  if (own.timezone !== undefined) refuseUselessTimezone(context, tree);
  return { kind: 'interval', everyMs: head.every ?? milliseconds('1m') };
}

/** The timing that a map itself sets; also judges it. */
function ownTiming(
  { head, problems, nowMs }: RunbookContext,
  own: TimingKeys,
  tree: Tree,
): Timing | undefined {
  const timezone = own.timezone ?? head.timezone ?? 'UTC';
  if (own.timezone !== undefined && !isTimezone(own.timezone))
    refuseTimezone(own.timezone, treeAt(tree, ['timezone'])?.place ?? tree.place, problems);
  if (own.schedule === undefined) {
    return own.every === undefined ? undefined : { kind: 'interval', everyMs: own.every };
  }
  if (tree.entries.has('every')) {
    problems.add(keyPlace(tree, 'schedule'), '`schedule` stands beside `every`', 'keep one of the two');
    return undefined;
  }
  const place = treeAt(tree, ['schedule'])?.place ?? tree.place;
  const read = readSchedule({ schedule: own.schedule, place, timezone, beside: 'every' }, nowMs, problems);
  return read && { kind: 'calendar', ...read };
}

function refuseUselessTimezone({ problems }: RunbookContext, tree: Tree): void {
  problems.add(keyPlace(tree, 'timezone'), '`timezone` means nothing without `schedule`', 'delete it');
}
