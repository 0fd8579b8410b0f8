/**
 * Owns what Monit starts: programs and how often, as commands of mendd. Monit runs them without a shell and as root, so each
 * word is quoted, and `sudo` stands beside it. Source: monit(1), Service Methods, Service Poll Time.
 */
import { formatDuration } from '../core/duration.ts';
import { literalWord } from './literal-text.ts';
import { userOf } from './monit-conditions.ts';
import type { MonitStatement } from './monit-source.ts';
import type { YamlValue } from './yaml-text.ts';

export type Keys = Record<string, YamlValue>;

export interface Program {
  command: string;
  user?: string;
  timeoutSec: number;
}

/** Words as Monit splits them, each quoted for the shell that mendd runs. */
export function shellCommand(command: string): string {
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|\S+/g)];
  return words.map(([whole, single, double]) => literalWord(single ?? double ?? whole)).join(' ');
}

export function everyOf(statements: readonly MonitStatement[]): { cycles: number; schedule?: string } {
  const words = statements.findLast(({ keyword }) => keyword === 'every')?.words;
  const [first] = words ?? [];
  const cycles = /^\d{1,5}$/.test(first?.text ?? '') ? Math.max(1, Number(first?.text)) : 1;
  // Names and steps that other cron programs know are left to the person.
  const isCron = /^[\d*,-]+( [\d*,-]+){4}$/.test(first?.text.trim() ?? '');
  return { cycles, ...(isCron && first !== undefined ? { schedule: first.text.trim() } : {}) };
}

export function programOf({ words }: MonitStatement): Program | undefined {
  const rest = words.filter(({ text, isQuoted }) => isQuoted || text !== '=');
  const command = rest.find(({ isQuoted, text }) => isQuoted || text.startsWith('/'))?.text.trim();
  if (command === undefined || command === '') return undefined;
  const at = rest.findIndex(({ text, isQuoted }) => !isQuoted && text.toLowerCase() === 'timeout');
  const timeoutSec = at === -1 ? 30 : Number.parseInt(rest[at + 1]?.text ?? '', 10);
  const user = userOf(rest);
  return {
    command,
    timeoutSec: timeoutSec > 0 ? Math.min(timeoutSec, 3600) : 30,
    ...(user === undefined ? {} : { user }),
  };
}

/** Monit runs as root, and so do its programs. */
export function sudoFor(user: string | undefined): YamlValue {
  return user === undefined || user === 'root' || user === '0' ? true : { user };
}

export function commandKeys(command: string, user: string | undefined): Keys {
  const unit = /^(?:\/(?:usr\/)?bin\/)?systemctl restart ([A-Za-z0-9:_.@][A-Za-z0-9:_.@-]{0,254})$/.exec(
    command,
  )?.[1];
  if (unit !== undefined && user === undefined) return { systemd_restart: unit, sudo: true };
  return { run: shellCommand(command), sudo: sudoFor(user) };
}

export function programKeys(programs: readonly Program[]): Keys {
  const timeout = formatDuration(programs.reduce((sum, { timeoutSec }) => sum + timeoutSec, 0) * 1000);
  const [first] = programs;
  const units = programs.map(
    ({ command }) => /^(?:\/(?:usr\/)?bin\/)?systemctl (?:start|stop) (\S+)$/.exec(command)?.[1],
  );
  const [unit] = units;
  const isUnit =
    programs.length === 2 &&
    unit !== undefined &&
    units[1] === unit &&
    /^[A-Za-z0-9:_.@-]{1,255}$/.test(unit);
  if (isUnit && programs.every(({ user }) => user === undefined))
    return { systemd_restart: unit, sudo: true, timeout };
  if (programs.length === 1) return { ...commandKeys(first?.command ?? '', first?.user), timeout };
  const run = programs.map(({ command }) => shellCommand(command)).join('; ');
  return { run, sudo: sudoFor(first?.user), timeout };
}
