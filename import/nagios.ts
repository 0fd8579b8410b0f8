/** Owns the import of Nagios Core and Icinga 1 objects as a whole: which files there are, and what becomes of them. */

import { isTimezone } from '../config/cron.ts';
import { literalTitle } from './literal-text.ts';
import { type Plan, type PlanContext, planHostCheck, planService } from './nagios-checks.ts';
import { linksOf } from './nagios-dependencies.ts';
import { hostFiles } from './nagios-hosts.ts';
import { noteLeftovers } from './nagios-leftovers.ts';
import { modelOf, type NagiosHost, type NagiosModel } from './nagios-model.ts';
import { type Runbook, runbooksOf } from './nagios-runbooks.ts';
import { readNagios } from './nagios-source.ts';
import { NagiosPeriods } from './nagios-timeperiods.ts';
import { readNrpe } from './nrpe.ts';
import { ImportError, type Imported, type ImportOptions } from './report.ts';
import { Commented, type YamlValue, yamlText } from './yaml-text.ts';

/** `path`: nagios.cfg, a file of objects or a directory of them. Errors: ImportError when there are no hosts. */
export function importNagios(path: string, { nrpe }: ImportOptions): Imported {
  const model = modelOf(readNagios(path));
  if (model.hosts.size === 0)
    throw new ImportError(
      `${path} defines no hosts`,
      'Name nagios.cfg, or a directory that holds all object files.',
    );
  const periods = new NagiosPeriods(model);
  const context = { model, periods, ...(nrpe === undefined ? {} : { nrpe: readNrpe(nrpe) }) };
  const plans = [
    ...hostChecks(context),
    ...model.services.flatMap((service) => planService(context, service) ?? []),
  ];
  const runbooks = runbooksOf(model, plans, linksOf(model, plans));
  const files = new Map<string, string>(hostFiles(model, plans));
  for (const { id, text } of runbooks) files.set(`runbooks/${id}.yaml`, text);
  const downtimes = downtimesOf(model, runbooks);
  if (downtimes.length > 0)
    files.set('silences/nagios.yaml', yamlText('Times outside of a check_period.', { downtimes }));
  model.book.carried(...[...model.source.settings.values()].filter(({ name }) => name === 'interval_length'));
  noteLeftovers(model);
  return {
    files,
    notes: model.book.close(),
    counts: {
      hosts: model.hosts.size,
      runbooks: runbooks.length,
      checks: plans.reduce((sum, plan) => sum + plan.checks.length, 0),
      actions: runbooks.reduce((sum, { actions }) => sum + actions, 0),
      downtimes: downtimes.length,
      'lines read': model.book.lines,
    },
  };
}

/** What makes the checks of two hosts the same. */
const checkKeys = [
  'check_command',
  'check_interval',
  'retry_interval',
  'max_check_attempts',
  'check_period',
  'active_checks_enabled',
  'flap_detection_enabled',
  'low_flap_threshold',
  'high_flap_threshold',
  'event_handler',
  'event_handler_enabled',
];

/** Hosts whose own check is the same are one runbook. */
function hostChecks(context: PlanContext): Plan[] {
  const { model } = context;
  const alike = new Map<string, NagiosHost[]>();
  for (const host of model.hosts.values()) {
    const { values } = host.object;
    if (!values.has('check_command')) continue;
    const key = JSON.stringify(checkKeys.map((name) => values.get(name)?.text ?? null));
    alike.set(key, [...(alike.get(key) ?? []), host]);
  }
  return [...alike.values()].flatMap((hosts) => {
    const plan = planHostCheck(context, hosts);
    if (plan === undefined) return [];
    for (const { object } of hosts)
      for (const name of checkKeys) model.book.carried(...(object.values.get(name)?.from ?? []));
    return [plan];
  });
}

function downtimesOf(model: NagiosModel, runbooks: readonly Runbook[]): YamlValue[] {
  const checks = new Map<string, string[]>();
  const periods = new Map<string, NonNullable<Plan['period']>>();
  for (const { plans, checkIds } of runbooks) {
    for (const plan of plans) {
      if (plan.period === undefined || plan.period.meaning === 'always') continue;
      periods.set(plan.period.name, plan.period);
      checks.set(plan.period.name, [...(checks.get(plan.period.name) ?? []), ...(checkIds.get(plan) ?? [])]);
    }
  }
  const timezone = periods.size === 0 ? 'UTC' : timezoneOf(model);
  return [...periods].flatMap(([name, { meaning }]) => {
    const closed =
      meaning === 'never' ? [{ schedule: '0 0 * * 0', lasts: '7d' }] : meaning === 'always' ? [] : meaning;
    return closed.map(({ schedule, lasts }) => {
      return new Commented(`outside of the timeperiod ${name}`, {
        match: { checks: checks.get(name) ?? [] },
        by: 'import from Nagios',
        reason: literalTitle(`outside of the timeperiod ${name}`.slice(0, 200)),
        schedule,
        timezone,
        lasts,
      });
    });
  });
}

/** Of timeperiods. Nagios takes that of its machine when it is told none, which the files do not say. */
function timezoneOf({ source, book, ofType }: NagiosModel): string {
  const zone = source.settings.get('use_timezone');
  if (zone !== undefined && isTimezone(zone.value)) {
    book.carried(zone);
    return zone.value;
  }
  const [first] = ofType('timeperiod');
  const place = zone ?? first;
  const hint = 'write that of the machine of Nagios into silences/nagios.yaml';
  if (place !== undefined)
    book.note(place, 'check', 'the time zone of timeperiods is not known; UTC is written', hint);
  return 'UTC';
}
