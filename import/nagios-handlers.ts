/**
 * Owns event handlers: each becomes one action, for the moment at which the problem is hard. Source: Nagios Core, Event
 * Handlers.
 */

import type { PlanContext } from './nagios-checks.ts';
import { askCommand, type CommandRequest } from './nagios-commands.ts';
import { take } from './nagios-model.ts';
import type { NagiosObject } from './nagios-templates.ts';
import type { Place } from './notebook.ts';
import type { YamlValue } from './yaml-text.ts';

export interface Handler {
  place: Place;
  keys: Record<string, YamlValue>;
  when: Record<string, YamlValue>;
}

type HandlerRequest = Pick<CommandRequest, 'model' | 'hosts' | 'service' | 'nrpe'> & {
  isHostCheck: boolean;
  attempts: number;
};

export function handlerOf(
  { model }: PlanContext,
  object: NagiosObject,
  { isHostCheck, attempts, ...request }: HandlerRequest,
): Handler | undefined {
  const { book, source } = model;
  const command = take(book, object, 'event_handler')?.trim() ?? '';
  const own = take(book, object, 'event_handler_enabled');
  const all = source.settings.get('enable_event_handlers');
  if (all !== undefined) book.carried(all);
  const place = object.values.get('event_handler')?.from[0];
  if (command === '' || place === undefined) return undefined;
  const fixed = fixedMacros(isHostCheck, attempts);
  const asked = askCommand({ ...request, command, place, fixed, isAction: true });
  const [first] = asked?.asked ?? [];
  if (asked === undefined || first === undefined) return undefined;
  const off = own === '0' || all?.value === '0' || asked.problem !== undefined;
  const state = isHostCheck ? 'DOWN' : 'CRITICAL';
  const message = `the event handler ran at every change, soft, hard and back; as an action it waits for hard ${state}, and for a person’s yes`;
  const hint =
    asked.problem === undefined
      ? 'look at what it does for other states; `mode: auto` lets it act by itself'
      : `it is written with \`enabled: false\`: ${asked.problem}`;
  book.note(place, 'check', message, hint);
  return {
    place,
    when: { state: 'critical', attempts },
    keys: { ...restartOf(first.keys), ...(off ? { enabled: false } : {}), mode: 'approve' },
  };
}

/** A command that only restarts a unit is said as that. */
function restartOf(keys: Record<string, YamlValue>): Record<string, YamlValue> {
  const { run, ...others } = keys;
  if (typeof run !== 'string' || others['run_on'] !== undefined) return keys;
  const program = String.raw`(?:/(?:usr/)?s?bin/)?`;
  const name = '([A-Za-z0-9:_.@][A-Za-z0-9:_.@-]{0,254})';
  const forms = [
    `${program}systemctl restart ${name}`,
    `${program}service ${name} restart`,
    `/etc/init.d/${name} restart`,
  ];
  const unit = forms
    .map((form) => new RegExp(`^${form}$`).exec(run)?.[1])
    .find((found) => found !== undefined);
  return unit === undefined ? keys : { systemd_restart: unit, ...others };
}

/** What these macros were at the moment that the action is for. */
function fixedMacros(isHost: boolean, attempts: number): Record<string, string> {
  const ofHost = isHost
    ? {
        HOSTSTATE: 'DOWN',
        HOSTSTATEID: '1',
        HOSTSTATETYPE: 'HARD',
        HOSTATTEMPT: `${attempts}`,
        MAXHOSTATTEMPTS: `${attempts}`,
      }
    : { HOSTSTATE: 'UP', HOSTSTATEID: '0', HOSTSTATETYPE: 'HARD' };
  if (isHost) return ofHost;
  return {
    ...ofHost,
    SERVICESTATE: 'CRITICAL',
    SERVICESTATEID: '2',
    SERVICESTATETYPE: 'HARD',
    SERVICEATTEMPT: `${attempts}`,
    MAXSERVICEATTEMPTS: `${attempts}`,
  };
}
