/**
 * Says which of the findings of runner/people-script.ts show a person at work. Pure; findings are data from a machine
 * that may be broken or hostile, so what cannot be read is no sign, and texts are one clean line.
 */
import { formatDuration } from '../core/duration.ts';
import type { HumanProbe, HumanSign } from '../core/guard-port.ts';
import { printable } from '../core/plugin-output.ts';
import type { AnswerLine } from './guard-answer.ts';
import { holdFile, unitMessages } from './people-script.ts';

const textLimit = 200;
/** More would tell nothing more. */
const signLimit = 20;

type Properties = ReadonlyMap<string, string>;

/** `uptimeSec`: of the target, at the time of the findings. */
export function readSigns(
  findings: readonly AnswerLine[],
  probe: HumanProbe,
  uptimeSec: number,
): HumanSign[] {
  const now = findings.find(({ word }) => word === 'now');
  const signs = findings.flatMap(({ word, rest, body }): HumanSign[] => {
    switch (word) {
      case 'unit':
        return unitSigns(rest, propertiesOf(body));
      case 'package': {
        const [name = 'something'] = body;
        const how = rest === '-' ? 'is running' : `holds ${rest}`;
        return [{ kind: 'package_manager', text: `${name} ${how}` }];
      }
      case 'lock_file': {
        const path = [holdFile, ...probe.lockFiles][Number(rest)] ?? holdFile;
        return [{ kind: 'lock_file', text: body[0] ? `${path}: ${body[0]}` : path }];
      }
      case 'shutdown':
        return [{ kind: 'shutdown_scheduled', text: shutdownWords(propertiesOf(body)) }];
      case 'sessions':
        return sessionLogins(body, uptimeSec).flatMap((login) => loginSigns(login, probe));
      case 'who':
        return whoLogins(body, Number(now?.rest)).flatMap((login) => loginSigns(login, probe));
      default:
        return [];
    }
  });
  const seen = new Map<string, HumanSign>();
  for (const { kind, text } of signs) {
    const sign = { kind, text: oneLine(text) };
    // One login is told by loginctl and by who, with ages that differ by some seconds.
    const key = kind === 'login' ? sign.text.replace(/,.*/, '') : `${kind} ${sign.text}`;
    if (!seen.has(key)) seen.set(key, sign);
  }
  return [...seen.values()].slice(0, signLimit);
}

function oneLine(text: string): string {
  const clean = printable(text.replaceAll(/\s+/g, ' ')).replaceAll(/[\p{Cf}\p{Zl}\p{Zp}]/gu, '');
  // Never half of a surrogate pair.
  return clean
    .trim()
    .slice(0, textLimit)
    .replace(/[\uD800-\uDBFF]$/, '');
}

function propertiesOf(rows: readonly string[]): Properties {
  return new Map(
    rows.flatMap((row) => {
      const at = row.indexOf('=');
      return at > 0 ? [[row.slice(0, at), row.slice(at + 1)] as const] : [];
    }),
  );
}

function unitSigns(asked: string, unit: Properties): HumanSign[] {
  const id = unit.get('Id') || asked;
  const isMasked =
    unit.get('LoadState') === 'masked' || unit.get('UnitFileState')?.startsWith('masked') === true;
  if (isMasked) return [{ kind: 'unit_masked', text: `${id} is masked` }];
  const job = unit.get('Job') ?? '';
  if (job !== '' && job !== '0') return [{ kind: 'unit_job', text: `systemd works on ${id} (job ${job})` }];
  const stopped = stoppedWords(unit);
  return stopped === undefined ? [] : [{ kind: 'unit_stopped', text: `${id} ${stopped}` }];
}

/**
 * Whether a unit is down because somebody wanted it so. Found out with systemd 252; systemd.unit(5),
 * org.freedesktop.systemd1(5), job messages of src/core/job.c.
 *
 * - The journal knows best: of the messages that end a job, the last one of a unit that was stopped is `Stopped` of a
 *   job of type `stop`. A process that ends by itself or is killed ends no job, so `Started` stays the last; a restart's
 *   `Stopped` has the type `restart`. Only this makes a sign of a failed unit: programs such as java leave with 143 when
 *   they are stopped.
 * - Without the journal (another account, rotated away): a stop job takes the unit out of `active` first and its process
 *   ends after; a process that ends by itself takes the unit along. A unit without a process only goes by a job.
 * - systemd forgets units that are down and that nothing wants, with all their times. A disabled unit without a word about
 *   it in the journal was taken out of service; an enabled or static one has just not started yet.
 *
 * Jobs that other units pull in (BindsTo=, Conflicts=) look the same: that errs towards not acting.
 */
function stoppedWords(unit: Properties): string | undefined {
  const state = unit.get('ActiveState');
  if ((state !== 'inactive' && state !== 'failed') || unit.get('LoadState') !== 'loaded') return undefined;
  const last = unit.get('MESSAGE_ID');
  const jobType = unit.get('JOB_TYPE');
  if (last === unitMessages.stopped && jobType === 'stop') return 'was stopped';
  // Old versions do not name the type of the job.
  const isTold = last !== undefined && (last !== unitMessages.stopped || jobType !== undefined);
  if (isTold || state === 'failed' || (unit.get('Result') ?? 'success') !== 'success') return undefined;
  const beganUs = timeOf(unit, 'InactiveExit');
  const leftUs = timeOf(unit, 'ActiveExit');
  if (beganUs === 0)
    return unit.get('UnitFileState') === 'disabled' ? 'is disabled and not running' : undefined;
  if (leftUs < beganUs) return undefined;
  const endsByJobOnly = !unit.has('ExecMainExitTimestampMonotonic') || unit.get('RemainAfterExit') === 'yes';
  return endsByJobOnly || timeOf(unit, 'ExecMainExit') > leftUs ? 'was stopped' : undefined;
}

/** Microseconds since boot; 0: never. */
function timeOf(unit: Properties, name: string): number {
  const us = Number(unit.get(`${name}TimestampMonotonic`));
  return Number.isFinite(us) ? us : 0;
}

/** Source: systemd-logind, /run/systemd/shutdown/scheduled. */
function shutdownWords(schedule: Properties): string {
  const mode = schedule.get('MODE') ?? 'shutdown';
  const usec = Number(schedule.get('USEC'));
  return usec > 0 && usec < 8.64e18 ? `${mode} at ${minuteText(usec / 1000)}` : `${mode} is scheduled`;
}

function minuteText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

interface Login {
  user: string;
  tty: string;
  from: string;
  /** NaN when the target does not tell it. */
  ageSec: number;
}

/** A login of unknown age counts: who asks for logins wants to be left alone. */
function loginSigns({ user, tty, from, ageSec }: Login, { loginWithinMs = 0 }: HumanProbe): HumanSign[] {
  if (ageSec * 1000 > loginWithinMs) return [];
  const place = `${user} on ${tty}${from === '' ? '' : ` from ${from}`}`;
  const ago = Number.isNaN(ageSec) ? '' : `, ${formatDuration(Math.max(0, Math.floor(ageSec)) * 1000)} ago`;
  return [{ kind: 'login', text: `${place}${ago}` }];
}

/** Blocks of `loginctl show-session`. Sessions without a terminal are those of programs, our own among them. */
function sessionLogins(rows: readonly string[], uptimeSec: number): Login[] {
  return rows
    .join('\n')
    .split('\n\n')
    .map((block) => propertiesOf(block.split('\n')))
    .filter(
      (session) =>
        session.get('TTY') &&
        (session.get('Class') ?? 'user') === 'user' &&
        session.get('State') !== 'closing',
    )
    .map((session) => ({
      user: session.get('Name') ?? '',
      tty: session.get('TTY') ?? '',
      from: session.get('RemoteHost') ?? '',
      ageSec: uptimeSec - timeOf(session, '') / 1e6,
    }));
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const whoTime = /(?:(\d{4})-(\d\d)-(\d\d)|([A-Z][a-z]{2}) {1,2}(\d{1,2})) (\d\d):(\d\d)(?::\d\d)?/;

/** Lines of who(1) in UTC: coreutils, busybox and the BSDs differ in columns, not in the kinds of dates. */
function whoLogins(rows: readonly string[], nowSec: number): Login[] {
  return rows.flatMap((row) => {
    const time = whoTime.exec(row.slice(0, 300));
    const [user, tty] = row.slice(0, time?.index).split(/\s+/);
    if (time === null || !user || !tty) return [];
    const [, year, month, day, monthName = '', dayOfMonth, hour, minute] = time;
    const monthIndex = month === undefined ? months.indexOf(monthName) : Number(month) - 1;
    const thisYear = new Date(nowSec * 1000).getUTCFullYear();
    const at = (ofYear: number): number =>
      // To the end of its minute: a login must not look older than it is.
      Date.UTC(ofYear, monthIndex, Number(day ?? dayOfMonth), Number(hour), Number(minute), 59) / 1000;
    const isAhead = year === undefined && at(thisYear) > nowSec + 86_400;
    const loginSec = at(year === undefined ? thisYear - (isAhead ? 1 : 0) : Number(year));
    const from = row
      .slice(time.index + time[0].length)
      .trim()
      .replace(/^\((.*)\)$/, '$1');
    return [{ user, tty, from, ageSec: Math.max(0, nowSec - loginSec) }];
  });
}
