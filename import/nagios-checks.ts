/**
 * Owns what one Nagios service, or the checks of hosts that are alike, become: checks with their timing, the action of an
 * event handler, the times in which they are not wanted. Runbooks are put together in import/nagios-runbooks.ts.
 */
import { formatDuration } from '../core/duration.ts';
import { type Asked, type AskedCommand, askCommand } from './nagios-commands.ts';
import { handlerOf } from './nagios-handlers.ts';
import { type NagiosHost, type NagiosModel, type NagiosService, take } from './nagios-model.ts';
import { isPassive, passiveKeys } from './nagios-passive.ts';
import type { NagiosObject } from './nagios-templates.ts';
import type { NagiosPeriods, PeriodMeaning } from './nagios-timeperiods.ts';
import { itemNameFrom } from './names.ts';
import type { Place } from './notebook.ts';
import type { Nrpe } from './nrpe.ts';
import type { YamlValue } from './yaml-text.ts';

export interface PlannedCheck {
  /** Wanted name; made unique in the runbook. */
  name: string;
  keys: Record<string, YamlValue>;
}

/** All that comes from one object. */
export interface Plan {
  object: NagiosObject;
  title: string;
  hosts: readonly NagiosHost[];
  group?: string;
  isForAll: boolean;
  checks: readonly PlannedCheck[];
  timing: Record<string, YamlValue>;
  period?: { name: string; meaning: PeriodMeaning };
  /** Of an event handler, without `when.check`. */
  action?: { place: Place; keys: Record<string, YamlValue>; when: Record<string, YamlValue> };
  /** Why it must not run before a person has looked at it. */
  problem?: string;
  login: AskedCommand['login'];
}

export interface PlanContext {
  model: NagiosModel;
  periods: NagiosPeriods;
  nrpe?: Nrpe;
}

/** Intervals that Nagios gives those that name none, in its own units. */
const defaults = { check_interval: '5', retry_interval: '1' };
const longestMs = 7 * 86_400_000;

export function planService(context: PlanContext, service: NagiosService): Plan | undefined {
  const { object, description, hosts, vars } = service;
  const place = object.values.get('check_command')?.from[0] ?? object;
  const scope = { ...context, hosts, service: { description, vars } };
  const plan = planOf(context, { object, place, isHostCheck: false, request: scope, title: description });
  const { group, isForAll } = service;
  return plan && { ...plan, hosts, isForAll, ...(group === undefined ? {} : { group }) };
}

/** `hosts` have one check_command and all that belongs to it from the same lines. */
export function planHostCheck(context: PlanContext, hosts: readonly NagiosHost[]): Plan | undefined {
  const [first] = hosts;
  if (first === undefined) return undefined;
  const { object } = first;
  const place = object.values.get('check_command')?.from[0] ?? object;
  const command = object.values.get('check_command')?.text ?? '';
  const title = `Host is up: ${command.split('!')[0]?.trim()}`;
  const request = { ...context, hosts };
  const plan = planOf(context, { object, place, isHostCheck: true, request, title, name: 'up' });
  const isForAll = hosts.length === context.model.hosts.size;
  return plan && { ...plan, hosts, isForAll };
}

interface PlanInput {
  object: NagiosObject;
  place: Place;
  isHostCheck: boolean;
  request: Pick<Parameters<typeof askCommand>[0], 'model' | 'hosts' | 'service' | 'nrpe'>;
  title: string;
  name?: string;
}

function planOf(
  context: PlanContext,
  { object, place, isHostCheck, request, title, name }: PlanInput,
): Omit<Plan, 'hosts' | 'isForAll'> | undefined {
  const { model, periods } = context;
  const command = take(model.book, object, 'check_command')?.trim() ?? '';
  const isTold = isPassive(model, object);
  const refused = isTold ? undefined : refusal(model, object, command);
  if (refused !== undefined) {
    const at = object.values.get(refused.because)?.from[0] ?? place;
    model.book.note(at, 'left_out', `\`${title.slice(0, 100)}\` is not checked here: ${refused.why}`);
    return undefined;
  }
  const asking = { ...request, command, place, isHostCheck };
  const asked = isTold
    ? { asked: [{ keys: passiveKeys(asking, object, title, checkName(title)) }], login: {} }
    : askCommand(asking);
  if (asked === undefined) return undefined;
  const timing = isTold ? toldTimingOf(model, object) : timingOf(model, object, asked, isHostCheck);
  const handler = handlerOf(context, object, {
    ...request,
    isHostCheck,
    attempts: Number(timing['max_attempts']),
  });
  const periodName = take(model.book, object, 'check_period');
  const periodPlace = object.values.get('check_period')?.from[0] ?? object;
  const meaning = periodName === undefined ? 'always' : periods.meaning(periodName.trim(), periodPlace);
  if (meaning !== 'always') {
    const message = `outside of \`${periodName}\` nothing acts on it, by a downtime; it is checked all the same`;
    model.book.note(periodPlace, 'changed', message);
  }
  if (asked.problem !== undefined)
    model.book.note(
      place,
      'check',
      `\`${title.slice(0, 100)}\` is written with \`enabled: false\`: ${asked.problem}`,
    );
  return {
    object,
    title,
    checks: asked.asked.map((each: Asked) => ({ name: checkName(name ?? title, each), keys: each.keys })),
    timing,
    login: asked.login,
    ...(periodName === undefined ? {} : { period: { name: periodName, meaning } }),
    ...(handler === undefined ? {} : { action: handler }),
    ...(asked.problem === undefined ? {} : { problem: asked.problem }),
  };
}

function checkName(title: string, { name }: Pick<Asked, 'name'> = {}): string {
  return itemNameFrom(name === undefined ? title : `${title} ${name}`, 'check');
}

/** Why mendd never runs such a check by itself, and the directive that says so. */
function refusal(
  { book, source }: NagiosModel,
  object: NagiosObject,
  command: string,
): { why: string; because: string } | undefined {
  const active = take(book, object, 'active_checks_enabled');
  if (command === '') return { why: 'it has no check_command', because: 'service_description' };
  if (active === '0') {
    const why =
      object.type === 'host'
        ? 'it only takes results that others send, and of hosts themselves mendd takes none'
        : 'it is neither asked nor takes results that others send';
    return { why, because: 'active_checks_enabled' };
  }
  const interval = object.values.get('check_interval')?.text ?? defaults.check_interval;
  if (Number(interval) === 0)
    return { why: 'its check_interval is 0, so nothing starts it', because: 'check_interval' };
  const all = source.settings.get(object.type === 'host' ? 'execute_host_checks' : 'execute_service_checks');
  return all?.value === '0' ? { why: `${all.name} is 0`, because: 'check_command' } : undefined;
}

function timingOf(
  model: NagiosModel,
  object: NagiosObject,
  asked: AskedCommand,
  isHostCheck: boolean,
): Record<string, YamlValue> {
  const { book, source } = model;
  const unitSec = numberOf(source.settings.get('interval_length')?.value, 60);
  const timeoutName = isHostCheck ? 'host_check_timeout' : 'service_check_timeout';
  const timeout = source.settings.get(timeoutName);
  if (timeout !== undefined) book.carried(timeout);
  const timeoutSec = asked.timeoutSec ?? numberOf(timeout?.value, isHostCheck ? 30 : 60);
  const every = intervalOf(model, object, 'check_interval', unitSec);
  const retry = intervalOf(model, object, 'retry_interval', unitSec);
  return {
    every,
    ...(retry === every ? {} : { retry_every: retry }),
    max_attempts: attemptsOf(model, object),
    timeout: formatDuration(Math.min(3600, Math.max(1, Math.ceil(timeoutSec))) * 1000),
    ...flappingOf(model, object, isHostCheck ? 'host' : 'service'),
  };
}

/** Results come when others send them. */
function toldTimingOf(model: NagiosModel, object: NagiosObject): Record<string, YamlValue> {
  return { max_attempts: attemptsOf(model, object), ...flappingOf(model, object, 'service') };
}

function attemptsOf({ book }: NagiosModel, object: NagiosObject): number {
  return Math.min(1000, Math.max(1, Math.round(numberOf(take(book, object, 'max_check_attempts'), 3))));
}

function intervalOf(
  { book }: NagiosModel,
  object: NagiosObject,
  name: keyof typeof defaults,
  unitSec: number,
): string {
  const text = take(book, object, name) ?? defaults[name];
  const ms = Math.round(numberOf(text, Number(defaults[name])) * unitSec * 1000);
  const bounded = Math.min(longestMs, Math.max(1000, ms));
  const place = object.values.get(name)?.from[0] ?? object;
  if (bounded !== ms) book.note(place, 'changed', `${name} is now ${formatDuration(bounded)}`);
  return formatDuration(bounded);
}

/** Nagios Core's own limits are 20 and 30 when nothing names any; mendd's are 5 and 20. */
function flappingOf(
  { book, source }: NagiosModel,
  object: NagiosObject,
  type: 'host' | 'service',
): Record<string, YamlValue> {
  const global = source.settings.get('enable_flap_detection');
  if (global !== undefined) book.carried(global);
  const own = take(book, object, 'flap_detection_enabled');
  const limit = (name: 'low' | 'high', otherwise: number): number => {
    const setting = source.settings.get(`${name}_${type}_flap_threshold`);
    if (setting !== undefined) book.carried(setting);
    const mine = numberOf(take(book, object, `${name}_flap_threshold`), 0);
    const chosen = mine > 0 ? mine : numberOf(setting?.value, otherwise);
    return Math.min(100, Math.max(0, Math.round(chosen * 1000) / 1000));
  };
  const [low, high] = [limit('low', 20), limit('high', 30)];
  if (own === '0' || global?.value === '0') return { flapping: false };
  if ((low === 5 && high === 20) || low > high || !source.isWhole) return {};
  return { flapping: { low: `${low}%`, high: `${high}%` } };
}

function numberOf(text: string | undefined, otherwise: number): number {
  const number = text === undefined || text.trim() === '' ? Number.NaN : Number(text.trim());
  return Number.isFinite(number) && number >= 0 ? number : otherwise;
}
