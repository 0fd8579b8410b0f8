/**
 * Owns services whose results others send: which those are, and how long Nagios waited for one. Source: Nagios Core, Passive Checks
 * and Service and Host Freshness Checks; base/checks.c.
 */
import { formatDuration } from '../core/duration.ts';
import { askCommand, type CommandRequest } from './nagios-commands.ts';
import { type NagiosModel, take } from './nagios-model.ts';
import type { NagiosObject } from './nagios-templates.ts';
import type { YamlValue } from './yaml-text.ts';

/** additional_freshness_latency of Nagios Core. Seconds. */
const usualLatencySec = 15;
/** Of a `ttl`. Milliseconds. */
const shortestMs = 60_000;
const longestMs = 400 * 86_400_000;

/** Nagios asks nothing itself, and takes what others send. */
export function isPassive({ book, source }: NagiosModel, object: NagiosObject): boolean {
  const all = source.settings.get('accept_passive_service_checks');
  if (object.type !== 'service' || object.values.get('active_checks_enabled')?.text.trim() !== '0')
    return false;
  if (object.values.get('passive_checks_enabled')?.text.trim() === '0' || all?.value === '0') return false;
  take(book, object, 'active_checks_enabled');
  take(book, object, 'passive_checks_enabled');
  if (all !== undefined) book.carried(all);
  return true;
}

/** The keys of the check. `name`: how senders have to call it from now on. */
export function passiveKeys(
  request: CommandRequest,
  object: NagiosObject,
  title: string,
  name: string,
): Record<string, YamlValue> {
  const { book } = request.model;
  const place = object.values.get('service_description')?.from[0] ?? object;
  const hint = `\`mendd submit HOST ${name}\`, or that name in lines of send_nsca; with a token of the scope submit`;
  book.note(place, 'check', `\`${title.slice(0, 100)}\` is told by others, as \`${name}\``, hint);
  const ttlMs = freshness(request.model, object);
  const state = ttlMs === undefined ? undefined : staleState(request, object);
  if (ttlMs === undefined || state === undefined) {
    book.note(place, 'check', 'nobody notices when its results stop', 'write `passive: { ttl: ... }`');
    return { passive: true };
  }
  return { passive: { ttl: formatDuration(ttlMs), ...(state === 'unknown' ? {} : { state }) } };
}

/** Undefined when Nagios did not look whether results grow old. */
function freshness({ book, source }: NagiosModel, object: NagiosObject): number | undefined {
  const all = source.settings.get('check_service_freshness');
  const latency = source.settings.get('additional_freshness_latency');
  for (const setting of [all, latency]) if (setting !== undefined) book.carried(setting);
  const wanted = take(book, object, 'check_freshness')?.trim();
  const threshold = Number(take(book, object, 'freshness_threshold')?.trim() ?? 0);
  const interval = Number(take(book, object, 'check_interval')?.trim() ?? 5);
  for (const name of ['retry_interval', 'freshness_threshold']) take(book, object, name);
  if (wanted !== '1' || all?.value === '0') return undefined;
  const place =
    object.values.get(threshold > 0 ? 'freshness_threshold' : 'check_freshness')?.from[0] ?? object;
  const unitSec = Number(source.settings.get('interval_length')?.value ?? 60);
  const computedSec = interval * unitSec + Number(latency?.value ?? usualLatencySec);
  const seconds = threshold > 0 ? threshold : computedSec;
  if (!Number.isFinite(seconds) || seconds <= 0) return undefined;
  const ms = Math.min(longestMs, Math.max(shortestMs, Math.ceil(seconds) * 1_000));
  if (ms === Math.ceil(seconds) * 1_000) return ms;
  book.note(
    place,
    'changed',
    `Nagios waited ${Math.ceil(seconds)} s for a result; \`ttl\` is ${formatDuration(ms)}`,
  );
  return ms;
}

/** When results were too old Nagios ran the check_command, most often check_dummy with a state. Undefined: that state is OK. */
function staleState(
  request: CommandRequest,
  object: NagiosObject,
): 'warning' | 'critical' | 'unknown' | undefined {
  const { book } = request.model;
  const place = object.values.get('check_command')?.from[0] ?? object;
  if (request.command === '') return 'unknown';
  const [first] = askCommand(request)?.asked ?? [];
  const { plugin, args } = first?.keys ?? {};
  const name = typeof plugin === 'string' ? plugin.slice(plugin.lastIndexOf('/') + 1) : '';
  const code = name === 'check_dummy' && Array.isArray(args) ? String(args[0]) : undefined;
  if (code === '1') return 'warning';
  if (code === '2') return 'critical';
  if (code === '3') return 'unknown';
  if (code === '0') {
    book.note(place, 'changed', 'Nagios made it OK when no result came, which mendd never does by itself');
    return undefined;
  }
  const message = `Nagios ran \`${request.command.split('!')[0]?.trim().slice(0, 80)}\` when no result came; now it is UNKNOWN`;
  book.note(place, 'check', message, 'write `state:` beside `ttl`, or a check of its own for that command');
  return 'unknown';
}
